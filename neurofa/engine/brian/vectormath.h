// Elementary functions that the compiler may evaluate several at a time, without giving up NaN and infinity as -ffast-math would.
//
// exp and tanh are our own (elementary.h). Where the compiler can call several at a time, they are compiled once, for all circuits
// (runtime.cpp); elsewhere they are inline. The others are the C library's, several at a time where it has libmvec.
#pragma once
#include <cmath>
#include <type_traits>

#if !defined(NEUROFA_INLINE) && defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define NEUROFA_COMPILED_ONCE
#define NEUROFA_SEVERAL(name) \
    __attribute__((__const__, __simd__("notinbranch"))) double name(double) noexcept; \
    __attribute__((__const__, __simd__("notinbranch"))) float name##f(float) noexcept;
extern "C" {
NEUROFA_SEVERAL(neurofa_exp) NEUROFA_SEVERAL(neurofa_tanh)
#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 35)
NEUROFA_SEVERAL(log) NEUROFA_SEVERAL(sin) NEUROFA_SEVERAL(cos)
#endif
#endif
}
#undef NEUROFA_SEVERAL
#else
#include "elementary.h"
#endif

namespace neurofa {

template <typename T> using Whole = typename std::enable_if<std::is_integral<T>::value, double>::type;
#define NEUROFA_BOTH(name, of, of_float) \
    inline double name(double x) { return of(x); } \
    inline float name(float x) { return of_float(x); } \
    template <typename T> inline Whole<T> name(T x) { return name(double(x)); }
#if defined(NEUROFA_COMPILED_ONCE)
NEUROFA_BOTH(exp, ::neurofa_exp, ::neurofa_expf) NEUROFA_BOTH(tanh, ::neurofa_tanh, ::neurofa_tanhf)
#else
NEUROFA_BOTH(exp, exp_of, exp_of) NEUROFA_BOTH(tanh, tanh_of, tanh_of)
#endif
NEUROFA_BOTH(log, ::log, ::logf) NEUROFA_BOTH(sin, ::sin, ::sinf) NEUROFA_BOTH(cos, ::cos, ::cosf) NEUROFA_BOTH(sqrt, ::sqrt, ::sqrtf)
#undef NEUROFA_BOTH

}  // namespace neurofa
