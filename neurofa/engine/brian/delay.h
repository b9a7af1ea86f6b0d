// A delayed signal: a ring of time steps, (slots, trials, units), that lies in memory of the caller.
#pragma once
#include <cstdint>

namespace neurofa {

struct Line { void* ring; int64_t slots, whole; double part; int64_t before; };     // steps that were made before the phase

// Takes in the signal of `step` for the trials [first, last), and gives what was sent `whole + part` steps before.
template <typename T>
inline void delay(int first, int last, int trials, int units, const T* signal, T* delayed, const Line& line, int64_t step) {
    const size_t row = (size_t)trials * units, begin = (size_t)first * units, end = (size_t)last * units;
    T* ring = (T*)line.ring;
    T* in = ring + (step % line.slots) * row;
    const T* now = ring + ((step - line.whole + line.slots) % line.slots) * row;
    const T* before = ring + ((step - line.whole - 1 + line.slots) % line.slots) * row;
    const T part = (T)line.part;
    for (size_t i = begin; i < end; i++) in[i] = signal[i];
    if (part == 0) for (size_t i = begin; i < end; i++) delayed[i] = now[i];
    else for (size_t i = begin; i < end; i++) delayed[i] = (1 - part) * now[i] + part * before[i];
}

}  // namespace neurofa
