"""From the plan of a circuit to Brian2 objects: the only file that creates them."""

import sympy
from brian2 import Clock, Equations, Function, NeuronGroup, euler, second
from brian2.core.variables import linked_var
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION, SingleEquation
from brian2.groups.group import CodeRunner
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.units.fundamentalunits import get_dimensions

from .brian.codeobjects import LibraryCode, NumpyCode
from .brian.engine import Parts
from .brian.runners import Accumulate, DenseSynapses, Residual, Softmax
from .check import _namespace, assignments, equations_of, variables_of
from .circuit import links


class Builder:
    """Makes the Brian2 objects of one circuit, in the precision and for the target that are set when `parts()` is called."""

    def __init__(self, circuit, rule, trials, activations, cost, target):
        self.circuit, self.rule, self.trials, self.cost = circuit, rule, trials, cost
        self.activations = activations           # {"hidden": Activation, "output": Activation}
        self.code = LibraryCode if target == "cpp" else NumpyCode

    def parts(self):
        """Return the Parts of the circuit, newly made."""
        self.clock = Clock(dt=1e-3 * second, name="simulation_clock")
        self.made = Parts(self.trials, self.clock)
        for name in ("t", "dt"):
            self.made.arrays[f"clock.{name}"] = (self.clock.variables[name], (1,))
        self.groups = {}
        for position, units in enumerate(self.circuit.units):
            self._population(units, order=10 * position)
        for here, name, there, variable in links(self.circuit.units, self.rule):
            setattr(self.groups[here], name, linked_var(self.groups[there], variable))
        self.dense = {}
        for group in sorted(self.circuit.groups, key=lambda g: g.owner != g.name):    # owners of synapses first
            self._synapses(group)
        for factor in self.circuit.integrated:
            self._accumulator(factor)
        self._starts()
        return self.made

    # populations -----------------------------------------------------------------------------------------------------

    def _population(self, units, order):
        text, variables = Population(self, units).text()
        activation = self.activations.get(units.kind, self.activations["hidden"])
        group = NeuronGroup(units.size * self.trials, Equations(text), method=self._scheme(units), clock=self.clock,
                            name=units.name, order=order, codeobj_class=self.code, namespace=functions(activation))
        self.groups[units.name] = group
        self.made.objects.append(group)
        for name in variables:
            var = group.variables[name]
            self.made.arrays[f"{units.name}.{name}"] = (var, (1,) if var.scalar else (self.trials, units.size))
        self._updates(units, group, order)
        self._readout(units, group)

    def _scheme(self, units):
        """Forward Euler, and then the signals that other units read, in one pass over the population."""
        return lambda equations, variables, options=None: euler(equations, variables, options) + "\n" + self._signals(units)

    def _signals(self, units):
        if units.kind == "input":
            return ""
        equations = equations_of(self.rule, units.kind)
        lines = [f"{name} = {equations[name].expr.code}" for name in self._stored(units)]
        for factor in self._factors(units):
            lines += [f"{factor.post} = {factor.code}", f"sum_{factor.post} = sum_{factor.post} + dt * {factor.post}"]
        return "\n".join(lines)

    def _updates(self, units, group, order):
        states = Population(self, units).residuals()
        signals = self._signals(units)
        if states:
            self.made.steps.append(group.state_updater)
            self.made.labels[group.state_updater.name] = units.name
            residual = Residual(group, states, self.trials, order, self.code)
            self.made.residuals[group.state_updater.name] = residual
            self.made.objects.append(residual)
            self.made.arrays[f"{units.name}.residual"] = (residual.variables["residual"], (self.trials,))
        elif signals:
            self._runner(group, signals, order, f"{units.name}_signals", into=self.made.steps)
        if self.softmax(units):
            softmax = Softmax(group, "r", "softmax_r", self.trials, order + 1, self.code)
            self.made.objects.append(softmax)
            self.made.steps.append(softmax)

    def _readout(self, units, group):
        names = Population(self, units).read()
        if names:
            code = "\n".join(f"read_{name} = {name}" for name in names)
            self._runner(group, code, 0, f"{units.name}_readout", into=self.made.readouts)
            for name in names:
                self.made.arrays[f"{units.name}.{name}"] = (group.variables[f"read_{name}"], (self.trials, units.size))

    def _runner(self, group, code, order, name, into):
        runner = CodeRunner(group, "stateupdate", code=code, clock=self.clock, when="groups", order=order, name=name,
                            codeobj_class=self.code)
        self.made.objects.append(runner)
        self.made.labels[name] = group.name
        into.append(runner)
        return runner

    def _stored(self, units):
        """Return the expressions of the units that are kept as arrays: those that other units or the softmax read."""
        own = equations_of(self.rule, units.kind) if units.kind != "input" else {}
        read = [*self.circuit.stored[units.name]] + ["r"] * self.softmax(units)
        return [n for n, e in own.items() if e.type == SUBEXPRESSION and n in read]

    def _factors(self, units):
        return [f for f in self.circuit.integrated if self.circuit.group(f.group).target == units.name]

    def softmax(self, units):
        """Whether the units need the softmax of their rates."""
        return "softmax" in self.cost.dcost and "dcost" in Population(self, units).used()

    # synapses --------------------------------------------------------------------------------------------------------

    def _synapses(self, group):
        pathway, own = group.pathway, group.owner == group.name
        target = self.groups[group.target]
        dense = DenseSynapses(self.groups[group.source], target, pathway.signal, pathway.into, trials=self.trials,
                              bias=True if pathway.bias else None, shares=None if own else self.dense[group.owner],
                              transposed=group.transposed, name=f"synapses_{group.name}", codeobj_class=self.code,
                              order=-1 if pathway.reads == "old" else None)
        self.dense[group.name] = dense
        self.made.objects.append(dense)
        self.made.steps.append(dense)
        self.made.labels[dense.name] = group.name
        self.made.before[f"once:{group.name}"] = dense
        if own:
            self.made.arrays[f"{group.name}.w"] = (dense.variables["w"], group.shape)
        if pathway.bias:
            self.made.arrays[f"{group.name}.bias"] = (dense.variables["bias"], group.shape[:1])

    def _accumulator(self, factor):
        group = self.circuit.group(factor.group)
        post = self.groups[group.target].variables[f"sum_{factor.post}"]
        self.made.arrays[f"{group.target}.sum_{factor.post}"] = (post, (self.trials, group.shape[0]))
        if group.static or factor.pre == "1":
            return        # the presynaptic factor does not change: the sum over time of the postsynaptic one is enough
        name = f"{factor.group}:{factor.post}"
        runner = Accumulate(self.dense[factor.group], self.groups[group.source], self.groups[group.target], factor.post,
                            factor.pre, self.trials, f"accumulate_{factor.post}", self.code)
        self.made.objects.append(runner)
        self.made.accumulators[name] = runner
        self.made.arrays[f"{name}.g"] = (runner.variables["g"], group.shape)

    def _starts(self):
        for phase in self.rule.phases:
            for kind, text in phase.start.items():
                code = "\n".join(f"{variable} = {expression}" for variable, expression in assignments(text))
                for units in (u for u in self.circuit.units if u.kind == kind):
                    name = f"start_{phase.name}_{units.name}"
                    runner = self._runner(self.groups[units.name], code, 0, name, into=[])
                    self.made.before[f"start:{phase.name}:{units.name}"] = runner


