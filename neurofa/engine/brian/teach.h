// What synapses learn when a phase has ended: the terms of plasticity lines, the optimiser's text, and what keeps weights as their
// pathways say. `Real` is the precision of the circuit; every matrix is row-major, (post, pre) or (trials, units).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>
#include "denormals.h"
#include "product.h"

namespace neurofa {

// f(first, last) for all of n rows, shared by threads.
template <typename F>
inline void shared(int64_t n, int threads, F f) {
    threads = (int)std::min<int64_t>(threads, n);
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const Flush flush;
        const int64_t id = omp_get_thread_num(), team = omp_get_num_threads();
        f(n * id / team, n * (id + 1) / team);
    }
}

inline Real power(Real w, int n) {
    Real result = w;
    for (; n > 1; n--) result *= w;
    return result;
}

// The rows of `from` in which trials teach, one after the other.
inline void taught(const uint8_t* unsettled, int trials, int64_t units, const Real* from, Real* to) {
    for (int k = 0; k < trials; k++)
        if (!unsettled[k]) to = std::copy(from + k * units, from + (k + 1) * units, to);
}

inline Real square(const Real* values, int64_t n) {
    Real sum = 0;
    #pragma omp simd reduction(+:sum)
    for (int64_t i = 0; i < n; i++) sum += values[i] * values[i];
    return sum;
}

// Whether the square of a change is a finite number, as a moment of it would be.
inline bool finite(const Real* change, int64_t n) { return std::isfinite(square(change, n)); }

// The factors of a term, of the trials that teach.
struct Factors { const Real* post; const Real* pre; int trials; };

inline Factors factors(const Plastic& p, const Term& term, int trials, const uint8_t* unsettled, int teaching, Real* scratch) {
    if (!unsettled || term.kind != AFTER) return {term.post, term.pre, trials};
    Real* pre = scratch + (size_t)teaching * p.n_post;
    taught(unsettled, trials, p.n_post, term.post, scratch);
    if (p.w) taught(unsettled, trials, p.n_pre, term.pre, pre);
    return {scratch, pre, teaching};
}

// What one term of a line asks for of the weights: on top of what is in `into`, or, if it is the `first`, in its place.
inline void ask_weights(const Plastic& p, const Term& term, const Factors& f, bool first, Real* into, int threads) {
    const Real scale = Real(1.0 / f.trials);
    shared(p.n_post, threads, [&](int64_t from, int64_t to) {
        const int64_t begin = from * p.n_pre, end = to * p.n_pre;
        const bool alone = !term.power && !term.beside, fresh = first || !alone;
        Real* product = alone ? into : p.product;
        if (term.kind == DURING) {
            #pragma omp simd
            for (int64_t i = begin; i < end; i++) product[i] = scale * f.pre[i] + (fresh ? Real(0) : product[i]);
        } else
            accumulate((int)from, (int)to, f.trials, (int)p.n_post, (int)p.n_pre, 1.0 / f.trials, f.post, f.pre, product, fresh ? 0 : 1);
        if (alone) return;
        for (int64_t i = begin; i < end; i++) {
            const Real factor = (term.power ? power(p.w[i], term.power) : Real(1)) * (term.beside ? term.beside[i] : Real(1));
            into[i] = product[i] * factor + (first ? Real(0) : into[i]);
        }
    });
}

inline void ask_biases(const Plastic& p, const Term& term, const Factors& f, bool first) {
    if (first) std::fill(p.dbias, p.dbias + p.n_post, Real(0));
    if (term.beside) return;        // a bias has no synapse beside it
    for (int64_t j = 0; j < p.n_post; j++) {
        Real sum = 0;
        for (int k = 0; k < f.trials; k++) sum += f.post[(size_t)k * p.n_post + j];
        sum *= Real(1.0 / f.trials) * term.constant;
        p.dbias[j] += term.power ? sum * power(p.bias[j], term.power) : sum;
    }
}

// What the terms of `w` alone ask for.
inline void decay(const Plastic& p, const Real* w, int64_t n, Real* into) {
    std::fill(into, into + n, Real(0));
    for (int t = 0; t < p.n_terms; t++) {
        const Term& term = p.terms[t];
        if (term.kind != DECAY) continue;
        const Real rate = term.post ? *term.post : Real(term.constant);
        for (int64_t i = 0; i < n; i++) into[i] += term.power ? rate * power(w[i], term.power) : rate;
    }
}

// A product is no larger than its factors' together: where these say that its square is a finite number, nobody has to look at it.
inline bool bounded(const Plastic& p, const Factors& f) {
    const Real sizes = square(f.post, f.trials * p.n_post) * square(f.pre, f.trials * p.n_pre);
    return sizes < std::numeric_limits<Real>::max() / 4;
}

inline void clear(const Block* blocks, int n) {
    for (int i = 0; i < n; i++) std::memset(blocks[i].where, 0, blocks[i].bytes);
}

// What a line asks for so far, in the order of `kept`: each an array and how many elements it has.
struct Asked { Real* values; int64_t n; };

inline void asked(const Plastic& p, Asked* into) {
    const int64_t n = p.w ? p.n_post * p.n_pre : 0, units = p.bias ? p.n_post : 0;
    into[0] = {p.dw, p.asks ? n : 0};
    into[1] = {p.dbias, p.asks ? units : 0};
    into[2] = {p.decay, p.decays ? n : 0};
    into[3] = {p.bias_decay, p.decays ? units : 0};
}

