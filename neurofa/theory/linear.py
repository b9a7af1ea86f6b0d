"""A circuit's small changes: how every variable follows the others at once, chained to a Jacobian,
or to a time step.

Plain arrays, without equations: `flow.py` makes this from the rule's text. Changes are arrays
(trials, units, n): the derivative of a variable's units by n numbers, among them those of the
state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..base.errors import NetworkError, choices


@dataclass(frozen=True)
class Rate:
    """The rate of change of a state."""

    of: str


@dataclass(frozen=True)
class Copy:
    """The copy of a signal that closes a loop without a state."""

    of: str

    def __str__(self):
        return self.of


@dataclass(frozen=True)
class Sent:
    """What a pathway that is cut would be sent."""

    of: "str | Copy"


@dataclass(frozen=True)
class Edge:
    """What `target` gains at once when `source` changes: a factor per unit, (trials, units), or a
    matrix, (.., post, pre)."""

    source: str | Copy | Sent
    factor: np.ndarray
    matrix: bool = False
    names: tuple = ()  # of the synapse group and of its pathway

    def __call__(self, change: np.ndarray) -> np.ndarray:
        return self.factor @ change if self.matrix else self._column * change

    @cached_property
    def _column(self):
        return self.factor[..., None]


@dataclass(frozen=True)
class Linear:
    """The derivatives of all variables by what they are made of, at one state per trial."""

    trials: int
    states: Mapping  # name -> number of units
    copies: Mapping  # the same, of signals that close a loop without a state
    edges: Mapping  # variable, or rate of a state, -> its Edges
    steps: tuple  # of groups of variables that a time step sets at once
    arrays: Mapping  # name -> number of units, of all that a simulation keeps in memory
    # states that take exact steps -> their time constant in seconds
    exact: Mapping = field(default_factory=dict)

    def blocks(self, edges: Mapping | None = None, copies: Mapping | tuple = ()) -> np.ndarray:
        """Return the derivative (trials, n, n) of the states' rates, then of the signals that
        `copies` are copies of."""
        edges, sizes = edges or self.edges, {**self.states, **self.copies, **dict(copies)}
        known = _columns(sizes)
        rows = [
            _sum(Rate(name), known, edges)
            if name in self.states
            else _total(_signal(name), known, edges)
            for name in sizes
        ]
        return _stack(rows, sizes, self.trials)

    def jacobian(self) -> np.ndarray:
        """Return A, (trials, n, n) in 1/second: the derivative of the states' rates by the
        states."""
        return self._loops_closed(self.blocks())

    def rates(self, changes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return by how much the states' rates differ where the states differ by `changes`: both
        `{state: (trials, units)}`."""
        known = {name: change[..., None] for name, change in changes.items()}
        return {
            name: np.broadcast_to(_sum(Rate(name), known, self.edges), known[name].shape)[..., 0]
            for name in self.states
        }

    def cut(self, pathway: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return A, B, C, D of the circuit whose `pathway` (or synapse group) is cut where it
        leaves its sources.

        dx/dt = A x + B sent, and C x + D sent is what it would send; all (trials, .., ..). Raises
        NetworkError if there is no such pathway, or if it carries nothing that moves.
        """
        every = [e for edges in self.edges.values() for e in edges]
        if not any(pathway in e.names for e in every):
            valid = {name for e in every for name in e.names}
            raise NetworkError(
                f"No pathway '{pathway}' carries a signal that moves here. "
                + choices(pathway, valid, "pathway")
            )
        sent = {Sent(e.source): e.factor.shape[-1] for e in every if pathway in e.names}
        edges = {
            target: [replace(e, source=Sent(e.source)) if pathway in e.names else e for e in its]
            for target, its in self.edges.items()
        }
        M, n = self._loops_closed(self.blocks(edges, sent)), sum(self.states.values())
        return M[:, :n, :n], M[:, :n, n:], M[:, n:, :n], M[:, n:, n:]

    def between(self, given: tuple[str, int], seen: tuple[str, int]) -> tuple[np.ndarray, ...]:
        """Return A, B, C, D of the circuit from a variable that is `given` to one that is `seen`,
        each (name, number of units).

        dx/dt = A x + B given, and seen = C x + D given; all (trials, .., ..).
        """
        ends = {given[0]: given[1], Sent(seen[0]): seen[1]}
        M = self._loops_closed(self.blocks(copies=ends))
        return _parts(M, sum(self.states.values()), given[1])

    def _loops_closed(self, M):
        """Return M with the signals in loops solved for; they come after the states."""
        n, k = sum(self.states.values()), sum(self.copies.values())
        rest, loop = np.delete(np.arange(M.shape[-1]), np.s_[n : n + k]), slice(n, n + k)
        try:
            solved = np.linalg.solve(np.eye(k) - M[:, loop, loop], M[:, loop, :][:, :, rest])
        except np.linalg.LinAlgError:
            raise NetworkError(
                "Signals depend on each other at once, in a loop that has no solution. Give one of them a "
                "differential equation."
            ) from None
        return M[:, rest][:, :, rest] + M[:, rest, loop] @ solved

    def weighted(self, factors: Mapping[str, complex]) -> "Linear":
        """Return the circuit in which synapse groups bring so many times what they do, `{group:
        factor}`: a signal that oscillates is late by a factor."""
        edges = {
            target: [
                replace(e, factor=e.factor * factors[e.names[0]])
                if e.names and e.names[0] in factors
                else e
                for e in its
            ]
            for target, its in self.edges.items()
        }
        return replace(self, edges=edges)

    def step(self, dt: np.ndarray) -> np.ndarray:
        """Return the derivative (trials, n, n) of all that a simulation remembers from one time
        step to the next.

        `dt` is in seconds, an array that fits (trials, 1, 1). Populations are visited one after the
        other.
        """
        return self._step(dt, self._remembered)

    @cached_property
    def _remembered(self):
        """The arrays that are read in a time step before they are set."""
        S, starts = self._step(1e-3, self.arrays), np.cumsum([0, *self.arrays.values()])
        return {
            name: size
            for (name, size), k in zip(self.arrays.items(), starts)
            if S[:, :, k : k + size].any()
        }

    def step_between(
        self, dt: float, given: tuple[str, int], seen: tuple[str, int]
    ) -> tuple[np.ndarray, ...]:
        """Return the same as `between` for time steps of `dt` seconds: x = A before + B given, and
        seen = C before + D given, where x is all that a simulation remembers, `before` that of the
        step before, and `given` stands when the step begins."""
        kept, ends = self._remembered, {given[0]: given[1], Sent(seen[0]): seen[1]}
        before = dict.fromkeys(self.arrays, 0) | _columns({**kept, **ends})
        now = self.advance(before, self._dts(dt))
        now[Sent(seen[0])] = _total(seen[0], dict(now), self._as_read)
        M = _stack([now[name] for name in (*kept, *ends)], {**kept, **ends}, self.trials)
        return _parts(M, sum(kept.values()), given[1])

    def _step(self, dt, arrays):
        now = self.advance(dict.fromkeys(self.arrays, 0) | _columns(arrays), self._dts(dt))
        return _stack([now[name] for name in arrays], arrays, self.trials)

    def _dts(self, dt):
        """Return how long a step is for every state: of those that are noise alone, it is exact."""
        return {
            name: self.exact[name] * -np.expm1(-dt / self.exact[name]) if name in self.exact else dt
            for name in self.states
        }

    def advance(self, now: dict, dts: Mapping, pushes: Mapping | None = None) -> dict:
        """Return the change of every array after one time step, given that before it: `{name:
        (trials, units, n), or 0}`.

        `dts` are the time steps of the states, in seconds: a state whose time constant is twice as
        long makes half of a step. `pushes` are what moves states beside these changes, `{state:
        (trials, units, n)}`; what is visited later hears of it.
        """
        pushes, edges = pushes or {}, self._as_read
        for together in self.steps:
            known, new = dict(now), {}  # expressions are evaluated where they stand
            for name in together:
                if name not in self.states:
                    new[name] = _sum(name, known, edges)
                    continue
                new[name] = now[name] + dts[name] * _sum(self._rates[name], known, edges)
                if name in pushes:
                    new[name] = new[name] + pushes[name]
            now = now | new
        return now

    @cached_property
    def _rates(self):
        return {name: Rate(name) for name in self.states}

    @cached_property
    def _as_read(self):
        """The edges as a simulation has them: a signal in a loop is read where it stands."""
        return {
            target: [replace(e, source=_signal(e.source)) for e in its]
            for target, its in self.edges.items()
        }


def _signal(name):
    """Return the signal that is copied, or sent; any other variable as it is."""
    return _signal(name.of) if isinstance(name, (Copy, Sent)) else name


def _columns(sizes):
    """Return `{name: (units, n)}`: each variable as a function of all of them."""
    starts, everything = np.cumsum([0, *sizes.values()]), np.eye(sum(sizes.values()))
    return {
        name: everything[start : start + size] for (name, size), start in zip(sizes.items(), starts)
    }


def _stack(rows, sizes, trials):
    n = sum(sizes.values())
    return np.concatenate(
        [np.broadcast_to(row, (trials, size, n)) for row, size in zip(rows, sizes.values())], axis=1
    )


def _parts(M, n, m):
    """Return A, B, C, D: of states (n) and of what is seen (the rest), by states and what is given
    (m)."""
    return M[:, :n, :n], M[:, :n, n : n + m], M[:, n + m :, :n], M[:, n + m :, n : n + m]


def _total(name, known, edges):
    """Return the change of a variable, by the chain rule; 0 if it does not change."""
    if name not in known:
        known[name] = _sum(name, known, edges)
    return known[name]


def _sum(name, known, edges):
    total = None
    for edge in edges.get(name, ()):
        change = _total(edge.source, known, edges)
        if isinstance(change, np.ndarray):  # else it is 0
            total = edge(change) if total is None else total + edge(change)
    return 0 if total is None else total
