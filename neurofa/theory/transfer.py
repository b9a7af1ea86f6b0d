"""How well does the output follow a target that moves? The transfer function of a controlled
circuit, from the rule's own text, before simulating.

For small changes around a settled state x, dx/dt = A x + B target and rates = C x + D target, so
that a target that oscillates with exp(s t) makes the rates oscillate with H(s) = C (s - A)^-1 B + D
times that, s = i w. In a simulation, x = A before + B target from step to step, and z = exp(i w dt)
stands in place of s. A pathway that is late by d brings exp(-s d) times what it would bring at once.
"""

import cmath
from typing import Any

import numpy as np
import numpy.typing as npt
from brian2 import Quantity, hertz, second

from ..base.arguments import numbers, quantity
from ..base.errors import NetworkError
from .flow import TARGET
from .stability import settled


def transfer(
    net: Any,
    x: npt.ArrayLike,
    frequencies: Quantity,
    y: npt.ArrayLike | None = None,
    dt: Quantity | None = None,
) -> np.ndarray:
    """Return by how much the output's rates follow small oscillations of its target, complex, shape
    (trials, frequencies, outputs, outputs): H[.., i, j] is what the i-th output makes of the target
    of the j-th.

    `abs(H)` is the gain, and `-np.angle(H, deg=True)` by how many degrees the output is late.
    `frequencies` is an array with its unit, `[0.5, 1, 5]*Hz`; 0 Hz is a target that stands still. The
    circuit is linearised around the settled state of the first phase that opens a gate, for stimuli
    `x`, (trials, inputs) or (inputs,), and targets `y` around which they oscillate, by default what
    the output does anyway, so that the gradient of the cost is zero.

    With `dt`, such as 1*ms, H is that of a simulation with this time step, whose rates at the end of
    a step are compared with the target in it; else, that of continuous time. Delays of pathways
    count. The network is only read, and need not be stable: `stability` says whether it is.

    Raises NetworkError if there is no settled state, if the target moves nothing in it, and for
    frequencies that time steps cannot show, or at which the circuit oscillates by itself.

    Examples
    --------
    >>> from brian2 import Hz
    >>> from neurofa.models import dfc_tracking
    >>> net = Network([4, 3, 2], dfc_tracking.RULE, seed=1)
    >>> H = analysis.transfer(net, np.ones(4), [0.5, 5]*Hz)
    >>> H.shape
    (1, 2, 2, 2)
    """
    frequencies, step = _frequencies(frequencies, dt), None if dt is None else float(dt)
    phase, _, _, linear = settled(net, x, y)
    late = {g.name: d for g in net.circuit.groups if (d := g.delay(net.parameters)) > 0}
    found: list[np.ndarray] = []
    for s in 2j * np.pi * frequencies if linear is not None else ():
        if late or not found:  # else the same at all frequencies
            system = _system(linear, s, step, late, net.sizes[-1])
        found.append(_response(system, s if step is None else cmath.exp(s * step)))
    if not np.any(found):
        raise NetworkError(
            f"{net.rule.name}: in the phase {phase}, rates do not follow a target that moves. Take a rule that reads it at "
            "every time, such as neurofa.models.dfc_tracking.RULE."
        )
    return np.stack(found, axis=1)


def _system(linear, s, dt, late, outputs):
    """Return A, B, C, D of the circuit, whose pathways are late by so many seconds, as it is for
    oscillations exp(s t)."""
    given, seen = (TARGET, outputs), ("output.r", outputs)
    slowed = linear.weighted({name: _delayed(s, dt, d) for name, d in late.items()})
    return slowed.between(given, seen) if dt is None else slowed.step_between(dt, given, seen)


def _response(system, s):
    """Return H(s), (trials, outputs, outputs); of a simulation, for z in place of s."""
    A, B, C, D = system
    try:
        return C @ np.linalg.solve(s * np.eye(A.shape[-1]) - A, B) + D
    except np.linalg.LinAlgError:
        raise NetworkError(
            "transfer: the circuit goes on with an oscillation of this frequency by itself, or drifts at 0 Hz. Give the "
            "controller a leak, or feedback that reaches the output."
        ) from None


def _delayed(s, dt, delay):
    """Return the factor by which a delay turns a signal; of a simulation, which interpolates between
    time steps."""
    if dt is None:
        return cmath.exp(-s * delay)
    whole = int(delay / dt + 1e-9)
    part = max(delay / dt - whole, 0.0)
    return cmath.exp(-s * dt * whole) * (1 - part + part * cmath.exp(-s * dt))


def _frequencies(frequencies, dt):
    """Return frequencies in hertz, (frequencies,)."""
    found = numbers("transfer: frequencies", frequencies, np.float64, unit=hertz, ndim=1)
    if not found.size or found.min() < 0:
        raise NetworkError(
            "transfer: frequencies must be one or more, of 0 Hz or larger, such as [0.5, 1, 5]*Hz."
        )
    if dt is not None:
        quantity("transfer: dt", dt, second, "1*ms", noun="time step")
        if found.max() > 0.5 / float(dt):
            raise NetworkError(
                f"transfer: {found.max():g} Hz cannot be told from slower oscillations in steps of {dt}. Give at most "
                f"{0.5 / float(dt):g} Hz, or a shorter dt."
            )
    return found
