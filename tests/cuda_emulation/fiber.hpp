// A function with a stack of its own, which can be left in its midst and entered again.
#pragma once

#include <stdint.h>
#include <sys/mman.h>

#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace emulation {

constexpr size_t kStackBytes = 64 * 1024;

class Fiber {
   public:
    Fiber()
        : stack_(static_cast<char*>(
              mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
    ~Fiber() { munmap(stack_, kStackBytes); }
    Fiber(const Fiber&) = delete;

    // The next `enter` calls the function, which must never return.
    void begin(void (*function)());
    // From outside: goes on where the function left.
    void enter();
    // From inside: goes on where it was entered.
    void leave();

   private:
    char* const stack_;
#ifdef __x86_64__
    void *inside_, *outside_;  // stack pointers
#else
    ucontext_t inside_, outside_;
#endif
};

#ifdef __x86_64__
// Keeps the registers that a call must keep on the stack, changes stacks, and takes those of the other one.
extern "C" void emulation_switch(void** from, void* to);
asm(R"(
.text
.type emulation_switch, @function
emulation_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

inline void Fiber::begin(void (*function)()) {
    // Six registers, the function as the address to return to, and a stack aligned as after a call.
    void** top = reinterpret_cast<void**>(stack_ + kStackBytes) - 1;
    *--top = reinterpret_cast<void*>(function);
    inside_ = top - 6;
}
inline void Fiber::enter() { emulation_switch(&outside_, inside_); }
inline void Fiber::leave() { emulation_switch(&inside_, outside_); }
#else
inline void Fiber::begin(void (*function)()) {
    getcontext(&inside_);
    inside_.uc_stack.ss_sp = stack_, inside_.uc_stack.ss_size = kStackBytes, inside_.uc_link = nullptr;
    makecontext(&inside_, function, 0);
}
inline void Fiber::enter() { swapcontext(&outside_, &inside_); }
inline void Fiber::leave() { swapcontext(&inside_, &outside_); }
#endif

}  // namespace emulation
