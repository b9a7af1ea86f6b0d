{# One translation unit: the arrays of a circuit, the code objects, and the loop over steps, called once per phase. It is long because
   all of it reads the tables of one circuit. #}
#include <climits>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#ifdef _OPENMP
#include <omp.h>
#else
static int omp_get_thread_num() { return 0; }
static int omp_get_num_threads() { return 1; }
#endif
#include "brianlib/common_math.h"
#define _brian_pow(x, y) (pow((x), (y)))
#include "brianlib/stdint_compat.h"
#include "product.h"
#include "packed.h"
#include "normal.h"
#include "rates.h"
#include "delay.h"
#include "frames.h"
#include "denormals.h"
#include "vectormath.h"

namespace neurofa { typedef {{real}} Real; }
#include "reals.h"
using neurofa::Real;

// What the rule's author calls errno, or SIGHUP, is a variable.
{% for name in names %}
#undef {{name}}
{% endfor %}

// All that belongs to one network. Every function is given one, as `_me`: networks of the same kind share this code.
struct NeurofaCircuit {
    int64_t trials;                // in memory
    int64_t units[{{populations|length}}];      // of every population
    void* data[{{arrays|length}}];
    int active_trials;             // of those in memory, taking part in the phase
    uint64_t seed;                 // of the noise
    int64_t draws;                 // time steps so far: the noise of each is another
    const uint32_t* keys;          // of every trial in memory: which trial's noise it hears
    neurofa::Line lines[{{n_lines}} + 1];
    void* packed[{{packs|length}} + 1];     // weights of synapse groups, once they were packed
    bool ready[{{packs|length}} + 1];       // what is packed is what they are: while a phase runs
};

{% for array in arrays %}
#define {{array.symbol}} (({{array.type}}*)_me->data[{{loop.index0}}])
{% endfor %}

{% for name in populations %}
#define neurofa_units_{{name}} (_me->units[{{loop.index0}}])
{% endfor %}

static thread_local uint64_t neurofa_now = 0;      // the step that this thread is at
static thread_local int64_t neurofa_step = 0;      // the same, counted from the beginning of the phase

{% for file in sources %}
#include "{{file}}"
{% endfor %}

typedef void (*Function)(NeurofaCircuit*, int, int);

// The axes of an array: trials ({{TRIALS}}) and populations, by their numbers; {{NONE}} is no axis.
struct Array { size_t item; int axes[3]; };
static const Array arrays[] = { {% for a in arrays %}{ sizeof({{a.type}}), { {{a.axes|join(", ")}} } }, {% endfor %} };
static const int n_arrays = {{arrays|length}};

static int64_t length(const NeurofaCircuit* _me, int axis) { return axis == {{NONE}} ? 1 : axis == {{TRIALS}} ? _me->trials : _me->units[axis]; }
static int64_t elements(const NeurofaCircuit* _me, const Array& array) { return length(_me, array.axes[0]) * length(_me, array.axes[1]) * length(_me, array.axes[2]); }

static const Function steps[] = { {% for s in steps %}{{s.run}}, {% endfor %} };
static const Function measures[] = { {% for s in steps %}{{s.measure}}, {% endfor %} };
static const Function products[] = { {% for s in steps %}{{s.product}}, {% endfor %} };
static const Function before[] = { {% for s in before %}{{s.run}}, {% endfor %} nullptr };
static const Function noted[] = { {% for f in noted %}{{f}}, {% endfor %} nullptr };
static const Function standing[] = { {% for f in standing %}{{f}}, {% endfor %} nullptr };
static const Function readouts[] = { {% for f in readouts %}{{f}}, {% endfor %} nullptr };
static const Function accumulators[] = { {% for a in accumulators %}{{a.space}}::run, {% endfor %} nullptr };
static const int accumulated_rows[] = { {% for a in accumulators %}{{a.post}}, {% endfor %} 0 };     // a population
static const int n_steps = {{steps|length}}, n_readouts = {{readouts|length}}, n_accumulators = {{accumulators|length}};
static const int residuals[] = { {% for number in residuals %}{{number}}, {% endfor %} 0 };
static const int n_residuals = {{residuals|length}};
static const int signals[] = { {% for number in signals %}{{number}}, {% endfor %} 0 };
static const int n_signals = {{signals|length}};
typedef void (*Pack)(NeurofaCircuit*);
static const Pack packs[] = { {% for f in packs %}{{f.space}}::pack, {% endfor %} nullptr };
static const int packed_axes[][2] = { {% for f in packs %}{ {{f.post}}, {{f.pre}} }, {% endfor %} {} };
static const int pack_of_step[] = { {% for s in steps %}{{s.pack}}, {% endfor %} };
static const int pack_of_before[] = { {% for s in before %}{{s.pack}}, {% endfor %} -1 };
static const int n_packs = {{packs|length}};

{% for code in twins %}
template <typename T> static T twin{{loop.index0}}(T x) { return {{code}}; }
{% endfor %}
static {{real}} (*const twins[])({{real}}) = { {% for code in twins %}twin{{loop.index0}}<{{real}}>, {% endfor %} nullptr };

static volatile std::sig_atomic_t interrupted = 0;
static void on_interrupt(int) { interrupted = 1; }

extern "C" {

// Copies of array elements, one row per sample; without an index, of the first n.
{{structures}}

const char* neurofa_manifest() { return R"NEUROFA({{manifest}})NEUROFA"; }

int neurofa_parallel() {
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

void neurofa_free(NeurofaCircuit* _me) {
    for (void* array : _me->data) std::free(array);
    for (void* array : _me->packed) std::free(array);
    std::free(_me);
}

// Returns null where memory is short.
NeurofaCircuit* neurofa_new(int64_t trials, const int64_t* units) {
    scipy_openblas_set_num_threads(1);   // threads share the trials instead
    NeurofaCircuit* _me = (NeurofaCircuit*)std::calloc(1, sizeof(NeurofaCircuit));
    if (!_me) return nullptr;
    _me->active_trials = _me->trials = trials;
    std::copy(units, units + {{populations|length}}, _me->units);
    for (int i = 0; i < n_arrays; i++) {
        const size_t whole = (elements(_me, arrays[i]) * arrays[i].item + 63) / 64 * 64;
        _me->data[i] = std::aligned_alloc(64, whole);
        if (!_me->data[i]) { neurofa_free(_me); return nullptr; }
        std::memset(_me->data[i], 0, whole);
    }
    return _me;
}

// What the i-th of the expressions that are compared makes of n values, in their place.
void neurofa_twin(NeurofaCircuit*, int i, {{real}}* values, int n) {
    for (int k = 0; k < n; k++) values[k] = twins[i](values[k]);
}

void* neurofa_array(NeurofaCircuit* _me, int i) { return _me->data[i]; }

void neurofa_noise(NeurofaCircuit* _me, uint64_t seed, int64_t draws) { _me->seed = seed; _me->draws = draws; }

void neurofa_keys(NeurofaCircuit* _me, const uint32_t* keys) { _me->keys = keys; }

int64_t neurofa_drawn(NeurofaCircuit* _me) { return _me->draws; }

void neurofa_delay(NeurofaCircuit* _me, int i, void* ring, int64_t slots, int64_t whole, double part, int64_t before) {
    _me->lines[i] = {ring, slots, whole, part, before};
}

// Returns whether the weights of a synapse group that will be evaluated so many times are to be packed, into memory that is there then.
static bool pays(NeurofaCircuit* _me, int i, int64_t evaluations) {
    const int small = 8192;      // where most of a library's product would be the call
    const int64_t n = neurofa::packed_elements<{{real}}>(_me->units[packed_axes[i][0]], _me->units[packed_axes[i][1]]);
    if (n > small && evaluations < (_me->trials < 4 ? 50 : 2)) return false;
    if (_me->packed[i]) return true;
    const size_t whole = (n * sizeof({{real}}) + 63) / 64 * 64;
    _me->packed[i] = std::aligned_alloc(64, whole);
    if (_me->packed[i]) std::memset(_me->packed[i], 0, whole);
    return _me->packed[i];       // where memory is short, the library's product needs none
}

void neurofa_call(NeurofaCircuit* _me, int i, int trials, int threads) {
    threads = std::min(threads, trials);
    const int pack = pack_of_before[i];
    const bool packed = pack >= 0 && pays(_me, pack, 1);
    if (packed) packs[pack](_me);
    if (packed) _me->ready[pack] = true;
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const neurofa::Flush flush;
        const int id = omp_get_thread_num(), team = omp_get_num_threads();
        before[i](_me, (int64_t)trials * id / team, (int64_t)trials * (id + 1) / team);
    }
    if (packed) _me->ready[pack] = false;
}

void neurofa_read(NeurofaCircuit* _me, int trials) {
    const neurofa::Flush flush;
    for (int i = 0; i < n_readouts; i++) readouts[i](_me, 0, trials);
}

// Returns the first signal that is no finite number in one of the first `trials` trials, by its place among the signals, or -1.
int neurofa_overflow(NeurofaCircuit* _me, int trials) {
    for (int i = 0; i < n_signals; i++) {
        const {{real}}* values = ({{real}}*)_me->data[signals[i]];
        const int64_t n = elements(_me, arrays[signals[i]]) / _me->trials * trials;
        int bad = 0;
        #pragma omp simd reduction(|:bad)
        for (int64_t k = 0; k < n; k++) bad |= !(std::abs(values[k]) <= std::numeric_limits<{{real}}>::max());
        if (bad) return i;
    }
    return -1;
}

static void record(NeurofaCircuit* _me, Job* job) {
    for (int i = 0; i < n_readouts; i++)
        if (job->read[i]) readouts[i](_me, 0, job->trials);
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
static bool judge(NeurofaCircuit* _me, Job* job) {
    const bool moves = job->frames && job->done + job->frames->before <= job->frames->until;     // what moves has not settled
    bool all = true;
    for (int k = 0; k < job->trials; k++) {
        double worst = 0;
        bool finite = true;
        for (int i = 0; i < n_residuals; i++) {
            const double one = (({{real}}*)_me->data[residuals[i]])[k];
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
static void show(NeurofaCircuit* _me, const Frames& f, int64_t step, bool begins, int first, int last) {
    const neurofa::Now now = neurofa::now_at(step + f.before, f.steps, f.n);
    if (f.y) neurofa::show(f.y, f.y_moves, f.n, f.n_out, f.linear, now, begins, first, last, f.target);
    if (!f.x || !neurofa::show(f.x, f.x_moves, f.n, f.n_in, f.linear, now, begins, first, last, f.input)) return;
    for (int i = 0; i < f.n_once; i++) before[f.once[i]](_me, first, last);
    for (const Function* rates = standing; *rates && !begins; rates++) (*rates)(_me, first, last);
}

// Takes down what the output does if a frame has ended with this step.
static void note(const Frames& f, int64_t step, int first, int last) {
    const int64_t frame = (step + f.before) / f.steps;
    if ((step + f.before) % f.steps || frame > f.n) return;
    for (int64_t k = first; k < last; k++) std::copy_n(f.output + k * f.n_out, f.n_out, f.answers + (k * f.n + frame - 1) * f.n_out);
}

// Threads share the trials, which do not influence each other: they only wait for each other where something is measured,
// recorded or summed over trials, or where the equations use the time.
void neurofa_run(NeurofaCircuit* _me, Job* job) {
    _me->active_trials = job->trials;
    const int threads = std::min(job->threads, job->trials);
    bool accumulate = false;
    for (int i = 0; i < n_accumulators; i++) accumulate = accumulate || job->accumulate[i];
    if (job->interruptible) interrupted = 0;
    void (*previous)(int) = job->interruptible ? std::signal(SIGINT, on_interrupt) : nullptr;
    bool over = job->done >= job->steps;
    const int64_t drawn = _me->draws - job->done;
    for (int i = 0; i < n_steps; i++)
        if (job->active[i] && pack_of_step[i] >= 0) _me->ready[pack_of_step[i]] = pays(_me, pack_of_step[i], std::min(job->last, job->evaluations));
    const Frames* frames = job->frames;
    for (int i = 0; frames && i < frames->n_once; i++)      // as neurofa_call has them
        if (const int pack = pack_of_before[frames->once[i]]; pack >= 0) _me->ready[pack] = pays(_me, pack, 1);
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const neurofa::Flush flush;
        const int id = omp_get_thread_num(), team = omp_get_num_threads();
        const int first = (int64_t)job->trials * id / team, last = (int64_t)job->trials * (id + 1) / team;
        for (int i = id; i < n_packs; i += team)
            if (_me->ready[i]) packs[i](_me);
        if (team > 1) {
            #pragma omp barrier
        }
        const int64_t begin = job->done + 1;
        if (frames) show(_me, *frames, begin, true, first, last);
        for (const Function* note = noted; *note; note++) (*note)(_me, first, last);
        for (const Function* rates = standing; *rates; rates++) (*rates)(_me, first, last);
        for (int64_t step = begin; !over; step++) {
            if (frames && step > begin) show(_me, *frames, step, false, first, last);
            const bool measure = step % job->measure_every == 0 || step == job->last || (job->largest && step == 1);
            const bool sample = job->record_every && step % job->record_every == 0;
            neurofa_now = drawn + step;
            neurofa_step = step;
            for (int from = first, to = job->rest ? first : last; job->rest ? awake(job, last, from, to) : from < last; from = last)
                for (int i = 0; i < n_steps; i++) {
                    if (!job->active[i]) continue;
                    (measure && measures[i] ? measures[i] : steps[i])(_me, from, to);     // what measures a step makes it, too
                }
            if (frames) note(*frames, step, first, last);
            if (!(measure || sample || accumulate || step >= job->steps || {{uses_time}})) continue;
            if (team > 1) {
                #pragma omp barrier
            }
            for (int i = 0; i < n_accumulators; i++)
                if (job->accumulate[i]) {
                    const int64_t rows = _me->units[accumulated_rows[i]];
                    accumulators[i](_me, rows * id / team, rows * (id + 1) / team);
                }
            const auto look = [&] {
                {{t}}[0] += (step - job->done) * {{dt}}[0];
                job->done = step;
                _me->draws = drawn + step;
                if (sample) record(_me, job);
                over = step >= job->steps;
                if (measure && judge(_me, job)) over = true;
                if (job->interruptible && interrupted) { job->interrupted = 1; over = true; }
            };
            if (team == 1) { look(); continue; }
            #pragma omp barrier
            #pragma omp single
            look();
        }
    }
    std::fill(_me->ready, _me->ready + n_packs, false);
    if (!job->interruptible) return;
    std::signal(SIGINT, previous);
    if (interrupted) job->interrupted = 1;      // after the last look, too
}

// The matrix products of `n` steps and nothing else, with the same threads: the limit that a step is measured against.
void neurofa_products(NeurofaCircuit* _me, const Job* job) {
    const int threads = std::min(job->threads, job->trials);
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const neurofa::Flush flush;
        const int id = omp_get_thread_num(), team = omp_get_num_threads();
        const int first = (int64_t)job->trials * id / team, last = (int64_t)job->trials * (id + 1) / team;
        for (int64_t s = 0; s < job->steps; s++)
            for (int i = 0; i < n_steps; i++)
                if (job->active[i] && products[i]) products[i](_me, first, last);
    }
}

}  // extern "C"
