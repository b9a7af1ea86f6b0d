// Functions of a rule's text whose values are real numbers, of whatever they are given: no whole number is cut to 32 bits, and none is
// divided by zero. They do as NumPy's do: NaN stays NaN, clip(x, low, high) is high where low > high.
// `Real` is the precision of the circuit.
#pragma once
#include <cmath>
#include <type_traits>

namespace neurofa {
template <typename X> using As = typename std::conditional<std::is_floating_point<X>::value, X, Real>::type;

template <typename X> inline As<X> whole(X x) { return std::trunc(As<X>(x)); }
template <typename X> inline As<X> floor(X x) { return std::floor(As<X>(x)); }
template <typename X> inline As<X> ceil(X x) { return std::ceil(As<X>(x)); }

template <typename X> inline As<X> sign(X x) {
    typedef As<X> T;
    return x > X(0) ? T(1) : x < X(0) ? T(-1) : T(x);
}

template <typename X, typename L, typename H> inline typename std::common_type<As<X>, As<L>, As<H>>::type clip(X x, L low, H high) {
    typedef typename std::common_type<As<X>, As<L>, As<H>>::type T;
    const T l = low, h = high;
    T y = x;
    y = y < l || l != l ? l : y;
    return y > h || h != h ? h : y;
}

// (exp(x) - 1) / x, which is 1 at 0.
template <typename X> inline As<X> exprel(X x) {
    const As<X> a = x, b = std::expm1(a);
    return a == As<X>(0) ? As<X>(1) : std::isinf(b) ? b : b / a;
}

// What is left of x after whole multiples of y, with the sign of y. Exact: x - y*floor(x/y) would round to all of y, or to nothing.
template <typename X, typename Y> inline typename std::common_type<As<X>, As<Y>>::type mod(X x, Y y) {
    typedef typename std::common_type<As<X>, As<Y>>::type T;
    const T a = x, b = y, r = std::fmod(a, b);
    return r != T(0) ? ((r < T(0)) != (b < T(0)) ? r + b : r) : std::copysign(r, b);
}
}  // namespace neurofa
