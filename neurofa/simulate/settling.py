"""How a phase ended: settled, not settled, or out of bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from ..base.errors import Diverged, NetworkError, NotSettled, warn

if TYPE_CHECKING:
    from .network import Network


@dataclass(frozen=True)
class PhaseResult:
    """How a phase ended: its residual per trial, and when each trial settled.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> net.reset()
    >>> net.stimulus(x)
    >>> result = net.run("free", settle(1e-4))
    >>> result.phase, result.residual.shape, bool((result.residual < 1e-4).all())
    ('free', (2,), True)
    """

    phase: str
    dt: float  # seconds
    steps: int
    residual: np.ndarray  # (trials,): max over states of |tau dx/dt|
    # (trials,), seconds; NaN where a trial had not settled (or was not asked to)
    settled_after: np.ndarray
    output: np.ndarray  # (trials, units): the output's rates at the end
    # what the residual was to come below, of each trial if relative; None: nothing
    tolerance: float | np.ndarray | None = None
    # (trials, frames, units): these as every frame of a moving stimulus or target ends, NaN for
    # frames that the phase did not reach; None where both stand still
    trajectory: np.ndarray | None = None

    @property
    def judged(self) -> bool:
        """Whether trials were to settle: not where a phase has a fixed length, or where noise keeps
        it from settling."""
        return self.tolerance is not None

    @property
    def unsettled(self) -> np.ndarray:
        """Which trials should have settled and had not, shape (trials,)."""
        return np.isnan(self.settled_after) & self.judged

    @property
    def duration(self) -> float:
        """The length of the phase in seconds."""
        return self.steps * self.dt


def check_dt(dt: float, time_constants: Mapping[str, tuple[str, float]]) -> None:
    """Raise NetworkError if `dt` (seconds) is longer than one of `{state: (name, seconds)}`."""
    for state, (name, tau) in time_constants.items():
        if dt > tau * (1 + 1e-9):
            raise NetworkError(
                f"dt = {dt * 1e3:g} ms is longer than the time constant of {state}, {name} = {tau * 1e3:g} ms: "
                f"forward Euler would overshoot. Use dt <= {tau * 1e3:g} ms."
            )


def overflowed(result: PhaseResult, signal: str, values: np.ndarray, advice: str) -> NoReturn:
    """Raise Diverged because some of the `values` (trials, units) of a signal are no finite
    numbers."""
    trial, unit = np.argwhere(~np.isfinite(values))[0]
    raise Diverged(
        f"{result.phase} phase, trial {trial}: '{signal}' became NaN or infinite in unit {unit}, at or before "
        f"{result.duration * 1e3:g} ms. Use smaller weights, a smaller learning rate, or an activation or signal that is "
        f"bounded.{f' {advice}' if advice else ''}"
    )


def rounding(net: Network) -> np.ndarray:
    """Return, per active trial (trials,), the residual below which there is only rounding of states
    as large as they are now."""
    size = np.max(
        [abs(net.arrays[state][: net.active]).max(axis=1) for state in net.time_constants()], axis=0
    )
    return 64 * float(np.finfo(net.dtype).eps) * np.maximum(1.0, size.astype(float))


def causes(net: Network, population: str, trial: int, residual: float) -> list[str]:
    """Return sentences about what may have kept `population` from settling in one trial: a kink, or
    rounding."""
    found = []
    if name := net.kink(population):
        found.append(
            f"The slope of {name} jumps at 0, where potentials may flicker without end: give the phase a fixed length, such "
            "as 200*ms, or use the activation 'softplus'."
        )
    if residual <= 100 * (rounded := rounding(net)[trial]):
        double = ", or use dtype='float64'" if net.dtype == np.float32 else ""
        found.append(
            f"In {net.dtype.name}, states of this size are rounded to a residual of some {rounded:.1g}: scale the inputs "
            f"down, ask for less{double}."
        )
    return found


def judge(
    net: Network, result: PhaseResult, diverged: bool, residuals: Mapping[str, np.ndarray]
) -> None:
    """Warn or raise if the phase did not end as was asked. `residuals` is {population: (trials,)}.

    Raises Diverged where a state is no finite number any more; warns NotSettled where a tolerance
    was asked for and not met.
    """
    advice = net.rule.advice
    bad = ~np.isfinite(result.residual) if diverged else result.unsettled
    if not diverged and not bad.any():
        return
    trial = int(
        np.argmax(np.where(bad, np.nan_to_num(result.residual, nan=np.inf, posinf=np.inf), -1))
    )
    where = max(
        residuals, key=lambda name: np.nan_to_num(residuals[name][trial], nan=np.inf, posinf=np.inf)
    )
    advice = f" {advice}" if advice else ""
    if diverged:
        raise Diverged(
            f"{result.phase} phase, trial {trial}: '{where}' became NaN or infinite at or before "
            f"{result.duration * 1e3:g} ms. Use a smaller dt (now {result.dt * 1e3:g} ms), smaller weights, "
            f"or a smaller learning rate.{advice}"
        )
    found = causes(net, where, trial, result.residual[trial])
    remedy = " ".join([_remedy(result), *found])
    advice = "" if found else advice  # of the rule: it does not know of these
    warn(
        f"{result.phase} phase, trial {trial}: {_unsettled(result, trial, where)} after "
        f"{result.duration * 1e3:g} ms ({int(bad.sum())} of {len(bad)} trials). {remedy}{advice}",
        NotSettled,
    )


def _unsettled(result, trial, where):
    """Return in words what still moved in a trial, in the population `where`."""
    residual = result.residual[trial]
    tolerance = np.broadcast_to(result.tolerance, result.residual.shape)[trial]
    if residual > tolerance:
        return f"residual {residual:.1g} > {tolerance:.3g} in '{where}'"
    return "delayed signals were still on their way, or had just arrived,"


def _remedy(result):
    """Return what helps a phase that did not settle, whatever the cause."""
    if np.ndim(result.tolerance):
        return (
            "No time constants were found at which it settles; a phase that is named has a length of "
            f"its own, {result.phase}=250*ms."
        )
    return f"Lengthen the phase: Trial({result.phase}=settle(at_most=...))."
