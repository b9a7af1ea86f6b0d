// What the input does, and what the output should do, frame after frame while a phase runs.
#pragma once
#include <algorithm>
#include <cstdint>

namespace neurofa {

// Which frame is shown in a step, whether that is the first of its steps, and how much of it is over as the step begins.
struct Now { int64_t frame; bool begins; double gone; };

inline Now now_at(int64_t step, int64_t steps, int64_t n) {
    const int64_t frame = std::min((step - 1) / steps, n - 1), before = step - 1 - frame * steps;
    return {frame, before == 0, frame == n - 1 ? 0.0 : (double)before / (double)steps};
}

// Makes the rows of trials [first, last) in `into`, (trials, units), what `frames`, (trials, n, units), show now. Returns whether they
// may be others than in the step before; `anew`: whatever they were. `moves`, (n,), says which frames differ from the one before.
template <typename Real>
inline bool show(const Real* frames, const uint8_t* moves, int64_t n, int64_t units, bool linear, const Now& now, bool anew,
                 int first, int last, Real* into) {
    const bool between = linear && now.frame + 1 < n && moves[now.frame + 1];
    if (!(anew || between || (now.begins && moves[now.frame]))) return false;
    for (int64_t k = first; k < last; k++) {
        const Real* from = frames + (k * n + now.frame) * units;
        Real* to = into + k * units;
        if (between && now.gone > 0)
            for (int64_t i = 0; i < units; i++) to[i] = from[i] + Real(now.gone) * (from[units + i] - from[i]);
        else
            std::copy_n(from, units, to);
    }
    return true;
}

}  // namespace neurofa
