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

// target[k, j] = bias[j] + sum_i signal[k, i] packed[i, j] for n trials and the units [0, units) of at most V vectors.
template <typename T, int n, int V>
inline void block(int64_t units, int64_t post, int64_t pre, int64_t row, const T* signal, const T* packed, T* target) {
    typedef T Vector __attribute__((vector_size(vector_bytes)));
    const int width = vector_bytes / sizeof(T);
    Vector sum[n][V];
    for (int v = 0; v < V; v++) std::memcpy(&sum[0][v], packed + pre * row + v * width, vector_bytes);
    for (int k = 1; k < n; k++)
        for (int v = 0; v < V; v++) sum[k][v] = sum[0][v];
    for (int64_t i = 0; i < pre; i++) {
        Vector w[V];
        for (int v = 0; v < V; v++) std::memcpy(&w[v], packed + i * row + v * width, vector_bytes);
        for (int k = 0; k < n; k++) {
            const T s = signal[k * pre + i];
            for (int v = 0; v < V; v++) sum[k][v] += s * w[v];
        }
    }
    for (int k = 0; k < n; k++)
        for (int v = 0; v < V; v++) {
            T* to = target + k * post + v * width;
            if ((v + 1) * width <= units) std::memcpy(to, &sum[k][v], vector_bytes);
            else for (int64_t j = v * width; j < units; j++) to[j - v * width] = sum[k][v][j - v * width];
        }
}

template <typename T, int n>
inline void blocks(int64_t post, int64_t pre, const T* signal, const T* packed, T* target) {
    const int width = vector_bytes / sizeof(T);
    const int64_t row = padded<T>(post);
    int64_t j = 0;
    for (; j + width < post; j += 2 * width)
        block<T, n, 2>(std::min<int64_t>(2 * width, post - j), post, pre, row, signal, packed + j, target + j);
    if (j < post) block<T, n, 1>(post - j, post, pre, row, signal, packed + j, target + j);
}

template <typename T>
void small_product(int trials, int64_t post, int64_t pre, const T* signal, const T* packed, T* target) {
    int k = 0;
    for (; k + 4 <= trials; k += 4) blocks<T, 4>(post, pre, signal + k * pre, packed, target + k * post);
    for (; k < trials; k++) blocks<T, 1>(post, pre, signal + k * pre, packed, target + k * post);
}

template void pack(bool, int64_t, int64_t, const double*, const double*, double*);
template void pack(bool, int64_t, int64_t, const float*, const float*, float*);
template void small_product(int, int64_t, int64_t, const double*, const double*, double*);
template void small_product(int, int64_t, int64_t, const float*, const float*, float*);

}  // namespace neurofa
