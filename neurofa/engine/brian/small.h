// Products with matrices that are small: what a library's call and its packing cost would be most of it. While a phase runs its weights
// do not change, so they are packed once: (pre + 1, post), the rows filled up to whole vectors, the last one the bias. Compiled once, for
// all circuits (small.cpp).
#pragma once
#include <cstdint>

namespace neurofa {

#if defined(__AVX512F__)
const int vector_bytes = 64, trials_at_once = 8;
#elif defined(__AVX__)
const int vector_bytes = 32, trials_at_once = 4;
#else
const int vector_bytes = 16, trials_at_once = 4;
#endif
const int small_elements = 8192;

template <typename T> inline int64_t padded(int64_t post) {
    const int64_t width = vector_bytes / sizeof(T);
    return (post + width - 1) / width * width;
}

// w is (post, pre) or, transposed, (pre, post); the bias may be null.
template <typename T> void pack(bool transposed, int64_t post, int64_t pre, const T* w, const T* bias, T* packed);

// target[k, j] = bias[j] + sum_i signal[k, i] w[j, i].
template <typename T>
void small_product(int trials, int64_t post, int64_t pre, const T* signal, const T* packed, T* target);

}  // namespace neurofa
