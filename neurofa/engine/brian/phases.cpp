// The loop over steps, called once per phase, and what is done with a network between phases: the same for all circuits, whose Kind says
// what there is to do. Compiled once for each precision, `Real`.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>
#ifdef _OPENMP
#include <omp.h>
#else
static int omp_get_thread_num() { return 0; }
static int omp_get_num_threads() { return 1; }
#endif
#include "circuit.h"
#include "denormals.h"
#include "frames.h"
#include "packed.h"

namespace neurofa {

Moment& moment() {
    static thread_local Moment here = {0, 0};
    return here;
}

static volatile std::sig_atomic_t interrupted = 0;
static void on_interrupt(int) { interrupted = 1; }

// Returns whether the weights of a synapse group that will be evaluated so many times are to be packed, into memory that is there then.
static bool pays(NeurofaCircuit* net, int i, int64_t evaluations) {
    const int small = 8192;      // where most of a library's product would be the call
    const Pack& pack = net->kind->packs[i];
    const int64_t n = packed_elements<Real>(net->units[pack.post], net->units[pack.pre]);
    if (n > small && evaluations < (net->trials < 4 ? 50 : 2)) return false;
    if (net->packed[i]) return true;
    net->packed[i] = room(n * sizeof(Real));
    return net->packed[i];       // where memory is short, the library's product needs none
}

static void record(NeurofaCircuit* net, Job* job) {
    for (int i = 0; i < net->kind->readouts.n; i++)
        if (job->read[i]) net->kind->readouts[i](net, 0, job->trials);
    for (int64_t r = 0; r < job->n_records; r++) {
        const Record& rec = job->records[r];
        char* target = rec.target + job->samples * rec.n * rec.item;
        if (!rec.index)
            std::memcpy(target, rec.source, rec.n * rec.item);
        else if (rec.item == 8)
            for (int64_t k = 0; k < rec.n; k++) ((double*)target)[k] = ((const double*)rec.source)[rec.index[k]];
        else
            for (int64_t k = 0; k < rec.n; k++) ((float*)target)[k] = ((const float*)rec.source)[rec.index[k]];
    }
    job->samples++;
}

// Returns whether the phase is over.
static bool judge(NeurofaCircuit* net, Job* job) {
    const int64_t changed = job->frames ? std::max<int64_t>(job->frames->until - job->frames->before, 0) : 0;
    const bool moves = job->done <= changed + job->unheard;     // what moves, or is not heard yet, has not settled
    bool all = true;
    for (int k = 0; k < job->trials; k++) {
        double worst = 0;
        bool finite = true;
        for (const int residual : net->kind->residuals) {
            const double one = ((Real*)net->data[residual])[k];
            finite = finite && std::isfinite(one);
            worst = one > worst ? one : worst;
        }
        if (!finite) { job->diverged = 1; return true; }
        if (job->largest) job->largest[k] = std::max(worst, job->largest[k]);
        const bool settled = !moves && worst <= (job->largest ? std::max(job->tolerance * job->largest[k], job->floor[k]) : job->tolerance);
        if (!settled) job->settled_at[k] = -1;
        else if (job->settled_at[k] < 0) job->settled_at[k] = job->done;
        all = all && settled && job->done - job->settled_at[k] >= job->quiet;
    }
    job->settled = all;
    return all;
}

// The next trials [from, to) of [first, last) to be stepped: none that rest, but for gaps too short to be worth a call.
static bool awake(const Job* job, const int last, int& from, int& to) {
    const int gap = 8;
    const auto rests = [job](int k) { return job->settled_at[k] >= 0 && job->done - job->settled_at[k] >= job->quiet; };
    for (from = to; from < last && rests(from); from++) {}
    if (from == last) return false;
    to = from + 1;
    for (int k = to; k < last && k - to < gap; k++)
        if (!rests(k)) to = k + 1;
    return true;
}

// Shows input and target what they see in a step, and what the input drives. As a call begins it may be anything, and rates follow.
static void show(NeurofaCircuit* net, const Frames& f, int64_t step, bool begins, int first, int last) {
    const Now now = now_at(step + f.before, f.steps, f.n);
    if (f.y) show(f.y, f.y_moves, f.n, f.n_out, f.linear, now, begins, first, last, f.target);
    if (!f.x || !show(f.x, f.x_moves, f.n, f.n_in, f.linear, now, begins, first, last, f.input)) return;
    for (int i = 0; i < f.n_once; i++) net->kind->before[f.once[i]].run(net, first, last);
    if (begins) return;
    for (const Function rates : net->kind->standing) rates(net, first, last);
}

// Takes down what the output does if a frame has ended with this step.
static void note(const Frames& f, int64_t step, int first, int last) {
    const int64_t frame = (step + f.before) / f.steps;
    if ((step + f.before) % f.steps || frame > f.n) return;
    for (int64_t k = first; k < last; k++) std::copy_n(f.output + k * f.n_out, f.n_out, f.answers + (k * f.n + frame - 1) * f.n_out);
}

extern "C" {

int neurofa_parallel() {
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

// What the i-th of the expressions that are compared makes of n values, in their place.
void neurofa_twin(NeurofaCircuit* net, int i, Real* values, int n) {
    for (int k = 0; k < n; k++) values[k] = net->kind->twins[i](values[k]);
}

void neurofa_call(NeurofaCircuit* net, int i, int trials, int threads) {
    threads = std::min(threads, trials);
    const Before& before = net->kind->before[i];
    const int pack = before.pack;
    const bool packed = pack >= 0 && pays(net, pack, 1);
    if (packed) net->kind->packs[pack].make(net);
    if (packed) net->ready[pack] = true;
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const Flush flush;
        const int id = omp_get_thread_num(), team = omp_get_num_threads();
        before.run(net, (int64_t)trials * id / team, (int64_t)trials * (id + 1) / team);
    }
    if (packed) net->ready[pack] = false;
}

void neurofa_read(NeurofaCircuit* net, int trials) {
    const Flush flush;
    for (const Function readout : net->kind->readouts) readout(net, 0, trials);
}

// Returns the first signal that is no finite number in one of the first `trials` trials, by its place among the signals, or -1.
int neurofa_overflow(NeurofaCircuit* net, int trials) {
    for (int i = 0; i < net->kind->signals.n; i++) {
        const int signal = net->kind->signals[i];
        const Real* values = (Real*)net->data[signal];
        const int64_t n = elements(net, net->kind->arrays[signal]) / net->trials * trials;
        int bad = 0;
        #pragma omp simd reduction(|:bad)
        for (int64_t k = 0; k < n; k++) bad |= !(std::abs(values[k]) <= std::numeric_limits<Real>::max());
        if (bad) return i;
    }
    return -1;
}

// Threads share the trials, which do not influence each other: they only wait for each other where something is measured,
// recorded or summed over trials, or where the equations use the time.
void neurofa_run(NeurofaCircuit* net, Job* job) {
    const Kind& kind = *net->kind;
    double* const t = (double*)net->data[kind.t];
    const double* const dt = (double*)net->data[kind.dt];
    net->active_trials = job->trials;
    const int threads = std::min(job->threads, job->trials);
    bool accumulate = false;
    for (int i = 0; i < kind.accumulators.n; i++) accumulate = accumulate || job->accumulate[i];
    if (job->interruptible) interrupted = 0;
    void (*previous)(int) = job->interruptible ? std::signal(SIGINT, on_interrupt) : nullptr;
    bool over = job->done >= job->steps;
    const int64_t drawn = net->draws - job->done;
    for (int i = 0; i < kind.steps.n; i++)
        if (job->active[i] && kind.steps[i].pack >= 0)
            net->ready[kind.steps[i].pack] = pays(net, kind.steps[i].pack, std::min(job->last, job->evaluations));
    const Frames* frames = job->frames;
    for (int i = 0; frames && i < frames->n_once; i++) {      // as neurofa_call has them
        const int pack = kind.before[frames->once[i]].pack;
        if (pack >= 0) net->ready[pack] = pays(net, pack, 1);
    }
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const Flush flush;
        const int id = omp_get_thread_num(), team = omp_get_num_threads();
        const int first = (int64_t)job->trials * id / team, last = (int64_t)job->trials * (id + 1) / team;
        for (int i = id; i < kind.packs.n; i += team)
            if (net->ready[i]) kind.packs[i].make(net);
        if (team > 1) {
            #pragma omp barrier
        }
        const int64_t begin = job->done + 1;
        if (frames) show(net, *frames, begin, true, first, last);
        for (const Function note : kind.noted) note(net, first, last);
        for (const Function rates : kind.standing) rates(net, first, last);
        for (int64_t step = begin; !over; step++) {
            if (frames && step > begin) show(net, *frames, step, false, first, last);
            const bool measure = step % job->measure_every == 0 || step == job->last || (job->largest && step == 1);
            const bool sample = job->record_every && step % job->record_every == 0;
            moment() = {(uint64_t)(drawn + step), step};
            for (int from = first, to = job->rest ? first : last; job->rest ? awake(job, last, from, to) : from < last; from = last)
                for (int i = 0; i < kind.steps.n; i++) {
                    if (!job->active[i]) continue;
                    const Step& one = kind.steps[i];
                    (measure && one.measure ? one.measure : one.run)(net, from, to);
                }
            if (frames) note(*frames, step, first, last);
            if (!(measure || sample || accumulate || step >= job->steps || kind.uses_time)) continue;
            if (team > 1) {
                #pragma omp barrier
            }
            for (int i = 0; i < kind.accumulators.n; i++)
                if (job->accumulate[i]) {
                    const int64_t rows = net->units[kind.accumulators[i].post];
                    kind.accumulators[i].run(net, rows * id / team, rows * (id + 1) / team);
                }
            const auto look = [&] {
                t[0] += (step - job->done) * dt[0];
                job->done = step;
                net->draws = drawn + step;
                if (sample) record(net, job);
                over = step >= job->steps;
                if (measure && judge(net, job)) over = true;
                if (job->interruptible && interrupted) { job->interrupted = 1; over = true; }
            };
            if (team == 1) { look(); continue; }
            #pragma omp barrier
            #pragma omp single
            look();
        }
    }
    std::fill(net->ready, net->ready + kind.packs.n, false);
    if (!job->interruptible) return;
    std::signal(SIGINT, previous);
    if (interrupted) job->interrupted = 1;      // after the last look, too
}

// The matrix products of `n` steps and nothing else, with the same threads: the limit that a step is measured against.
void neurofa_products(NeurofaCircuit* net, const Job* job) {
    const int threads = std::min(job->threads, job->trials);
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const Flush flush;
        const int id = omp_get_thread_num(), team = omp_get_num_threads();
        const int first = (int64_t)job->trials * id / team, last = (int64_t)job->trials * (id + 1) / team;
        for (int64_t s = 0; s < job->steps; s++)
            for (int i = 0; i < net->kind->steps.n; i++)
                if (job->active[i] && net->kind->steps[i].product) net->kind->steps[i].product(net, first, last);
    }
}

}  // extern "C"

}  // namespace neurofa
