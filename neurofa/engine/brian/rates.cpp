#include "rates.h"
#include <algorithm>
#include "elementary.h"

namespace neurofa {

// y[i] = f(x[i]). What is left over after whole vectors is done as one more of them, and not one by one.
template <typename T, typename F>
static inline void several(int64_t n, const T* x, T* y, F f) {
    constexpr int width = 64 / sizeof(T);
    const int64_t whole = n / width * width;
    #pragma omp simd
    for (int64_t i = 0; i < whole; i++) y[i] = f(x[i]);
    if (whole == n) return;
    T some[width] = {};
    std::copy(x + whole, x + n, some);
    #pragma omp simd
    for (int i = 0; i < width; i++) some[i] = f(some[i]);
    std::copy(some, some + (n - whole), y + whole);
}

template <typename T>
void rates(int64_t n, const T* x, T* first, T* second) {
    several(n, x, first, [](T one) { return tanh_of(one); });
    if (second) std::copy(first, first + n, second);
}

template <typename T>
void softmax(int first, int last, int64_t units, const T* x, T* p) {
    for (int trial = first; trial < last; trial++) {
        const int64_t begin = trial * units, end = begin + units;
        T largest = x[begin];
        for (int64_t j = begin + 1; j < end; j++) largest = x[j] > largest ? x[j] : largest;
        for (int64_t j = begin; j < end; j++) p[j] = x[j] - largest;
    }
    T* all = p + first * units;
    several((last - first) * units, all, all, [](T one) { return exp_of(one); });
    for (int trial = first; trial < last; trial++) {
        const int64_t begin = trial * units, end = begin + units;
        T sum = p[begin];
        for (int64_t j = begin + 1; j < end; j++) sum += p[j];
        const T inverse = T(1) / sum;
        for (int64_t j = begin; j < end; j++) p[j] *= inverse;
    }
}

template void rates(int64_t, const Real*, Real*, Real*);
template void softmax(int, int, int64_t, const Real*, Real*);

}  // namespace neurofa
