// A problem with its compiled kernels, as Python calls it: checks arrays, releases the GIL, calls the loops.
//
// A Kernel answers None to arrays that are not in the planned form; rnnfast.checks then says what is wrong with them,
// or converts them.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "array_form.hpp"
#include "bindings.hpp"
#include "cpu/dispatch.hpp"
#include "cpu/planned.hpp"
#include "cpu/thread_pool.hpp"
#include "rnnfast/cpu.hpp"

namespace py = pybind11;

namespace rnnfast {

namespace {

class Kernel {
   public:
    virtual ~Kernel() = default;
    virtual py::object forward(const ArrayForm& form, py::handle x, py::handle w_ih, py::handle w_hh, py::handle b,
                               py::handle h0, py::handle lengths, py::handle mask, py::handle out, py::handle cell,
                               Index steps) const = 0;
    virtual py::object backward(const ArrayForm& form, py::handle dy, py::handle x, py::handle y, py::handle w_ih,
                                py::handle w_hh, py::handle h0, py::handle dh_n, py::handle lengths, py::handle mask,
                                py::handle cell, Index steps, py::handle position, py::handle sums,
                                bool wants_dx) const = 0;
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

    py::object forward(const ArrayForm& form, py::handle x, py::handle w_ih, py::handle w_hh, py::handle b,
                       py::handle h0, py::handle lengths, py::handle mask, py::handle out, py::handle cell,
                       Index steps) const override {
        const Index seq_len = steps ? steps : s_.seq_len, batch = s_.batch, hidden_size = s_.hidden_size;
        const Index input_size = s_.input_size;
        bool ok = true;
        std::vector<T> sum_of_biases;
        ForwardArrays<T, Stored> a{};
        a.steps = {seq_len, batch, s_.reverse, nullptr, nullptr};
        a.x = form.data<Stored>(x, {seq_len, batch, input_size}, ok);
        a.w_ih = form.data<T>(w_ih, {hidden_size, input_size}, ok);
        a.w_hh = recurrent_weights(form, w_hh, ok);
        a.b = bias(form, b, sum_of_biases, ok);
        a.cell = cell_options(form, cell, seq_len, ok);
        a.h0 = state(form, h0, ok);
        const ValidSteps valid = valid_steps(form, lengths, mask, seq_len, ok);
        if (!ok) return py::none();
        Outputs outputs{form};
        const py::object y = outputs.given_or_new(out, x, {seq_len, batch, hidden_size}, a.y);
        const py::object h_n = outputs.made_state(w_ih, batch, hidden_size, a.h_n);
        {
            py::gil_scoped_release release;
            plan_.forward(a, valid);
        }
        return py::make_tuple(y, h_n);
    }

