"""When: how long each phase of a trial lasts, and with what time step it is integrated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from brian2 import Quantity, ms, second

from ..base.arguments import number, quantity
from ..base.description import described
from ..base.errors import NetworkError, choices
from ..base.fixed import Fixed
from ..rules.rule import LearningRule

if TYPE_CHECKING:
    from .network import Network
    from .settling import PhaseResult


@described
@dataclass(frozen=True)
class Length:
    """A phase that lasts for `duration`; or, with a `tolerance`, until every trial has settled, but
    no longer than `duration`.

    Settled means that the residual, the largest |tau dx/dt| over all states, is below the
    tolerance; if that is `relative`, below this fraction of the largest residual of the phase, or
    as small as rounding lets it be.

    Examples
    --------
    >>> trial = Trial(dt=5*ms, mirror=Length(100*ms, dt=1*ms))
    """

    duration: Quantity
    tolerance: float | None = None
    dt: Quantity | None = None  # the trial's, if None
    relative: bool = False
    # time constants while it lasts, in seconds, by parameter, in place of the network's own
    taus: Mapping[str, float] = field(default_factory=Fixed)
    # with what it goes on where it ends before every trial has settled
    then: Length | None = None

    def __post_init__(self):
        for what, value in (("duration", self.duration), ("dt", self.dt)):
            if value is not None or what == "duration":
                quantity(what, value, second, "10*ms", noun="time with its unit,")
        if self.tolerance is not None:
            number("tolerance", self.tolerance, least=0, most=1, open_at=(0, 1), example="1e-6")


def _length(length):
    return length if isinstance(length, Length) else Length(length)


def settle(
    tolerance: float = 1e-6,
    at_most: Quantity = 5 * second,
    dt: Quantity | None = None,
    relative: bool = False,
) -> Length:
    """Return the Length of a phase that ends when every trial has settled.

    Examples
    --------
    >>> Trial(dt=10*ms, free=settle(1e-4)).dt
    10. * msecond
    """
    return Length(at_most, tolerance, dt, relative)


class Schedule(Protocol):
    """What a network that learns needs of a trial: how long each phase lasts, and what may be
    learned from it."""

    strict: bool  # whether trials that have not settled teach nothing
    state: dict[str, Any]  # what it has found out about the network, as plain values

    def of(self, net: Network) -> Schedule:
        """Return the schedule as it is for one network. Raises NetworkError where the two do not
        fit."""

    def length(self, net: Network, phase: str) -> Length:
        """Return the Length of `phase`, which begins now."""

    def phase_ended(self, net: Network, result: PhaseResult) -> None:
        """Take note of the PhaseResult of a phase that has ended."""

    # where trials follow one another without Python

    def known(self, phases: Sequence[str]) -> int:
        """Return for how many trials the lengths of these phases stay as they are."""

    def most_steps(self, phase: str) -> float:
        """Return after how many steps, of nine in ten trials, a phase is to be looked at; or -1."""

    def came_from(self, states: dict[str, np.ndarray]) -> None:
        """Take note of the states of the first trials as the phase began that is looked at."""

    def passed(self, phase: str) -> None:
        """Take note of a phase that needed not to be looked at."""


class Trial:
    """The lengths of the phases, by name: `Trial(dt=1*ms, free=settle(), feedback=250*ms)`.

    Phases that are not named last as `default` says. Without one, they settle to 1e-6, or, where
    what is shown moves, last as long as it does. A phase that is to settle does so after the last
    frame that moves. Steady states do not depend on `dt`; with `dt` equal to the time constant, a circuit without loops is exact after
    as many steps as it has layers. Raises NetworkError for a length without a unit.

    Examples
    --------
    >>> trial = Trial(dt=1*ms, free=settle(1e-4), feedback=250*ms)
    """

    def __init__(
        self,
        dt: Quantity = 1 * ms,
        default: Length | Quantity | None = None,
        **lengths: Length | Quantity,
    ):
        self.dt = Length(dt).duration
        self.default = None if default is None else _length(default)
        self.lengths = {name: _length(length) for name, length in lengths.items()}

    def __getitem__(self, phase: str) -> Length:
        """Return the Length of `phase`, with its time step filled in."""
        length = self.lengths.get(phase, self.default) or settle()
        return length if length.dt is not None else replace(length, dt=self.dt)

    state: dict[str, Any] = {}  # what it has found out about the network, as plain values: nothing
    strict = False  # whether trials that have not settled teach nothing

    def of(self, net: Network) -> Trial:
        """Return the trial as it is for one network. Raises NetworkError if it has no such
        phase."""
        self.check(net.rule)
        return self

    def length(self, net: Network, phase: str) -> Length:
        """Return the Length of `phase`, which begins now."""
        if net.movie.frames and self.default is None and phase not in self.lengths:
            return Length(net.movie.duration, dt=self.dt)
        return self[phase]

    def phase_ended(self, net: Network, result: PhaseResult) -> None:
        """Take note of the PhaseResult of a phase that has ended: lengths do not depend on it."""

    def known(self, phases: Sequence[str]) -> int:
        """Return for how many trials the lengths of these phases stay as they are: for ever."""
        return 2**31

    def most_steps(self, phase: str) -> float:
        """Return after how many steps a phase is to be looked at: -1, none."""
        return -1.0

    def came_from(self, states: dict[str, np.ndarray]) -> None:
        """Take note of the states as a phase began: lengths do not depend on them."""

    def passed(self, phase: str) -> None:
        """Take note of a phase that needed not to be looked at: lengths do not depend on it."""

    def check(self, rule: LearningRule) -> None:
        """Raise NetworkError if a phase is named that `rule` does not have."""
        names = [phase.name for phase in rule.phases]
        for name in self.lengths:
            if name not in names:
                raise NetworkError(
                    f"{rule.name} has no phase '{name}'. " + choices(name, names, "phase")
                )

    def __repr__(self):
        lengths = [f"{name}={_text(length)}" for name, length in self.lengths.items()]
        default = [] if self.default is None else [f"default={_text(self.default)}"]
        return f"Trial({', '.join([f'dt={self.dt}', *default, *lengths])})"


def _text(length):
    relative = ", relative" if length.relative else ""
    return (
        str(length.duration)
        if length.tolerance is None
        else f"settle({length.tolerance:g}{relative})"
    )


described(
    Trial, ("dt", "default", "lengths"), lambda dt, default, lengths: Trial(dt, default, **lengths)
)
