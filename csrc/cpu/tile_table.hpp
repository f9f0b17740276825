// Makes the kernel tables of tiles, for the instruction set that the including file is compiled for. That file defines
// RNNFAST_ISA, RNNFAST_VECTOR_BYTES (64: a row of a tile) and RNNFAST_VECTOR_REGISTERS as for table.hpp, and
//   RNNFAST_TILE_OPS  the header with the operations on tile registers: tile_ops.hpp
#pragma once

#include <utility>

#include "contract.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace rnnfast {
namespace RNNFAST_ISA {

#include "simd.hpp"
//
#include "transpose.hpp"
//
#include RNNFAST_TILE_OPS
#include "tile_packing.hpp"
//
#include "tile_product.hpp"

#define RNNFAST_STRING(x) #x
#define RNNFAST_NAME(x) RNNFAST_STRING(x)

inline int tile_width(Index, Index) { return kMostTiles; }

template <int kParts>
KernelTable<float> replace_products(KernelTable<float> table) {
    table.isa = RNNFAST_NAME(RNNFAST_ISA);
    table.vector_len = kTileRows;
    table.packing = {kTileRows * kParts / 2, kTileRows, kTileDepth, pack_left<kParts>, pack_left_transposed<kParts>};
    table.enter = configure_tiles;
    table.leave = release_tiles;
    table.panel_width = tile_width;
    for (int transposed = 0; transposed < 2; ++transposed) {
        auto& multiply = transposed ? table.multiply_transposed : table.multiply;
        for (auto& wide : multiply) wide = nullptr;
        multiply[0] = multiply_tiles<kParts, 1>;
        multiply[1] = multiply_tiles<kParts, 2>;
    }
    table.pack_columns = pack_tile_columns<kParts>;
    table.pack_rows = pack_tile_rows<kParts>;
    return table;
}

// The table of vectors with all products on tiles, of operands in one part or in two.
KernelTable<float> with_tiles(const KernelTable<float>& vectors, int parts);

KernelTable<float> with_tiles(const KernelTable<float>& vectors, int parts) {
    return parts == 1 ? replace_products<1>(vectors) : replace_products<2>(vectors);
}

}  // namespace RNNFAST_ISA
}  // namespace rnnfast
