#include "array_form.hpp"
#include "dlpack/dlpack.h"

namespace py = pybind11;

namespace rnnfast {

namespace {

// The functions of the library whose type a tensor is of; null: it has none of the version that is known here.
const DLPackExchangeAPI* functions_of(py::handle tensor) {
    static PyObject* const name = PyUnicode_InternFromString("__dlpack_c_exchange_api__");
    PyObject* const capsule = PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(tensor.ptr())), name);
    if (!capsule) {
        PyErr_Clear();
        return nullptr;
    }
    const auto* functions = static_cast<const DLPackExchangeAPI*>(PyCapsule_GetPointer(capsule, "dlpack_exchange_api"));
    Py_DECREF(capsule);
    if (!functions) PyErr_Clear();
    const bool known = functions && functions->header.version.major == DLPACK_MAJOR_VERSION;
    return known && functions->dltensor_from_py_object_no_sync ? functions : nullptr;
}

Number number_in(const DLDataType& type) {
    if (type.lanes != 1) return Number::kOther;
    switch (type.code) {
        case kDLFloat:
            return type.bits == 32   ? Number::kFloat32
                   : type.bits == 64 ? Number::kFloat64
                   : type.bits == 16 ? Number::kFloat16
                                     : Number::kOther;
        case kDLBfloat:
            return type.bits == 16 ? Number::kBFloat16 : Number::kOther;
        case kDLInt:
            return type.bits == 64 ? Number::kInt64 : Number::kOther;
        case kDLBool:
            return type.bits == 8 ? Number::kBool : Number::kOther;
        default:
            return Number::kOther;
    }
}

bool is_contiguous(const DLTensor& tensor) {
    Index stride = 1;
    for (int axis = tensor.ndim - 1; tensor.strides && axis >= 0; --axis) {
        if (tensor.shape[axis] != 1 && tensor.strides[axis] != stride) return false;
        stride *= tensor.shape[axis];
    }
    return true;
}

void* first_element(const DLTensor& tensor) { return static_cast<char*>(tensor.data) + tensor.byte_offset; }

// What a tensor holds, as long as it lives and is left as it is; false: it does not say.
bool borrow(py::handle tensor, DLTensor& borrowed) {
    const DLPackExchangeAPI* functions = functions_of(tensor);
    if (!functions) return false;
    if (functions->dltensor_from_py_object_no_sync(tensor.ptr(), &borrowed) == 0) return true;
    PyErr_Clear();
    return false;
}

void set_error(void*, const char*, const char* message) {
    const py::gil_scoped_acquire acquire;
    PyErr_SetString(PyExc_RuntimeError, message);
}

class DlpackTensors : public ArrayForm {
   public:
    DlpackTensors() : ArrayForm(true) {}

    bool view(py::handle value, View& view) const override {
        DLTensor tensor;
        if (!borrow(value, tensor) || tensor.device.device_type != kDLCPU || tensor.ndim > View::kMostAxes ||
            !is_contiguous(tensor))
            return false;
        view.data = first_element(tensor);
        view.number = number_in(tensor.dtype);
        view.axes = tensor.ndim;
        if (view.number == Number::kOther || reinterpret_cast<uintptr_t>(view.data) % (tensor.dtype.bits / 8))
            return false;
        std::copy_n(tensor.shape, tensor.ndim, view.shape);
        return true;
    }

    py::object make(py::handle like, Shape shape, void** data) const override {
        DLTensor prototype;
        if (!borrow(like, prototype)) throw py::type_error("expected a tensor that speaks DLPack's C exchange API");
        const DLPackExchangeAPI* functions = functions_of(like);
        int64_t axes[View::kMostAxes];
        std::copy(shape.begin(), shape.end(), axes);
        DLManagedTensorVersioned* made = nullptr;
        PyObject* tensor = nullptr;
        prototype.ndim = static_cast<int32_t>(shape.size()), prototype.shape = axes, prototype.strides = nullptr;
        if (functions->managed_tensor_allocator(&prototype, &made, nullptr, set_error)) throw py::error_already_set();
        *data = first_element(made->dl_tensor);
        if (functions->managed_tensor_to_py_object_no_sync(made, reinterpret_cast<void**>(&tensor)))
            throw py::error_already_set();
        return py::reinterpret_steal<py::object>(tensor);
    }
};

}  // namespace

const ArrayForm& dlpack_tensors() {
    static const DlpackTensors form;
    return form;
}

}  // namespace rnnfast
