#include <pybind11/numpy.h>

#include "array_form.hpp"

namespace py = pybind11;

namespace rnnfast {

namespace {

template <class T>
bool is_of(const py::array& array) {
    return py::isinstance<py::array_t<T>>(array);
}

// Not every NumPy has bfloat16: the type's name tells it, whoever brings it along.
Number sixteen_bits(const py::dtype& dtype) {
    if (!dtype.attr("isnative").cast<bool>()) return Number::kOther;
    const py::object name = dtype.attr("type").attr("__name__");
    return name.equal(py::str("float16"))    ? Number::kFloat16
           : name.equal(py::str("bfloat16")) ? Number::kBFloat16
                                             : Number::kOther;
}

Number number_in(const py::array& array) {
    if (is_of<float>(array)) return Number::kFloat32;
    if (is_of<double>(array)) return Number::kFloat64;
    if (is_of<int64_t>(array)) return Number::kInt64;
    if (is_of<bool>(array)) return Number::kBool;
    return array.itemsize() == 2 ? sixteen_bits(array.dtype()) : Number::kOther;
}

class NumpyArrays : public ArrayForm {
   public:
    NumpyArrays() : ArrayForm(false) {}

    bool view(py::handle value, View& view) const override {
        constexpr int kForm = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
        if (!py::isinstance<py::array>(value)) return false;
        const auto array = py::reinterpret_borrow<py::array>(value);
        if ((array.flags() & kForm) != kForm || array.ndim() > View::kMostAxes) return false;
        view.data = const_cast<void*>(array.data());
        view.number = number_in(array);
        view.axes = static_cast<int>(array.ndim());
        std::copy_n(array.shape(), array.ndim(), view.shape);
        return true;
    }

    py::object make(py::handle like, Shape shape, void** data) const override {
        py::array array(py::reinterpret_borrow<py::array>(like).dtype(),
                        py::array::ShapeContainer(shape.begin(), shape.end()));
        *data = array.mutable_data();
        return std::move(array);
    }
};

}  // namespace

const ArrayForm& numpy_arrays() {
    static const NumpyArrays form;
    return form;
}

}  // namespace rnnfast
