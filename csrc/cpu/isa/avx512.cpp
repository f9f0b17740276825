// x86-64 with AVX-512 F, BW, DQ and VL.
#define RNNFAST_ISA avx512
#define RNNFAST_VECTOR_BYTES 64
#define RNNFAST_VECTOR_REGISTERS 32
#include "../table.hpp"
