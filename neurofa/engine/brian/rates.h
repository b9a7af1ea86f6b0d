// Rates of many units in one call: compiled once, for all circuits (rates.cpp).
#pragma once
#include <cstdint>

namespace neurofa {

// first[i] = tanh(x[i]), and the same in `second`, unless that is null.
template <typename T> void rates(int64_t n, const T* x, T* first, T* second);

// p = softmax of x over the units of each of the trials [first, last).
template <typename T> void softmax(int first, int last, int64_t units, const T* x, T* p);

}  // namespace neurofa