class Population:
    """What the equations of one population become in Brian2."""

    def __init__(self, builder, units):
        self.builder, self.units, self.rule = builder, units, builder.rule
        self.equations = {} if units.kind == "input" else equations_of(builder.rule, units.kind)

    def used(self):
        """Return the names that the population's equations and phase starts use."""
        code = [e.expr.code for e in self.equations.values() if e.expr is not None]
        code += [text for phase in self.rule.phases for kind, text in phase.start.items() if kind == self.units.kind]
        return set().union(*(str(c).replace("(", " ( ").replace(")", " ) ").split() for c in map(_spaced, code))) if code else set()

    def read(self):
        """Return the expressions that no step needs as an array."""
        stored = self.builder._stored(self.units)
        return [n for n, e in self.equations.items() if e.type == SUBEXPRESSION and n not in stored]

    def text(self):
        """Return the Brian2 equations, and the names of the variables that are arrays."""
        if self.units.kind == "input":
            return "r : 1", ["r"]
        stored = self.builder._stored(self.units)
        lines, arrays = [], []
        linked = {name for here, name, *_ in links(self.builder.circuit.units, self.rule) if here == self.units.name}
        for name, equation in self.equations.items():
            unit = repr_unit(equation)
            if equation.type == DIFFERENTIAL_EQUATION:
                lines.append(f"d{name}/dt = {equation.expr.code} : {unit}")
            elif equation.type == SUBEXPRESSION and name not in stored:
                lines += [f"{name} = {equation.expr.code} : {unit}", f"read_{name} : {unit}"]
                continue
            else:
                lines.append(f"{name} : {unit}")
            arrays.append(name)
        for name in variables_of(self.rule, self.units.kind):
            if name in self.equations:
                continue
            if name == "dcost":
                lines.append(f"dcost = {self.builder.cost.dcost} : 1")
            else:
                lines.append(f"{name} : 1" + (" (linked)" if name in linked else ""))
                arrays += [] if name in linked else [name]
        if self.builder.softmax(self.units):
            lines.append("softmax_r : 1")
            arrays.append("softmax_r")
        for factor in self.builder._factors(self.units):
            lines += [f"{factor.post} : {factor_unit(self, factor)}", f"sum_{factor.post} : {factor_unit(self, factor)}*second"]
        for name, value in self.rule.parameters.items():
            lines.append(f"{name} : {unit_text(get_dimensions(value))} (shared)")
            arrays.append(name)
        for gate in self.rule.gates:
            lines.append(f"{gate} : 1 (shared)")
            arrays.append(gate)
        return "\n".join(lines), arrays

    def residuals(self):
        """Return tau*dx/dt of every state as text."""
        return [numerator for numerator, _ in time_constants(self.rule, self.units.kind).values()]


