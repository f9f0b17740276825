// Array arguments of the bindings, by whose library they are: NumPy's arrays, or tensors that speak DLPack's C exchange
// API, as torch's do.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <initializer_list>

#include "cpu/contract.hpp"

namespace rnnfast {

using Shape = std::initializer_list<Index>;

enum class Number { kOther, kBool, kInt64, kFloat16, kBFloat16, kFloat32, kFloat64 };

template <class T>
inline constexpr Number number_of = Number::kOther;
template <>
inline constexpr Number number_of<bool> = Number::kBool;
template <>
inline constexpr Number number_of<int64_t> = Number::kInt64;
template <>
inline constexpr Number number_of<Float16> = Number::kFloat16;
template <>
inline constexpr Number number_of<BFloat16> = Number::kBFloat16;
template <>
inline constexpr Number number_of<float> = Number::kFloat32;
template <>
inline constexpr Number number_of<double> = Number::kFloat64;

// What a C-contiguous, aligned array in native byte order holds, as long as the array lives and keeps its shape.
struct View {
    static constexpr int kMostAxes = 3;
    void* data;
    Number number;
    int axes;
    Index shape[kMostAxes];

    bool has_shape(Shape expected) const {
        return axes == static_cast<int>(expected.size()) && std::equal(expected.begin(), expected.end(), shape);
    }
};

class ArrayForm {
   public:
    explicit ArrayForm(bool layer_axis) : layer_axis(layer_axis) {}
    virtual ~ArrayForm() = default;

    // Whether states and their gradients are (1, B, H), with the axis of layers that the modules of torch have.
    const bool layer_axis;

    // Of an array of this form; false for anything else, and for what is not C-contiguous, aligned and native, lies
    // elsewhere than in the memory of the processor, or has more axes.
    virtual bool view(pybind11::handle value, View& view) const = 0;

    // A new array of the numbers of `like`, of this form, and where it begins.
    virtual pybind11::object make(pybind11::handle like, Shape shape, void** data) const = 0;

    // Where an array of T of that shape begins; null for anything else. None is null too where it is allowed, and then
    // `ok` stays as it is.
    template <class T>
    const T* data(pybind11::handle value, Shape shape, bool& ok, bool optional = false) const {
        if (optional && value.is_none()) return nullptr;
        View found;
        if (view(value, found) && found.number == number_of<T> && found.has_shape(shape))
            return static_cast<const T*>(found.data);
        ok = false;
        return nullptr;
    }
};

const ArrayForm& numpy_arrays();
const ArrayForm& dlpack_tensors();

}  // namespace rnnfast
