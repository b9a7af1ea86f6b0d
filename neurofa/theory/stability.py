"""Will the circuit settle, how fast, and how late or strong may a pathway be? Asked of the rule's
own text, before simulating.

Delays that pathways have in the rule are left out: they are no part of its equations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..base.arguments import able, numbers
from ..base.errors import NetworkError
from .flow import TARGET, Flow
from .linear import Linear
from .margins import on_loops, shortest_delay, smallest_gain


def stability(
    net: Any,
    x: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    phase: str | None = None,
) -> "Stability":
    """Return the Stability of the settled circuit, for any number of stimuli `x`, (trials, inputs),
    or a single one, (inputs,).

    The phases of the rule up to `phase` are settled one after the other, from rest and without
    noise, by Newton's method, so that states are found that a simulation would leave, or not reach
    in time. `phase` is by default the first after the free one that opens a gate. `y` is what the
    output should do; by default what it does anyway, so that the gradient of the cost is zero.
    Without `x`, the present state of `net` is used. The network is only read.

    Raises NetworkError if there is no settled state, RuleError if there is no such phase.

    Examples
    --------
    >>> from neurofa.models import dfc
    >>> net = Network([4, 3, 2], dfc.RULE, seed=1)
    >>> found = analysis.stability(net, np.ones(4))
    >>> bool(found.time_constant > 0)
    True
    """
    able("net", net, "time_constants", "a Network")
    return _at_present(net) if x is None else _result(*settled(net, x, y, phase))


def settled(
    net, x: npt.ArrayLike, y: npt.ArrayLike | None = None, phase: str | None = None
) -> tuple[str, Flow, dict, Linear | None]:
    """Return (phase, Flow, memory, Linear) of the settled circuit, as `stability` finds it; no
    Linear where nothing moves.

    Raises NetworkError if there is no settled state, RuleError if there is no such phase.
    """
    able("net", net, "time_constants", "a Network")
    phases = net.rule.phases
    last = (
        net.rule.phase(phase)
        if phase is not None
        else next((p for p in phases[1:] if p.on), phases[-1])
    )
    x = _rows("stimulus", x, net.sizes[0])
    plan = net.circuit.costing(net.cost)
    memory = {"input.r": x} | {name: _of_units(net, name, len(x)) for name in net.unit_parameters}
    if y is not None:
        memory[TARGET] = np.broadcast_to(
            _rows("target", y, net.sizes[-1], len(x)), (len(x), net.sizes[-1])
        )
    for p in phases[: phases.index(last) + 1]:
        flow = Flow(plan, net, {gate: int(gate in p.on) for gate in net.rule.gates})
        for name in (*flow.memory, *flow.rates):
            memory.setdefault(name, np.zeros((len(x), flow.sizes[name])))
        flow.start(p, memory)
        linear = flow.settle(memory, f"{net.rule.name}: {p.name} phase") if flow.rates else None
        if y is None and p is phases[0]:
            r = flow.reader(memory)("output.r")
            # both costs have f(r) - target
            memory[TARGET] = net.cost.gradient(r, np.zeros_like(r))
    return last.name, flow, memory, linear


def _of_units(net, name, trials):
    """Return a parameter that every unit has of its own, for so many trials."""
    values = np.array(net.arrays[name], float)
    if (values == values[0]).all():
        return np.repeat(values[:1], trials, axis=0)
    if trials > len(values):
        raise NetworkError(
            f"'{name}' differs between the {len(values)} trials of the network. Give no more stimuli than that."
        )
    return values[:trials]


def _at_present(net, tolerance=1e-3):
    gates = {gate: net.arrays[f"input.{gate}"].item() for gate in net.rule.gates}
    flow = Flow(net.circuit.costing(net.cost), net, gates)
    memory = {
        name: np.array(net.arrays[name][: net.active], float)
        for name in (*flow.memory, *flow.rates)
        if name in net.arrays
    }
    memory |= {copy: np.array(net.arrays[copy.of][: net.active], float) for copy in flow.copies}
    F, linear = flow.at(memory)
    residual = abs(F) / np.maximum(abs(linear.blocks()).sum(-1), 1e-9)
    if residual.max() > tolerance * max(1.0, *(abs(memory[name]).max() for name in flow.rates)):
        raise NetworkError(
            f"{net.rule.name}: the circuit is not settled (residual {residual.max():.1g}). Let it settle with "
            "net.run(phase, settle()), or give stability(net, x) the stimulus."
        )
    return _result("as it is", flow, memory, linear)


def _result(phase, flow, memory, linear):
    if not flow.rates:
        raise NetworkError(f"{flow.plan.rule.name}: nothing moves in the phase {phase}.")
    ends = np.cumsum([flow.sizes[name] for name in flow.rates])
    states = {name: slice(end - flow.sizes[name], end) for name, end in zip(flow.rates, ends)}
    return Stability(
        phase,
        states,
        np.concatenate([memory[name] for name in states], axis=1),
        linear.jacobian(),
        linear,
    )


def _rows(what, values, width, trials=None):
    try:
        values = np.atleast_2d(numbers(f"The {what}", values, np.float64))
    except NetworkError:
        values = np.empty(0)
    if (
        values.ndim != 2
        or values.shape[1] != width
        or len(values) not in {len(values), 1} & {trials or len(values), 1}
        or not np.isfinite(values).all()
    ):
        raise NetworkError(
            f"The {what} must be finite numbers of shape ({trials or 'trials'}, {width})."
        )
    return values


@dataclass(frozen=True)
class Stability:
    """A circuit close to a settled state x: d(change)/dt = A change. Trials come first, and times
    are in seconds.

    States that the phase keeps still, whatever the others do, are no part of it.

    Examples
    --------
    >>> from neurofa.models import dfc
    >>> found = analysis.stability(Network([4, 3, 2], dfc.RULE, seed=1), np.ones(4))
    >>> found.phase, list(found.states), found.A.shape
    ('feedback', ['controller.U', 'hidden1.v', 'output.v'], (1, 7, 7))
    >>> bool(found.margin > 0), bool(found.spectral_radius(0.001) < 1)  # dt = 1 ms
    (True, True)
    """

    phase: str
    states: Mapping  # name -> which part of the state it is, a slice
    x: np.ndarray  # (trials, n): the settled state
    A: np.ndarray  # (trials, n, n), 1/second
    linear: Linear = field(repr=False)

    @cached_property
    def eigenvalues(self) -> np.ndarray:
        """Eigenvalues of A, 1/second, shape (trials, n), the leading one first."""
        values = np.linalg.eigvals(self.A)
        return np.take_along_axis(values, np.argsort(-values.real, axis=-1, kind="stable"), axis=-1)

    @property
    def margin(self) -> np.ndarray:
        """The rate at which the slowest perturbation decays, 1/second, shape (trials,); negative
        where one grows."""
        return -self.eigenvalues[:, 0].real

    @property
    def time_constant(self) -> np.ndarray:
        """1/margin, shape (trials,); infinite where the state is not stable."""
        return np.where(self.margin > 0, 1 / np.where(self.margin > 0, self.margin, 1), np.inf)

    @property
    def frequency(self) -> np.ndarray:
        """At how many hertz the slowest perturbation oscillates, shape (trials,)."""
        return abs(self.eigenvalues[:, 0].imag) / (2 * np.pi)

    def spectral_radius(self, dt: npt.ArrayLike) -> np.ndarray:
        """Return by what factor the slowest perturbation changes in one time step of the
        simulation, shape (trials,).

        A step visits one population after the other, so that it is I + dt A only to first order in
        `dt`.
        """
        steps = self.linear.step(np.reshape(np.asarray(dt, float), (-1, 1, 1)))
        return abs(np.linalg.eigvals(steps)).max(-1)

    @cached_property
    def max_dt(self) -> np.ndarray:
        """The time step from which on the simulation does not settle, shape (trials,); 0 where it
        does not with any.

        A network refuses time steps longer than a time constant, whatever this is.
        """
        dts = np.geomspace(1e-4, 20, 80)[:, None] / abs(self.eigenvalues).max(-1)
        # how many, from the smallest on
        fine = np.cumprod([self.spectral_radius(dt) < 1 for dt in dts], axis=0).sum(0)
        trials = np.arange(len(self.A))
        low, high = (
            dts[np.maximum(fine, 1) - 1, trials],
            dts[np.minimum(fine, len(dts) - 1), trials],
        )
        for _ in range(40):
            middle = (low + high) / 2
            settles = self.spectral_radius(middle) < 1
            low, high = np.where(settles, middle, low), np.where(settles, high, middle)
        return np.where((self.margin > 0) & (fine > 0), np.where(fine < len(dts), low, np.inf), 0.0)

    def critical_delay(self, pathway: str) -> np.ndarray:
        """Return the smallest delay of a pathway, or of one synapse group, that is too long; shape
        (trials,).

        0 where the circuit is unstable without, infinite where it stands any. It is that of
        continuous time: in a simulation, what is read of the time step before is late by `dt`
        already. Raises NetworkError if there is no such pathway.
        """
        return self._search(shortest_delay, pathway, already=0.0)

    def critical_gain(self, pathway: str) -> np.ndarray:
        """Return by how much a pathway, or one synapse group, must be strengthened at least to be
        too strong; shape (trials,).

        1 where the circuit is unstable as it is, infinite where a factor of 10,000 is not too
        strong. The state is kept as the gain grows, not settled anew; in a linear circuit without a
        gradient of the cost, that is the same. Raises NetworkError if there is no such pathway.
        """
        return self._search(smallest_gain, pathway, already=1.0)

    def _search(self, search, pathway, already):
        blocks = self.linear.cut(pathway)
        loops = [on_loops(*(block[k] for block in blocks)) for k in range(len(self.A))]
        return np.array(
            [
                already if margin <= 0 else search(*loop) if loop else np.inf
                for margin, loop in zip(self.margin, loops)
            ]
        )

    def __str__(self):
        names = f"{'trial':>5}  {'margin (1/s)':>12}  {'time constant (ms)':>18}  {'oscillation (Hz)':>16}"
        rows = [
            f"{k:5}  {m:12.4g}  {t * 1e3:18.4g}  {f:16.4g}"
            for k, (m, t, f) in enumerate(zip(self.margin, self.time_constant, self.frequency))
        ]
        return "\n".join(
            [f"{self.phase}: {self.A.shape[-1]} states ({', '.join(self.states)})", names, *rows]
        )
