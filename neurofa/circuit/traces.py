"""Synapses with variables of their own: what a circuit has for one line of plasticity in one synapse
group."""

from dataclasses import dataclass
from functools import cached_property

from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension, get_unit

from ..rules.lines import split
from ..rules.rule import Plasticity
from ..rules.synapse import Call, called, reads, traces
from .slots import Role, Slot
from .topology import Group


@dataclass(frozen=True)
class Traces:
    """The variables that every synapse of a group has for one line, and what the line makes of them.

    phi and dphi in its text have names of their own: a cell evaluates them once for all its
    synapses. In the equations just before the postsynaptic cell moves, in what is learned as a
    step ends.
    """

    group: Group
    line: Plasticity
    factor: str  # the name of what is integrated, as topology.Factor has it

    @cached_property
    def _equations(self):
        return traces(self.line, self.group.name)

    @cached_property
    def _moving(self):
        """[(variable, code, what it calls)]."""
        found = []
        for name, equation in self._equations.items():
            code, calls = called(equation.expr.code, name, f"{self.factor}_{name}_")
            found.append((name, code, calls))
        return found

    @cached_property
    def _learned(self):
        return called(split(self.line, self.group.name).code, "", f"{self.factor}_learned_")

    @property
    def names(self) -> tuple[str, ...]:
        """The variables."""
        return tuple(self._equations)

    @property
    def equations(self) -> str:
        """Their differential equations, as Brian2 takes them."""
        return "\n".join(
            f"d{name}/dt = {code} : {_unit(self._equations[name].dim)}"
            for name, code, _ in self._moving
        )

    @property
    def learned(self) -> str:
        """What is integrated, per synapse and trial."""
        return self._learned[0]

    def calls(self, late: bool) -> list[Call]:
        """Return what the two cells evaluate: for the equations, or, `late`, for what is learned."""
        return self._learned[1] if late else [call for *_, calls in self._moving for call in calls]

    def reads(self, late: bool) -> list[tuple[str, str, str]]:
        """Return [(name, "pre" or "post", variable)] of what the equations, or what is learned, read
        of the two cells."""
        codes = [self.learned] if late else [code for _, code, _ in self._moving]
        return sorted({one for code in codes for one in reads(code)})

    def population(self, end: str) -> str:
        """Return the name of the population at one end."""
        return self.group.target if end == "post" else self.group.source

    @cached_property
    def slots(self) -> list[Slot]:
        """The Slots of the variables."""
        dims = ("trial", "post", "pre")
        return [
            Slot(self.group.name, name, Role.TRACE, dims, self.group.shape, self._dim(name))
            for name in self.names
        ]

    def _dim(self, name) -> Dimension:
        return self._equations[name].dim

    @property
    def code(self) -> tuple:
        """All that generated code depends on."""
        return self.equations, self.learned, self.calls(False), self.calls(True)


def _unit(dim):
    return "1" if dim is DIMENSIONLESS else repr(get_unit(dim))
