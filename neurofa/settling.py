"""How a phase ended: settled, not settled, or out of bounds."""

from dataclasses import dataclass

import numpy as np

from .errors import Diverged, NetworkError, NotSettled, warn


@dataclass(frozen=True)
class PhaseResult:
    """How a phase ended: its residual per trial, and when each trial settled."""

    phase: str
    dt: float                    # seconds
    steps: int
    residual: np.ndarray         # (trials,): max over states of |tau dx/dt|
    settled_after: np.ndarray    # (trials,), seconds; NaN where a trial had not settled (or was not asked to)
    output: np.ndarray           # (trials, units): the output's rates at the end
    tolerance: float | np.ndarray | None = None    # what the residual was to come below, of each trial if relative; None: nothing

    @property
    def unsettled(self):
        """Which trials should have settled and had not, shape (trials,)."""
        return np.isnan(self.settled_after) & (self.tolerance is not None)

    @property
    def duration(self):
        """The length of the phase in seconds."""
        return self.steps * self.dt


def check_dt(dt, time_constants):
    """Raise NetworkError if `dt` (seconds) is longer than one of `{state: (name, seconds)}`."""
    for state, (name, tau) in time_constants.items():
        if dt > tau * (1 + 1e-9):
            raise NetworkError(f"dt = {dt * 1e3:g} ms is longer than the time constant of {state}, {name} = {tau * 1e3:g} ms: "
                               f"forward Euler would overshoot. Use dt <= {tau * 1e3:g} ms.")


def overflowed(result, signal, values, advice):
    """Raise Diverged because some of the `values` (trials, units) of a signal are no finite numbers."""
    trial, unit = np.argwhere(~np.isfinite(values))[0]
    raise Diverged(f"{result.phase} phase, trial {trial}: '{signal}' left the finite numbers in unit {unit}, at or before "
                   f"{result.duration * 1e3:g} ms. Use smaller weights, a smaller learning rate, or an activation or signal that is "
                   f"bounded.{f' {advice}' if advice else ''}")


def judge(result, diverged, residuals, advice):
    """Warn or raise if the phase did not end as was asked. `residuals` is {population.residual: (trials,)}.

    Raises Diverged where a state is no finite number any more; warns NotSettled where a tolerance was asked for and not met.
    """
    bad = ~np.isfinite(result.residual) if diverged else result.unsettled
    if not diverged and not bad.any():
        return
    trial = int(np.argmax(np.where(bad, np.nan_to_num(result.residual, nan=np.inf, posinf=np.inf), -1)))
    worst = max(residuals, key=lambda name: np.nan_to_num(residuals[name][trial], nan=np.inf, posinf=np.inf))
    where, advice = worst.split(".")[0], f" {advice}" if advice else ""
    if diverged:
        raise Diverged(f"{result.phase} phase, trial {trial}: '{where}' left the finite numbers at or before "
                       f"{result.duration * 1e3:g} ms. Use a smaller dt (now {result.dt * 1e3:g} ms), smaller weights, "
                       f"or a smaller learning rate.{advice}")
    residual, tolerance = result.residual[trial], np.broadcast_to(result.tolerance, result.residual.shape)[trial]
    what = (f"residual {residual:.1g} > {tolerance:.3g} in '{where}'" if residual > tolerance else
            "delayed signals were still on their way, or had just arrived,")
    warn(f"{result.phase} phase, trial {trial}: {what} after {result.duration * 1e3:g} ms ({int(bad.sum())} of {len(bad)} "
                  f"trials). Lengthen the phase: Trial({result.phase}=settle(at_most=...)).{advice}", NotSettled)
