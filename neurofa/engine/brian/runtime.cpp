// What no circuit changes: compiled once for each precision, `Real`, and linked to all circuits (runtime.py says what comes before).
#include "vectormath.h"
#include "circuit.cpp"
#include "normal.cpp"
#include "packed.cpp"
#include "phases.cpp"
#include "rates.cpp"
#include "residual.cpp"

#if defined(NEUROFA_COMPILED_ONCE)
double neurofa_exp(double x) noexcept { return neurofa::exp_of(x); }
float neurofa_expf(float x) noexcept { return neurofa::exp_of(x); }
double neurofa_tanh(double x) noexcept { return neurofa::tanh_of(x); }
float neurofa_tanhf(float x) noexcept { return neurofa::tanh_of(x); }
#endif
