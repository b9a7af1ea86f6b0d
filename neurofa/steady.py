"""A trial that asks for the steady states alone, in as few time steps as can be had.

Where the circuit settles does not depend on its time constants, only the way there does. So the time constants are chosen such that
the circuit, linearised where a phase begins, takes the fewest steps; the residual says when it is there. Without a loop, all are one
time step, and the circuit is exact after as many steps as it has layers. The way there is no biology: for traces, use a Trial.
"""

from dataclasses import asdict, dataclass

import numpy as np
from brian2 import ms, second
from brian2.equations.equations import SUBEXPRESSION
from brian2.units.fundamentalunits import get_dimensions
from brian2.utils.stringtools import get_identifiers

from .equations import PopulationText
from .errors import NetworkError
from .flow import Flow
from .linear import Linear
from .phases import delays, windows
from .trial import Length, Trial, settle

TRIALS = 16                                     # that the circuit is linearised for
COARSE, FINE = 2.0 ** np.arange(10), 2.0 ** np.array([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75])     # time constants, in time steps
MOST, LONGEST = 400, 3000                       # steps that are predicted, and made
PATIENCE = 30                                   # runs between two choices, but for the first: choosing takes longer than a run
CAREFUL = 16.0                                  # all time constants, in time steps, where nothing is known to settle


@dataclass(frozen=True)
class Plan:
    """How a phase is run: time constants in seconds, by name, and what the linearised circuit does with them."""

    taus: dict
    steps: int             # until what is left of the way to the steady state is the tolerance; MOST, if not even then
    residual: float        # what the residual is then, as a fraction of the largest
    radius: float          # by how much a step shrinks what is left at last: the spectral radius


class SteadyState(Trial):
    """A Trial whose phases end when every trial has gone all but `tolerance` of the way to its steady state.

    `SteadyState(1e-3)`; phases that are to last otherwise are named, as in a Trial, and have the network's own time constants.
    Time constants are chosen when a phase is first run, and anew when the circuit, having learned, takes half as many steps again;
    `plans` says which. When the trial is over, the network has its own again. Trials that have settled rest while others have not;
    one that does not settle at all is counted as unsettled and teaches nothing, as in the authors' code of DFC.

    Raises NetworkError, when a network is to learn with it, where time matters: plasticity or noise during a phase, delays, windows,
    time constants that the steady state depends on.
    """

    strict = True

    def __init__(self, tolerance=1e-3, dt=1*ms, **lengths):
        super().__init__(dt, settle(tolerance, relative=True), **lengths)
        self.plans, self._runs, self._own = {}, {}, {}

    def of(self, net):
        """Return such a trial for one network."""
        mine = SteadyState(self.default.tolerance, self.dt, **self.lengths)
        mine.check(net.rule)
        mine._own = _time_constants(net, [p.name for p in net.rule.phases if p.name not in self.lengths])
        return mine

    def length(self, net, phase):
        """Set the network's time constants to those of the phase, and return its Length."""
        if phase in self.lengths:
            self._give(net, {})
            return self[phase]
        if phase not in self.plans:
            self._give(net, {})
            self.plans[phase] = plan(net, phase, self.default.tolerance, float(self.dt), self._own)
            self._runs[phase] = 0
        chosen = self.plans[phase]
        self._give(net, chosen.taus)
        return Length(min(20 * chosen.steps + 100, LONGEST) * self.dt, chosen.residual, self.dt, relative=True)

    def noted(self, result):
        """Choose anew where a phase took too long. Trials that are slower than nine in ten are left to themselves."""
        if result.phase in self.plans:
            self._runs[result.phase] += 1
            after = np.quantile(np.nan_to_num(result.settled_after, nan=result.duration), 0.9) / result.dt
            if after > 1.5 * self.plans[result.phase].steps + 3 and self._runs[result.phase] not in range(2, PATIENCE):
                del self.plans[result.phase]

    def over(self, net):
        """Give the network its own time constants again."""
        self._give(net, {})

    def _give(self, net, taus):
        """Give the network these time constants, in seconds; where one is not named, its own."""
        wanted = {name: taus.get(name, float(own)) for name, own in self._own.items()}
        if new := {name: tau * second for name, tau in wanted.items() if float(net.parameters[name]) != tau}:
            net.set(**new)

    @property
    def state(self):
        """What was chosen, as plain values; assigning it chooses the same."""
        return dict(plans={phase: asdict(chosen) for phase, chosen in self.plans.items()}, runs=self._runs)

    @state.setter
    def state(self, state):
        self.plans, self._runs = {phase: Plan(**values) for phase, values in state["plans"].items()}, state["runs"]

    def __repr__(self):
        return super().__repr__().replace("Trial", "SteadyState", 1)


