// The kernels of tiles for any processor: csrc/cpu/isa/avx512_amx.cpp with its tile registers emulated.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

#define RNNFAST_ISA emulated_tiles
#define RNNFAST_VECTOR_BYTES 64
#define RNNFAST_VECTOR_REGISTERS 32
#define RNNFAST_TILE_OPS "emulated_tile_ops.hpp"
#include "cpu/tile_table.hpp"
