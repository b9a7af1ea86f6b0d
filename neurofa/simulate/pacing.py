"""Which time constants bring a circuit to its steady state in the fewest time steps: asked of the
circuit, linearised."""

from dataclasses import dataclass

import numpy as np
from brian2.utils.stringtools import get_identifiers

from ..theory.flow import Flow
from ..theory.linear import Linear

TRIALS = 16  # that the circuit is linearised for
# time constants, in time steps
COARSE, FINE = 2.0 ** np.arange(10), 2.0 ** np.array([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75])
MOST = 400  # steps that are predicted
CLOSE = 0.01  # of the tolerance, to which the residual falls then: slow parts move little
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


def plan(net, phase, tolerance, dt, names, *way):
    """Return the Plan of a phase; `names` are the time constants that can be chosen.

    The circuit is linearised where it is: at the beginning of the phase; or, where `way` says from
    which states it has come and which trials have settled, at its steady state.
    """
    linear, rates, constants = _arrived(net, phase, *way) if way else _beginning(net, phase)
    if not linear.states:
        return Plan({}, 1, tolerance, 0.0)
    shortest = shortest_of(constants, names)
    owner = {state: _owner(tau, names) for state, (tau, _) in constants.items()}

    def predicted(factors, most):
        """Return (steps, residual, radius) where the time constants are so many time steps."""
        scale = {
            s: factors[o] * dt / shortest[o] if (o := owner[s]) else 1.0 for s in linear.states
        }
        dts = {s: dt / scale[s] for s in linear.states}
        shares = {s: dts[s] / constants[s][1] for s in linear.states}
        return _predict(linear, rates, dts, shares, tolerance, most)

    best, factors = _alike(predicted, shortest, tolerance)
    ones = dict.fromkeys(shortest, 1.0)
    for start in (factors, ones, dict.fromkeys([*shortest][::-1], 1.0)):
        new, found = _one_at_a_time(predicted, start, best)
        if new[0] < best[0]:
            best, factors = new, found
    if best[0] == MOST:
        factors, best = dict.fromkeys(factors, CAREFUL), (MOST, CLOSE * tolerance, best[2])
    return Plan(in_steps(net, factors, dt, shortest), *best)


def _alike(predicted, names, tolerance):
    """Return what is predicted, and the factors, where all time constants are the same number of
    steps: the best number."""
    best, factors = (MOST, tolerance, np.nan), dict.fromkeys(names, 1.0)
    for factor in COARSE:
        new = predicted(dict.fromkeys(names, factor), best[0] - 1 if best[0] < MOST else MOST)
        if new[0] < best[0] or np.isnan(best[2]):
            best, factors = new, dict.fromkeys(names, factor)
    return best, factors


def _one_at_a_time(predicted, factors, best):
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


def _owner(tau, names):
    """Return which of the `names` a time constant, given as text, is made of; None if of none."""
    return next((name for name in names if name in get_identifiers(tau)), None)


def shortest_of(constants, names):
    """Return the shortest of the time constants, in seconds, that each of the `names` is in; for
    those that are in any."""
    found = [(_owner(tau, names), seconds) for tau, seconds in constants.values()]
    return {
        name: min(seconds for owner, seconds in found if owner == name)
        for name in names
        if name in dict(found)
    }


def in_steps(net, factors, dt, shortest):
    """Return the values of parameters, in seconds, that make the shortest time constants so many
    steps of `dt`."""
    return {
        name: float(float(net.parameters[name]) * factors[name] * dt / shortest[name])
        for name in shortest
    }


def states_of(net):
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
