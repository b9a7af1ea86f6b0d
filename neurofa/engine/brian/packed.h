// Products with weights that stand still, as they do while a phase runs: packed once, in the order in which they are read. The memory is
// panels of a few vectors of units, each (pre + 1, units of a panel), the last row the bias. Compiled once, for all circuits (packed.cpp).
#pragma once
#include <cstdint>

namespace neurofa {

// How much memory the packed weights take. Those who call this may be compiled for another processor than these functions are.
template <typename T> int64_t packed_elements(int64_t post, int64_t pre);

// w is (post, pre) or, transposed, (pre, post); the bias may be null.
template <typename T> void pack(bool transposed, int64_t post, int64_t pre, const T* w, const T* bias, T* packed);

// target[k, j] = bias[j] + sum_i signal[k, i] w[j, i].
template <typename T>
void packed_product(int trials, int64_t post, int64_t pre, const T* signal, const T* packed, T* target);

}  // namespace neurofa
