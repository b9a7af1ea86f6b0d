"""Which time constants bring a circuit to its steady state in the fewest time steps: asked of the
circuit, linearised."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from brian2.utils.stringtools import get_identifiers

from ..theory.flow import Flow
from ..theory.linear import Linear

if TYPE_CHECKING:
    from .network import Network

TRIALS = 16  # that the circuit is linearised for
# time constants, in time steps
COARSE, FINE = 2.0 ** np.arange(10), 2.0 ** np.array([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75])
MOST = 400  # steps that are predicted
CLOSE = 0.01  # of the tolerance, to which the residual falls then: slow parts move little
AT_ONCE = 2**17  # numbers that move at once, in predictions that are made side by side
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


def plan(
    net: Network, phase: str, tolerance: float, dt: float, names: Collection[str], *way
) -> Plan:
    """Return the Plan of a phase; `names` are the time constants that can be chosen.

    The circuit is linearised where it is: at the beginning of the phase; or, where `way` says from
    which states it has come and which trials have settled, at its steady state.
    """
    linear, rates, constants = _arrived(net, phase, *way) if way else _beginning(net, phase)
    if not linear.states:
        return Plan({}, 1, tolerance, 0.0)
    shortest = shortest_of(constants, names)
    predict = _Predictor(linear, rates, constants, shortest, names, tolerance, dt)
    best, factors = predict.best(predict.new(dict.fromkeys(shortest, one) for one in COARSE))
    ones = dict.fromkeys(shortest, 1.0)
    for start in (factors, ones, dict.fromkeys([*shortest][::-1], 1.0)):
        new, found = _one_at_a_time(predict, start, best)
        if new[0] < best[0]:
            best, factors = new, found
    if best[0] == MOST:
        factors, best = dict.fromkeys(factors, CAREFUL), (MOST, CLOSE * tolerance, best[2])
    return Plan(in_steps(net, factors, dt, shortest), *best)


def _one_at_a_time(predict, factors, best):
    """Change one time constant at a time, from `factors`, for as long as that takes fewer steps
    than the `best` so far."""
    for grid in (COARSE, FINE):
        for name in factors:
            values = factors[name] * FINE if grid is FINE else grid
            candidates = predict.new(factors | {name: value} for value in values if value >= 1)
            new, found = predict.best(candidates, best[0] - 1) if candidates else (best, factors)
            if new[0] < best[0]:
                best, factors = new, found
    return best, factors


def _owner(tau, names):
    """Return which of the `names` a time constant, given as text, is made of; None if of none."""
    return next((name for name in names if name in get_identifiers(tau)), None)


def shortest_of(
    constants: Mapping[str, tuple[str, float]], names: Collection[str]
) -> dict[str, float]:
    """Return the shortest of the time constants, in seconds, that each of the `names` is in; for
    those that are in any."""
    found = [(_owner(tau, names), seconds) for tau, seconds in constants.values()]
    return {
        name: min(seconds for owner, seconds in found if owner == name)
        for name in names
        if name in dict(found)
    }


def in_steps(
    net: Network, factors: Mapping[str, float], dt: float, shortest: Mapping[str, float]
) -> dict[str, float]:
    """Return the values of parameters, in seconds, that make the shortest time constants so many
    steps of `dt`."""
    return {
        name: float(float(net.parameters[name]) * factors[name] * dt / shortest[name])
        for name in shortest
    }


def states_of(net: Network) -> dict[str, np.ndarray]:
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
    """Return the same for a phase that has ended, where it has settled: with the rates that the
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


