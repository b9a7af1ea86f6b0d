"""The objects that a step consists of, beside Brian2's state updaters and dense synapses (dense.py):
softmax, noise, delay, residual, accumulation.

Each is a Brian2 `CodeRunner`: it has a place in Brian2's schedule (`when`, `order`), and Brian2
generates its code from a template of ours.
"""

import zlib
from collections.abc import Sequence

from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.preferences import prefs
from brian2.core.variables import Variables
from brian2.groups.group import CodeRunner, Group

from .dense import DenseSynapses, units_of
from .engine import TRIALS


class Softmax(CodeRunner):
    """`result` becomes the softmax of `source` over the units of each trial: divisive normalisation
    of a population."""

    def __init__(
        self, group: Group, source: str, result: str, trials: int, order: int, codeobj_class: type
    ):
        CodeRunner.__init__(
            self,
            group,
            "softmax",
            clock=group.clock,
            when="groups",
            order=order,
            check_units=False,
            name=f"{group.name}_softmax",
            codeobj_class=codeobj_class,
            needed_variables=[source, result],
            template_kwds=dict(
                trials=trials,
                softmax_of=group.variables[source],
                softmax_into=group.variables[result],
            ),
        )


class Noise(CodeRunner):
    """`into` becomes a fresh standard normal number for every unit and trial, from a stream of its
    own.

    All units of a trial share the number if it is `shared`.
    """

    def __init__(
        self, group: Group, into: str, trials: int, order: int, shared: bool, codeobj_class: type
    ):
        CodeRunner.__init__(
            self,
            group,
            "noise",
            clock=group.clock,
            when="groups",
            order=order,
            check_units=False,
            name=f"{group.name}_{into}",
            codeobj_class=codeobj_class,
            needed_variables=[into],
            template_kwds=dict(
                trials=trials,
                noise_into=group.variables[into],
                shared=shared,
                stream=zlib.crc32(f"{group.name}.{into}".encode()),
            ),
        )


class Delay(CodeRunner):
    """`delayed` becomes what `signal` of the source was some time ago: delay line `number` of
    the circuit."""

    def __init__(
        self,
        source: Group,
        signal: str,
        trials: int,
        number: int,
        order: int,
        name: str,
        codeobj_class: type,
    ):
        CodeRunner.__init__(
            self,
            source,
            "delay",
            clock=source.clock,
            when="groups",
            order=order,
            check_units=False,
            name=name,
            codeobj_class=codeobj_class,
        )
        self.variables = Variables(self)
        self.variables.add_array("delayed", size=len(source), dtype=prefs.core.default_float_dtype)
        self.variables.add_reference("_signal", source, signal)
        self.needed_variables = ["delayed", "_signal"]
        units_of(source, signal, trials)  # there is one value per unit
        self.axes = dict(delayed=(TRIALS, source.name))
        self.template_kwds = dict(number=number)


class Residual(CodeRunner):
    """The largest |tau dx/dt| over the states and units of each trial, from the right-hand sides
    that the step uses.

    With `steps` it makes the step, too, in one pass: then it takes the state updater's place where
    something is measured.
    """

    def __init__(
        self,
        group: Group,
        expressions: Sequence[str],
        trials: int,
        order: int,
        codeobj_class: type,
        steps: bool = False,
    ):
        names = [f"_residual_{k}" for k in range(len(expressions))]
        code = "\n".join(
            f"{name} = abs({expression})" for name, expression in zip(names, expressions)
        )
        self._measured, self._steps = code, steps
        CodeRunner.__init__(
            self,
            group,
            "residual",
            code=code,
            clock=group.clock,
            when="groups",
            order=order,
            check_units=False,
            name=f"{group.name}_residual",
            codeobj_class=codeobj_class,
        )
        self.variables = Variables(self)
        self.variables.add_array("residual", size=trials, dtype=prefs.core.default_float_dtype)
        self.axes = dict(residual=(TRIALS,))
        self.needed_variables = ["residual"]
        self.template_kwds = dict(
            trials=trials, names=names, real=c_data_type(prefs.core.default_float_dtype)
        )

    def update_abstract_code(self, run_namespace: dict | None) -> None:
        """Make the code those of both, once Brian2 knows what the step is."""
        if self._steps:
            updater = self.group.state_updater
            updater.update_abstract_code(run_namespace)
            self.abstract_code = f"{self._measured}\n{updater.abstract_code}"


class Accumulate(CodeRunner):
    """`g` of a synapse group grows by dt times the sum over trials of (post factor) x (pre
    factor)."""

    def __init__(
        self,
        synapses: DenseSynapses,
        source: Group,
        target: Group,
        post: str,
        pre: str,
        trials: int,
        name: str,
        codeobj_class: type,
    ):
        CodeRunner.__init__(
            self,
            target,
            "accumulate",
            clock=target.clock,
            when="end",
            check_units=False,
            name=name,
            codeobj_class=codeobj_class,
        )
        n_post, n_pre = synapses.shape
        self.variables = Variables(self)
        self.variables.add_array("g", size=n_post * n_pre, dtype=prefs.core.default_float_dtype)
        self.variables.add_reference("_pre_factor", source, pre)
        self.variables.add_reference("_post_factor", target, post)
        self.needed_variables = ["g", "_pre_factor", "_post_factor", "dt"]
        self.axes = dict(g=(target.name, source.name))
        self.template_kwds = dict(
            trials=trials, n_post=n_post, n_pre=n_pre, post=target.name, pre=source.name
        )
