#include "residual.h"
#include <algorithm>
#include <limits>

namespace neurofa {

template <typename T>
void largest(int64_t begin, int64_t stop, int64_t units, const T* found, T* residual) {
    const T most = std::numeric_limits<T>::max();
    for (int64_t first = begin; first < stop;) {
        const int64_t trial = first / units, last = std::min((trial + 1) * units, stop);
        const T before = residual[trial];
        T largest = before == before ? before : 0;
        int bad = !(before <= most);
        #pragma omp simd reduction(max:largest) reduction(+:bad)
        for (int64_t i = first; i < last; i++) {
            const T one = found[i - begin];
            largest = one > largest ? one : largest;
            bad += !(one <= most);
        }
        residual[trial] = bad && largest <= most ? std::numeric_limits<T>::quiet_NaN() : largest;
        first = last;
    }
}

template void largest(int64_t, int64_t, int64_t, const Real*, Real*);

}  // namespace neurofa
