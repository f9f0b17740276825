// The custom calls of rnnfast.jax, as what jax.ffi.register_ffi_target takes.
#include <pybind11/pybind11.h>

#include "bindings.hpp"
#include "jax/handlers.hpp"

namespace py = pybind11;

namespace rnnfast {

void bind_jax(py::module_& m) {
    m.def("jax_handlers", [] {
        const auto capsule = [](XLA_FFI_Handler* handler) { return py::capsule(reinterpret_cast<void*>(handler)); };
        py::dict handlers;
        handlers["rnnfast_forward"] = capsule(jax::forward);
        handlers["rnnfast_backward"] = capsule(jax::backward);
        return handlers;
    });
}

}  // namespace rnnfast
