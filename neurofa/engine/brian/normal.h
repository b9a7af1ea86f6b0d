// Standard normal numbers, many at a time and the same for any number of threads: each is a function of (seed, stream, time
// step, trial, unit). Philox4x32-7 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; seven
// rounds are the fewest that pass the authors' tests) and the Box-Muller transform. Compiled once, for all circuits (normal.cpp).
#pragma once
#include <cstdint>

namespace neurofa {

// For the trials [first, last) of `out`, (trials, units); `keys` are what they are known as, by default their places among those in parallel.
template <typename T>
void normals(int first, int last, int units, T* out, uint64_t seed, uint32_t stream, uint64_t now, const uint32_t* keys);

// One number per trial, the same for all its units.
template <typename T>
void shared_normals(int first, int last, int units, T* out, uint64_t seed, uint32_t stream, uint64_t now, const uint32_t* keys);

}  // namespace neurofa
