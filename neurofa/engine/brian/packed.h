// Products with weights that stand still, as they do while a phase runs: packed once, in the order in which they are read. The memory is
// panels of a few vectors of units, each (pre + 1, units of a panel), the last row the bias. Compiled once, for all circuits (packed.cpp).
#pragma once
#include <cstdint>

namespace neurofa {

#if defined(__AVX512F__)
const int vector_bytes = 64, trials_at_once = 8;
#elif defined(__AVX__)
const int vector_bytes = 32, trials_at_once = 6;
#else
const int vector_bytes = 16, trials_at_once = 4;
#endif
const int vectors_of_a_panel = 2;

template <typename T> constexpr int64_t panel() { return vectors_of_a_panel * vector_bytes / sizeof(T); }
template <typename T> inline int64_t packed_elements(int64_t post, int64_t pre) { return (post + panel<T>() - 1) / panel<T>() * panel<T>() * (pre + 1); }

// w is (post, pre) or, transposed, (pre, post); the bias may be null.
template <typename T> void pack(bool transposed, int64_t post, int64_t pre, const T* w, const T* bias, T* packed);

// target[k, j] = bias[j] + sum_i signal[k, i] w[j, i].
template <typename T>
void packed_product(int trials, int64_t post, int64_t pre, const T* signal, const T* packed, T* target);

}  // namespace neurofa
