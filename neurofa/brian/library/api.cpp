{# One translation unit: Brian2's arrays, the code objects, and the loop over steps, called once per phase. #}
#include <climits>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <omp.h>
#include "brianlib/common_math.h"
#include "brianlib/stdint_compat.h"
#include "product.h"
#include "normal.h"
#include "delay.h"
#include "vectormath.h"

namespace brian {
{% for array in arrays %}
static {{array.type}}* {{array.symbol}};
static const int _num_{{array.symbol}} = {{array.size}};
{% endfor %}
}

static const int neurofa_trials = {{trials}};   // in memory
static int neurofa_active_trials = {{trials}};  // of these, taking part in the phase

static uint64_t neurofa_seed = 0;                  // of the noise
static int64_t neurofa_draws = 0;                  // time steps so far: the noise of each is another
static thread_local uint64_t neurofa_now = 0;      // the step that this thread is at
static thread_local int64_t neurofa_step = 0;      // the same, counted from the beginning of the phase
static neurofa::Line neurofa_lines[{{n_lines}} + 1];

{% for file in sources %}
#include "{{file}}"
{% endfor %}

typedef void (*Function)(int, int);
struct Array { const char* name; void** data; size_t bytes; };

static Array arrays[] = {
{% for array in arrays %}
    {"{{array.symbol}}", (void**)&brian::{{array.symbol}}, {{array.size}} * sizeof({{array.type}})},
{% endfor %}
};
static const Function steps[] = { {% for s in steps %}{{s.run}}, {% endfor %} };
static const Function measures[] = { {% for s in steps %}{{s.measure}}, {% endfor %} };
static const Function products[] = { {% for s in steps %}{{s.product}}, {% endfor %} };
static const Function before[] = { {% for f in before %}{{f}}, {% endfor %} nullptr };
static const Function readouts[] = { {% for f in readouts %}{{f}}, {% endfor %} nullptr };
static const Function accumulators[] = { {% for f in accumulators %}{{f}}_space::run, {% endfor %} nullptr };
static const int accumulated_rows[] = { {% for f in accumulators %}{{f}}_space::rows, {% endfor %} 0 };
static const int n_steps = {{steps|length}}, n_readouts = {{readouts|length}}, n_accumulators = {{accumulators|length}};
static {{real}}* const* residuals[] = { {% for symbol in residuals %}&brian::{{symbol}}, {% endfor %} };
static const int n_residuals = {{residuals|length}};

static volatile std::sig_atomic_t interrupted = 0;
static void on_interrupt(int) { interrupted = 1; }

extern "C" {

// Copies of array elements, one row per sample; without an index, of the first n.
struct Record { const char* source; int64_t item; int64_t n; const int64_t* index; char* target; };

struct Job {
    int64_t steps;              // at most so many
    int32_t trials, threads;
    int32_t measure_every, record_every;
    double tolerance;           // stop when every trial's residual is below; negative: never
    const uint8_t* active;      // per step function
    const uint8_t* accumulate;  // per accumulator
    const uint8_t* read;        // per readout: whether its variables are recorded
    int64_t n_records;
    const Record* records;
    int64_t done;               // steps made so far
    int64_t samples;            // rows recorded so far
    int32_t interrupted;
    int32_t diverged;           // 1: some residual is not finite
    int32_t settled;            // 1: every residual is below the tolerance
    int32_t interruptible;      // 1: Ctrl-C ends the phase
    int64_t* settled_at;        // (trials): the step from which the residual stayed below the tolerance, or -1
    int64_t quiet;              // for how many steps it has to stay there, because signals are still on their way
    int64_t last;               // the last step of the phase, of which `steps` may be a part
    double* largest;            // (trials): the largest residual so far, of which the tolerance is a fraction; or null
    double floor;               // no residual has to come below this: rounding
    int32_t rest;               // 1: trials that have settled are left as they are
};

const char* neurofa_manifest() { return R"NEUROFA({{manifest}})NEUROFA"; }

int neurofa_start() {
    for (auto& a : arrays) {
        const size_t bytes = (a.bytes + 63) / 64 * 64;
        *a.data = std::aligned_alloc(64, bytes);
        if (!*a.data) return 1;
        std::memset(*a.data, 0, bytes);
    }
    scipy_openblas_set_num_threads(1);   // threads share the trials instead
    return 0;
}

void neurofa_stop() { for (auto& a : arrays) { std::free(*a.data); *a.data = nullptr; } }

void* neurofa_array(int i) { return *arrays[i].data; }

void neurofa_noise(uint64_t seed, int64_t draws) { neurofa_seed = seed; neurofa_draws = draws; }

int64_t neurofa_drawn() { return neurofa_draws; }

void neurofa_delay(int i, void* ring, int64_t slots, int64_t whole, double part) { neurofa_lines[i] = {ring, slots, whole, part}; }

void neurofa_call(int i, int trials, int threads) {
    threads = std::min(threads, trials);
    if (threads <= 1) return before[i](0, trials);
    #pragma omp parallel num_threads(threads)
    {
        const int id = omp_get_thread_num(), team = omp_get_num_threads();
        before[i]((int64_t)trials * id / team, (int64_t)trials * (id + 1) / team);
    }
}

void neurofa_read(int trials) { for (int i = 0; i < n_readouts; i++) readouts[i](0, trials); }

static void record(Job* job) {
    for (int i = 0; i < n_readouts; i++)
        if (job->read[i]) readouts[i](0, job->trials);
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
static bool judge(Job* job) {
    bool all = true;
    for (int k = 0; k < job->trials; k++) {
        double worst = 0;
        bool finite = true;
        for (int i = 0; i < n_residuals; i++) {
            const double one = (*residuals[i])[k];
            finite = finite && std::isfinite(one);
            worst = one > worst ? one : worst;
        }
        if (!finite) { job->diverged = 1; return true; }
        if (job->largest) job->largest[k] = std::max(worst, job->largest[k]);
        const bool settled = worst <= (job->largest ? std::max(job->tolerance * job->largest[k], job->floor) : job->tolerance);
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

// Threads share the trials, which do not influence each other: they only wait for each other where something is measured,
// recorded or summed over trials, or where the equations use the time.
void neurofa_run(Job* job) {
    using namespace brian;
    neurofa_active_trials = job->trials;
    const int threads = std::min(job->threads, job->trials);
    bool accumulate = false;
    for (int i = 0; i < n_accumulators; i++) accumulate = accumulate || job->accumulate[i];
    interrupted = 0;
    void (*previous)(int) = job->interruptible ? std::signal(SIGINT, on_interrupt) : nullptr;
    bool over = job->done >= job->steps;
    const int64_t drawn = neurofa_draws - job->done;
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const int id = omp_get_thread_num(), team = omp_get_num_threads();
        const int first = (int64_t)job->trials * id / team, last = (int64_t)job->trials * (id + 1) / team;
        for (int64_t step = job->done + 1; !over; step++) {
            const bool measure = step % job->measure_every == 0 || step == job->last || (job->largest && step == 1);
            const bool sample = job->record_every && step % job->record_every == 0;
            neurofa_now = drawn + step;
            neurofa_step = step;
            for (int from = first, to = job->rest ? first : last; job->rest ? awake(job, last, from, to) : from < last; from = last)
                for (int i = 0; i < n_steps; i++) {
                    if (!job->active[i]) continue;
                    if (measure && measures[i]) measures[i](from, to);
                    steps[i](from, to);
                }
            if (!(measure || sample || accumulate || {{uses_time}})) continue;
            #pragma omp barrier
            for (int i = 0; i < n_accumulators; i++)
                if (job->accumulate[i])
                    accumulators[i]((int64_t)accumulated_rows[i] * id / team, (int64_t)accumulated_rows[i] * (id + 1) / team);
            #pragma omp barrier
            #pragma omp single
            {
                {{t}}[0] += (step - job->done) * {{dt}}[0];
                job->done = step;
                neurofa_draws = drawn + step;
                if (sample) record(job);
                over = step >= job->steps;
                if (measure && judge(job)) over = true;
                if (interrupted) { job->interrupted = 1; over = true; }
            }
        }
    }
    if (job->interruptible) std::signal(SIGINT, previous);
}

// The matrix products of `n` steps and nothing else, with the same threads: the limit that a step is measured against.
void neurofa_products(const Job* job) {
    const int threads = std::min(job->threads, job->trials);
    #pragma omp parallel num_threads(threads) if (threads > 1)
    {
        const int id = omp_get_thread_num(), team = omp_get_num_threads();
        const int first = (int64_t)job->trials * id / team, last = (int64_t)job->trials * (id + 1) / team;
        for (int64_t s = 0; s < job->steps; s++)
            for (int i = 0; i < n_steps; i++)
                if (job->active[i] && products[i]) products[i](first, last);
    }
}

}  // extern "C"
