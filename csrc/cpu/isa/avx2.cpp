// x86-64 with AVX2, FMA and F16C.
#define RNNFAST_ISA avx2
#define RNNFAST_VECTOR_BYTES 32
#define RNNFAST_VECTOR_REGISTERS 16
#include "../table.hpp"
