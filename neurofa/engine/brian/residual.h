// How far from settled trials are: compiled once, for all circuits (residual.cpp).
#pragma once
#include <cstdint>

namespace neurofa {

// Makes `residual` (trials,) the largest of what it is and of the values of the trial's units; NaN where a value is not finite. The values
// `found` are those of units [begin, stop), counted over all trials of so many `units`.
template <typename T> void largest(int64_t begin, int64_t stop, int64_t units, const T* found, T* residual);

}  // namespace neurofa
