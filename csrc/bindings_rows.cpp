// The row operations of the extension module. Arrays come checked; a dtype that is not one of a table's raises.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>

#include "bindings.hpp"
#include "cpu/rows.hpp"

namespace py = pybind11;

namespace rnnfast {

namespace {

template <class T>
using Dense = py::array_t<T, py::array::c_style>;
using Rows = Dense<int64_t>;

template <class T, class Id>
py::tuple combine(const Dense<Id>& ids, const Dense<T>& values) {
    const Index n = values.shape(0), e = values.shape(1);
    if (ids.size() != n) throw py::value_error("ids: expected one for each row of values");
    Rows rows(n);
    Dense<T> sums({n, e});
    int64_t* row_data = rows.mutable_data();
    T* sum_data = sums.mutable_data();
    Index count;
    {
        py::gil_scoped_release release;
        count = combine_rows<T, Id>(ids.data(), values.data(), n, e, row_data, sum_data);
    }
    const py::slice first(0, count, 1);
    return py::make_tuple(rows[first], sums[first]);
}

template <class T>
RowTable<T> table_of(Dense<T>& weights, std::optional<Dense<T>> accumulator, std::optional<Dense<T>> mean_gradient,
                     std::optional<Dense<T>> velocity, Rows& last_step) {
    const auto data = [](std::optional<Dense<T>>& array) { return array ? array->mutable_data() : nullptr; };
    return {weights.shape(1),    weights.mutable_data(), data(accumulator),
            data(mean_gradient), data(velocity),         last_step.mutable_data()};
}

template <class T>
void bind(py::module_& m) {
    m.def("combine_rows", &combine<T, int32_t>, py::arg("ids").noconvert(), py::arg("values").noconvert());
    m.def("combine_rows", &combine<T, int64_t>, py::arg("ids").noconvert(), py::arg("values").noconvert());
    m.def(
        "rmsprop_rows",
        [](Dense<T> weights, Dense<T> accumulator, std::optional<Dense<T>> mean_gradient,
           std::optional<Dense<T>> velocity, Rows last_step, const Rows& rows, const Dense<T>& sums, int64_t step,
           double learning_rate, double rho, double momentum, double epsilon, bool epsilon_inside) {
            rmsprop_rows<T>(table_of<T>(weights, accumulator, mean_gradient, velocity, last_step), rows.data(),
                            rows.size(), sums.data(), {step, learning_rate, rho, momentum, epsilon, epsilon_inside});
        },
        py::arg("weights").noconvert(), py::arg("accumulator").noconvert(), py::arg("mean_gradient").noconvert(),
        py::arg("velocity").noconvert(), py::arg("last_step").noconvert(), py::arg("rows").noconvert(),
        py::arg("sums").noconvert(), py::kw_only(), py::arg("step"), py::arg("learning_rate"), py::arg("rho"),
        py::arg("momentum"), py::arg("epsilon"), py::arg("epsilon_inside"));
    m.def(
        "sgd_rows",
        [](Dense<T> weights, std::optional<Dense<T>> velocity, Rows last_step, const Rows& rows, const Dense<T>& sums,
           int64_t step, double learning_rate, double momentum, bool nesterov) {
            sgd_rows<T>(table_of<T>(weights, std::nullopt, std::nullopt, velocity, last_step), rows.data(), rows.size(),
                        sums.data(), {step, learning_rate, momentum, nesterov});
        },
        py::arg("weights").noconvert(), py::arg("velocity").noconvert(), py::arg("last_step").noconvert(),
        py::arg("rows").noconvert(), py::arg("sums").noconvert(), py::kw_only(), py::arg("step"),
        py::arg("learning_rate"), py::arg("momentum"), py::arg("nesterov"));
}

}  // namespace

void bind_rows(py::module_& m) {
    bind<float>(m);
    bind<double>(m);
}

}  // namespace rnnfast
