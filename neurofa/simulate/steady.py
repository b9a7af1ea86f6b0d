"""A trial that asks for the steady states alone, in as few time steps as can be had.

Where the circuit settles does not depend on its time constants, only the way there does. So the
time constants are chosen such that the circuit, linearised where a phase begins, takes the fewest
steps; the residual says when it is there. Without a loop, all are one time step, and the circuit is
exact after as many steps as it has layers. The way there is no biology: for traces, use a Trial.
"""

from dataclasses import asdict, dataclass

import numpy as np
from brian2 import ms, second
from brian2.equations.equations import SUBEXPRESSION
from brian2.units.fundamentalunits import get_dimensions
from brian2.utils.stringtools import get_identifiers

from ..base.description import described
from ..base.errors import NetworkError
from ..base.fixed import Fixed
from ..theory.flow import Flow
from ..theory.linear import Linear
from .phases import delays, windows
from .trial import Length, Trial, settle

TRIALS = 16  # that the circuit is linearised for
# time constants, in time steps
COARSE, FINE = 2.0 ** np.arange(10), 2.0 ** np.array([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75])
MOST, LONGEST = 400, 3000  # steps that are predicted, and made
# steps that are made carefully: 1000 time constants, where slow ones are left
PATIENT = 16_000
CLOSE = 0.01  # of the tolerance, to which the residual falls then: slow parts move little
PATIENCE = 30  # runs between two choices, but for the first: choosing takes longer than a run
CAREFUL = 16.0  # all time constants, in time steps, where nothing is known to settle


@dataclass(frozen=True)
class Plan:
    """How a phase is run: time constants in seconds, by name, and what the linearised circuit does
    with them."""

    taus: dict
    # until what is left of the way to the steady state is the tolerance; MOST, if not even then
    steps: int
    residual: float  # what the residual is then, as a fraction of the largest
    radius: float  # by how much a step shrinks what is left at last: the spectral radius


class SteadyState(Trial):
    """A Trial whose phases end when every trial has gone all but `tolerance` of the way to its
    steady state.

    `SteadyState(1e-3)`; phases that are to last otherwise are named, as in a Trial, and have the
    network's own time constants. Time constants are chosen when a phase is first run, and anew when
    the circuit, having learned, takes half as many steps again; `plans` says which. When the trial
    is over, the network has its own again. Trials that have settled rest while others have not; one
    that does not settle at all is counted as unsettled and teaches nothing, as in the authors' code
    of DFC.

    Raises NetworkError, when a network is to learn with it, where time matters: plasticity or noise
    during a phase, delays, windows, time constants that the steady state depends on.
    """

    strict = True

    def __init__(self, tolerance=1e-3, dt=1 * ms, **lengths):
        super().__init__(dt, settle(tolerance, relative=True), **lengths)
        self.plans, self._runs, self._hopeless = {}, {}, []
        self._own, self._begun = {}, None

    def of(self, net):
        """Return such a trial for one network."""
        mine = SteadyState(self.default.tolerance, self.dt, **self.lengths)
        mine.check(net.rule)
        mine._own = _time_constants(
            net, [p.name for p in net.rule.phases if p.name not in self.lengths]
        )
        return mine

    def length(self, net, phase):
        """Return the Length of `phase`, which begins now, with its time constants."""
        if phase in self.lengths:
            return self[phase]
        if phase not in self.plans:
            self._choose(net, phase)
        chosen = self.plans[phase]
        self._begun = _states(net) if self._may_choose(phase) else None
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

    def noted(self, net, result):
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
        if (
            may_choose
            and after > 1.5 * self.plans[phase].steps + 3
            or self.plans[phase].steps == MOST
        ):
            settled = ~result.unsettled[:TRIALS]
            try:
                if self._begun is not None and settled.any():
                    self._choose(net, phase, self._begun, settled)
            except NetworkError:  # no derivatives where it has arrived: nothing can be chosen there
                settled[:] = False
            self._hopeless = [*{*self._hopeless} - {phase}, *[phase] * (not settled.any())]

    def _choose(self, net, phase, *way):
        self.plans[phase] = plan(
            net, phase, self.default.tolerance, float(self.dt), self._own, *way
        )
        self._runs[phase] = 1 if way else 0  # what was chosen from experience gets more of it

    def _may_choose(self, phase):
        return self._runs[phase] not in range(1, PATIENCE)

    def _carefully(self, net):
        """Return the Length with which a phase goes on that has not settled as it should: slow, and
        patient."""
        taus = _in_steps(
            net,
            dict.fromkeys(self._own, CAREFUL),
            float(self.dt),
            _shortest(net.time_constants(), self._own),
        )
        return Length(
            PATIENT * self.dt,
            CLOSE * self.default.tolerance,
            self.dt,
            relative=True,
            taus=Fixed(taus),
        )

    @property
    def state(self):
        """What was chosen, as plain values; assigning it chooses the same."""
        return dict(
            plans={phase: asdict(chosen) for phase, chosen in self.plans.items()},
            runs=self._runs,
            hopeless=self._hopeless,
        )

    @state.setter
    def state(self, state):
        self.plans, self._runs = (
            {phase: Plan(**values) for phase, values in state["plans"].items()},
            state["runs"],
        )
        self._hopeless = state["hopeless"]

    def __repr__(self):
        return super().__repr__().replace("Trial", "SteadyState", 1)


