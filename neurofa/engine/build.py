"""From the plan of a circuit to Brian2 objects: the only file that creates them."""

from collections.abc import Mapping
from typing import Any

from brian2 import Clock, Equations, NeuronGroup, prefs, second
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.variables import linked_var
from brian2.groups.group import CodeRunner

from ..circuit.plan import CLOCK, Plan, residual, summing
from ..circuit.slots import Role
from ..rules.activations import Activation
from ..rules.noise import EULER_MARUYAMA
from ..rules.text import assignments
from .brian.codeobjects import LibraryCode, NumpyCode
from .brian.engine import Parts
from .brian.runners import Noise, Residual, Softmax
from .functions import functions_of, in_cpp
from .rates import interpreted, rates
from .wiring import CALLS, LAST, Wiring


class Builder:
    """Makes the Brian2 objects of one circuit, in the precision and on the device that `parts()`
    finds.

    A step visits the populations in the plan's order. Before each come the synapse groups that
    enter it, after it its softmax; synapse groups that read the state of the step before come first
    of all, those that read it as the step ends last.
    """

    groups: dict[str, NeuronGroup]  # by population

    def __init__(self, plan: Plan, trials: int, activations: Mapping[str, Activation], target: str):
        self.plan, self.rule, self.trials = plan, plan.rule, trials
        self.activations = activations  # {population: Activation}
        self.code = LibraryCode if target == "cpp" else NumpyCode

    def description(self) -> str:
        """Return all that the generated code depends on, as text."""
        activations = [
            (name, a.name, a.cpp_phi, a.cpp_dphi) for name, a in self.activations.items()
        ]
        return repr((self.plan.code, activations))

    def parts(self) -> Parts:
        """Return the Parts of the circuit, newly made."""
        self.clock = Clock(dt=1e-3 * second, name="simulation_clock")
        self.made = Parts(self.trials, self.clock)
        self.made.arrays = {slot.label: (self.clock.variables[slot.name], (1,)) for slot in CLOCK}
        self.groups = {}
        for position, units in enumerate(self.plan.units):
            self._population(units, order=10 * position)
        for here, name, there, variable in self.plan.links:
            setattr(self.groups[here], name, linked_var(self.groups[there], variable))
            self.made.arrays[f"{here}.{name}"] = self.made.arrays[f"{there}.{variable}"]
        wiring = Wiring(self)
        # owners of synapses first
        for group in sorted(self.plan.groups, key=lambda g: g.owner != g.name):
            wiring.synapses(group)
        for factor in (f for f in self.plan.integrated if not f.of_traces):
            wiring.accumulator(factor)
        for one in self.plan.traces:
            wiring.traces(one)
        self._starts()
        self.made.twins = {
            f"{what} {number}": code
            for number, a in enumerate(self.to_compare)
            for what, code in in_cpp(a).items()
        }
        return self.made

    @property
    def to_compare(self) -> list[Activation]:
        """The activations whose C++ may be another function than their NumPy: those of a user's,
        unless both follow from one text."""
        every = [*self.activations.values()]
        return [
            a
            for k, a in enumerate(every)
            if not a.built_in and a.text is None and a not in every[:k]
        ]

    def _population(self, units, order):
        text = self.plan.texts[units.name]
        ends = (
            rates(text, self.activations[units.name])
            if self.code is LibraryCode
            else interpreted(text)
        )
        group = NeuronGroup(
            units.size * self.trials,
            Equations(text.brian2() + ends.equations),
            method=self._scheme(text, ends),
            clock=self.clock,
            name=units.name,
            order=order,
            codeobj_class=self.code,
            namespace=functions_of(self.activations[units.name]),
        )
        self.groups[units.name] = group
        self.made.objects.append(group)
        for slot, symbol in text.slots().items():
            self.made.arrays[slot.label] = (group.variables[symbol], slot.shape(self.trials))
        self.made.signals += [f"{units.name}.{name}" for name in text.stored]
        if text.time_constants:
            self._integrated(group, text, ends, order)
        elif text.signals():
            self._runner(group, text.signals(), order, "signals", into=self.made.steps)
        self.made.refresh[units.name] = self._signals(group, text, order)
        for phase, code in ends.plasticity.items():
            runner = self._runner(group, code, order + 4, f"plasticity_{phase}")
            self.made.steps.append(runner)
            self.made.labels[runner.name] = summing(phase)
        for late, calls in text.calls.items():
            self._calls(group, calls, late, order)
        if text.readout():
            seen = [slot.label for slot in text.slots() if slot.role == Role.EXPRESSION]
            readout = self._runner(group, text.readout(), order, "readout")
            self.made.readouts += [(one, seen) for one in (*self._late_softmax(units), readout)]

    def _late_softmax(self, units):
        """Return the softmax of a population, in a list, if no step makes it: what reads it must
        make it first."""
        return [
            s
            for s in self.made.refresh[units.name]
            if isinstance(s, Softmax) and s not in self.made.steps
        ]

    def _signals(self, group, text, order):
        """Add what makes the softmax, and the signals made of it, in a step; return what makes all
        signals those of the present state, between phases."""
        refresh = [self._runner(group, text.signals(), 0, "refresh")] if text.signals() else []
        if text.softmax:
            softmax = Softmax(group, "r", "softmax_r", self.trials, order + 2, self.code)
            into = self.made.steps if text.steps_need_softmax else None
            refresh.append(self.add(softmax, group.name, into))
        if late := text.signals(after_softmax=True):
            refresh.append(self._runner(group, late, 0, "late_refresh"))
        if text.softmax and (late := text.signals(after_softmax=True)):
            self._runner(group, late, order + 3, "late_signals", into=self.made.steps)
        return refresh

    @staticmethod
    def _scheme(text, ends):
        """Return a step of Euler(-Maruyama); the population's signals follow in the same pass, unless
        they wait for its rates."""
        return lambda equations, variables, options=None: (
            text.euler(ends.used(EULER_MARUYAMA(equations, variables, options)))
            + ("" if ends.into else f"\n{ends.signals}")
        )

    def _integrated(self, group, text, ends, order):
        for name in text.noises:
            noise = Noise(
                group,
                f"normal_{name}",
                self.trials,
                order - 2,
                name in text.shared_noises,
                self.code,
            )
            self.add(noise, f"{group.name}.{name}", self.made.steps)
        self.made.steps.append(group.state_updater)
        self.made.labels[group.state_updater.name] = group.name
        measured = Residual(
            group,
            [ends.used(above) for above, _ in text.time_constants.values()],
            self.trials,
            order,
            self.code,
            steps=self.code is LibraryCode,
        )
        self.made.objects.append(measured)
        self.made.residuals[group.state_updater.name] = measured
        for runner in (group.state_updater, measured):
            self._make_rates(runner, ends)
        if ends.into and ends.signals:
            self._runner(group, ends.signals, order + 1, "signals", into=self.made.steps)
        for (variable, name), driver in ends.standing.items():
            runner = self._runner(group, f"{name} = phi({variable})", order, name)
            self.made.steps.append(runner)
            self.made.standing.append(runner)
            self.made.labels[runner.name] = driver  # it takes part where that does
        if ends.note:
            self.made.noted.append(self._runner(group, ends.note, 0, "noted"))
        slot = residual(group.name)
        self.made.arrays[slot.label] = (measured.variables["residual"], slot.shape(self.trials))

    @staticmethod
    def _make_rates(runner, ends):
        """Let the code of a step end with the rates that are made in one call."""
        made = [
            [runner.group.variables[name] for name in (state, *names)] + [None] * (2 - len(names))
            for state, names in ends.into.items()
        ]
        runner.needed_variables += [name for names in ends.into.values() for name in names]
        runner.template_kwds = (runner.template_kwds or {}) | dict(
            rates=made, real=c_data_type(prefs.core.default_float_dtype)
        )

    def _runner(self, group, code, order, name, into=None):
        runner = CodeRunner(
            group,
            "stateupdate",
            code=code,
            clock=self.clock,
            when="groups",
            order=order,
            check_units=False,  # the rule's check has
            name=f"{group.name}_{name}",
            codeobj_class=self.code,
        )
        return self.add(runner, group.name, into)

    def add(self, runner: CodeRunner, label: str, into: list | None = None) -> Any:
        """Add an object under its label, and to a list if there is one; return it."""
        self.made.objects.append(runner)
        self.made.labels[runner.name] = label
        if into is not None:
            into.append(runner)
        return runner

    def _calls(self, group, calls, late, order):
        """Add what a population evaluates for synapses with variables of their own: for their
        equations, or for what is learned."""
        code = "\n".join(f"{name} = {call}" for name, call in calls)
        place = LAST if late else order - CALLS
        self._runner(group, code, place, f"calls{'_late' * late}", into=self.made.steps)

    def _starts(self):
        for phase in self.rule.phases:
            for kind, text in self.rule.starts(phase).items():
                code = "\n".join(
                    f"{variable} = {expression}" for variable, expression in assignments(text)
                )
                for units in (u for u in self.plan.units if u.kind == kind):
                    start = self._runner(self.groups[units.name], code, 0, f"start_{phase.name}")
                    self.made.starts[phase.name, units.name] = [*self._late_softmax(units), start]
