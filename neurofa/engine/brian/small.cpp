#include "small.h"
#include <algorithm>
#include <cstring>

namespace neurofa {

template <typename T>
void pack(bool transposed, int64_t post, int64_t pre, const T* w, const T* bias, T* packed) {
    const int64_t row = padded<T>(post);
    for (int64_t i = 0; i < pre; i++)
        for (int64_t j = 0; j < post; j++) packed[i * row + j] = transposed ? w[i * post + j] : w[j * pre + i];
    if (bias) std::copy(bias, bias + post, packed + pre * row);
}

// target[k, j] = bias[j] + sum_i signal[k, i] packed[i, j] for n trials and V vectors of units from j on. The last vector ends with the
// row: some of its units may be those of the one before, for which it finds the same.
template <typename T, int n, int V>
static inline void block(int64_t j, int64_t post, int64_t pre, const T* signal, const T* packed, T* target) {
    typedef T Vector __attribute__((vector_size(vector_bytes)));
    const int64_t width = vector_bytes / sizeof(T), row = padded<T>(post);
    int64_t at[V];
    for (int v = 0; v < V; v++) at[v] = std::max<int64_t>(0, std::min(j + v * width, post - width));
    Vector sum[n][V];
    for (int v = 0; v < V; v++) std::memcpy(&sum[0][v], packed + pre * row + at[v], vector_bytes);
    for (int k = 1; k < n; k++)
        for (int v = 0; v < V; v++) sum[k][v] = sum[0][v];
    for (int64_t i = 0; i < pre; i++) {
        Vector w[V];
        for (int v = 0; v < V; v++) std::memcpy(&w[v], packed + i * row + at[v], vector_bytes);
        for (int k = 0; k < n; k++) {
            const T s = signal[k * pre + i];
            for (int v = 0; v < V; v++) sum[k][v] += s * w[v];
        }
    }
    for (int k = 0; k < n; k++)
        for (int v = 0; v < V; v++)
            if (post >= width) std::memcpy(target + k * post + at[v], &sum[k][v], vector_bytes);
            else std::memcpy(target + k * post, &sum[k][v], post * sizeof(T));
}

template <typename T, int n>
static inline void blocks(int64_t post, int64_t pre, const T* signal, const T* packed, T* target) {
    const int64_t width = vector_bytes / sizeof(T);
    int64_t j = 0;
    for (; j + width < post; j += 2 * width) block<T, n, 2>(j, post, pre, signal, packed, target);
    if (j < post) block<T, n, 1>(j, post, pre, signal, packed, target);
}

template <typename T>
void small_product(int trials, int64_t post, int64_t pre, const T* signal, const T* packed, T* target) {
    int k = 0;
    for (; k + trials_at_once <= trials; k += trials_at_once) blocks<T, trials_at_once>(post, pre, signal + k * pre, packed, target + k * post);
    for (; k + 4 <= trials; k += 4) blocks<T, 4>(post, pre, signal + k * pre, packed, target + k * post);
    for (; k < trials; k++) blocks<T, 1>(post, pre, signal + k * pre, packed, target + k * post);
}

template void pack(bool, int64_t, int64_t, const double*, const double*, double*);
template void pack(bool, int64_t, int64_t, const float*, const float*, float*);
template void small_product(int, int64_t, int64_t, const double*, const double*, double*);
template void small_product(int, int64_t, int64_t, const float*, const float*, float*);

}  // namespace neurofa
