// The extension module: releases the GIL, calls the loops; nothing else.
#include "bindings.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>

#include "cpu/dispatch.hpp"
#include "cpu/lanes.hpp"
#include "cpu/lookup.hpp"
#include "cpu/profiler.hpp"
#include "cpu/thread_pool.hpp"
#include "cpu/variants.hpp"
#include "rnnfast/cpu.hpp"

namespace py = pybind11;

namespace rnnfast {

namespace {

// The threads that a problem of these sizes is worth, of those that there may be.
int threads_for(Index seq_len, Index batch, Index input_size, Index hidden_size, Index heads) {
    return team_size({seq_len, batch, input_size, hidden_size, {}, false, 0, heads}, num_threads()).threads;
}

bool accepts(const std::string& name, Index seq_len, Index batch, Index input_size, Index hidden_size, Index heads) {
    return variant<float>(name).accepts({seq_len, batch, input_size, hidden_size, {}, false, 0, heads});
}

Index vector_len(const std::string& isa, const std::string& dtype) {
    return dtype == "float64" ? kernels<double>(isa).vector_len : kernels<float>(isa).vector_len;
}

// Arrays are taken as already checked, by rnnfast.folding.
template <class T>
py::array_t<T> bound_lookup_states(const py::array_t<int64_t, py::array::c_style>& ids,
                                   const py::array_t<T, py::array::c_style>& table,
                                   const py::array_t<T, py::array::c_style>& w_hh, const Activation& activation,
                                   bool reverse, bool mask_zero, const std::string& isa) {
    const PhaseTimer timer(Phase::kCall);
    const Sizes s{ids.shape(1), ids.shape(0), w_hh.shape(0), w_hh.shape(0), activation, reverse, 0};
    py::array_t<T> h_n({s.batch, s.hidden_size});
    const LookupArrays<T> arrays{ids.data(), table.data(), table.shape(1), w_hh.data(), mask_zero, h_n.mutable_data()};
    py::gil_scoped_release release;
    lookup_states<T>(s, kernels<T>(isa), team_size(s, num_threads()), arrays);
    return h_n;
}

}  // namespace

PYBIND11_MODULE(_cpu, m) {
    m.doc() = "Compiled CPU kernels of rnnfast.";
    bind_kernel(m);
    m.def("lookup_states", &bound_lookup_states<float>, py::arg("ids").noconvert(), py::arg("table").noconvert(),
          py::arg("w_hh").noconvert(), py::arg("activation"), py::arg("reverse"), py::arg("mask_zero"), py::arg("isa"));
    m.def("lookup_states", &bound_lookup_states<double>, py::arg("ids").noconvert(), py::arg("table").noconvert(),
          py::arg("w_hh").noconvert(), py::arg("activation"), py::arg("reverse"), py::arg("mask_zero"), py::arg("isa"));
    m.attr("most_lanes_hidden") = kMostLanesHidden;
    m.def("threads_for", &threads_for, py::arg("seq_len"), py::arg("batch"), py::arg("input_size"),
          py::arg("hidden_size"), py::arg("heads"));
    m.def("accepts", &accepts, py::arg("variant"), py::arg("seq_len"), py::arg("batch"), py::arg("input_size"),
          py::arg("hidden_size"), py::arg("heads"));
    m.def("vector_len", &vector_len, py::arg("isa"), py::arg("dtype"));
    m.def("activation_names", &cpu::activations);
    m.def("variant_names", &variant_names);
    m.def("supported_isas", &supported_isas);
    m.def("default_isa", &default_isa);
    m.def("precisions", &precisions, py::arg("isa"));
    m.def("num_threads", &num_threads);
    m.def("set_num_threads", &set_num_threads);
    bind_rows(m);
    bind_peaks(m);
    bind_masks(m);
    bind_jax(m);
    bind_profiler(m);
}

}  // namespace rnnfast