def plan(net, phase, tolerance, dt, names, *way):
    """Return the Plan of a phase; `names` are the time constants that can be chosen.

    The circuit is linearised where it is: at the beginning of the phase; or, where `way` says from
    which states it has come and which trials have settled, at its steady state.
    """
    linear, F, constants = _arrived(net, phase, *way) if way else _beginning(net, phase)
    if not linear.states:
        return Plan({}, 1, tolerance, 0.0)
    shortest = _shortest(constants, names)
    owner = {state: _owner(tau, names) for state, (tau, _) in constants.items()}

    def predicted(factors, most):
        scale = {
            s: factors[owner[s]] * dt / shortest[owner[s]] if owner[s] else 1.0
            for s in linear.states
        }
        dts = {s: dt / scale[s] for s in linear.states}
        return _predict(
            linear, F, dts, {s: dts[s] / constants[s][1] for s in linear.states}, tolerance, most
        )

    def search(factors, best):
        """Change one time constant at a time, from `factors`, for as long as that takes fewer steps
        than the `best` so far."""
        found = factors
        for grid in (COARSE, FINE):
            for name in factors:
                for factor in factors[name] * FINE if grid is FINE else grid:
                    new = predicted(factors | {name: factor}, best[0] - 1) if factor >= 1 else best
                    if new[0] < best[0]:
                        best, found = new, factors | {name: factor}
                factors = found
        return best, found

    # a state's time constant is so many steps
    best, factors = (MOST, tolerance, np.nan), dict.fromkeys(shortest, 1.0)
    for factor in COARSE:  # the same for all
        new = predicted(dict.fromkeys(shortest, factor), best[0] - 1 if best[0] < MOST else MOST)
        if new[0] < best[0] or np.isnan(best[2]):
            best, factors = new, dict.fromkeys(shortest, factor)
    for start in (factors, dict.fromkeys(shortest, 1.0), dict.fromkeys([*shortest][::-1], 1.0)):
        new, found = search(start, best)
        if new[0] < best[0]:
            best, factors = new, found
    if best[0] == MOST:
        factors, best = dict.fromkeys(factors, CAREFUL), (MOST, CLOSE * tolerance, best[2])
    return Plan(_in_steps(net, factors, dt, shortest), *best)


def _owner(tau, names):
    """Return which of the `names` a time constant, given as text, is made of; None if of none."""
    return next((name for name in names if name in get_identifiers(tau)), None)


def _shortest(constants, names):
    """Return the shortest of the time constants, in seconds, that each of the `names` is in; for
    those that are in any."""
    found = [(_owner(tau, names), seconds) for tau, seconds in constants.values()]
    return {
        name: min(seconds for owner, seconds in found if owner == name)
        for name in names
        if name in dict(found)
    }


