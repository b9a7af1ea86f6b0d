"""The synapses of a circuit as Brian2 objects, and what plasticity integrates at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..circuit.topology import Factor, Group
from ..circuit.traces import Traces as TracesOf
from .brian.dense import DenseSynapses
from .brian.runners import Accumulate, Delay
from .brian.traces import AccumulateTraces, Traces

if TYPE_CHECKING:
    from .build import Builder

# places in a step: of synapses that read the state of the step before, and of what comes last
FIRST, LAST = -5, 10**6
# before a population moves: what synapses bring, what they call of their cells, their own variables
BRINGS, CALLS, MOVES = 3, 2, 1


class Wiring:
    """Adds synapse groups to what a Builder makes, once it has made the populations."""

    def __init__(self, builder: Builder):
        self.builder = builder
        self.dense: dict[str, DenseSynapses] = {}  # by synapse group

    def synapses(self, group: Group) -> None:
        """Add a synapse group, and what its signal is delayed by."""
        pathway, own = group.pathway, group.owner == group.name
        before = self.builder.groups[group.target].order - BRINGS
        order = dict(old=FIRST, new=before, end=LAST - BRINGS)[pathway.reads]
        line = self._delay(group, order) if pathway.delayed else None
        dense = DenseSynapses(
            self.builder.groups[group.source],
            self.builder.groups[group.target],
            pathway.signal,
            pathway.lands,
            trials=self.builder.trials,
            bias=True if pathway.bias else None,
            line=line,
            shares=None if own else self.dense[group.owner],
            transposed=group.transposed,
            order=order,
            number=len(self.dense),
            name=f"synapses_{group.name}",
            codeobj_class=self.builder.code,
        )
        self.dense[group.name] = self.builder.add(dense, group.name, into=self.builder.made.steps)
        self.builder.made.once[group.name] = dense
        for slot in self.builder.plan.synapses(group):
            self.builder.made.arrays[slot.label] = (
                dense.variables[slot.name],
                slot.shape(self.builder.trials),
            )

    def _delay(self, group, order):
        """Return the delay line that a synapse group hears its source through."""
        source = self.builder.groups[group.source]
        line = Delay(
            source,
            group.pathway.signal,
            self.builder.trials,
            len(self.builder.made.lines),
            order - 1,
            f"delay_{group.name}",
            self.builder.code,
        )
        self.builder.made.lines[group.name] = f"{group.source}.{group.pathway.signal}"
        return self.builder.add(line, f"delay:{group.name}", into=self.builder.made.steps)

    def accumulator(self, factor: Factor) -> None:
        """Add what sums up a product of plasticity over a phase and the trials."""
        group = self.builder.plan.group(factor.group)
        if factor.steady:
            return
        runner = Accumulate(
            self.dense[group.name],
            self.builder.groups[group.source],
            self.builder.groups[group.target],
            factor.post,
            factor.pre,
            self.builder.trials,
            f"accumulate_{factor.post}",
            self.builder.code,
        )
        self.builder.made.accumulators[factor.name] = self.builder.add(runner, factor.name)
        slot = self.builder.plan.product(factor)
        self.builder.made.arrays[slot.label] = (
            runner.variables[slot.name],
            slot.shape(self.builder.trials),
        )

    def traces(self, traces: TracesOf) -> None:
        """Add the variables that synapses have of their own, and what sums up what they teach."""
        group, dense = traces.group, self.dense[traces.group.name]
        ends = dict(post=self.builder.groups[group.target], pre=self.builder.groups[group.source])
        moved = Traces(
            traces.equations,
            traces.names,
            dense,
            ends,
            traces.reads(late=False),
            self.builder.trials,
            ends["post"].order - MOVES,
            f"traces_{traces.factor}",
            self.builder.code,
        )
        self.builder.add(moved, moved.name, into=self.builder.made.steps)
        summed = AccumulateTraces(
            traces.learned,
            moved,
            traces.names,
            dense,
            ends,
            traces.reads(late=True),
            self.builder.trials,
            f"accumulate_{traces.factor}",
            self.builder.code,
        )
        name = f"{group.name}:{traces.factor}"
        self.builder.made.accumulators[name] = self.builder.add(summed, name)
        slot = self.builder.plan.slots[f"{name}.g"]
        self.builder.made.arrays[slot.label] = (
            summed.variables["g"],
            slot.shape(self.builder.trials),
        )
        for slot in traces.slots:
            self.builder.made.arrays[slot.label] = (
                moved.variables[slot.name],
                slot.shape(self.builder.trials),
            )
