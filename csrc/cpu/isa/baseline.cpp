// What every processor of the architecture has: SSE2 on x86-64, NEON on aarch64.
#define RNNFAST_ISA baseline
#define RNNFAST_VECTOR_BYTES 16
#if defined(__aarch64__)
#define RNNFAST_VECTOR_REGISTERS 32
#else
#define RNNFAST_VECTOR_REGISTERS 16
#endif
#include "../table.hpp"
