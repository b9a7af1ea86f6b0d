// What no circuit changes: compiled once, and linked to all of them.
#include "elementary.h"
#include "vectormath.h"
#include "normal.cpp"
#include "packed.cpp"
#include "rates.cpp"

#if defined(NEUROFA_COMPILED_ONCE)
double neurofa_exp(double x) noexcept { return neurofa::exp_of(x); }
float neurofa_expf(float x) noexcept { return neurofa::exp_of(x); }
double neurofa_tanh(double x) noexcept { return neurofa::tanh_of(x); }
float neurofa_tanhf(float x) noexcept { return neurofa::tanh_of(x); }
#endif
