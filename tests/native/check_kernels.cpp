// The kernels without Python, against loops written out in double: what runs under a sanitizer, and on another
// architecture through an emulator. Arrays are allocated one by one and exactly, so that a sanitizer sees every step
// outside them. Arguments: the number of problems; an instruction set, else all that the processor supports. Prints
// "checked N problems" or what is wrong first.
#include "cpu/dispatch.hpp"
#include "cpu/profiler.hpp"
#include "problems.hpp"

using namespace rnnfast;

int main(int argc, char** argv) {
    const int problems = argc > 1 ? std::atoi(argv[1]) : 100;
    const std::vector<std::string> isas = argc > 2 ? std::vector<std::string>{argv[2]} : supported_isas();
    for (int i = 0; i < problems; ++i)
        for (const std::string& isa : isas)
            for (const std::string& name : variant_names()) {
                set_profiling(i % 2 == 0);  // results, and what a sanitizer sees, with the timers and without
                check_problem(with_heads<float>(random_sizes(), name), kernels<float>(isa), name, 1e-5);
                check_problem(with_heads<double>(random_sizes(), name), kernels<double>(isa), name, 1e-13);
                check_problem<float, Float16>(with_heads<float>(random_sizes(40, true), name), kernels<float>(isa),
                                              name, 1e-2);
                check_problem<float, BFloat16>(with_heads<float>(random_sizes(40, true), name), kernels<float>(isa),
                                               name, 5e-2);
            }
    // Parts of a head in a group of the weight gradients, whole heads in one and fewer in the last, and single units.
    constexpr Index kManyUnits[][2] = {{266, 2}, {280, 7}, {300, 300}};
    for (const std::string& isa : isas)
        for (const auto [units, heads] : kManyUnits)
            check_problem<float>({5, 31, 9, units, activation_of("tanh"), false, 0, heads}, kernels<float>(isa),
                                 "panel", 1e-5);
    std::printf("checked %d problems\n", problems);
}
