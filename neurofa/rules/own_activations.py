"""Is an activation of a user's what its author meant? Its functions, its derivatives, its C++."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..base.arguments import shown
from ..base.errors import NetworkError

if TYPE_CHECKING:
    from .activations import Activation

# beside round numbers, at which slopes may jump; and rest
TRIED = np.append(np.linspace(-4, 4, 801) + 1e-3 * np.pi, 0.0)
WIDE = 5 * TRIED[::4]
STEP = 1e-6


def check_own(own: Activation, names: Container[str]) -> None:
    """Raise NetworkError unless an Activation of a user's has a name of its own, beside the
    `names` that are taken, functions of arrays, and for derivatives those of `phi`."""
    where = f"Activation {shown(own.name)}:"
    if not all(
        isinstance(text, str) and text.strip() for text in (own.name, own.cpp_phi, own.cpp_dphi)
    ):
        raise NetworkError(
            f"{where} its name, cpp_phi and cpp_dphi are texts, such as 'x > T(0) ? x : T(0.1) * x'. Or give one text in x for "
            "all of it: Activation(name, 'x*int(x > 0) + 0.1*x*int(x <= 0)')."
        )
    if own.name in names:  # measures and files know an activation by its name
        raise NetworkError(
            f"{where} that is the name of another one. Give yours a name of its own."
        )
    values = {what: _values(getattr(own, what), where) for what in ("phi", "dphi", "ddphi")}
    _check_finite(where, values)
    _check_derivatives(where, own, values)


def _check_finite(where, values):
    for what in ("phi", "dphi"):
        bad = ~np.isfinite(values[what])
        if bad.any():
            raise NetworkError(
                f"{where} {what} is {values[what][bad][0]:g} at {TRIED[bad][0]:.3g}. Potentials of both signs occur, and trials "
                "start at 0."
            )


def _check_derivatives(where, own, values):
    for what, function, slope in (("dphi", own.phi, "dphi"), ("ddphi", own.dphi, "ddphi")):
        with np.errstate(all="ignore"):
            expected = (np.asarray(function(TRIED + STEP), float) - function(TRIED - STEP)) / (
                2 * STEP
            )
        wrong = ~(abs(values[slope] - expected) <= 1e-3 * np.maximum(1, abs(expected))) & (
            TRIED != 0
        )
        if wrong.any():
            raise NetworkError(
                f"{where} {what} is not the derivative: at {TRIED[wrong][0]:.3g} it is {values[slope][wrong][0]:.4g} in place of "
                f"{expected[wrong][0]:.4g}."
            )


def _values(function, where):
    """Return the values of a user's function at TRIED. Raises NetworkError if it is no function of
    arrays."""
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(function(TRIED), float)
    except Exception as problem:  # whatever a user's function raises
        raise NetworkError(
            f"{where} its functions cannot be evaluated for an array ({problem})."
        ) from None
    if found.shape != TRIED.shape:
        raise NetworkError(
            f"{where} its functions must return an array of the shape that they are given."
        )
    return found


def check_twins(
    own: Activation, compiled: Callable[[str, np.ndarray], np.ndarray], dtype: npt.DTypeLike
) -> None:
    """Raise NetworkError unless the C++ of an activation computes what its NumPy functions do.

    `compiled(what, x)` returns what "phi" or "dphi" of the compiled code makes of an array of
    `dtype`.
    """
    x = WIDE.astype(dtype)
    close = 1e-6 if np.dtype(dtype) == np.float64 else 1e-4
    for what, function in (("phi", own.phi), ("dphi", own.dphi)):
        with np.errstate(all="ignore"):
            found, expected = compiled(what, x), np.asarray(function(x.astype(float)), float)
            wrong = ~(abs(found - expected) <= close * np.maximum(1, abs(expected))) & (
                found != expected
            )
        if wrong.any():
            raise NetworkError(
                f"Activation {shown(own.name)}: its C++ and its NumPy function differ. At {x[wrong][0]:.6g}, cpp_{what} is "
                f"{found[wrong][0]:.6g} and {what} is {expected[wrong][0]:.6g}. Mend one of them, or give the activation as "
                "one text in x, from which both follow."
            )


def fingerprint(own: Activation) -> dict[str, Any]:
    """Return what tells two activations that are no text apart, as plain values: C++, and values of
    their functions."""
    values = {
        what: [f"{value:.12g}" for value in np.asarray(getattr(own, what)(WIDE[::10]), float)]
        for what in ("phi", "dphi")
    }
    return dict(cpp_phi=own.cpp_phi, cpp_dphi=own.cpp_dphi, **values)
