// The extension module: checks arrays, releases the GIL, calls the loops; nothing else.
//
// A Kernel answers None to arrays that are not in the planned form; rnnfast.checks then says what is wrong with them,
// or converts them.
#include "bindings.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "cpu/dispatch.hpp"
#include "cpu/lanes.hpp"
#include "cpu/lookup.hpp"
#include "cpu/planned.hpp"
#include "cpu/profiler.hpp"
#include "cpu/thread_pool.hpp"
#include "rnnfast/cpu.hpp"

namespace py = pybind11;

namespace rnnfast {

namespace {

using Shape = std::initializer_list<Index>;

// Whether an array is of that type, in the byte order of the processor. Not every NumPy has bfloat16: the type's name
// tells it, whoever brings it along.
template <class T>
bool is_of(const py::array& array) {
    return py::isinstance<py::array_t<T>>(array);
}
bool is_named(const py::array& array, const char* name) {
    const py::dtype dtype = array.dtype();
    return dtype.itemsize() == 2 && dtype.attr("isnative").cast<bool>() &&
           py::str(dtype.attr("type").attr("__name__")).equal(py::str(name));
}
template <>
bool is_of<Float16>(const py::array& array) {
    return is_named(array, "float16");
}
template <>
bool is_of<BFloat16>(const py::array& array) {
    return is_named(array, "bfloat16");
}

// The data of a C-contiguous, aligned, native array of T of that shape; null for anything else. None is null too where
// it is allowed, and then `ok` stays as it is.
template <class T>
const T* data(py::handle value, Shape shape, bool& ok, bool optional = false) {
    if (optional && value.is_none()) return nullptr;
    if (py::isinstance<py::array>(value)) {
        const auto array = py::reinterpret_borrow<py::array>(value);
        constexpr int kForm = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
        const bool fits = (array.flags() & kForm) == kForm && is_of<T>(array) &&
                          static_cast<size_t>(array.ndim()) == shape.size() &&
                          std::equal(shape.begin(), shape.end(), array.shape());
        if (fits) return static_cast<const T*>(array.data());
    }
    ok = false;
    return nullptr;
}

class Kernel {
   public:
    virtual ~Kernel() = default;
    virtual py::object forward(py::handle x, py::handle w_ih, py::handle w_hh, py::handle b, py::handle h0,
                               py::handle lengths, py::handle mask, py::handle out, py::handle cell,
                               Index steps) const = 0;
    virtual py::object backward(py::handle dy, py::handle x, py::handle y, py::handle w_ih, py::handle w_hh,
                                py::handle h0, py::handle dh_n, py::handle lengths, py::handle mask, py::handle cell,
                                Index steps, py::handle position, py::handle sums) const = 0;
    virtual Index window_steps() const = 0;
    virtual const char* isa() const = 0;
};

// A kernel that computes with T, of arrays that are Stored where they have a row for every step.
template <class T, class Stored = T>
class KernelOf : public Kernel {
   public:
    KernelOf(const Sizes& sizes, MaskedOutput masked_output, const KernelTable<T>& kernels, const std::string& forward,
             const std::string& backward)
        : plan_{sizes, masked_output, kernels, variant<T>(forward), variant<T>(backward)} {}

    py::object forward(py::handle x, py::handle w_ih, py::handle w_hh, py::handle b, py::handle h0, py::handle lengths,
                       py::handle mask, py::handle out, py::handle cell, Index steps) const override {
        const Index seq_len = steps ? steps : s_.seq_len, batch = s_.batch, hidden_size = s_.hidden_size;
        const Index input_size = s_.input_size;
        bool ok = true;
        ForwardArrays<T, Stored> a{};
        a.steps = {seq_len, batch, s_.reverse, nullptr, nullptr};
        a.x = data<Stored>(x, {seq_len, batch, input_size}, ok);
        a.w_ih = data<T>(w_ih, {hidden_size, input_size}, ok);
        a.w_hh = recurrent_weights(w_hh, ok);
        a.b = data<T>(b, {hidden_size}, ok);
        a.cell = cell_options(cell, seq_len, ok);
        a.h0 = data<T>(h0, {batch, hidden_size}, ok, true);
        const ValidSteps valid = valid_steps(lengths, mask, seq_len, ok);
        if (!ok) return py::none();
        py::array y =
            out.is_none() ? array_stored_as(x, {seq_len, batch, hidden_size}) : py::reinterpret_borrow<py::array>(out);
        py::array h_n = py::array_t<T>({batch, hidden_size});
        a.y = static_cast<Stored*>(y.mutable_data());
        a.h_n = static_cast<T*>(h_n.mutable_data());
        {
            py::gil_scoped_release release;
            plan_.forward(a, valid);
        }
        return py::make_tuple(std::move(y), std::move(h_n));
    }

