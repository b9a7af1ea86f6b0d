#include "packed.h"
#include <algorithm>
#include <cstring>
#include <type_traits>

namespace neurofa {

#if defined(__AVX512F__)
const int vector_bytes = 64, trials_at_once = 8;
#elif defined(__AVX__)
const int vector_bytes = 32, trials_at_once = 6;
#else
const int vector_bytes = 16, trials_at_once = 4;
#endif
const int vectors_of_a_panel = 2;

template <typename T> constexpr int64_t panel() { return vectors_of_a_panel * vector_bytes / sizeof(T); }

template <typename T>
int64_t packed_elements(int64_t post, int64_t pre) { return (post + panel<T>() - 1) / panel<T>() * panel<T>() * (pre + 1); }

template <typename T>
void pack(bool transposed, int64_t post, int64_t pre, const T* w, const T* bias, T* packed) {
    constexpr int64_t width = panel<T>();
    for (int64_t begin = 0; begin < post; begin += width) {
        T* to = packed + begin * (pre + 1);
        const int64_t n = std::min(width, post - begin);
        for (int64_t i = 0; i < pre; i++) {
            if (transposed) std::copy(w + i * post + begin, w + i * post + begin + n, to + i * width);
            else for (int64_t j = 0; j < n; j++) to[i * width + j] = w[(begin + j) * pre + i];
        }
        if (bias) std::copy(bias + begin, bias + begin + n, to + pre * width);
    }
}

// For n trials and V vectors of units: `target` and `packed` begin with the first of them, and `room` elements of target may be written.
// What is left of the last vector falls into the next row, which is written later.
template <typename T, int n, int V>
static inline void block(int64_t room, int64_t post, int64_t pre, const T* signal, const T* packed, T* target) {
    typedef T Vector __attribute__((vector_size(vector_bytes)));
    constexpr int64_t width = vector_bytes / sizeof(T);
    Vector sum[n][V];
    for (int v = 0; v < V; v++) std::memcpy(&sum[0][v], packed + pre * panel<T>() + v * width, vector_bytes);
    for (int k = 1; k < n; k++)
        for (int v = 0; v < V; v++) sum[k][v] = sum[0][v];
    for (int64_t i = 0; i < pre; i++) {
        Vector w[V];
        for (int v = 0; v < V; v++) std::memcpy(&w[v], packed + i * panel<T>() + v * width, vector_bytes);
        for (int k = 0; k < n; k++) {
            const T s = signal[k * pre + i];
            for (int v = 0; v < V; v++) sum[k][v] += s * w[v];
        }
    }
    for (int k = 0; k < n; k++)
        for (int v = 0; v < V; v++) {
            const int64_t at = k * post + v * width;
            if (at + width <= room) std::memcpy(target + at, &sum[k][v], vector_bytes);
            else std::memcpy(target + at, &sum[k][v], (room - at) * sizeof(T));
        }
}

template <typename T, int V>
static inline void columns(int trials, int64_t post, int64_t pre, const T* signal, const T* packed, T* target, int64_t begin) {
    int k = 0;
    const auto some = [&](auto several) {
        constexpr int n = decltype(several)::value;
        for (; k + n <= trials; k += n)
            block<T, n, V>((trials - k) * post - begin, post, pre, signal + k * pre, packed, target + k * post + begin);
    };
    some(std::integral_constant<int, trials_at_once>());
    some(std::integral_constant<int, 4>());
    some(std::integral_constant<int, 1>());
}

// For one trial and P panels: so many sums at a time that the processor need not wait for one of them.
template <typename T, int P>
static inline void row(int64_t post, int64_t pre, const T* signal, const T* packed, T* target, int64_t begin) {
    typedef T Vector __attribute__((vector_size(vector_bytes)));
    constexpr int64_t width = vector_bytes / sizeof(T), V = vectors_of_a_panel;
    const int64_t size = panel<T>() * (pre + 1);
    const T* here = packed + begin * (pre + 1);
    Vector sum[P][V];
    for (int p = 0; p < P; p++)
        for (int v = 0; v < V; v++) std::memcpy(&sum[p][v], here + p * size + pre * panel<T>() + v * width, vector_bytes);
    for (int64_t i = 0; i < pre; i++) {
        const T s = signal[i];
        for (int p = 0; p < P; p++)
            for (int v = 0; v < V; v++) {
                Vector w;
                std::memcpy(&w, here + p * size + i * panel<T>() + v * width, vector_bytes);
                sum[p][v] += s * w;
            }
    }
    for (int p = 0; p < P; p++)
        for (int v = 0; v < V; v++) {
            const int64_t at = begin + p * panel<T>() + v * width;
            if (at + width <= post) std::memcpy(target + at, &sum[p][v], vector_bytes);
            else if (at < post) std::memcpy(target + at, &sum[p][v], (post - at) * sizeof(T));
        }
}

template <typename T>
static void one_trial(int64_t post, int64_t pre, const T* signal, const T* packed, T* target) {
    int64_t begin = 0;
    for (; begin + 3 * panel<T>() < post; begin += 4 * panel<T>()) row<T, 4>(post, pre, signal, packed, target, begin);
    for (; begin < post; begin += panel<T>()) row<T, 1>(post, pre, signal, packed, target, begin);
}

// The last panel comes first, because it may write into the beginning of the next row.
template <typename T>
void packed_product(int trials, int64_t post, int64_t pre, const T* signal, const T* packed, T* target) {
    constexpr int64_t width = panel<T>(), vector = vector_bytes / sizeof(T);
    if (trials == 1) return one_trial(post, pre, signal, packed, target);
    for (int64_t begin = (post - 1) / width * width; begin >= 0; begin -= width) {
        const T* here = packed + begin * (pre + 1);
        if (post - begin > vector) columns<T, vectors_of_a_panel>(trials, post, pre, signal, here, target, begin);
        else columns<T, 1>(trials, post, pre, signal, here, target, begin);
    }
}

template int64_t packed_elements<Real>(int64_t, int64_t);
template void pack(bool, int64_t, int64_t, const Real*, const Real*, Real*);
template void packed_product(int, int64_t, int64_t, const Real*, const Real*, Real*);

}  // namespace neurofa
