// Random masks: rnnfast/random_masks.py.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "bindings.hpp"
#include "cpu/dispatch.hpp"
#include "cpu/random_masks.hpp"

namespace py = pybind11;

namespace rnnfast {

namespace {

template <class T>
using Dense = py::array_t<T, py::array::c_style>;

py::array_t<uint32_t> random_words(uint64_t seed, uint64_t stream, uint64_t first, Index blocks,
                                   const std::string& isa) {
    py::array_t<uint32_t> words(blocks * kBlockWords);
    kernels<float>(isa).random_words(seed, stream, first, blocks, words.mutable_data());
    return words;
}

template <class T>
void fill(Dense<T>& mask, double rate, T chosen, T other, uint64_t seed, uint64_t stream, uint64_t first,
          const std::string& isa) {
    T* data = mask.mutable_data();
    const Index n = mask.size();
    const RandomWords words = kernels<float>(isa).random_words;
    py::gil_scoped_release release;
    fill_mask<T>(words, {seed, stream, first}, rate, chosen, other, n, data);
}

template <class T>
void bind_fill(py::module_& m) {
    m.def("fill_mask", &fill<T>, py::arg("mask").noconvert(), py::arg("rate"), py::arg("chosen"), py::arg("other"),
          py::kw_only(), py::arg("seed"), py::arg("stream"), py::arg("first"), py::arg("isa"));
}

}  // namespace

void bind_masks(py::module_& m) {
    m.attr("block_words") = kBlockWords;
    m.def("random_words", &random_words, py::kw_only(), py::arg("seed"), py::arg("stream"), py::arg("first"),
          py::arg("blocks"), py::arg("isa"));
    bind_fill<float>(m);
    bind_fill<double>(m);
    bind_fill<bool>(m);
}

}  // namespace rnnfast
