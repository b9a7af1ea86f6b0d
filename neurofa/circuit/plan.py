"""The plan of a circuit: its parts, the equations of every population, and a Slot for every array.

It is made once, from a rule, layer sizes and a cost. The engine builds it, theory reads it, a
network runs it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Self

from ..base.errors import NetworkError
from ..base.names import numbered
from ..rules.costs import Cost
from ..rules.rule import LearningRule
from .equations import PopulationText
from .heard import Unheard, unheard
from .slots import Role, Slot
from .topology import Factor, Group, Topology, topology
from .traces import Traces

CLOCK = tuple(Slot("clock", name, Role.CLOCK, (), ()) for name in ("t", "dt"))


@dataclass(frozen=True)
class Plan(Topology):
    """Populations, synapse groups, what joins them, their equations, and their arrays."""

    rule: LearningRule
    cost: Cost

    @cached_property
    def texts(self) -> dict[str, PopulationText]:
        """`{population: PopulationText}`, in the order in which a step visits them."""
        return {
            units.name: PopulationText(self, self.rule, units, self.cost) for units in self.units
        }

    @cached_property
    def traces(self) -> tuple[Traces, ...]:
        """The synapses that have variables of their own."""
        return tuple(
            Traces(self.group(f.group), f.line, f.post) for f in self.integrated if f.of_traces
        )

    @cached_property
    def unheard(self) -> Unheard:
        """For how many steps no state may move, and yet some will."""
        return unheard(self)

    def costing(self, cost: Cost) -> Self:
        """Return this plan with another cost."""
        if cost.name not in self._costing:
            self._costing[cost.name] = replace(self, cost=cost)
        return self._costing[cost.name]

    @cached_property
    def _costing(self):
        return {self.cost.name: self}

    @cached_property
    def slots(self) -> dict[str, Slot]:
        """`{label: Slot}` of all arrays, and of the names under which plasticity that is integrated
        can be looked at."""
        found = [*CLOCK]
        for name, text in self.texts.items():
            found += [*text.slots(), *([residual(name)] if text.time_constants else [])]
        found += [
            replace(self._slot_of(*there), owner=here, name=name, role=Role.LINK)
            for here, name, *there in self.links
        ]
        found += [slot for group in self.groups for slot in self.synapses(group)]
        found += [slot for one in self.traces for slot in one.slots]
        found += [self.product(factor) for factor in self.integrated if not factor.steady]
        return {slot.label: slot for slot in [*found, *self.eligibility]}

    @property
    def code(self) -> tuple:
        """All that generated code depends on, as plain values: what a compiled circuit is known
        by. How many units there are, it is told with every network."""
        texts = {
            name: (
                t.brian2(),
                t.signals(),
                t.signals(after_softmax=True),
                t.plasticity(),
                t.readout(),
                t.time_constants,
                sorted(t.shared_noises),
            )
            for name, t in self.texts.items()
        }
        groups = [
            (g.name, g.source, g.target, g.owner, g.transposed, g.pathway.wiring)
            for g in self.groups
        ]
        factors = [(f.name, f.pre) for f in self.integrated]
        starts = [(phase.name, self.rule.starts(phase)) for phase in self.rule.phases]
        units = [(u.name, u.kind) for u in self.units]
        traces = [one.code for one in self.traces]
        return units, texts, groups, factors, self.links, starts, list(self.slots), traces

    def _slot_of(self, population, variable):
        return next(slot for slot in self.texts[population].slots() if slot.name == variable)

    def synapses(self, group: Group) -> list[Slot]:
        """Return the Slots of a synapse group: of its weights, if they are its own, and of its
        bias."""
        own = (
            [Slot(group.name, "w", Role.WEIGHT, ("post", "pre"), group.shape)]
            if group.owner == group.name
            else []
        )
        return own + (
            [Slot(group.name, "bias", Role.BIAS, ("post",), group.shape[:1])]
            if group.pathway.bias
            else []
        )

    def product(self, factor: Factor) -> Slot:
        """Return the Slot of what a line sums up over a phase and the trials, of one of its
        products."""
        return Slot(factor.name, "g", Role.PRODUCT, ("post", "pre"), self.group(factor.group).shape)

    @cached_property
    def eligibility(self) -> dict[Slot, str]:
        """`{Slot: label of the array}` of what plasticity that is integrated can be looked at
        under: W2.g and W2.g_post."""
        found: dict[Slot, str] = {}
        taken: dict[str, list[str]] = {}
        for factor in (f for f in self.integrated if f.pre != "1" or f.of_traces):
            group = self.group(factor.group)
            places: list[tuple[str, str, tuple[str, ...], tuple[int, ...]]] = (
                []
                if factor.steady
                else [(self.product(factor).label, "g", ("post", "pre"), group.shape)]
            )
            if not factor.of_traces:
                label = f"{group.target}.{factor.sum}"
                places.append((label, "g_post", ("trial", "post"), group.shape[:1]))
            for label, name, dims, sizes in places:
                names = taken.setdefault(group.name, [])
                names.append(numbered(name, names))
                found[Slot(group.name, names[-1], Role.ELIGIBILITY, dims, sizes)] = label
        return found


def summing(phase: str) -> str:
    """Return the name of what sums up factors of plasticity during a phase, among what a step
    consists of."""
    return f"plasticity during {phase}"


def residual(population: str) -> Slot:
    """Return the Slot of how far a population is from rest."""
    return Slot(population, "residual", Role.RESIDUAL, ("trial",), ())


def plan(sizes: Iterable[int], rule: LearningRule, cost: Cost) -> Plan:
    """Return the Plan of `rule` in a network of the given layer sizes, input first, with a Cost.

    Raises NetworkError if the sizes are not at least an input and an output of one unit, or if
    nothing would move; RuleError where the rule does not fit them.
    """
    parts = topology(sizes, rule)
    made = Plan(**{f.name: getattr(parts, f.name) for f in fields(parts)}, rule=rule, cost=cost)
    if not any(text.time_constants for text in made.texts.values()):
        raise NetworkError(
            f"{rule.name}: its output has no differential equation, so that without hidden layers nothing moves. Give the network "
            f"one: ({parts.sizes[0]}, 10, {parts.sizes[-1]})."
        )
    return made
