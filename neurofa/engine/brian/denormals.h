// Numbers that are too small for full precision: the processor takes a hundred times as long for them. While a Flush lives, the
// thread that made it takes them for zero; then the thread is as it was, because it may be somebody else's.
#pragma once
#include <cstdint>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace neurofa {

struct Flush {
#if defined(__SSE2__)
    const unsigned before = _mm_getcsr();
    Flush() { _mm_setcsr(before | 0x8040u); }      // results, and operands
    ~Flush() { _mm_setcsr(before); }
#elif defined(__aarch64__)
    uint64_t before;
    Flush() {
        asm volatile("mrs %0, fpcr" : "=r"(before));
        asm volatile("msr fpcr, %0" : : "r"(before | (uint64_t(1) << 24)));
    }
    ~Flush() { asm volatile("msr fpcr, %0" : : "r"(before)); }
#else
    Flush() {}
#endif
    Flush(const Flush&) = delete;
};

}  // namespace neurofa
