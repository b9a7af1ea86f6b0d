"""Activations by name: rate `phi` and its derivative `dphi`, both as functions of the potential.

Each is given twice: as C++ for the compiled loop, and in NumPy for the interpreted one and for plasticity between phases. The
second derivative, `ddphi`, is in NumPy only: rules do not use it, but the linearised circuit of one that uses `dphi` does.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .errors import NetworkError, choices


@dataclass(frozen=True)
class Activation:
    """A pointwise nonlinearity; `cpp_*` are C++ expressions in `x` of the type `T`."""

    name: str
    phi: object
    dphi: object
    ddphi: object
    cpp_phi: str
    cpp_dphi: str


_TANH = "neurofa::tanh(x)"
_EXP = "neurofa::exp"

ACTIVATIONS = {a.name: a for a in (
    Activation("linear", lambda x: x + 0.0, lambda x: np.ones_like(x), lambda x: np.zeros_like(x), "x", "T(1)"),
    Activation("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2, lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
               _TANH, f"T(1) - {_TANH} * {_TANH}"),
    Activation("logistic", expit, lambda x: expit(x) * expit(-x), lambda x: expit(x) * expit(-x) * (expit(-x) - expit(x)),
               f"T(1) / (T(1) + {_EXP}(-x))", f"T(1) / ((T(1) + {_EXP}(-x)) * (T(1) + {_EXP}(x)))"),
    Activation("relu", lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(np.asarray(x).dtype),
               lambda x: np.zeros_like(x),                                            # but at the kink
               "x < T(0) ? T(0) : x", "x > T(0) ? T(1) : T(0)"),
    Activation("softplus", lambda x: np.logaddexp(x, 0), expit, lambda x: expit(x) * expit(-x),
               f"(x > T(0) ? x : T(0)) + std::log1p({_EXP}(-std::fabs(x)))", f"T(1) / (T(1) + {_EXP}(-x))"),
)}


def activation(name):
    """Return the activation called `name`. Raises NetworkError, with the valid names, if there is none."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise NetworkError(f"There is no activation '{name}'. " + choices(name, ACTIVATIONS, "activation"))
    return ACTIVATIONS[name]