    py::object backward(const ArrayForm& form, py::handle dy, py::handle x, py::handle y, py::handle w_ih,
                        py::handle w_hh, py::handle h0, py::handle dh_n, py::handle lengths, py::handle mask,
                        py::handle cell, Index steps, py::handle position, py::handle sums,
                        bool wants_dx) const override {
        const Index seq_len = steps ? steps : s_.seq_len, batch = s_.batch, hidden_size = s_.hidden_size;
        const Index input_size = s_.input_size;
        bool ok = true;
        BackwardArrays<T, Stored> a{};
        a.steps = {seq_len, batch, s_.reverse, nullptr, form.data<int64_t>(position, {batch}, ok, true)};
        a.dy = form.data<Stored>(dy, {seq_len, batch, hidden_size}, ok, true);
        a.x = form.data<Stored>(x, {seq_len, batch, input_size}, ok);
        a.y = form.data<Stored>(y, {seq_len, batch, hidden_size}, ok);
        a.w_ih = form.data<T>(w_ih, {hidden_size, input_size}, ok);
        a.w_hh = recurrent_weights(form, w_hh, ok);
        a.h0 = state(form, h0, ok);
        a.dh_n = state(form, dh_n, ok);
        a.cell = cell_options(form, cell, seq_len, ok);
        const ValidSteps valid = valid_steps(form, lengths, mask, seq_len, ok);
        if (!ok) return py::none();
        // What the gradients are added to: dw_ih, dw_hh, db, and what rounding took from db; of a gain the same two.
        const auto sum = [&](size_t i) -> py::object {
            if (sums.is_none()) return py::none();
            return py::reinterpret_borrow<py::tuple>(sums)[i];
        };
        Outputs outputs{form};
        const py::object dx = wants_dx ? outputs.made(x, {seq_len, batch, input_size}, a.dx) : py::none();
        const py::object dw_ih = outputs.given_or_new(sum(0), w_ih, {hidden_size, input_size}, a.dw_ih);
        const py::object dw_hh = outputs.given_or_like(sum(1), w_hh, a.dw_hh);
        const py::object db = outputs.given_or_new(sum(2), w_ih, {hidden_size}, a.db);
        const py::object dh0 = outputs.made_state(w_ih, batch, hidden_size, a.dh0);
        a.db_lost = outputs.begin<T>(sum(3));
        py::object dgain = py::none();
        if (a.cell.gain) {
            dgain = outputs.given_or_new(sum(4), w_ih, {hidden_size}, a.dgain);
            a.dgain_lost = outputs.begin<T>(sum(5));
        }
        {
            py::gil_scoped_release release;
            plan_.backward(a, valid);
        }
        return py::make_tuple(dx, dw_ih, dw_hh, db, dh0, dgain);
    }

    Index window_steps() const override { return rnnfast::window_steps(s_, plan_.kernels); }

    const char* isa() const override { return plan_.kernels.isa; }

   private:
    // Arrays to write to; given ones have been checked.
    struct Outputs {
        const ArrayForm& form;

        // Where a given one begins; null without one.
        template <class U>
        U* begin(py::handle given) const {
            View view{};
            if (!given.is_none()) form.view(given, view);
            return static_cast<U*>(view.data);
        }
        template <class U>
        py::object made(py::handle like, Shape shape, U*& data) const {
            void* memory = nullptr;
            py::object array = form.make(like, shape, &memory);
            data = static_cast<U*>(memory);
            return array;
        }
        template <class U>
        py::object made_state(py::handle like, Index batch, Index hidden_size, U*& data) const {
            return form.layer_axis ? made(like, {1, batch, hidden_size}, data) : made(like, {batch, hidden_size}, data);
        }
        template <class U>
        py::object given_or_new(py::handle given, py::handle like, Shape shape, U*& data) const {
            if (given.is_none()) return made(like, shape, data);
            data = begin<U>(given);
            return py::reinterpret_borrow<py::object>(given);
        }
        template <class U>
        py::object given_or_like(py::handle given, py::handle other, U*& data) const {
            View view{};
            form.view(other, view);
            const Index* n = view.shape;
            return view.axes == 1   ? given_or_new(given, other, {n[0]}, data)
                   : view.axes == 2 ? given_or_new(given, other, {n[0], n[1]}, data)
                                    : given_or_new(given, other, {n[0], n[1], n[2]}, data);
        }
    };

    // The blocks of w_hh as (heads, H / heads, H / heads), or (H, H) where there is one, or (H,) where they are
    // elements.
    const T* recurrent_weights(const ArrayForm& form, py::handle w_hh, bool& ok) const {
        const Index h = s_.hidden_size, size = s_.head_size();
        View found;
        if (form.view(w_hh, found) && found.number == number_of<T> &&
            ((found.has_shape({h, h}) && s_.heads == 1) || (found.has_shape({h}) && s_.heads == h) ||
             found.has_shape({s_.heads, size, size})))
            return static_cast<const T*>(found.data);
        ok = false;
        return nullptr;
    }

    // h0, or a gradient of the last state.
    const T* state(const ArrayForm& form, py::handle given, bool& ok) const {
        return form.layer_axis ? form.data<T>(given, {1, s_.batch, s_.hidden_size}, ok, true)
                               : form.data<T>(given, {s_.batch, s_.hidden_size}, ok, true);
    }

