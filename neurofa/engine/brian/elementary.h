// tanh and exp in plain C++, for every compiler and processor. They are within 1 ulp of the true value in both precisions (within 2 where
// a processor has no fused multiply-add): x is reduced by whole multiples n of ln 2, so that exp(x) = 2^n exp(r), |r| <= ln(2)/2, and
// exp(r) is Taylor's series, whose remainder is below the precision.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

// The bits of a number as those of another type. GCC makes no vector version of a function that goes through memcpy.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define NEUROFA_BITS(To, value) __builtin_bit_cast(To, value)
#else
#define NEUROFA_BITS(To, value) neurofa::bits_of<To>(value)
#endif

namespace neurofa {

template <typename To, typename From> inline To bits_of(From value) {
    To same;
    std::memcpy(&same, &value, sizeof same);
    return same;
}

template <typename T> struct Number;

template <> struct Number<double> {
    typedef uint64_t Bits;
    static constexpr double round = 0x1.8p52;    // added and subtracted: to the nearest whole number
    static constexpr int digits = 52, bias = 1023;
    static constexpr double log2_e = 0x1.71547652b82fep0, ln2 = 0x1.62e42fefap-1, ln2_rest = 0x1.cf79abc9e3b3ap-40;
    static constexpr double least = -746, most = 710, flat = 44;      // exp is 0 below, infinite above; tanh is 1 above half of it

    // (exp(r) - 1 - r) / r^2
    static inline double tail(double r) {
        const double r2 = r * r, r4 = r2 * r2;
        const double a = 1 / 2. + r * (1 / 6.), b = 1 / 24. + r * (1 / 120.), c = 1 / 720. + r * (1 / 5040.);
        const double d = 1 / 40320. + r * (1 / 362880.), e = 1 / 3628800. + r * (1 / 39916800.), f = 1 / 479001600. + r * (1 / 6227020800.);
        return (a + r2 * b) + r4 * ((c + r2 * d) + r4 * (e + r2 * f));
    }
};

template <> struct Number<float> {
    typedef uint32_t Bits;
    static constexpr float round = 0x1.8p23f;
    static constexpr int digits = 23, bias = 127;
    static constexpr float log2_e = 0x1.715476p0f, ln2 = 0x1.62e4p-1f, ln2_rest = 0x1.7f7d1cp-20f;
    static constexpr float least = -105, most = 89, flat = 20;

    static inline float tail(float r) {
        const float r2 = r * r;
        const float a = 1 / 2.f + r * (1 / 6.f), b = 1 / 24.f + r * (1 / 120.f), c = 1 / 720.f + r * (1 / 5040.f);
        return a + r2 * (b + r2 * c);
    }
};

template <typename T> inline T nearest(T x) { return (x + Number<T>::round) - Number<T>::round; }

// 2^n, for whole numbers n of the normal range.
template <typename T> inline T two_to(T n) {
    typedef typename Number<T>::Bits Bits;
    const T shifted = n + Number<T>::round;
    const Bits bits = (NEUROFA_BITS(Bits, shifted) + Bits(Number<T>::bias)) << Number<T>::digits;
    return NEUROFA_BITS(T, bits);
}

template <typename T> inline T exp_of(T x) {
    typedef Number<T> N;
    T y = x > N::most ? N::most : x;    // NaN stays NaN
    y = y < N::least ? N::least : y;
    const T n = nearest(y * N::log2_e), half = nearest(n * T(0.5));
    const T a = y - n * N::ln2, b = n * N::ln2_rest, r = a - b;
    return (T(1) + (r + (r * r * N::tail(r) + ((a - r) - b)))) * two_to(half) * two_to(n - half);
}

// e / (e + 2) with e = exp(2 |x|) - 1; of every sum, what rounding took away comes back in the end.
template <typename T> inline T tanh_of(T x) {
    typedef Number<T> N;
    T y = T(2) * std::fabs(x);
    y = y > N::flat ? N::flat : y;
    const T n = nearest(y * N::log2_e), scale = two_to(n);
    const T a = y - n * N::ln2, b = n * N::ln2_rest, r = a - b;
    const T tail = r * r * N::tail(r), q = r + tail, q_rest = ((r - q) + tail) + ((a - r) - b);
    const T whole = scale - T(1), part = scale * q;
    const T e = whole + part, e_rest = ((whole - e) + part) + scale * q_rest;
    const T d = e + T(2), d_rest = ((T(2) - d) + e) + e_rest, inverse = T(1) / d, t = e * inverse;
    return std::copysign(t + ((e - t * d) + (e_rest - t * d_rest)) * inverse, x);
}

}  // namespace neurofa