class _Predictor:
    """Predicts how a linear circuit comes to its steady state with time constants of so many
    steps.

    How it moves in a step follows from how it moved in the step before; in the first, from its
    rates, and from what the populations that are visited early in that step tell the later ones.
    """

    def __init__(self, linear, rates, constants, shortest, names, tolerance, dt):
        self.linear, self.rates, self.constants = linear, rates, constants
        self.shortest, self.tolerance, self.dt = shortest, tolerance, dt
        self.owner = {state: _owner(tau, names) for state, (tau, _) in constants.items()}
        moving = sum(rate.size for rate in rates.values())
        self.together = max(1, AT_ONCE // moving)  # candidates
        self._known = set()

    def new(self, candidates):
        """Return those of the candidates that were not there before: none of the others takes fewer
        steps than the best so far."""
        found = {tuple(sorted(one.items())): one for one in candidates}
        fresh = [one for key, one in found.items() if key not in self._known]
        self._known |= found.keys()
        return fresh

    def best(self, candidates, most=MOST):
        """Return what is predicted, (steps, residual, radius), for the first of the candidates that
        takes the fewest steps, and that candidate; `most` is where a prediction ends."""
        results = []
        for first in range(0, len(candidates), self.together):
            results += self._follow(candidates[first : first + self.together], most)
            most = min(most, *(steps - 1 for steps, _, _ in results))
        number = min(range(len(results)), key=lambda i: results[i][0])
        return results[number], candidates[number]

    def _follow(self, candidates, most):
        """Return (steps, residual, radius) of each of some candidates, which are followed side by
        side; for some that take more than the best of them, only that these are more."""
        dts = {state: self._dts(state, candidates) for state in self.linear.states}
        pushes = {s: dts[s] * rate[..., None] for s, rate in self.rates.items()}
        now = self.linear.advance(dict.fromkeys(self.linear.arrays, 0), dts, pushes)
        ways, found = _Ways(len(candidates), self.tolerance), [None] * len(candidates)
        firsts = np.cumsum([0, *self.linear.states.values()])[:-1]  # of states, among all units
        longer = self._longer(dts)
        while True:
            moves = np.concatenate([now[s] for s in self.rates], axis=1)
            of_states = np.maximum.reduceat(abs(moves), firsts, axis=1)
            ways.move(moves, (of_states * longer).max(1))
            ended = ways.ended()
            if ended.any() or len(ways.moves) >= most + 20:
                ended |= len(ways.moves) >= most + 20
                found = [v or old for v, old in zip(ways.verdicts(ended, len(found)), found)]
                if ended.all():
                    return found
                most = min(most, *(verdict[0] - 1 for verdict in found if verdict))
                ways.leave(ended)
                dts = {s: its[~ended] for s, its in dts.items()}
                longer = self._longer(dts)
                now = {name: a[..., ~ended] if np.ndim(a) else a for name, a in now.items()}
            now = self.linear.advance(now, dts)

    def _longer(self, dts):
        """Return how many of their time steps the states' time constants are, (states,
        candidates)."""
        return np.array([self.constants[s][1] / dts[s] for s in self.rates])

    def _dts(self, state, candidates):
        """Return the time steps of a state, in seconds: where its time constant is twice as long,
        it makes half of a step."""
        owner = self.owner[state]
        if not owner:
            return np.full(len(candidates), self.dt)
        return np.array([self.shortest[owner] / factors[owner] for factors in candidates])


class _Ways:
    """The ways of a linear circuit to its steady state, step by step, with each of some candidates.

    Arrays have a column per candidate that is still on its way; `left` are their numbers.
    """

    def __init__(self, candidates, tolerance):
        self.left, self.tolerance, self.way = np.arange(candidates), tolerance, 0.0
        self.moves, self.residuals, self.columns = [], [], []  # of each step; whose columns

    def move(self, moves, residuals):
        """Go on by `moves` (trials, n, candidates), with the largest of the residuals, (trials,
        candidates)."""
        self.moves.append(moves)
        self.residuals.append(residuals)
        self.columns.append(self.left)
        self.way = self.way + moves
        self.size, self.gone = _length(moves), _length(self.way)
        if len(self.moves) == 1:
            self.first = self.size.max(0)

    def ended(self):
        """Return which have come to an end, (candidates,): hardly anything moves any more, or more
        and more does."""
        still = (self.size <= 0.05 * self.tolerance * self.gone).all(0)
        return still | (self.size > 1e4 * self.first).any(0)

    def leave(self, ended):
        """Leave those that have come to an end."""
        self.left, self.way, self.first = (
            self.left[~ended],
            self.way[..., ~ended],
            self.first[~ended],
        )

    def verdicts(self, ended, candidates):
        """Return the verdict on each that has come to an end, a list with None for the others."""
        found = [None] * candidates
        for column in np.flatnonzero(ended):
            found[self.left[column]] = self._verdict(column)
        return found

    def _verdict(self, column):
        """Return after how many steps what is left of the way is the tolerance (MOST if it is not),
        the residual then as a fraction of the largest, and by how much a step shrinks what is left
        at last."""
        number, size, gone = self.left[column], self.size[:, column], self.gone[:, column]
        places = [columns.searchsorted(number) for columns in self.columns]
        moves = np.array([its[..., k] for its, k in zip(self.moves, places)])
        residuals = [its[:, k] for its, k in zip(self.residuals, places)]
        # (steps, trials): before each step
        left = np.linalg.norm(np.cumsum(moves[::-1], axis=0)[::-1], axis=2)
        close = (size <= self.tolerance * gone).all()
        there = (left <= self.tolerance * left[0]).all(1) & close
        steps = int(np.argmax(there)) if there.any() else MOST
        largest, last = np.max(residuals, axis=0), residuals[min(steps, len(residuals) - 1)]
        ratio = np.divide(last, largest, out=np.ones_like(largest), where=largest > 0).min()
        half = len(moves) // 2
        with np.errstate(divide="ignore", invalid="ignore"):
            shrinks = np.nan_to_num(size / np.linalg.norm(moves[half], axis=1)).max()
        radius = float(shrinks ** (1 / max(1, len(moves) - 1 - half)))
        return steps, float(np.clip(ratio, 1e-3 * self.tolerance, self.tolerance)), radius


def _length(moves):
    return np.sqrt(np.add.reduce(moves * moves, axis=1))  # np.linalg.norm of real numbers
