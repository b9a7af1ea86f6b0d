// The memory of networks. Compiled once for each precision, `Real`.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include "cblas.h"
#include "circuit.h"

namespace neurofa {

static int64_t length(const NeurofaCircuit* net, int axis) { return axis == NO_AXIS ? 1 : axis == TRIALS ? net->trials : net->units[axis]; }
int64_t elements(const NeurofaCircuit* net, const Array& array) { return length(net, array.axes[0]) * length(net, array.axes[1]) * length(net, array.axes[2]); }

void* room(size_t bytes) {
    const size_t whole = (bytes + 63) / 64 * 64;
    void* memory = aligned_alloc(64, whole);
    if (memory) std::memset(memory, 0, whole);
    return memory;
}

extern "C" void neurofa_free(NeurofaCircuit* net) {
    for (int i = 0; i < net->kind->arrays.n; i++) std::free(net->data[i]);
    for (int i = 0; net->packed && i < net->kind->packs.n; i++) std::free(net->packed[i]);
    for (void* part : {(void*)net->units, (void*)net->lines, (void*)net->packed, (void*)net->ready}) std::free(part);
    std::free(net);
}

template <typename T>
static bool some(T*& array, size_t n) { return array = (T*)std::calloc(n + 1, sizeof(T)); }

static bool filled(NeurofaCircuit* net, const int64_t* units) {
    const Kind& kind = *net->kind;
    if (!(some(net->units, kind.n_populations) && some(net->lines, kind.n_lines)
          && some(net->packed, kind.packs.n) && some(net->ready, kind.packs.n))) return false;
    std::copy(units, units + kind.n_populations, net->units);
    for (int i = 0; i < kind.arrays.n; i++)
        if (!(net->data[i] = room(elements(net, kind.arrays[i]) * kind.arrays[i].item))) return false;
    return true;
}

// Returns null where memory is short.
NeurofaCircuit* new_circuit(const Kind* kind, int64_t trials, const int64_t* units) {
    scipy_openblas_set_num_threads(1);   // threads share the trials instead
    NeurofaCircuit* net = (NeurofaCircuit*)std::calloc(1, sizeof(NeurofaCircuit) + kind->arrays.n * sizeof(void*));
    if (!net) return nullptr;
    net->kind = kind;
    net->active_trials = net->trials = trials;
    if (filled(net, units)) return net;
    neurofa_free(net);
    return nullptr;
}

extern "C" {

void* neurofa_array(NeurofaCircuit* net, int i) { return net->data[i]; }

void neurofa_noise(NeurofaCircuit* net, uint64_t seed, int64_t draws) { net->seed = seed; net->draws = draws; }

void neurofa_keys(NeurofaCircuit* net, const uint32_t* keys) { net->keys = keys; }

int64_t neurofa_drawn(NeurofaCircuit* net) { return net->draws; }

void neurofa_delay(NeurofaCircuit* net, int i, void* ring, int64_t slots, int64_t whole, double part, int64_t before) {
    net->lines[i] = {ring, slots, whole, part, before};
}

}  // extern "C"

}  // namespace neurofa
