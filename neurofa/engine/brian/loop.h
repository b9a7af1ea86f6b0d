// Updates that nobody looks between: batches are gathered, presented and learned from until one of them needs Python. Python then
// goes on with the phase that has just run, nothing of which was judged or learned, and says what there is to say.
#pragma once
#include <cstring>
#include <limits>
#include "teach.h"

namespace neurofa {

template <typename T, typename F>
inline void gathered(const Data& data, int64_t width, const int64_t* rows, int n, Real* to, F number) {
    for (int k = 0; k < n; k++) {
        const T* from = (const T*)data.values + rows[k] * width;
        for (int64_t i = 0; i < width; i++) to[k * width + i] = number(from[i]);
    }
}

inline void gather(const Data& data, int64_t width, const int64_t* rows, int n, Real* to) {
    if (data.type == DOUBLE) gathered<double>(data, width, rows, n, to, [](double x) { return (Real)x; });
    if (data.type == FLOAT) gathered<float>(data, width, rows, n, to, [](float x) { return (Real)x; });
    if (data.type == BYTE) gathered<uint8_t>(data, width, rows, n, to, [&](uint8_t x) { return data.table[x]; });
}

inline void set(const Setting* settings, int n) {
    for (int i = 0; i < n; i++) *settings[i].where = (Real)settings[i].value;
}

// Per trial: the residual below which there is only rounding of states as large as they are.
inline void rounding(const Loop& l, int trials) {
    for (int k = 0; k < trials; k++) {
        Real size = 1;
        for (int i = 0; i < l.n_states; i++) {
            const Real* values = l.states[i].values + k * l.states[i].units;
            #pragma omp simd reduction(max:size)
            for (int64_t j = 0; j < l.states[i].units; j++) size = std::abs(values[j]) > size ? std::abs(values[j]) : size;
        }
        l.floor[k] = 64.0 * std::numeric_limits<Real>::epsilon() * size;
    }
}

inline bool silent(const Loop& l, int trials) {
    for (int i = 0; i < l.n_hidden; i++) {
        const Real* rates = l.hidden[i].values;
        const int64_t n = l.hidden[i].units * trials;
        int64_t k = 0;
        while (k < n && rates[k] == 0) k++;
        if (k == n) return true;
    }
    return false;
}

// Which of n frames of some trials, (trials, n, width), differ from the one before, in any of them.
inline void find_moves(const Real* frames, int trials, int64_t n, int64_t width, uint8_t* moves) {
    std::fill_n(moves, n, 0);
    if (frames) for (int64_t k = 0; k < trials; k++)
        for (int64_t i = 1; i < n; i++) {
            const Real* now = frames + (k * n + i) * width;
            if (!moves[i] && !std::equal(now, now + width, now - width)) moves[i] = 1;
        }
}

// Input and target are as they are first; frames begin anew.
inline void rewind(const Frames* f, int trials) {
    if (!f) return;
    for (int64_t k = 0; k < trials; k++) {
        if (f->x) std::copy_n(f->x + k * f->n * f->n_in, f->n_in, f->input + k * f->n_in);
        if (f->y) std::copy_n(f->y + k * f->n * f->n_out, f->n_out, f->target + k * f->n_out);
    }
}

// Rest, and the batch that is presented next.
inline void begin(Loop& l, const int64_t* rows, int trials) {
    clear(l.passing, l.n_passing);
    for (int i = 0; i < l.n_refresh; i++) l.call(l.circuit, l.refresh[i], l.trials, 1);
    for (int i = 0; i < l.n_lines; i++)     // what is delayed has always been what it is now
        for (int64_t slot = 0; slot < l.lines[i].slots; slot++) std::copy_n(l.lines[i].signal, l.lines[i].size, l.lines[i].ring + slot * l.lines[i].size);
    l.sent = 0;
    gather(l.x, l.n_in, rows, trials, l.input);
    if (l.y.values) gather(l.y, l.n_out, rows, trials, l.target);
    for (int i = 0; i < l.n_stages; i++) {
        Frames* f = l.stages[i].frames;
        if (!f) continue;
        find_moves(f->x, trials, f->n, f->n_in, f->x_moves);
        find_moves(f->y, trials, f->n, f->n_out, f->y_moves);
    }
}

// Whether nine in ten trials took more steps than these: the quantile as NumPy has it.
inline bool late(const Job& job, double most) {
    if (most < 0) return false;
    std::vector<int64_t> after(job.settled_at, job.settled_at + job.trials);
    for (int64_t& steps : after) if (steps < 0) steps = job.done;
    std::sort(after.begin(), after.end());
    const double place = 0.9 * (job.trials - 1);
    const size_t k = (size_t)place;
    const double more = k + 1 < after.size() ? (place - k) * (after[k + 1] - after[k]) : 0;
    return after[k] + more > most * (1 - 1e-9);
}

// The step after which a phase is looked at next: because something is learned then, or because the input will be another.
inline int64_t next_look(const Stage& s, int64_t done) {
    int64_t next = s.job.steps;
    for (int i = 0; i < s.n_paces; i++) next = std::min(next, (done / s.paces[i].every + 1) * s.paces[i].every);
    const Frames* f = s.gathers ? s.frames : nullptr;
    if (!f || !f->x) return next;
    for (int64_t frame = done / f->steps + 1; frame < f->n; frame++) {
        if (!f->x_moves[frame]) continue;
        const int64_t first = (frame - 1) * f->steps + 1;     // in a straight line, every step sees another
        return std::min(next, f->linear ? std::max(first, done + 1) : frame * f->steps);
    }
    return next;
}

// Whether the step after `done` begins with another input.
inline bool turns(const Stage& s, int64_t done) {
    const Frames* f = s.gathers ? s.frames : nullptr;
    if (!f || !f->x) return false;
    const int64_t frame = f->linear ? (done - 1) / f->steps + 1 : done / f->steps;
    return frame < f->n && f->x_moves[frame] && (f->linear || done % f->steps == 0);
}

// Runs the steps of a phase, and learns what is learned in between. Returns whether all of that was finite.
inline bool in_pieces(Loop& l, const Stage& s, int trials) {
    Job& job = l.job;
    for (;;) {
        job.steps = next_look(s, job.done);
        l.run(l.circuit, &job);
        if (job.done >= s.job.steps || job.settled || job.diverged || job.interrupted) return true;
        if (turns(s, job.done) && gather(*s.lesson, trials, job.threads)) return false;
        bool moved = false;
        for (int i = 0; i < s.n_paces; i++) {
            Pace& pace = s.paces[i];
            if (job.done % pace.every) continue;
            if (learn(*pace.lesson, trials, nullptr, job.threads)) return false;
            for (int k = 0; k < pace.lesson->n_plastic; k++) clear(pace.lesson->plastic[k].sums, pace.lesson->plastic[k].n_sums);
            pace.times++;
            l.paced[l.done]++;
            moved = true;
        }
        if (moved && !(s.frames && s.frames->x)) for (int i = 0; i < s.n_once; i++) l.call(l.circuit, s.once[i], trials, job.threads);
    }
}

// Runs one phase. Returns whether it ended as it should.
inline bool run(Loop& l, const Stage& s, int trials, bool held) {
    l.dt[0] = s.dt;
    if (s.most_steps >= 0)
        for (int i = 0; i < l.n_states; i++)
            std::copy_n(l.states[i].values, std::min(trials, l.first_trials) * l.states[i].units, l.states[i].begun);
    set(s.gates, s.n_gates);
    rewind(s.frames, trials);
    clear(l.summed, l.n_summed);
    for (int i = 0; i < l.n_residuals; i++)
        std::fill_n((Real*)l.residuals[i].where, l.residuals[i].bytes / sizeof(Real), std::numeric_limits<Real>::quiet_NaN());
    for (int i = 0; i < s.n_starts; i++) l.call(l.circuit, s.starts[i], trials, 1);
    set(s.taus, s.n_taus);
    if (s.frames)
        std::fill_n(s.frames->answers, trials * s.frames->n * s.frames->n_out, std::numeric_limits<Real>::quiet_NaN());
    Job& job = l.job = s.job;
    job.trials = trials;
    if (!(held || (s.frames && s.frames->x))) for (int i = 0; i < s.n_once; i++) l.call(l.circuit, s.once[i], trials, job.threads);
    clear(s.silent, s.n_silent);
    std::fill_n(job.settled_at, trials, int64_t(-1));
    if (job.largest) {
        std::fill_n(job.largest, trials, 0.0);
        rounding(l, trials);
    }
    const int64_t drawn = l.drawn(l.circuit);
    for (int i = 0; i < l.n_lines; i++)
        l.delay(l.circuit, i, l.lines[i].ring, l.lines[i].slots, l.lines[i].whole, l.lines[i].part, l.sent);
    bool learned = true;
    if (s.gathers || s.n_paces) learned = in_pieces(l, s, trials);
    else l.run(l.circuit, &job);
    l.sent += job.done;
    set(s.own, s.n_taus);
    l.read(l.circuit, trials);
    l.overflowed = l.overflow(l.circuit, trials);
    if (!s.noisy) l.noise(l.circuit, l.seed, drawn);    // however long it took to settle, noise goes on where it was
    bool fine = learned && !job.diverged && !job.interrupted && l.overflowed < 0 && !late(job, s.most_steps);
    for (int k = 0; k < trials; k++) {
        if (job.done - job.settled_at[k] < job.quiet) job.settled_at[k] = -1;
        fine = fine && (job.tolerance < 0 || job.settled_at[k] >= 0);
    }
    return fine;
}

// Returns 0 when all updates are made, 1 where Python must go on with the stage `l.stage` of the update `l.done`.
inline int loop(Loop& l) {
    const Flush flush;
    for (; l.done < l.updates; l.done++) {
        const int64_t first = l.done ? l.ends[l.done - 1] : 0;
        const int trials = (int)(l.ends[l.done] - first);
        begin(l, l.rows + first, trials);
        bool unchanged = false;
        for (l.stage = 0; l.stage < l.n_stages; l.stage++) {
            const Stage& s = l.stages[l.stage];
            const bool fine = run(l, s, trials, unchanged && s.holds);
            unchanged = true;
            l.steps[l.done] += l.job.done;
            if (l.stage == 0) std::copy_n(l.answer, trials * l.answer_size, l.answers + first * l.answer_size);
            if (!fine || (s.looks && silent(l, trials))) return 1;
            if (!s.lesson) continue;
            if (learn(*s.lesson, trials, nullptr, s.job.threads)) return 1;
            unchanged = false;
        }
    }
    return 0;
}

}  // namespace neurofa
