#include "rates.h"
#include <algorithm>
#include "elementary.h"

namespace neurofa {

template <typename T>
void rates(int64_t n, const T* __restrict x, T* __restrict first, T* second) {
    #pragma omp simd
    for (int64_t i = 0; i < n; i++) first[i] = tanh_of(x[i]);
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
    #pragma omp simd
    for (int64_t j = first * units; j < last * units; j++) p[j] = exp_of(p[j]);
    for (int trial = first; trial < last; trial++) {
        const int64_t begin = trial * units, end = begin + units;
        T sum = p[begin];
        for (int64_t j = begin + 1; j < end; j++) sum += p[j];
        for (int64_t j = begin; j < end; j++) p[j] /= sum;
    }
}

template void rates(int64_t, const double*, double*, double*);
template void rates(int64_t, const float*, float*, float*);
template void softmax(int, int, int64_t, const double*, double*);
template void softmax(int, int, int64_t, const float*, float*);

}  // namespace neurofa
