"""A trial that asks for the steady states alone, in as few time steps as can be had.

Where the circuit settles does not depend on its time constants, only the way there does. So the
time constants are chosen such that the circuit, linearised where a phase begins, takes the fewest
steps; the residual says when it is there. Without a loop, all are one time step, and the circuit is
exact after as many steps as it has layers. The way there is no biology: for traces, use a Trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity, ms, second
from brian2.equations.equations import SUBEXPRESSION
from brian2.units.fundamentalunits import get_dimensions
from brian2.utils.stringtools import get_identifiers

from ..base.description import described
from ..base.errors import NetworkError
from ..base.fixed import Fixed
from .pacing import CAREFUL, CLOSE, MOST, TRIALS, Plan, in_steps, plan, shortest_of, states_of
from .phases import delays, windows
from .trial import Length, Trial, settle

if TYPE_CHECKING:
    from .network import Network
    from .settling import PhaseResult

LONGEST = 3000  # steps that are made
# steps that are made carefully: 1000 time constants, where slow ones are left
PATIENT = 16_000
PATIENCE = 30  # runs between two choices, but for the first: choosing takes longer than a run


class SteadyState(Trial):
    """A Trial whose phases end when every trial has gone all but `tolerance` of the way to its
    steady state.

    `SteadyState(1e-3)`; phases that are to last otherwise are named, as in a Trial, and have the
    network's own time constants. Time constants are chosen when a phase is first run, and anew when
    the circuit, having learned, takes half as many steps again; `plans` says which. When the trial
    has ended, the network has its own again. Trials that have settled rest while others have not; one
    that does not settle at all is counted as unsettled and teaches nothing, as in the authors' code
    of DFC.

    Raises NetworkError, when a network is to learn with it, where time matters: plasticity or noise
    during a phase, delays, windows, time constants that the steady state depends on.

    Examples
    --------
    >>> trial = SteadyState(1e-3, sleep=Length(250*ms, dt=5*ms))
    """

    strict = True
    plans: dict[str, Plan]  # by phase
    _runs: dict[str, int]  # since a choice
    _hopeless: list[str]  # phases in which no trial settles
    _own: dict[str, Quantity | float]  # the time constants that can be chosen
    _begun: dict[str, np.ndarray] | None  # the states from which a phase has come

    def __init__(
        self, tolerance: float = 1e-3, dt: Quantity = 1 * ms, **lengths: Length | Quantity
    ):
        super().__init__(dt, settle(tolerance, relative=True), **lengths)
        self.tolerance = tolerance
        self.plans, self._runs, self._hopeless = {}, {}, []
        self._own, self._begun = {}, None

    def of(self, net: Network) -> SteadyState:
        """Return such a trial for one network."""
        mine = SteadyState(self.tolerance, self.dt, **self.lengths)
        mine.check(net.rule)
        mine._own = _time_constants(
            net, [p.name for p in net.rule.phases if p.name not in self.lengths]
        )
        return mine

    def length(self, net: Network, phase: str) -> Length:
        """Return the Length of `phase`, which begins now, with its time constants.

        Raises NetworkError where what is shown moves.
        """
        if phase in self.lengths:
            return self[phase]
        if net.movie.moves:
            raise NetworkError(
                f"SteadyState finds where a circuit settles, and what it is shown in the phase {phase} moves. Use Trial(...), or "
                f"name the phase: SteadyState({phase}=250*ms)."
            )
        if phase not in self.plans:
            self._choose(net, phase)
        chosen = self.plans[phase]
        self._begun = states_of(net) if self._may_choose(phase) else None
        then = None if chosen.steps == MOST or phase in self._hopeless else self._carefully(net)
        steps = PATIENT if chosen.steps == MOST else min(20 * chosen.steps + 100, LONGEST)
        return Length(
            steps * self.dt,
            chosen.residual,
            self.dt,
            relative=True,
            taus=Fixed(chosen.taus),
            then=then,
        )

    def phase_ended(self, net: Network, result: PhaseResult) -> None:
        """Choose anew, where the circuit has arrived, if it took too long. The slowest tenth of the
        trials is left to itself."""
        phase = result.phase
        if phase not in self.plans:
            return
        may_choose = self._may_choose(phase)
        self._runs[phase] += 1
        after = (
            np.quantile(np.nan_to_num(result.settled_after, nan=result.duration), 0.9) / result.dt
        )
        if may_choose and after > self._most(phase) or self.plans[phase].steps == MOST:
            settled = ~result.unsettled[:TRIALS]
            try:
                if self._begun is not None and settled.any():
                    self._choose(net, phase, self._begun, settled)
            except NetworkError:  # no derivatives where it has arrived: nothing can be chosen there
                settled[:] = False
            self._hopeless = [*{*self._hopeless} - {phase}, *[phase] * (not settled.any())]

    def known(self, phases: Sequence[str]) -> int:
        """Return for how many trials the lengths of these phases stay as they are, if none of them
        takes too long."""
        chosen = [phase for phase in phases if phase not in self.lengths]
        if any(p not in self.plans or self.plans[p].steps == MOST for p in chosen):
            return 0
        runs = [self._runs[phase] for phase in chosen]
        return min([2**31, *(PATIENCE - n if n else 0 for n in runs if n < PATIENCE)])

    def most_steps(self, phase: str) -> float:
        """Return after how many steps, of nine in ten trials, a phase is to be looked at; or -1."""
        chosen = phase in self.plans and self._may_choose(phase)
        return self._most(phase) if chosen else -1.0

    def came_from(self, states: dict[str, np.ndarray]) -> None:
        """Take note of the states of the first trials as the phase began that is looked at."""
        self._begun = states

    def passed(self, phase: str) -> None:
        """Take note of a phase that needed not to be looked at."""
        if phase in self.plans:
            self._runs[phase] += 1

    def _most(self, phase):
        return 1.5 * self.plans[phase].steps + 3

    def _choose(self, net, phase, *way):
        self.plans[phase] = plan(net, phase, self.tolerance, float(self.dt), self._own, *way)
        self._runs[phase] = 1 if way else 0  # what was chosen from experience gets more of it

    def _may_choose(self, phase):
        return self._runs[phase] not in range(1, PATIENCE)

    def _carefully(self, net):
        """Return the Length with which a phase goes on that has not settled as it should: slow, and
        patient."""
        taus = in_steps(
            net,
            dict.fromkeys(self._own, CAREFUL),
            float(self.dt),
            shortest_of(net.time_constants(), self._own),
        )
        return Length(
            PATIENT * self.dt,
            CLOSE * self.tolerance,
            self.dt,
            relative=True,
            taus=Fixed(taus),
        )

    @property
    def state(self) -> dict[str, Any]:
        """What was chosen, as plain values; assigning it chooses the same."""
        return dict(
            plans={phase: asdict(chosen) for phase, chosen in self.plans.items()},
            runs=self._runs,
            hopeless=self._hopeless,
        )

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.plans, self._runs = (
            {phase: Plan(**values) for phase, values in state["plans"].items()},
            state["runs"],
        )
        self._hopeless = state["hopeless"]

    def __repr__(self):
        return super().__repr__().replace("Trial", "SteadyState", 1)


def _time_constants(net, phases):
    """Return the values of the time constants that the steady states of `phases` do not depend on,
    `{name: quantity}`.

    Raises NetworkError where something else depends on time.
    """
    where = f"{net.rule.name}: SteadyState cannot be used, because"
    if (
        late := [*delays(net)]
        + ["a window"] * bool(windows(net))
        + ["a lesion"] * bool(net.synapses.times())
    ):
        raise NetworkError(
            f"{where} the time of a trial matters to {', '.join(late)}. Use Trial(...)."
        )
    for line in net.rule.plasticity:
        if line.during in phases:
            raise NetworkError(
                f"{where} {line.pathway} learns during the phase {line.during}. Use Trial(...), or name the phase: "
                f"SteadyState({line.during}=250*ms)."
            )
    for phase in set(phases) & {*net.noisy_phases}:
        raise NetworkError(
            f"{where} noise keeps the phase {phase} from settling. Use Trial(...), or name the phase: "
            f"SteadyState({phase}=250*ms)."
        )
    times = {n: v for n, v in net.parameters.items() if get_dimensions(v) is second.dim}
    used = set()
    for text in net.circuit.costing(net.cost).texts.values():
        used |= {n for above, _ in text.time_constants.values() for n in get_identifiers(above)}
        used |= {
            n for e in text.equations.values() if e.type == SUBEXPRESSION for n in e.identifiers
        }
    if mixed := sorted(used & {"t", *times}):
        raise NetworkError(
            f"{where} its equations depend on {', '.join(mixed)} in more than the pace of a state. Use Trial(...)."
        )
    return times


described(
    SteadyState,
    ("dt", "default", "lengths"),
    lambda dt, default, lengths: SteadyState(default.tolerance, dt, **lengths),
)
