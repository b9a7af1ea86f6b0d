// tanh and exp that the compiler may evaluate several at a time, without giving up NaN and infinity as -ffast-math would.
// The vector versions are those of the C library (libmvec); elsewhere the same code runs one value at a time.
#pragma once
#include <cmath>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 35)
extern "C" {
__attribute__((__simd__("notinbranch"))) double tanh(double) noexcept;
__attribute__((__simd__("notinbranch"))) float tanhf(float) noexcept;
__attribute__((__simd__("notinbranch"))) double exp(double) noexcept;
__attribute__((__simd__("notinbranch"))) float expf(float) noexcept;
}
#endif
#endif

namespace neurofa {
inline double tanh(double x) { return ::tanh(x); }
inline float tanh(float x) { return ::tanhf(x); }
inline double exp(double x) { return ::exp(x); }
inline float exp(float x) { return ::expf(x); }
}  // namespace neurofa
