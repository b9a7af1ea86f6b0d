"""Synapses with variables of their own: what moves them in every step, and what they teach.

Brian2's `CodeRunner`s, as those of runners.py are. Their code is that of one synapse: x_post and
x_pre are variables of its two cells.
"""

from collections.abc import Iterable, Sequence

from brian2 import Equations
from brian2.core.preferences import prefs
from brian2.core.variables import Variables
from brian2.groups.group import CodeRunner, Group
from brian2.stateupdaters.explicit import ExplicitStateUpdater

from .dense import DenseSynapses
from .engine import TRIALS

EULER = ExplicitStateUpdater("x_new = x + dt * f(x,t)")
INDEX = dict(post="_postsynaptic_idx", pre="_presynaptic_idx", w="_weight_idx")
Reads = Iterable[tuple[str, str, str]]  # (name, "post" or "pre", variable of the cell)


class _OfSynapses(CodeRunner):
    """What is evaluated for every synapse and trial of dense synapses from `source` to `target`."""

    def __init__(
        self,
        template: str,
        code: str,
        synapses: DenseSynapses,
        ends: dict[str, Group],
        reads: Reads,
        trials: int,
        place: tuple[str, int],
        name: str,
        codeobj_class: type,
    ):
        target, source = ends["post"], ends["pre"]
        CodeRunner.__init__(
            self,
            target,
            template,
            code=code,
            clock=target.clock,
            when=place[0],
            order=place[1],
            check_units=False,  # the rule's check has
            name=name,
            codeobj_class=codeobj_class,
        )
        n_post, n_pre = synapses.shape
        self.synapses = n_post * n_pre
        self.variables = Variables(self)
        for index in INDEX.values():
            self.variables.add_auxiliary_variable(index, dtype=int)
        self.variables.add_reference("w", synapses, "w", index=INDEX["w"])
        for here, end, variable in reads:
            self.variables.add_reference(here, ends[end], variable, index=INDEX[end])
        self.template_kwds = dict(
            trials=trials, n_post=n_post, n_pre=n_pre, post=target.name, pre=source.name
        )


class Traces(_OfSynapses):
    """Variables that every synapse has of its own in every trial, and a step of their equations."""

    def __init__(
        self,
        equations: str,
        names: Sequence[str],
        synapses: DenseSynapses,
        ends: dict[str, Group],
        reads: Reads,
        trials: int,
        order: int,
        name: str,
        codeobj_class: type,
    ):
        code = EULER(Equations(equations))
        where = ("groups", order)
        super().__init__("traces", code, synapses, ends, reads, trials, where, name, codeobj_class)
        dtype, size = prefs.core.default_float_dtype, trials * self.synapses
        for one in names:
            self.variables.add_array(one, size=size, dtype=dtype)
        self.axes = {one: (TRIALS, ends["post"].name, ends["pre"].name) for one in names}


class AccumulateTraces(_OfSynapses):
    """`g` of a synapse group grows by dt times the sum over trials of what a line makes of the
    synapses' variables."""

    def __init__(
        self,
        code: str,
        traces: Traces,
        names: Sequence[str],
        synapses: DenseSynapses,
        ends: dict[str, Group],
        reads: Reads,
        trials: int,
        name: str,
        codeobj_class: type,
    ):
        where = ("end", 1)  # after what cells evaluate for it
        code = f"_asked = {code}"
        super().__init__(
            "accumulate_traces", code, synapses, ends, reads, trials, where, name, codeobj_class
        )
        for one in names:
            self.variables.add_reference(one, traces, one, index="_idx")
        self.variables.add_array("g", size=self.synapses, dtype=prefs.core.default_float_dtype)
        self.variables.indices["g"] = "_weight_idx"
        self.needed_variables = ["g", "dt"]
        self.axes = dict(g=(ends["post"].name, ends["pre"].name))
