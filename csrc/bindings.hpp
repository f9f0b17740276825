// The parts of the extension module that stand in files of their own.
#pragma once

#include <pybind11/pybind11.h>

namespace rnnfast {

void bind_kernel(pybind11::module_& m);
void bind_rows(pybind11::module_& m);
void bind_peaks(pybind11::module_& m);
void bind_masks(pybind11::module_& m);
void bind_jax(pybind11::module_& m);
void bind_profiler(pybind11::module_& m);

}  // namespace rnnfast