    py::object backward(py::handle dy, py::handle x, py::handle y, py::handle w_ih, py::handle w_hh, py::handle h0,
                        py::handle dh_n, py::handle lengths, py::handle mask, py::handle cell, Index steps,
                        py::handle position, py::handle sums) const override {
        const Index seq_len = steps ? steps : s_.seq_len, batch = s_.batch, hidden_size = s_.hidden_size;
        const Index input_size = s_.input_size;
        bool ok = true;
        BackwardArrays<T, Stored> a{};
        a.steps = {seq_len, batch, s_.reverse, nullptr, data<int64_t>(position, {batch}, ok, true)};
        a.dy = data<Stored>(dy, {seq_len, batch, hidden_size}, ok, true);
        a.x = data<Stored>(x, {seq_len, batch, input_size}, ok);
        a.y = data<Stored>(y, {seq_len, batch, hidden_size}, ok);
        a.w_ih = data<T>(w_ih, {hidden_size, input_size}, ok);
        a.w_hh = recurrent_weights(w_hh, ok);
        a.h0 = data<T>(h0, {batch, hidden_size}, ok, true);
        a.dh_n = data<T>(dh_n, {batch, hidden_size}, ok, true);
        a.cell = cell_options(cell, seq_len, ok);
        const ValidSteps valid = valid_steps(lengths, mask, seq_len, ok);
        if (!ok) return py::none();
        py::array dx = array_stored_as(x, {seq_len, batch, input_size});
        py::array_t<T> dh0({batch, hidden_size});
        py::tuple weights = sums.is_none() ? py::make_tuple(py::array_t<T>({hidden_size, input_size}), array_like(w_hh),
                                                            py::array_t<T>(hidden_size))
                                           : py::reinterpret_borrow<py::tuple>(sums);
        const auto target = [&](size_t i) { return static_cast<T*>(py::array(weights[i]).mutable_data()); };
        a.dx = static_cast<Stored*>(dx.mutable_data()), a.dh0 = dh0.mutable_data();
        a.dw_ih = target(0), a.dw_hh = target(1), a.db = target(2);
        a.db_lost = sums.is_none() ? nullptr : target(3);
        py::object dgain = py::none();
        if (a.cell.gain) {
            dgain = sums.is_none() ? py::array_t<T>(hidden_size) : py::object(weights[4]);
            a.dgain = static_cast<T*>(py::array(dgain).mutable_data());
            a.dgain_lost = sums.is_none() ? nullptr : target(5);
        }
        {
            py::gil_scoped_release release;
            plan_.backward(a, valid);
        }
        return py::make_tuple(std::move(dx), weights[0], weights[1], weights[2], std::move(dh0), dgain);
    }

    Index window_steps() const override { return rnnfast::window_steps(s_, plan_.kernels); }

    const char* isa() const override { return plan_.kernels.isa; }

   private:
    // The blocks of w_hh as (heads, H / heads, H / heads), or (H, H) where there is one, or (H,) where they are
    // elements.
    const T* recurrent_weights(py::handle w_hh, bool& ok) const {
        const Index h = s_.hidden_size, size = s_.head_size();
        const auto axes = py::isinstance<py::array>(w_hh) ? py::reinterpret_borrow<py::array>(w_hh).ndim() : 0;
        if (axes == 2 && s_.heads == 1) return data<T>(w_hh, {h, h}, ok);
        if (axes == 1 && s_.heads == h) return data<T>(w_hh, {h}, ok);
        return data<T>(w_hh, {s_.heads, size, size}, ok);
    }
    static py::array_t<T> array_like(py::handle other) {
        const auto array = py::reinterpret_borrow<py::array>(other);
        return py::array_t<T>(std::vector<Index>(array.shape(), array.shape() + array.ndim()));
    }
    // A new array of the dtype of x.
    static py::array array_stored_as(py::handle x, std::vector<Index> shape) {
        return py::array(py::reinterpret_borrow<py::array>(x).dtype(), std::move(shape));
    }

