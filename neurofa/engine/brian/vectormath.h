// Elementary functions that the compiler may evaluate several at a time, without giving up NaN and infinity as -ffast-math would.
// The vector versions are those of the C library (libmvec); elsewhere the same code runs one value at a time.
#pragma once
#include <cmath>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 35)
#define NEUROFA_VECTOR(name) \
    __attribute__((__simd__("notinbranch"))) double name(double) noexcept; \
    __attribute__((__simd__("notinbranch"))) float name##f(float) noexcept;
extern "C" {
NEUROFA_VECTOR(tanh) NEUROFA_VECTOR(exp) NEUROFA_VECTOR(log) NEUROFA_VECTOR(sin) NEUROFA_VECTOR(cos)
}
#undef NEUROFA_VECTOR
#endif
#endif

namespace neurofa {
#define NEUROFA_BOTH(name) \
    inline double name(double x) { return ::name(x); } \
    inline float name(float x) { return ::name##f(x); }
NEUROFA_BOTH(tanh) NEUROFA_BOTH(exp) NEUROFA_BOTH(log) NEUROFA_BOTH(sin) NEUROFA_BOTH(cos) NEUROFA_BOTH(sqrt)
#undef NEUROFA_BOTH
}  // namespace neurofa