def plan(net, phase, tolerance, dt, names):
    """Return the Plan of a phase that begins in the present state of `net`; `names` are the time constants that can be chosen."""
    linear, F, constants = _linearised(net, phase)
    owner = {state: next((n for n in names if n in get_identifiers(tau)), None) for state, (tau, _) in constants.items()}
    if not linear.states:
        return Plan({}, 1, tolerance, 0.0)
    present = {n: float(net.parameters[n]) for n in names}
    shortest = {n: min(seconds for s, (_, seconds) in constants.items() if owner[s] == n) for n in names if n in owner.values()}

    def predicted(factors, most):
        scale = {s: factors[owner[s]] * dt / shortest[owner[s]] if owner[s] else 1.0 for s in linear.states}
        dts = {s: dt / scale[s] for s in linear.states}
        return _predict(linear, F, dts, {s: dts[s] / constants[s][1] for s in linear.states}, tolerance, most)

    def search(order):
        factors = dict.fromkeys(order, 1.0)       # a state's time constant is so many steps
        best = predicted(factors, MOST)
        for grid in (COARSE, FINE):
            for name in order:
                for factor in factors[name] * FINE if grid is FINE else grid:
                    found = predicted(factors | {name: factor}, best[0] - 1) if factor >= 1 else best
                    if found[0] < best[0]:
                        best, factors = found, factors | {name: factor}
        return best, factors

    best, factors = min((search(order) for order in ([*shortest], [*shortest][::-1])), key=lambda found: found[0][0])
    if best[0] == MOST:
        factors, best = dict.fromkeys(factors, CAREFUL), (MOST, 0.1 * tolerance, best[2])
    taus = {n: present[n] * factors[n] * dt / shortest[n] for n in factors}
    return Plan({n: float(tau) for n, tau in taus.items()}, *best)


def _linearised(net, phase):
    """Return the Linear of a phase that begins now, its states' rates (trials, n) in 1/s, and its states' time constants."""
    p, trials = net.rule.phase(phase), min(TRIALS, net.active)
    flow = Flow(net, {gate: int(gate in p.on) for gate in net.rule.gates})
    memory = {name: np.array(net.arrays[name][:trials], float) for name in (*flow.memory, *flow.rates) if name in net.arrays}
    flow.start(p, memory)
    get = flow.reader(memory | {copy: np.array(net.arrays[copy[1:]][:trials], float) for copy in flow.copies})
    memory |= {copy: np.array(get(copy[1:])) for copy in flow.copies}
    F, linear = flow.at(memory) if flow.rates else (None, Linear(trials, {}, {}, {}, (), {}))
    ends = np.cumsum([0, *linear.states.values()])
    rates = {s: F[:, start:end] for s, start, end in zip(linear.states, ends, ends[1:])}
    return linear, rates, {s: net.time_constants()[s] for s in linear.states}


def _predict(linear, rates, dts, shares, tolerance, most):
    """Return (steps, residual, radius) of a Plan; `shares` are the time steps in units of the states' time constants.

    How a linear circuit moves in a step follows from how it moved in the step before.
    """
    now = dict.fromkeys(linear.arrays, 0) | {s: dts[s] * rate[..., None] for s, rate in rates.items()}
    moves, residuals, way = [], [], 0.0
    for _ in range(most + 20):
        moves.append(np.concatenate([now[s][..., 0] for s in rates], axis=1))
        residuals.append(np.max([abs(now[s][..., 0]).max(1) / shares[s] for s in rates], axis=0))
        way = way + moves[-1]
        size, gone = np.linalg.norm(moves[-1], axis=1), np.linalg.norm(way, axis=1)
        if (size <= 0.05 * tolerance * gone).all() or (size > 1e4 * np.linalg.norm(moves[0], axis=1).max()).any():
            break
        now = linear.advance(now, dts)
    left = np.linalg.norm(np.cumsum(moves[::-1], axis=0)[::-1], axis=2)         # (steps, trials): before each step
    there = (left <= tolerance * left[0]).all(1) & (size <= tolerance * gone).all()
    steps = int(np.argmax(there)) if there.any() else MOST
    largest, last = np.max(residuals, axis=0), residuals[min(steps, len(residuals) - 1)]
    ratio = np.divide(last, largest, out=np.ones_like(largest), where=largest > 0).min()
    half = len(moves) // 2
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = float(np.nan_to_num(size / np.linalg.norm(moves[half], axis=1)).max() ** (1 / max(1, len(moves) - 1 - half)))
    return steps, float(np.clip(ratio, 1e-3 * tolerance, tolerance)), radius


def _time_constants(net, phases):
    """Return the values of the time constants that the steady states of `phases` do not depend on, `{name: quantity}`.

    Raises NetworkError where something else depends on time.
    """
    where = f"{net.rule.name}: SteadyState cannot be used, because"
    if late := [*delays(net)] + ["a window"] * bool(windows(net)) + ["a lesion"] * bool(net.synapses.times()):
        raise NetworkError(f"{where} the time of a trial matters to {', '.join(late)}. Use Trial(...).")
    for line in net.rule.plasticity:
        if line.during in phases:
            raise NetworkError(f"{where} {line.pathway} learns during the phase {line.during}. Use Trial(...), or name the phase: "
                               f"SteadyState({line.during}=250*ms).")
    for phase in set(phases) & {*net.noisy_phases}:
        raise NetworkError(f"{where} noise keeps the phase {phase} from settling. Use Trial(...), or name the phase: "
                           f"SteadyState({phase}=250*ms).")
    times = {n: v for n, v in net.parameters.items() if get_dimensions(v) is second.dim}
    used = set()
    for units in net.circuit.units:
        text = PopulationText(net.circuit, net.rule, units, net.cost)
        used |= {n for above, _ in text.time_constants.values() for n in get_identifiers(above)}
        used |= {n for e in text.equations.values() if e.type == SUBEXPRESSION for n in e.identifiers}
    if mixed := sorted(used & {"t", *times}):
        raise NetworkError(f"{where} its equations depend on {', '.join(mixed)} in more than the pace of a state. Use Trial(...).")
    return times
