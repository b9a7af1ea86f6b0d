"""Activations by name: rate `phi` and its derivative `dphi`, both as functions of the potential.

Each is given twice: as C++ for the compiled loop, and in NumPy for the interpreted one and for plasticity between phases. The
second derivative, `ddphi`, is in NumPy only: rules do not use it, but the linearised circuit of one that uses `dphi` does.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ..base.arguments import shown
from ..base.errors import NetworkError, choices


@dataclass(frozen=True)
class Activation:
    """A pointwise nonlinearity. One of your own is given to a Network in place of a name.

    `phi`, `dphi` and `ddphi` take and return arrays of one shape; `cpp_phi` and `cpp_dphi` are the first two as C++ expressions in `x`
    of the type `T` (double or float): `Activation("leaky", lambda x: np.where(x > 0, x, 0.1 * x), ..., "x > T(0) ? x : T(0.1) * x", ...)`.
    """

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


OTHER_NAMES = dict(sigmoid="'logistic'", expit="'logistic'", identity="'linear'", none="'linear'", rectifier="'relu'",
                   softmax="output_activation='linear' with cost='cross_entropy': the softmax is part of that cost")


def activation(name):
    """Return the activation called `name`, or `name` itself if it is an Activation that can be used.

    Raises NetworkError, with the valid names, if there is none, or with what is wrong with one of your own.
    """
    if isinstance(name, Activation):
        return _checked(name)
    if not isinstance(name, str) or name not in ACTIVATIONS:
        meant = OTHER_NAMES.get(name.lower()) if isinstance(name, str) else None
        advice = f"What is meant here is {meant}." if meant else choices(name, ACTIVATIONS, "activation")
        raise NetworkError(f"There is no activation {shown(name)}. {advice} Or give a neurofa.activations.Activation of your own.")
    return ACTIVATIONS[name]


def _checked(own):
    """Return an Activation of a user's if its functions are functions of arrays and its derivatives are those of `phi`."""
    where = f"Activation {shown(own.name)}:"
    if not all(isinstance(text, str) and text.strip() for text in (own.name, own.cpp_phi, own.cpp_dphi)):
        raise NetworkError(f"{where} its name, cpp_phi and cpp_dphi are texts, such as 'x > T(0) ? x : T(0.1) * x'.")
    if own.name in ACTIVATIONS and own != ACTIVATIONS[own.name]:      # measures and files know an activation by its name
        raise NetworkError(f"{where} that is the name of another one. Give yours a name of its own.")
    x, step = np.linspace(-4, 4, 801) + 1e-3, 1e-6         # beside round numbers, at which slopes may jump
    for what, function, slope in (("dphi", own.phi, own.dphi), ("ddphi", own.dphi, own.ddphi)):
        try:
            with np.errstate(all="ignore"):
                found, expected = np.asarray(slope(x), float), (np.asarray(function(x + step), float) - function(x - step)) / (2 * step)
        except Exception as problem:      # whatever a user's function raises
            raise NetworkError(f"{where} its functions cannot be evaluated for an array ({problem}).") from None
        if found.shape != x.shape or expected.shape != x.shape:
            raise NetworkError(f"{where} its functions must return an array of the shape that they are given.")
        wrong = ~(abs(found - expected) <= 1e-3 * np.maximum(1, abs(expected)))
        if wrong.any():
            raise NetworkError(f"{where} {what} is not the derivative: at {x[wrong][0]:.3g} it is {found[wrong][0]:.4g} in place of "
                               f"{expected[wrong][0]:.4g}.")
    return own
