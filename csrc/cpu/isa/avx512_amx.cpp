// x86-64 with AVX-512 as in avx512.cpp, and AMX with bfloat16.
#define RNNFAST_ISA avx512_amx
#define RNNFAST_VECTOR_BYTES 64
#define RNNFAST_VECTOR_REGISTERS 32
#define RNNFAST_TILE_OPS "tile_ops.hpp"
#include "../tile_table.hpp"
