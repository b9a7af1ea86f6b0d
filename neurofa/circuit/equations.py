"""From the author's text to the equations of one population, as Brian2 integrates them.

Text in, text out. One long class: each line of it is one thing that the text says.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import sympy
from brian2 import Equations, Quantity, second
from brian2.equations.equations import (
    DIFFERENTIAL_EQUATION,
    PARAMETER,
    SUBEXPRESSION,
    SingleEquation,
)
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.sympytools import str_to_sympy
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension, get_dimensions, get_unit
from brian2.utils.stringtools import get_identifiers

from ..rules.costs import CHOICES, Cost
from ..rules.expressions import namespace
from ..rules.lines import split
from ..rules.noise import exact_rate, noises
from ..rules.rule import LearningRule
from ..rules.text import assignments, equations_of, variables_of
from .slots import Role, Slot
from .time_constants import time_constant
from .topology import Factor, plastic_groups
from .units import Units

if TYPE_CHECKING:
    from .plan import Plan


@dataclass(frozen=True)
class PopulationText:
    """The equations of one population.

    An expression that other units read (a signal) is kept as an array and renewed at the end of the
    population's step; what reads it before, in the same step, sees the value of the step before.
    Other expressions are evaluated where they are used, and once more, into an array of their own,
    when somebody looks.
    """

    circuit: Plan
    rule: LearningRule
    units: Units
    cost: Cost

    @cached_property
    def equations(self) -> dict[str, SingleEquation]:
        """The author's equations and, where there is a target, the cost's gradient: `{variable:
        equation}`."""
        found = equations_of(self.rule, self.units.kind, self._entering)
        return found | (_gradient(self.cost.dcost) if "dcost" in self.variables else {})

    @cached_property
    def variables(self) -> dict[str, Dimension]:
        """`{name: dimensions}` of all that the units have."""
        return variables_of(self.rule, self.units.kind, self._entering)

    @cached_property
    def _entering(self):
        return [g.pathway for g in self.circuit.groups if g.target == self.units.name]

    @cached_property
    def softmax(self) -> bool:
        """Whether the population needs the softmax of its rates."""
        return "dcost" in self.equations and "softmax_r" in self.cost.dcost

    @cached_property
    def steps_need_softmax(self) -> bool:
        """Whether a time step uses the softmax: not so where the gradient of the cost is only noted
        as a phase begins, or looked at."""
        used = [e.expr.code for e in self.equations.values() if e.type == DIFFERENTIAL_EQUATION]
        used += [factor.code for factor in self.factors]
        return any(map(self._waits, used)) or bool(self.signals(after_softmax=True))

    @cached_property
    def choices(self) -> list[str]:
        """The parameters that choose between costs, where the cost is not settled once for all."""
        return [
            name
            for name in CHOICES
            if "dcost" in self.equations and name in self.equations["dcost"].identifiers
        ]

    @cached_property
    def stored(self) -> list[str]:
        """The expressions that are kept as arrays: of the output, also its rates, which are noted as a
        frame ends."""
        read = {*self.circuit.stored[self.units.name]}
        read |= {"r"} if self.softmax or self.units.kind == "output" else set()
        return [n for n, e in self.equations.items() if e.type == SUBEXPRESSION and n in read]

    @cached_property
    def read_out(self) -> list[str]:
        """The expressions that no step needs as arrays."""
        return [
            n for n, e in self.equations.items() if e.type == SUBEXPRESSION and n not in self.stored
        ]

    @cached_property
    def factors(self) -> list[Factor]:
        """The postsynaptic factors of plasticity that is integrated during a phase."""
        return [
            f
            for f in self.circuit.integrated
            if self.circuit.group(f.group).target == self.units.name and not f.of_traces
        ]

    @cached_property
    def calls(self) -> dict[bool, list[tuple[str, str]]]:
        """`{whether it is for what is learned as a step ends: [(variable, what it is)]}` of what is
        evaluated for synapses with variables of their own."""
        found: dict[bool, list[tuple[str, str]]] = {}
        for traces in self.circuit.traces:
            for late in (False, True):
                found.setdefault(late, []).extend(
                    (call.name, call.code)
                    for call in traces.calls(late)
                    if traces.population(call.end) == self.units.name
                )
        return {late: calls for late, calls in found.items() if calls}

    @cached_property
    def uses_activation(self) -> bool:
        """Whether anything that is evaluated in the population's variables uses phi or dphi."""
        name, codes = (
            self.units.name,
            [e.expr.code for e in self.equations.values() if e.expr is not None],
        )
        codes += [self.rule.starts(phase).get(self.units.kind, "") for phase in self.rule.phases]
        for line in self.rule.plasticity:
            groups, terms = (
                plastic_groups(line, self.circuit.groups),
                split(line, f"{self.rule.name}: plasticity of {line.pathway}").terms,
            )
            codes += [term.post for term in terms if any(group.target == name for group in groups)]
            codes += [term.pre for term in terms if any(group.source == name for group in groups)]
        return any({"phi", "dphi"} & get_identifiers(code) for code in codes)

    @cached_property
    def links(self) -> dict[str, list[str]]:
        """`{name: (population, variable)}` of other units' variables that the equations use."""
        return {name: place for here, name, *place in self.circuit.links if here == self.units.name}

    @cached_property
    def parameters(self) -> dict[str, Quantity | float]:
        """`{name: value}` of the parameters that the population has: the rule's, and those of what
        is done to its inputs."""
        used = {
            name for e in self.equations.values() if e.expr is not None for name in e.identifiers
        }
        return {
            n: v
            for n, v in self.rule.all_parameters.items()
            if n in self.rule.parameters or n in used
        }

    @cached_property
    def unit_parameters(self) -> list[str]:
        """The variables that no equation, synapse or phase gives a value: parameters of every unit,
        which the user sets."""
        kind = self.units.kind
        started = {
            variable
            for phase in self.rule.phases
            for variable, _ in assignments(self.rule.starts(phase).get(kind, ""))
        }
        supplied = {"r"} if kind == "input" else set()
        return [
            n
            for n, e in self.equations.items()
            if e.type == PARAMETER and n not in started | supplied
        ]

    @cached_property
    def noises(self) -> list[str]:
        """The names of the white noises that the equations use."""
        return noises(e for e in self.equations.values() if e.expr is not None)

    @cached_property
    def shared_noises(self) -> set[str]:
        """The noises that all units of a trial hear alike."""
        return {
            name
            for pathway in self._entering
            for key, m in pathway.named_manipulations
            for name in m.shared_noises(key)
        }

    @cached_property
    def exact(self) -> dict[str, str]:
        """The states that are noise and their own leak: `{name: the rate whose Euler step is the
        exact one}`."""
        constants = frozenset((*self.parameters, *self.rule.gates, *self.unit_parameters))
        found = {
            n: exact_rate(n, e.expr.code, constants)
            for n, e in self.equations.items()
            if e.type == DIFFERENTIAL_EQUATION and noises([e])
        }
        return {name: rate for name, rate in found.items() if rate is not None}

    def noisy(self, gates: Collection[str]) -> dict[str, Collection[str]]:
        """Return the states that noise reaches while just these gates are open: `{state: names of
        the noises}`."""
        switched = {sympy.Symbol(gate, real=True): int(gate in gates) for gate in self.rule.gates}
        found = {}
        for name, equation in self.equations.items():
            if equation.type == DIFFERENTIAL_EQUATION and (own := noises([equation])):
                rate = str_to_sympy(equation.expr.code).subs(switched)
                found[name] = [noise for noise in own if rate.has(sympy.Symbol(noise, real=True))]
        return {name: reaching for name, reaching in found.items() if reaching}

    def pace(self, state: str) -> list[str]:
        """Return the states that say how short dt must be for the noise in `state`: itself; if it
        is white, what may hear it."""
        if state in self.exact or "dt" not in self.equations[state].identifiers:
            return [state]
        return [name for name in self.time_constants if not noises([self.equations[name]])]

    def euler(self, code: str) -> str:
        """Return the code of Brian2's Euler(-Maruyama) step with our random numbers in place of its
        own."""
        return re.sub(r"(xi\w*) = dt\*\*\.5 \* randn\(\)", r"\1 = dt**.5 * normal_\1", code)

    def signals(self, after_softmax: bool = False) -> str:
        """Return the assignments that make the stored expressions those of the present state, as
        they end the population's step; or those that must wait for its softmax."""
        return "\n".join(
            f"{name} = {self.equations[name].expr.code}"
            for name in self.stored
            if self._waits(self.equations[name].expr.code) == after_softmax
        )

    def plasticity(self) -> dict[str, str]:
        """Return `{phase: the assignments that sum up postsynaptic factors, at the end of its
        steps}`."""
        found: dict[str, list[str]] = {}
        for f in self.factors:
            found.setdefault(str(f.line.during), []).extend(
                [f"{f.post} = {f.code}", f"{f.sum} = {f.sum} + dt * {f.post}"]
            )
        return {phase: "\n".join(lines) for phase, lines in found.items()}

    def _waits(self, code):
        """Whether an expression needs the softmax of the rates, itself or through other
        expressions."""
        names = get_identifiers(code)
        return self.softmax and (
            "softmax_r" in names
            or any(
                self._waits(e.expr.code)
                for n, e in self.equations.items()
                if n in names and e.type == SUBEXPRESSION
            )
        )

    def readout(self) -> str:
        """Return the assignments that make the other expressions visible."""
        return "\n".join(f"read_{name} = {name}" for name in self.read_out)

    def brian2(self) -> str:
        """Return the equations as Brian2 takes them."""
        lines = [line for name in self.equations for line in self._lines(name)]
        for name in self.variables:
            if name not in self.equations:
                lines.append(f"{name} : 1" + (" (linked)" if name in self.links else ""))
        if self.softmax:
            lines.append("softmax_r : 1")
        lines += [f"normal_{name} : 1" for name in self.noises]
        lines += [f"{name} : 1" for calls in self.calls.values() for name, _ in calls]
        for factor in self.factors:
            names = namespace(self.rule, factor.code, self.variables)
            unit = _unit(parse_expression_dimensions(factor.code, names))
            lines += [f"{factor.post} : {unit}", f"{factor.sum} : {unit}*second"]
        lines += [
            f"{name} : {_unit(get_dimensions(value))} (shared)"
            for name, value in self.parameters.items()
        ]
        lines += [f"{name} : 1 (shared)" for name in (*self.rule.gates, *self.choices)]
        return "\n".join(lines)

    def _lines(self, name):
        equation, unit = self.equations[name], _unit(self.equations[name].dim)
        if equation.type == DIFFERENTIAL_EQUATION:
            return [f"d{name}/dt = {self.exact.get(name, equation.expr.code)} : {unit}"]
        if name in self.read_out:
            return [f"{name} = {equation.expr.code} : {unit}", f"read_{name} : {unit}"]
        return [f"{name} : {unit}"]

    def slots(self) -> dict[Slot, str]:
        """Return `{Slot: its name in Brian2}` of everything that is an array of the units."""
        outside = [n for n in self.variables if n not in self.equations and n not in self.links]
        found = {self._slot(n, self._role(n)): n for n in self.equations if n not in self.read_out}
        found |= {self._slot(n, Role.TARGET if n == "target" else Role.DRIVE): n for n in outside}
        found |= {self._slot(n, Role.PARAMETER, shared=True): n for n in self.parameters}
        found |= {self._slot(n, Role.GATE, shared=True): n for n in self.rule.gates}
        found |= {self._slot(n, Role.COST, shared=True): n for n in self.choices}
        found |= {self._slot("softmax_r", Role.SOFTMAX): "softmax_r"} if self.softmax else {}
        found |= {self._slot(f.sum, Role.SUM): f.sum for f in self.factors}
        found |= {self._slot(n, Role.EXPRESSION): f"read_{n}" for n in self.read_out}
        return found | {self._slot(n, Role.NOISE): f"normal_{n}" for n in self.noises}

    def _slot(self, name, role, shared=False):
        unit = self.variables.get(name, DIMENSIONLESS)
        if shared:
            return Slot(self.units.name, name, role, (), (), unit)
        return Slot(self.units.name, name, role, ("trial", "unit"), (self.units.size,), unit)

    def _role(self, name):
        """Return what the array of a line of the equations is for."""
        kind = self.equations[name].type
        if kind == DIFFERENTIAL_EQUATION:
            return Role.STATE
        if kind == SUBEXPRESSION:
            return Role.SIGNAL
        if name in self.unit_parameters:
            return Role.UNIT_PARAMETER
        return Role.STIMULUS if self.units.kind == "input" and name == "r" else Role.NOTED

    @cached_property
    def time_constants(self) -> dict[str, tuple[str, str]]:
        """`{state: (tau*dx/dt, tau)}`, both as text; where no time constant is found, the rule's
        longest."""
        known: list[tuple[str, Dimension, float | None]]
        known = [(n, get_dimensions(v), float(v)) for n, v in self.rule.all_parameters.items()]
        known += [(n, self.variables[n], None) for n in self.unit_parameters]
        times = {
            n: float(v) for n, v in self.rule.parameters.items() if get_dimensions(v) is second.dim
        }
        longest = max(times, key=times.__getitem__) if times else "(1*second)"
        return {
            name: time_constant(e.expr.code, name, tuple(self.noises), tuple(known), longest)
            for name, e in self.equations.items()
            if e.type == DIFFERENTIAL_EQUATION
        }


@lru_cache(maxsize=32)
def _gradient(dcost):
    """Return the equation of a cost's gradient."""
    used = "\n".join(f"{name} : 1" for name in ("softmax_r", "r", "target", *CHOICES))
    return {"dcost": Equations(f"dcost = {dcost} : 1\n{used}")["dcost"]}


def _unit(dim):
    return "1" if dim is DIMENSIONLESS else repr(get_unit(dim))
