#include "normal.h"
#include <algorithm>
#include <cstddef>
#include "vectormath.h"

namespace neurofa {

static double unit_interval(uint32_t x, double) { return (x + 0.5) * 0x1p-32; }
static float unit_interval(uint32_t x, float) { return ((x >> 8) + 0.5f) * 0x1p-24f; }

// The numbers of the trial that is known as `trial`. Four come from one block of the generator; they are a quarter of the units apart.
template <typename T>
static void normals_of_trial(uint32_t trial, int units, T* out, uint64_t seed, uint32_t stream, uint64_t now) {
    const int blocks = (units + 3) / 4;
    constexpr int width = 64;
    uint32_t word[4][width];
    T value[4][width];
    for (int begin = 0; begin < blocks; begin += width) {
        const int n = blocks - begin < width ? blocks - begin : width;
        #pragma omp simd
        for (int b = 0; b < n; b++) {
            uint32_t c0 = begin + b, c1 = trial, c2 = (uint32_t)now, c3 = stream ^ (uint32_t)(now >> 32);
            uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
            for (int round = 0; round < 7; round++) {
                const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
                c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
                c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
                c1 = (uint32_t)p1;
                c3 = (uint32_t)p0;
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
            }
            word[0][b] = c0;
            word[1][b] = c1;
            word[2][b] = c2;
            word[3][b] = c3;
        }
        const T quarter = T(1.5707963267948966192313216916398);
        for (int pair = 0; pair < 4; pair += 2) {
            #pragma omp simd
            for (int b = 0; b < n; b++) {
                const T length = neurofa::sqrt(T(-2) * neurofa::log(unit_interval(word[pair][b], T())));
                const T angle = T(6.283185307179586476925286766559) * unit_interval(word[pair + 1][b], T());
                value[pair][b] = length * neurofa::cos(angle);
                value[pair + 1][b] = length * neurofa::cos(angle - quarter);    // a sine, but sine and cosine together do not vectorise
            }
        }
        for (int j = 0; j < 4; j++) {
            const int place = j * blocks + begin, room = units - place;
            for (int b = 0; b < (n < room ? n : room); b++) out[place + b] = value[j][b];
        }
    }
}

template <typename T>
void normals(int first, int last, int units, T* out, uint64_t seed, uint32_t stream, uint64_t now, const uint32_t* keys) {
    for (int trial = first; trial < last; trial++)
        normals_of_trial(keys[trial], units, out + (size_t)trial * units, seed, stream, now);
}

template <typename T>
void shared_normals(int first, int last, int units, T* out, uint64_t seed, uint32_t stream, uint64_t now, const uint32_t* keys) {
    for (int trial = first; trial < last; trial++) {
        T number;
        normals_of_trial(keys[trial], 1, &number, seed, stream, now);
        std::fill(out + (size_t)trial * units, out + (size_t)(trial + 1) * units, number);
    }
}

template void normals(int, int, int, Real*, uint64_t, uint32_t, uint64_t, const uint32_t*);
template void shared_normals(int, int, int, Real*, uint64_t, uint32_t, uint64_t, const uint32_t*);

}  // namespace neurofa
