// A network in memory, and what all networks of its kind have in common: what a circuit's library (library/api.cpp) tells the loop over
// steps (phases.cpp). `Real` is the precision of the circuit.
#pragma once
#include <cstddef>
#include <cstdint>
#include "delay.h"

struct NeurofaCircuit;

namespace neurofa {

// What is called is a function of the trials [first, last).
typedef void (*Function)(NeurofaCircuit*, int first, int last);

template <typename T>
struct Table {
    const T* rows;
    int n;
    const T* begin() const { return rows; }
    const T* end() const { return rows + n; }
    const T& operator[](int i) const { return rows[i]; }
};

const int TRIALS = -1, NO_AXIS = -2;
struct Array { size_t item; int axes[3]; };      // bytes of an element; TRIALS, NO_AXIS, or numbers of populations
struct Step { Function run, measure, product; int pack; };      // measuring makes the step, too; null where there is none; a Pack, or -1
struct Before { Function run; int pack; };
struct Accumulator { Function run; int post; };      // of rows of a product, which are units of a population
struct Pack { void (*make)(NeurofaCircuit*); int post, pre; };

struct Kind {
    int n_populations, n_lines;
    int t, dt;      // numbers of the clock's arrays, which are double
    bool uses_time;      // equations do
    Table<Array> arrays;
    Table<Step> steps;
    Table<Before> before;      // what is called between phases
    Table<Function> noted, standing, readouts;
    Table<Accumulator> accumulators;
    Table<Pack> packs;      // weights of synapse groups that may be packed
    Table<int> residuals, signals;      // numbers of arrays
    Table<Real (*)(Real)> twins;      // expressions that are compared
};

// The step that a thread is at: of all, and counted from the beginning of the phase.
struct Moment { uint64_t now; int64_t step; };
Moment& moment();

NeurofaCircuit* new_circuit(const Kind* kind, int64_t trials, const int64_t* units);
int64_t elements(const NeurofaCircuit* net, const Array& array);
void* room(size_t bytes);      // zeros, or null where memory is short

}  // namespace neurofa

// All that belongs to one network. Every function is given one, as `_me`.
struct NeurofaCircuit {
    const neurofa::Kind* kind;
    int64_t trials;                // in memory
    int active_trials;             // of those, taking part in the phase
    uint64_t seed;                 // of the noise
    int64_t draws;                 // time steps so far: the noise of each is another
    const uint32_t* keys;          // of every trial in memory: which trial's noise it hears
    int64_t* units;                // of every population
    neurofa::Line* lines;
    void** packed;                 // weights of synapse groups, once they were packed
    bool* ready;                   // what is packed is what they are: while a phase runs
    void* data[1];                 // all arrays, however many there are
};
