"""From the author's text to the equations of one population, as Brian2 integrates them. Text in, text out."""

import re
from dataclasses import dataclass
from functools import cached_property

import sympy
from brian2 import Equations, second
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.units.fundamentalunits import DIMENSIONLESS, get_dimensions, get_unit
from brian2.utils.stringtools import get_identifiers

from .check import namespace
from .circuit import Circuit, Units
from .costs import CHOICES, Cost
from .noise import exact_rate, noises
from .plasticity import plastic_groups, split
from .rule import LearningRule
from .text import assignments, equations_of, variables_of


@dataclass(frozen=True)
class PopulationText:
    """The equations of one population.

    An expression that other units read (a signal) is kept as an array and renewed at the end of the population's step; what
    reads it before, in the same step, sees the value of the step before. Other expressions are evaluated where they are used,
    and once more, into an array of their own, when somebody looks.
    """

    circuit: Circuit
    rule: LearningRule
    units: Units
    cost: Cost

    @cached_property
    def equations(self):
        """The author's equations and, where there is a target, the cost's gradient: `{variable: equation}`."""
        used = "\n".join(f"{name} : 1" for name in ("softmax_r", "r", "target", *CHOICES))
        gradient = Equations(f"dcost = {self.cost.dcost} : 1\n{used}")["dcost"]
        found = equations_of(self.rule, self.units.kind, self._entering)
        return found | ({"dcost": gradient} if "dcost" in self.variables else {})

    @cached_property
    def variables(self):
        """`{name: dimensions}` of all that the units have."""
        return variables_of(self.rule, self.units.kind, self._entering)

    @cached_property
    def _entering(self):
        return [g.pathway for g in self.circuit.groups if g.target == self.units.name]

    @cached_property
    def softmax(self):
        """Whether the population needs the softmax of its rates."""
        return "dcost" in self.equations and "softmax_r" in self.cost.dcost

    @cached_property
    def choices(self):
        """The parameters that choose between costs, where the cost is not settled once for all."""
        return [name for name in CHOICES if "dcost" in self.equations and name in self.equations["dcost"].identifiers]

    @cached_property
    def stored(self):
        """The expressions that are kept as arrays."""
        read = {*self.circuit.stored[self.units.name], *(["r"] if self.softmax else [])}
        return [n for n, e in self.equations.items() if e.type == SUBEXPRESSION and n in read]

    @cached_property
    def looked_at(self):
        """The expressions that no step needs as arrays."""
        return [n for n, e in self.equations.items() if e.type == SUBEXPRESSION and n not in self.stored]

    @cached_property
    def factors(self):
        """The postsynaptic factors of plasticity that is integrated during a phase."""
        return [f for f in self.circuit.integrated if self.circuit.group(f.group).target == self.units.name]

    @cached_property
    def uses_activation(self):
        """Whether anything that is evaluated in the population's variables uses phi or dphi."""
        name, codes = self.units.name, [e.expr.code for e in self.equations.values() if e.expr is not None]
        codes += [self.rule.starts(phase).get(self.units.kind, "") for phase in self.rule.phases]
        for line in self.rule.plasticity:
            groups, terms = plastic_groups(line, self.circuit.groups), split(line, f"{self.rule.name}: plasticity of {line.pathway}").terms
            codes += [term.post for term in terms if any(group.target == name for group in groups)]
            codes += [term.pre for term in terms if any(group.source == name for group in groups)]
        return any({"phi", "dphi"} & get_identifiers(code) for code in codes)

    @cached_property
    def links(self):
        """`{name: (population, variable)}` of other units' variables that the equations use."""
        return {name: place for here, name, *place in self.circuit.links if here == self.units.name}

    @cached_property
    def parameters(self):
        """`{name: value}` of the parameters that the population has: the rule's, and those of what is done to its inputs."""
        used = {name for e in self.equations.values() if e.expr is not None for name in e.identifiers}
        return {n: v for n, v in self.rule.all_parameters.items() if n in self.rule.parameters or n in used}

    @cached_property
    def given(self):
        """The variables that no equation, synapse or phase gives a value: parameters of every unit, which the user sets."""
        kind = self.units.kind
        started = {variable for phase in self.rule.phases for variable, _ in assignments(self.rule.starts(phase).get(kind, ""))}
        supplied = {"r"} if kind == "input" else set()
        return [n for n, e in self.equations.items() if e.type == PARAMETER and n not in started | supplied]

    @cached_property
    def noises(self):
        """The names of the white noises that the equations use."""
        return noises(e for e in self.equations.values() if e.expr is not None)

    @cached_property
    def exact(self):
        """The states that are noise and their own leak: `{name: the rate whose Euler step is the exact one}`."""
        constants = {*self.parameters, *self.rule.gates, *self.given}
        found = {n: exact_rate(n, e.expr.code, constants) for n, e in self.equations.items() if e.type == DIFFERENTIAL_EQUATION and noises([e])}
        return {name: rate for name, rate in found.items() if rate is not None}

    def noisy(self, gates):
        """Return the states that noise reaches while just these gates are open: `{state: names of the noises}`."""
        switched = {sympy.Symbol(gate, real=True): int(gate in gates) for gate in self.rule.gates}
        found = {}
        for name, equation in self.equations.items():
            if equation.type == DIFFERENTIAL_EQUATION and (own := noises([equation])):
                rate = str_to_sympy(equation.expr.code).subs(switched)
                found[name] = [noise for noise in own if rate.has(sympy.Symbol(noise, real=True))]
        return {name: reaching for name, reaching in found.items() if reaching}

    def pace(self, state):
        """Return the states that say how short dt must be for the noise in `state`: itself; if it is white, what may hear it."""
        if state in self.exact or "dt" not in self.equations[state].identifiers:
            return [state]
        return [name for name in self.time_constants if not noises([self.equations[name]])]

    def euler(self, code):
        """Return the code of Brian2's Euler(-Maruyama) step with our random numbers in place of its own, and the signals."""
        return re.sub(r"(xi\w*) = dt\*\*\.5 \* randn\(\)", r"\1 = dt**.5 * normal_\1", code) + "\n" + self.signals()

    def refresh(self, after_softmax=False):
        """Return the assignments that make the stored expressions those of the present state; see `signals`."""
        return "\n".join(f"{name} = {self.equations[name].expr.code}" for name in self.stored
                         if self._waits(self.equations[name].expr.code) == after_softmax)

    def signals(self, after_softmax=False):
        """Return the assignments that end the population's step; or those that must wait for its softmax."""
        lines = self.refresh(after_softmax).splitlines()
        for factor in (f for f in self.factors if self._waits(f.code) == after_softmax):
            lines += [f"{factor.post} = {factor.code}", f"sum_{factor.post} = sum_{factor.post} + dt * {factor.post}"]
        return "\n".join(lines)

    def _waits(self, code):
        """Whether an expression needs the softmax of the rates, itself or through other expressions."""
        names = get_identifiers(code)
        return self.softmax and ("softmax_r" in names or any(
            self._waits(e.expr.code) for n, e in self.equations.items() if n in names and e.type == SUBEXPRESSION))

    def readout(self):
        """Return the assignments that make the other expressions visible."""
        return "\n".join(f"read_{name} = {name}" for name in self.looked_at)

    def brian2(self):
        """Return the equations as Brian2 takes them."""
        lines = [line for name in self.equations for line in self._lines(name)]
        for name in self.variables:
            if name not in self.equations:
                lines.append(f"{name} : 1" + (" (linked)" if name in self.links else ""))
        if self.softmax:
            lines.append("softmax_r : 1")
        lines += [f"normal_{name} : 1" for name in self.noises]
        for factor in self.factors:
            unit = _unit(parse_expression_dimensions(factor.code, self._names))
            lines += [f"{factor.post} : {unit}", f"sum_{factor.post} : {unit}*second"]
        lines += [f"{name} : {_unit(get_dimensions(value))} (shared)" for name, value in self.parameters.items()]
        lines += [f"{name} : 1 (shared)" for name in (*self.rule.gates, *self.choices)]
        return "\n".join(lines)

    def _lines(self, name):
        equation, unit = self.equations[name], _unit(self.equations[name].dim)
        if equation.type == DIFFERENTIAL_EQUATION:
            return [f"d{name}/dt = {self.exact.get(name, equation.expr.code)} : {unit}"]
        if name in self.looked_at:
            return [f"{name} = {equation.expr.code} : {unit}", f"read_{name} : {unit}"]
        return [f"{name} : {unit}"]

    def unit(self, name):
        """Return the unit of a variable as text: "1" if it has none."""
        dim = self.variables.get(name, DIMENSIONLESS)
        return "1" if dim is DIMENSIONLESS else str(get_unit(dim))

    def arrays(self):
        """Return `{public name: name in Brian2}` of everything that is an array."""
        own = [n for n in self.equations if n not in self.looked_at]
        own += [n for n in self.variables if n not in self.equations and n not in self.links]
        own += [*self.parameters, *self.rule.gates, *self.choices, *(["softmax_r"] if self.softmax else [])]
        own += [f"sum_{factor.post}" for factor in self.factors]
        return ({name: name for name in own} | {name: f"read_{name}" for name in self.looked_at}
                | {name: f"normal_{name}" for name in self.noises})

    @cached_property
    def time_constants(self):
        """`{state: (tau*dx/dt, tau)}`, both as text.

        tau is -1/(d(dx/dt)/dx) where that is a constant, as for a leak; else what the right-hand side is divided by; else, where
        that is no time either, the rule's longest time constant.
        """
        times = {n: float(v) for n, v in self.rule.parameters.items() if get_dimensions(v) is second.dim}
        longest = max(times, key=times.get) if times else "(1*second)"
        found = {}
        for name, equation in self.equations.items():
            if equation.type == DIFFERENTIAL_EQUATION:
                rate = str_to_sympy(equation.expr.code).subs({sympy.Symbol(n, real=True): 0 for n in self.noises})
                slope = sympy.diff(rate, sympy.Symbol(name, real=True))
                candidates = [-1 / slope] * (slope != 0) + [sympy.fraction(sympy.together(rate))[1]]
                tau = next((t for t in map(self._positive, candidates) if self._is_time(t)), None)
                if tau is None:
                    found[name] = (f"({sympy_to_str(rate)}) * {longest}", longest)
                else:
                    found[name] = (sympy_to_str(sympy.cancel(rate * tau)), sympy_to_str(tau))
        return found

    def _positive(self, expression):
        """Return an expression in its simplest form, with the sign that makes it positive for the rule's parameters."""
        simple = sympy.simplify(expression)
        value = simple.subs({sympy.Symbol(n, real=True): float(v) for n, v in self.rule.all_parameters.items()})
        return -simple if value.is_number and value.is_negative else simple

    def _is_time(self, expression):
        """Whether an expression is made of parameters alone, the rule's or the unit's, and a time."""
        try:
            constant = {s.name for s in expression.free_symbols} <= {*self.rule.all_parameters, *self.given}
            return constant and parse_expression_dimensions(sympy_to_str(expression), self._names) is second.dim
        except (ValueError, SyntaxError, TypeError, NotImplementedError):
            return False

    @cached_property
    def _names(self):
        return namespace(self.rule, self.variables)


def _unit(dim):
    return "1" if dim is DIMENSIONLESS else repr(get_unit(dim))