    // The bias (H,), or the sum of those in a tuple.
    const T* bias(const ArrayForm& form, py::handle b, std::vector<T>& sum, bool& ok) const {
        if (!PyTuple_Check(b.ptr())) return form.data<T>(b, {s_.hidden_size}, ok);
        sum.assign(s_.hidden_size, T(0));
        for (const py::handle each : py::reinterpret_borrow<py::tuple>(b))
            if (const T* term = form.data<T>(each, {s_.hidden_size}, ok))
                for (Index i = 0; i < s_.hidden_size; ++i) sum[i] += term[i];
        return sum.data();
    }

    // From (recurrent_mask, zoneout_mask, zoneout_rate, gain, epsilon), or None.
    CellOptions<T> cell_options(const ArrayForm& form, py::handle given, Index seq_len, bool& ok) const {
        if (given.is_none()) return {};
        const auto options = py::reinterpret_borrow<py::tuple>(given);
        return {form.data<T>(options[0], {s_.batch, s_.hidden_size}, ok, true),
                form.data<bool>(options[1], {seq_len, s_.batch, s_.hidden_size}, ok, true), options[2].cast<T>(),
                form.data<T>(options[3], {s_.hidden_size}, ok, true), options[4].cast<T>()};
    }

    ValidSteps valid_steps(const ArrayForm& form, py::handle lengths, py::handle mask, Index seq_len, bool& ok) const {
        const ValidSteps valid{form.data<int64_t>(lengths, {s_.batch}, ok, true),
                               form.data<bool>(mask, {seq_len, s_.batch}, ok, true)};
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

// A method of Kernel for the arrays of one form.
template <class... Arguments>
auto in_form(const ArrayForm& form, py::object (Kernel::*method)(const ArrayForm&, Arguments...) const) {
    return
        [&form, method](const Kernel& kernel, Arguments... arguments) { return (kernel.*method)(form, arguments...); };
}

// Both passes for the arrays of one form.
void define_passes(py::class_<Kernel>& kernel, const char* forward, const char* backward, const ArrayForm& form) {
    kernel.def(forward, in_form(form, &Kernel::forward), py::arg("x"), py::arg("w_ih"), py::arg("w_hh"), py::arg("b"),
               py::arg("h0"), py::arg("lengths"), py::arg("mask"), py::arg("out") = py::none(),
               py::arg("cell") = py::none(), py::arg("steps") = 0);
    kernel.def(backward, in_form(form, &Kernel::backward), py::arg("dy"), py::arg("x"), py::arg("y"), py::arg("w_ih"),
               py::arg("w_hh"), py::arg("h0"), py::arg("dh_n"), py::arg("lengths"), py::arg("mask"),
               py::arg("cell") = py::none(), py::arg("steps") = 0, py::arg("position") = py::none(),
               py::arg("sums") = py::none(), py::arg("wants_dx") = true);
}

}  // namespace

void bind_kernel(py::module_& m) {
    py::class_<Activation>(m, "Activation")
        .def(py::init(&make_activation), py::arg("name"), py::arg("alpha"), py::arg("beta"), py::arg("clip"));
    py::class_<Kernel> kernel(m, "Kernel");
    kernel
        .def(py::init(&make_kernel), py::kw_only(), py::arg("seq_len"), py::arg("batch"), py::arg("input_size"),
             py::arg("hidden_size"), py::arg("heads"), py::arg("dtype"), py::arg("activation"), py::arg("reverse"),
             py::arg("bptt_steps"), py::arg("masked_output"), py::arg("isa"), py::arg("precision"), py::arg("forward"),
             py::arg("backward"))
        .def_property_readonly("window_steps", &Kernel::window_steps)
        .def_property_readonly("isa", &Kernel::isa);
    define_passes(kernel, "forward", "backward", numpy_arrays());
    define_passes(kernel, "forward_tensors", "backward_tensors", dlpack_tensors());
}

}  // namespace rnnfast
