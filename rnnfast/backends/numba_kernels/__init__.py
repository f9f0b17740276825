"""The CUDA kernels of the backend `numba`, in Python: short, for reading and for changing (docs/gpu.md).

A factory makes each kernel for a dtype and what else is fixed when it is compiled, and remembers it. T is NumPy's
scalar type of that dtype. Constants are of it too, `one = T(1)`: with a literal, Numba would compute in float64.
Importing a module of this package imports Numba.
"""
