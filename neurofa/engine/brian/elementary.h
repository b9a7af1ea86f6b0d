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
        const double r2 = r * r;
        const double odd = 1 / 6. + r2 * (1 / 120. + r2 * (1 / 5040. + r2 * (1 / 362880. + r2 * (1 / 39916800. + r2 * (1 / 6227020800.)))));
        const double even = 1 / 2. + r2 * (1 / 24. + r2 * (1 / 720. + r2 * (1 / 40320. + r2 * (1 / 3628800. + r2 * (1 / 479001600.)))));
        return even + r * odd;
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

// Added to a number, it leaves the nearest whole number n in the lowest digits, where n is the exponent of 2^n.
template <typename T> constexpr T shift() { return Number<T>::round + Number<T>::bias; }

// 2^n, for whole numbers n of the normal range, of n + shift.
template <typename T> inline T power(T shifted) {
    typedef typename Number<T>::Bits Bits;
    return NEUROFA_BITS(T, Bits(NEUROFA_BITS(Bits, shifted) << Number<T>::digits));
}

template <typename T> inline T exp_of(T x) {
    typedef Number<T> N;
    T y = N::most < x ? N::most : x;    // NaN stays NaN
    y = N::least > y ? N::least : y;
    const T n = (y * N::log2_e + shift<T>()) - shift<T>(), half = n * T(0.5) + shift<T>();
    const T a = y - n * N::ln2, b = n * N::ln2_rest, r = a - b;
    return (T(1) + (r + (r * r * N::tail(r) + ((a - r) - b)))) * power(half) * power((n - (half - shift<T>())) + shift<T>());
}

// e / (e + 2) with e = exp(2 |x|) - 1; of every sum, what rounding took away comes back in the end.
template <typename T> inline T tanh_of(T x) {
    typedef Number<T> N;
    T y = T(2) * std::fabs(x);
    y = N::flat < y ? N::flat : y;
    const T shifted = y * N::log2_e + shift<T>(), n = shifted - shift<T>(), scale = power(shifted);
    const T a = y - n * N::ln2, b = n * N::ln2_rest, r = a - b;
    const T r2 = r * r, tail = N::tail(r), q = r + r2 * tail, q_rest = ((r - q) + r2 * tail) + ((a - r) - b);
    const T whole = scale - T(1), e = whole + scale * q, e_rest = ((whole - e) + scale * q) + scale * q_rest;
    const T d = e + T(2), d_rest = ((T(2) - d) + e) + e_rest, inverse = T(1) / d, t = e * inverse;
    return std::copysign(t + ((e - t * d) + (e_rest - t * d_rest)) * inverse, x);
}

}  // namespace neurofa
