"""The terms of plasticity lines -> outer products over trials.

Each product, averaged over K trials, is one matrix product; nothing per synapse and trial is ever
formed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Protocol

import numpy as np
from brian2 import Quantity

from ..base.errors import NetworkError
from ..circuit.plan import Plan
from ..circuit.slots import Role, Slot
from ..circuit.topology import Group, plastic_groups
from ..rules.lines import split
from ..rules.rule import LearningRule, Plasticity
from ..rules.text import evaluate
from ..simulate.synapses import Weights
from .optimisers import Optimiser


class Circuit(Protocol):
    """What plasticity needs of a network."""

    rule: LearningRule
    circuit: Plan
    dtype: np.dtype
    active: int  # trials that take part
    synapses: Weights  # lesions, and what keeps weights as their pathways say

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """All arrays, by label."""

    @property
    def parameters(self) -> Mapping[str, Quantity | float]:
        """The present value of every parameter."""

    def __getitem__(self, name: str) -> np.ndarray:
        """Return an array."""

    def variables(self, population: str) -> Mapping:
        """Return `{name: array (active trials, units)}`, and `phi` and `dphi`."""


class Plastic:
    """The synapses that one line changes in one synapse group, with their moments.

    `net` gives the arrays; `optimiser` says how the change that the line asks for becomes a change
    of weight.
    """

    def __init__(self, net: Circuit, group: Group, line: Plasticity, optimiser: Optimiser):
        self.net, self.group, self.line, self.optimiser = net, group, line, optimiser
        # a rate that neither the line nor the optimiser uses scales nothing: 0 does not stop the line
        scales = "eta" in optimiser.text or optimiser.decay or line.uses_rate
        self.rate = line.rate if scales else ""
        self.terms = split(line, f"{net.rule.name}: plasticity of {line.pathway}").terms
        self.updates = 0
        # one per term, if during
        self.factors = [
            f for f in net.circuit.integrated if f.group == group.name and f.line == line
        ]
        # whether it tells apart what it has integrated when the input sends something else
        self.gathers = any(factor.steady and factor.pre != "1" for factor in self.factors)
        self.gathered: dict[str, tuple] = {}
        self.slots = {slot.label: slot for slot in net.circuit.synapses(group)}
        # the weights that these have beside them, (post, pre), or None
        self.beside = net[_beside(net.circuit.groups, group, line)] if line.beside else None
        self.states = {
            label: {"w": net[label]} | {m: np.zeros_like(net[label]) for m in optimiser.state}
            for label in self.slots
        }

    def change(self, teaching: np.ndarray | slice = slice(None)) -> dict[str, tuple]:
        """Return the change that the line asks for now: `{array name: (of activity, decay)}`.

        `teaching` are the trials that count, (trials,); for a change after a phase, not for one
        that is integrated during it.
        """
        found: dict[str, tuple[list, list]] = {name: ([], []) for name in self.states}
        for k, term in enumerate(self.terms):
            for name, change in self._of_term(k, term, teaching).items():
                scaled = change * self.states[name]["w"] ** term.power if term.power else change
                if term.beside:
                    scaled = scaled * self.beside if self.slots[name].role == Role.WEIGHT else 0.0
                found[name][0 if term.of_activity else 1].append(scaled)
        asked = {
            name: tuple(reduce(add, terms) if terms else 0.0 for terms in both)
            for name, both in found.items()
        }
        return {
            name: tuple(map(add, both, self.gathered.get(name, (0.0, 0.0))))
            for name, both in asked.items()
        }

    @property
    def every(self) -> float | str | None:
        """How often it learns during its phase, in seconds, or "dt"; None at the end."""
        every = self.line.every
        return every if every is None or isinstance(every, str) else float(every)

    @property
    def sums(self) -> list[np.ndarray]:
        """What the phase integrates for it."""
        arrays, circuit = self.net.arrays, self.net.circuit
        found = [
            arrays[f"{self.group.target}.{factor.sum}"]
            for factor in self.factors
            if not factor.of_traces
        ]
        products = [circuit.product(factor).label for factor in self.factors if not factor.steady]
        return found + [arrays[label] for label in products]

    def gather(self) -> None:
        """Tell apart what was integrated while the input was as it is: it will be another."""
        if self.gathers:
            self.gathered = self.change()
            self.forget()

    def forget(self) -> None:
        """Let what the phase integrates start from zero."""
        for array in self.sums:
            array[...] = 0

    def learn(self, change: Mapping[str, tuple]) -> None:
        """Make a `change` that was asked for: what comes of activity through the optimiser, decay
        as it stands."""
        self.updates += 1
        self.gathered = {}
        eta = float(self.net.parameters.get(self.rate, 1.0))
        lesions = self.net.synapses.lesions.get(self.group.name)
        for name, (dw, decay) in change.items():
            of_weights = self.slots[name].role == Role.WEIGHT
            if any(term.of_activity for term in self.terms):
                if lesions and of_weights:
                    dw = np.where(lesions.cut, 0.0, dw)  # nor do moments grow there
                if self.optimiser.decay and of_weights:
                    self.states[name]["w"] *= 1 - eta * self.optimiser.decay
                self.optimiser.update(self.states[name], dw, self.updates, eta)
            if not all(term.of_activity for term in self.terms):
                self.states[name]["w"] += decay

    def _of_term(self, k, term, teaching):
        """Return what one term adds to the weights (post, pre) and to the bias (post,), averaged
        over the trials."""
        n = self.net.active
        if self.line.synapse:
            [label] = self.slots
            return {label: self.net.arrays[self.net.circuit.product(self.factors[k]).label] / n}
        post = self._post(k, term)
        if not term.of_activity:
            return {name: float(post) for name in self.states}
        if self.line.during and not self.factors[k].steady:
            of_weights = self.net.arrays[self.net.circuit.product(self.factors[k]).label] / n
        else:
            pre = self._evaluate(
                term.pre, self.net.variables(self.group.source), (n, self.group.shape[1])
            )
            if not self.line.during:
                post, pre = post[teaching], pre[teaching]
            of_weights = (post / len(post)).T @ pre
        return {
            label: of_weights
            if slot.role == Role.WEIGHT
            else post.mean(axis=0) * self.of_constant(term.pre)
            for label, slot in self.slots.items()
        }

    def _post(self, k, term):
        if self.line.during:
            summed = self.net.arrays[f"{self.group.target}.{self.factors[k].sum}"][
                : self.net.active
            ]
            return summed if term.of_activity else summed.flat[0]
        if not term.of_activity:
            return self._evaluate(term.post, {}, ())
        return self._evaluate(
            term.post, self.net.variables(self.group.target), (self.net.active, self.group.shape[0])
        )

    def of_constant(self, pre: str) -> np.ndarray:
        """Return the presynaptic factor of the bias: of a unit whose variables are all 1."""
        variables = self.net.variables(self.group.source)
        return self._evaluate(
            pre, {n: v if callable(v) else np.float64(1) for n, v in variables.items()}, ()
        )

    def _evaluate(self, code, variables, shape):
        parameters = {name: float(value) for name, value in self.net.parameters.items()}
        return np.broadcast_to(
            np.asarray(evaluate(code, parameters | variables), dtype=self.net.dtype), shape
        )


def _beside(groups, group, line):
    """Return the name of the group of another pathway between the same populations as `group`."""
    ends = group.source, group.target
    return next(
        g.name for g in groups if g.pathway.name == line.beside and (g.source, g.target) == ends
    )


def moments(plastic: Iterable[Plastic]) -> list[tuple[Slot, np.ndarray]]:
    """Return [(Slot, array)] of what the optimiser keeps of the synapses of several Plastic:
    "W1.w.m", (post, pre)."""
    return [
        (
            replace(one.slots[label], name=f"{one.slots[label].name}.{moment}", role=Role.MOMENT),
            state[moment],
        )
        for one in plastic
        for label, state in one.states.items()
        for moment in one.optimiser.state
    ]


def plastic_of(net: Circuit, optimisers: Mapping[str, Optimiser]) -> dict[str, list[Plastic]]:
    """Return `{phase: [Plastic]}`: all that learns in `net`, by the phase after which it does;
    `optimisers` are by pathway.

    Raises NetworkError if an optimiser scales changes by a learning rate that the rule does not
    have.
    """
    found: dict[str, list[Plastic]] = {phase.name: [] for phase in net.rule.phases}
    for line in net.rule.plasticity:
        optimiser = optimisers[line.pathway]
        if "eta" in optimiser.text and line.rate not in net.parameters:
            raise NetworkError(
                f"The optimiser {optimiser.name} needs a learning rate, and {net.rule.name} has no parameter "
                f"'{line.rate}'. Give it one, or use the optimiser 'gradient'."
            )
        groups = plastic_groups(line, net.circuit.groups)
        if not groups and line.to not in (None, "hidden"):
            entered = sorted(g.target for g in net.circuit.groups if g.pathway.name == line.pathway)
            raise NetworkError(
                f"Plasticity of {line.pathway} is restricted to '{line.to}', and in this network {line.pathway} enters "
                f"{', '.join(entered)}."
            )
        for group in groups:
            found[line.phase].append(Plastic(net, group, line, optimiser))
    return found