def _spaced(code):
    return "".join(c if c.isalnum() or c == "_" else " " for c in code)


def unit_text(dim):
    """Return text that Brian2 reads as the unit of `dim`."""
    return "1" if dim.is_dimensionless else repr(get_unit_of(dim))


def get_unit_of(dim):
    """Return the SI unit of a dimension."""
    from brian2.units.fundamentalunits import get_unit
    return get_unit(dim)


def repr_unit(equation):
    """Return the unit of an equation's variable as text."""
    return unit_text(equation.dim)


def factor_unit(population, factor):
    """Return the unit of a factor that is integrated during a phase."""
    names = _namespace(population.rule, variables_of(population.rule, population.units.kind))
    return unit_text(parse_expression_dimensions(factor.code, names))


def functions(activation):
    """Return phi and dphi as Brian2 functions."""
    made = {}
    for name, numpy, cpp in (("phi", activation.phi, activation.cpp_phi), ("dphi", activation.dphi, activation.cpp_dphi)):
        function = Function(numpy, arg_units=[1], return_unit=1, stateless=True)
        function.implementations.add_implementation(
            "cpp", f"template <typename T> static inline T {name}(T x) {{ return {cpp}; }}", name=name)
        function.implementations.add_implementation("numpy", numpy)
        made[name] = function
    return made


def time_constants(rule, kind):
    """Return `{state: (tau*dx/dt as text, tau as text)}` of the units of one kind.

    tau is what the right-hand side is divided by. Where that is no time, the rule's longest time constant takes its place.
    """
    if kind == "input":
        return {}
    names = _namespace(rule, variables_of(rule, kind))
    times = {n: float(v) for n, v in rule.parameters.items() if get_dimensions(v) is second.dim}
    longest = max(times, key=times.get) if times else "(1*second)"
    found = {}
    for name, equation in equations_of(rule, kind).items():
        if equation.type != DIFFERENTIAL_EQUATION:
            continue
        code = equation.expr.code
        above, below = sympy.fraction(sympy.together(str_to_sympy(code)))
        tau = sympy_to_str(below)
        own = {s.name for s in below.free_symbols} <= set(rule.parameters)
        if own and parse_expression_dimensions(tau, names) is second.dim:
            found[name] = (sympy_to_str(above), tau)
        else:
            found[name] = (f"({code}) * {longest}", longest)
    return found