    // From (recurrent_mask, zoneout_mask, zoneout_rate, gain, epsilon), or None.
    CellOptions<T> cell_options(py::handle given, Index seq_len, bool& ok) const {
        if (given.is_none()) return {};
        const auto options = py::reinterpret_borrow<py::tuple>(given);
        return {data<T>(options[0], {s_.batch, s_.hidden_size}, ok, true),
                data<bool>(options[1], {seq_len, s_.batch, s_.hidden_size}, ok, true), options[2].cast<T>(),
                data<T>(options[3], {s_.hidden_size}, ok, true), options[4].cast<T>()};
    }

    ValidSteps valid_steps(py::handle lengths, py::handle mask, Index seq_len, bool& ok) const {
        const ValidSteps valid{data<int64_t>(lengths, {s_.batch}, ok, true),
                               data<bool>(mask, {seq_len, s_.batch}, ok, true)};
        for (Index row = 0; valid.lengths && row < s_.batch; ++row)
            ok &= 0 <= valid.lengths[row] && valid.lengths[row] <= seq_len;
        ok &= !(valid.lengths && valid.mask);
        return valid;
    }

    const Planned<T, Stored> plan_;
    const Sizes& s_ = plan_.sizes;
};

Activation make_activation(const std::string& name, double alpha, double beta, double clip) {
    const std::vector<std::string> names = cpu::activations();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        throw py::value_error("activation: expected one of the compiled ones, got '" + name + "'");
    return {static_cast<int>(found - names.begin()), alpha, beta, clip};
}

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

std::unique_ptr<Kernel> make_kernel(Index seq_len, Index batch, Index input_size, Index hidden_size, Index heads,
                                    const std::string& dtype, const Activation& activation, bool reverse,
                                    Index bptt_steps, const std::string& masked_output, const std::string& isa,
                                    const std::string& precision, const std::string& forward,
                                    const std::string& backward) {
    const Sizes sizes{seq_len, batch, input_size, hidden_size, activation, reverse, bptt_steps, heads};
    const MaskedOutput masked = masked_output == "hold" ? MaskedOutput::kHold : MaskedOutput::kZero;
    if (dtype == "float32")
        return std::make_unique<KernelOf<float>>(sizes, masked, kernels_for(isa, precision), forward, backward);
    if (dtype == "float64")
        return std::make_unique<KernelOf<double>>(sizes, masked, kernels<double>(isa), forward, backward);
    if (dtype == "float16")
        return std::make_unique<KernelOf<float, Float16>>(sizes, masked, kernels_for(isa, precision), forward,
                                                          backward);
    if (dtype == "bfloat16")
        return std::make_unique<KernelOf<float, BFloat16>>(sizes, masked, kernels_for(isa, precision), forward,
                                                           backward);
    throw py::type_error("dtype: expected float32, float64, float16 or bfloat16, got '" + dtype + "'");
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
    py::class_<Activation>(m, "Activation")
        .def(py::init(&make_activation), py::arg("name"), py::arg("alpha"), py::arg("beta"), py::arg("clip"));
    py::class_<Kernel>(m, "Kernel")
        .def(py::init(&make_kernel), py::kw_only(), py::arg("seq_len"), py::arg("batch"), py::arg("input_size"),
             py::arg("hidden_size"), py::arg("heads"), py::arg("dtype"), py::arg("activation"), py::arg("reverse"),
             py::arg("bptt_steps"), py::arg("masked_output"), py::arg("isa"), py::arg("precision"), py::arg("forward"),
             py::arg("backward"))
        .def("forward", &Kernel::forward, py::arg("x"), py::arg("w_ih"), py::arg("w_hh"), py::arg("b"), py::arg("h0"),
             py::arg("lengths"), py::arg("mask"), py::arg("out") = py::none(), py::arg("cell") = py::none(),
             py::arg("steps") = 0)
        .def("backward", &Kernel::backward, py::arg("dy"), py::arg("x"), py::arg("y"), py::arg("w_ih"), py::arg("w_hh"),
             py::arg("h0"), py::arg("dh_n"), py::arg("lengths"), py::arg("mask"), py::arg("cell") = py::none(),
             py::arg("steps") = 0, py::arg("position") = py::none(), py::arg("sums") = py::none())
        .def_property_readonly("window_steps", &Kernel::window_steps)
        .def_property_readonly("isa", &Kernel::isa);
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