def _in_steps(net, factors, dt, shortest):
    """Return the values of parameters, in seconds, that make the shortest time constants so many
    steps of `dt`."""
    return {
        name: float(float(net.parameters[name]) * factors[name] * dt / shortest[name])
        for name in shortest
    }


def _states(net):
    """Return the states of the first trials: `{name: (trials, units)}`."""
    return {
        name: np.array(net.arrays[name][: min(TRIALS, net.active)], float)
        for name in net.time_constants()
    }


def _beginning(net, phase):
    """Return the Linear of a phase that begins now, its states' rates (trials, n) in 1/s, and its
    states' time constants."""
    flow, memory = _flow(net, phase, np.arange(min(TRIALS, net.active)))
    flow.start(net.rule.phase(phase), memory)
    F, linear = _linearised(net, flow, memory)
    ends = np.cumsum([0, *linear.states.values()])
    rates = {s: F[:, start:end] for s, start, end in zip(linear.states, ends, ends[1:])}
    return linear, rates, {s: net.time_constants()[s] for s in linear.states}


def _arrived(net, phase, begun, settled):
    """Return the same for a phase that is over, where it has settled: with the rates that the
    linear circuit had where it began."""
    trials = np.flatnonzero(settled)
    flow, memory = _flow(net, phase, trials)
    _, linear = _linearised(net, flow, memory)
    rates = linear.rates({s: begun[s][trials] - memory[s] for s in linear.states})
    return linear, rates, {s: net.time_constants()[s] for s in linear.states}


def _flow(net, phase, trials):
    """Return the Flow of a phase, and what `trials` of the network have in memory."""
    flow = Flow(
        net.circuit.costing(net.cost),
        net,
        {gate: int(gate in net.rule.phase(phase).on) for gate in net.rule.gates},
    )
    names = [name for name in (*flow.memory, *flow.rates) if name in net.arrays]
    return flow, {name: np.array(net.arrays[name][trials], float) for name in names} | {
        copy: np.array(net.arrays[copy.of][trials], float) for copy in flow.copies
    }


def _linearised(net, flow, memory):
    get = flow.reader(memory)
    memory |= {copy: np.array(get(copy.of)) for copy in flow.copies}
    return (
        flow.at(memory)
        if flow.rates
        else (None, Linear(len(memory["input.r"]), {}, {}, {}, (), {}))
    )


def _predict(linear, rates, dts, shares, tolerance, most):
    """Return (steps, residual, radius) of a Plan; `shares` are the time steps in units of the
    states' time constants.

    How a linear circuit moves in a step follows from how it moved in the step before; in the first,
    from its rates, and from what the populations that are visited early in that step tell the later
    ones.
    """
    still = dict.fromkeys(linear.arrays, 0)
    now = linear.advance(still, dts, {s: dts[s] * rate[..., None] for s, rate in rates.items()})
    moves, residuals, way = [], [], 0.0
    for _ in range(most + 20):
        moves.append(np.concatenate([now[s][..., 0] for s in rates], axis=1))
        residuals.append(np.max([abs(now[s][..., 0]).max(1) / shares[s] for s in rates], axis=0))
        way = way + moves[-1]
        size, gone = np.linalg.norm(moves[-1], axis=1), np.linalg.norm(way, axis=1)
        if (size <= 0.05 * tolerance * gone).all() or (
            size > 1e4 * np.linalg.norm(moves[0], axis=1).max()
        ).any():
            break
        now = linear.advance(now, dts)
    # (steps, trials): before each step
    left = np.linalg.norm(np.cumsum(moves[::-1], axis=0)[::-1], axis=2)
    there = (left <= tolerance * left[0]).all(1) & (size <= tolerance * gone).all()
    steps = int(np.argmax(there)) if there.any() else MOST
    largest, last = np.max(residuals, axis=0), residuals[min(steps, len(residuals) - 1)]
    ratio = np.divide(last, largest, out=np.ones_like(largest), where=largest > 0).min()
    half = len(moves) // 2
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = float(
            np.nan_to_num(size / np.linalg.norm(moves[half], axis=1)).max()
            ** (1 / max(1, len(moves) - 1 - half))
        )
    return steps, float(np.clip(ratio, 1e-3 * tolerance, tolerance)), radius


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