// Returns 0, or 1 where the change of the weights is no finite number, 2 for that of the biases. What was gathered before belongs to
// it; `whole`: it must be there when this is over.
inline int change(const Plastic& p, int trials, const uint8_t* unsettled, int teaching, Real* scratch, int threads,
                  bool whole = false) {
    const int64_t n = p.w ? p.n_post * p.n_pre : 0, units = p.bias ? p.n_post : 0;
    const bool pieces = p.pieces && p.pieces[0], direct = p.direct && !pieces && !whole;
    bool first = true, sure = !pieces;
    for (int t = 0; t < p.n_terms; t++) {
        const Term& term = p.terms[t];
        if (term.kind == DECAY) continue;
        const Factors f = factors(p, term, trials, unsettled, teaching, scratch);
        sure = sure && n && term.kind != DURING && !term.power && !term.beside && p.n_terms == 1 && bounded(p, f);
        if (n && !(direct && sure && !unsettled)) ask_weights(p, term, f, first, p.dw, threads);
        if (units) ask_biases(p, term, f, first);
        first = false;
    }
    if (p.decays) {
        decay(p, p.w, n, p.decay);
        decay(p, p.bias, units, p.bias_decay);
    }
    Asked all[4];
    asked(p, all);
    for (int a = 0; pieces && a < 4; a++)
        for (int64_t i = 0; i < all[a].n; i++) all[a].values[i] += p.kept[a][i];
    p.made[0] = !(direct && sure && !unsettled);
    if (p.asks && n && !sure && !finite(p.dw, n)) return 1;
    if (p.asks && !finite(p.dbias, units)) return 2;
    if (!p.decays) return 0;
    return !finite(p.decay, n) ? 1 : !finite(p.bias_decay, units) ? 2 : 0;
}

inline void apply(const Plastic& p, int trials, int threads) {
    p.values[0] += 1;   // updates so far
    if (p.pieces) p.pieces[0] = 0;
    const double eta = p.values[1];
    if (p.w && !p.made[0]) {    // w = w + dw: the product may as well be made in its place
        if (eta != 0) ask_weights(p, p.terms[0], {p.terms[0].post, p.terms[0].pre, trials}, false, p.w, threads);
    } else if (p.w) shared(p.n_post, threads, [&](int64_t first, int64_t last) {
        first *= p.n_pre;
        last *= p.n_pre;
        if (p.cut)      // nor do moments grow there
            for (int64_t i = first; i < last; i++) if (p.cut[i]) p.dw[i] = 0;
        if (p.weight_decay)
            for (int64_t i = first; i < last; i++) p.w[i] *= Real(1 - eta * p.weight_decay);
        if (p.asks && eta != 0) p.update(p.of_w, p.dw, p.values, first, last);
        if (p.decays) for (int64_t i = first; i < last; i++) p.w[i] += p.decay[i];
    });
    if (!p.bias) return;
    if (p.asks && eta != 0) p.update(p.of_bias, p.dbias, p.values, 0, p.n_post);
    if (p.decays) for (int64_t j = 0; j < p.n_post; j++) p.bias[j] += p.bias_decay[j];
}

inline void keep(const Keep& k) {
    const int64_t n = k.n_post * k.n_pre;
    const uint8_t* exists = (const uint8_t*)k.structure;
    const Real* signs = (const Real*)k.structure;
    if (k.kind == EXISTING) for (int64_t i = 0; i < n; i++) k.w[i] = exists[i] ? k.w[i] : Real(0);
    if (k.kind == MISSING) for (int64_t i = 0; i < n; i++) k.w[i] = exists[i] ? Real(0) : k.w[i];
    if (k.kind == SIGNS) for (int64_t i = 0; i < n; i++) k.w[i] = std::max(k.w[i] * signs[i], Real(0)) * signs[i];
}

inline void evaluate(const Lesson& l, int trials) {
    for (int i = 0; i < l.n_factors; i++) {
        const Factor& f = l.factors[i];
        f.code(f.in, f.values, trials * f.units, f.out);
    }
}

// Tells apart what was integrated while presynaptic cells sent what they send now: they will send something else. Returns as `learn`.
inline int gather(const Lesson& l, int trials, int threads) {
    const Flush flush;
    evaluate(l, trials);
    for (int i = 0; i < l.n_plastic; i++) {
        const Plastic& p = l.plastic[i];
        if (!p.gathers) continue;
        if (const int bad = change(p, trials, nullptr, trials, l.scratch, threads, true)) return 2 * i + bad;
        Asked all[4];
        asked(p, all);
        for (int a = 0; a < 4; a++) std::copy_n(all[a].values, all[a].n, p.kept[a]);
        p.pieces[0]++;
        clear(p.sums, p.n_sums);
    }
    return 0;
}

// All that is plastic after a phase learns, from the same state of circuit and weights. Returns 0; or, if a change is no finite number
// and nothing was made, whose: 2 * its place + 1, and 1 more for the biases. `unsettled` (trials,) teach nothing, or null.
inline int learn(const Lesson& l, int trials, const uint8_t* unsettled, int threads) {
    const Flush flush;
    int teaching = trials;
    if (unsettled) {
        teaching = (int)std::count(unsettled, unsettled + trials, 0);
        if (teaching == trials) unsettled = nullptr;
    }
    if (l.size * (int64_t)trials < 200000) threads = 1;    // sharing would take longer
    evaluate(l, trials);
    for (int i = 0; i < l.n_plastic; i++)
        if (const int bad = change(l.plastic[i], trials, unsettled, teaching, l.scratch, threads)) return 2 * i + bad;
    for (int i = 0; i < l.n_plastic; i++) apply(l.plastic[i], trials, threads);
    for (int i = 0; i < l.n_keeps; i++) keep(l.keeps[i]);
    return 0;
}

}  // namespace neurofa
