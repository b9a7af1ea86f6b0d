// target[k, j] = beta * target[k, j] + sum_i signal[k, i] w[j, i]   for every trial k; with `transposed`, w[i, j].
// All matrices are row-major: target (trials, post), signal (trials, pre), w (post, pre) or, transposed, (pre, post).
#pragma once
#include <cstring>
#include "cblas.h"

namespace neurofa {

inline void gemm(bool transposed, int trials, int post, int pre, const double* signal, const double* w, double beta, double* target) {
    scipy_cblas_dgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasNoTrans : CblasTrans, trials, post, pre, 1.0,
                      signal, pre, w, transposed ? post : pre, beta, target, post);
}

inline void gemm(bool transposed, int trials, int post, int pre, const float* signal, const float* w, float beta, float* target) {
    scipy_cblas_sgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasNoTrans : CblasTrans, trials, post, pre, 1.0f,
                      signal, pre, w, transposed ? post : pre, beta, target, post);
}

inline void gemv(bool transposed, int post, int pre, const double* signal, const double* w, double beta, double* target) {
    scipy_cblas_dgemv(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, transposed ? pre : post, transposed ? post : pre,
                      1.0, w, transposed ? post : pre, signal, 1, beta, target, 1);
}

inline void gemv(bool transposed, int post, int pre, const float* signal, const float* w, float beta, float* target) {
    scipy_cblas_sgemv(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, transposed ? pre : post, transposed ? post : pre,
                      1.0f, w, transposed ? post : pre, signal, 1, beta, target, 1);
}

template <typename T>
inline void product(bool transposed, int trials, int post, int pre, const T* signal, const T* w, T beta, T* target) {
    if (trials == 1) gemv(transposed, post, pre, signal, w, beta, target);
    else if (trials > 1) gemm(transposed, trials, post, pre, signal, w, beta, target);
}

// The product on top of a bias per target unit. BLAS adds to what stands there, so that the bias costs no pass of its own.
template <typename T>
inline void product(bool transposed, int trials, int post, int pre, const T* signal, const T* w, const T* bias, T* target) {
    for (int k = 0; k < trials; k++) std::memcpy(target + (size_t)k * post, bias, post * sizeof(T));
    product(transposed, trials, post, pre, signal, w, T(1), target);
}

// g[j, i] = beta * g[j, i] + scale * sum_k post[k, j] pre[k, i], for the rows [first, last) of g.
inline void accumulate(int first, int last, int trials, int n_post, int n_pre, double scale, const double* post, const double* pre, double* g,
                       double beta = 1) {
    scipy_cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, last - first, n_pre, trials, scale, post + first, n_post,
                      pre, n_pre, beta, g + (size_t)first * n_pre, n_pre);
}

inline void accumulate(int first, int last, int trials, int n_post, int n_pre, double scale, const float* post, const float* pre, float* g,
                       float beta = 1) {
    scipy_cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, last - first, n_pre, trials, (float)scale, post + first, n_post,
                      pre, n_pre, beta, g + (size_t)first * n_pre, n_pre);
}

}  // namespace neurofa
