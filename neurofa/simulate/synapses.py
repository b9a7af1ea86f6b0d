"""What the weights of a network start from, and what keeps them as their pathways say: structure,
tracking, lesions.

Between phases, NumPy works on the arrays that the compiled circuit reads. One long class: whatever
sets weights must know their structure and lesions.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.arguments import able, one_of
from ..base.errors import NetworkError, choices
from ..circuit.slots import Role
from ..rules.pathways import Start, dale, lesioned, normal
from ..rules.pathways.base import layers
from ..rules.pathways.lesions import Lesions, Moment

if TYPE_CHECKING:
    from .network import Network


class Weights:
    """The synapse groups of a network that have weights of their own.

    `structure` is what weights keep to, `{group: {manipulation: array}}`; `seeds` what each group
    was drawn from. Both go where the weights go.
    """

    seeds: dict[str, int]
    structure: dict[str, dict[str, np.ndarray]]
    lesions: dict[str, Lesions]
    counts: dict[str, float]

    def __init__(self, net: Network):
        self.net = net
        self.groups = [g for g in net.circuit.groups if g.owner == g.name]
        self.learning = {line.pathway for line in net.rule.plasticity}
        self.seeds, self.structure, self.lesions, self.counts = {}, {}, {}, {}
        self._undisturbed, self.unchanged = False, False
        for pathway in net.rule.all_pathways:
            entered = {g.layer for g in net.circuit.groups if g.pathway.name == pathway.name}
            for m in pathway.through:
                if not set(layers(m) or ()) <= entered:
                    raise NetworkError(
                        f"{type(m).__name__}(layer={m.layer!r}): in this network, {pathway.name} enters the layers "
                        f"{', '.join(map(str, sorted(entered, key=str)))}."
                    )

    def draw(self, seed: int) -> None:
        """Draw all weights anew from `seed`; biases are zero, and lesions are as before any
        training."""
        self.seeds, self.lesions = {g.name: seed for g in self.groups}, {}
        # others may depend on W
        for group in sorted(
            self.groups, key=lambda g: g.pathway.name != self.net.rule.feedforward.name
        ):
            self._draw(group, self._stream(group))
            if group.pathway.bias:
                self.net[f"{group.name}.bias"] = 0.0
        self.counts = dict(updates=0, trials=0, epochs=0, seconds=0.0)
        self.cut()

    def _draw(self, group, rng):
        start, structure = group.pathway.init or normal(), {}
        w = start(self.net, group, rng)
        for what, m in sorted(
            self._manipulations(group).items(), key=lambda found: found[1].precedence
        ):
            w, found = m.weights(self.net, group, w, self._stream(group, what))
            structure |= {what: found} if found is not None else {}
        self.net.put(group.name, start.finished(group, w) if isinstance(start, Start) else w)
        self.structure[group.name] = structure
        chosen = [
            (m, m.chosen(group, self._stream(group, what)))
            for what, m in self._manipulations(group).items()
            if isinstance(m, lesioned)
        ]
        if chosen and group.name not in self.lesions:
            self.lesions[group.name] = Lesions(chosen, self.net[group.name])

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Between the phases that run within, weights and stimulus change by learning alone.

        So it is known whether they are those of the phase before: `unchanged`. Elsewhere it is not,
        since whoever has looked at weights holds a view of them, and may write to it.
        """
        self._undisturbed = True
        try:
            yield
        finally:
            self._undisturbed = self.unchanged = False

    def used(self) -> None:
        """Take note that a phase has run with the present weights."""
        self.unchanged = self._undisturbed

    def updated(self, updates: int) -> None:
        """Put weights in order after so many updates: those that track others, then what is kept,
        then what is cut."""
        self.unchanged = False
        for group in self.groups:
            w, lesions, structure = (
                self.net[group.name],
                self.lesions.get(group.name),
                self.structure[group.name],
            )
            if group.pathway.tracks:
                self._draw(group, np.random.default_rng([*self._key(group), updates]))
                if lesions:
                    lesions.keep(w, made_anew=True)
            elif group.pathway.name in self.learning and (structure or lesions):
                if lesions:
                    lesions.restore(w)
                manipulations = self._manipulations(group)
                for what, found in structure.items():
                    manipulations[what].keep(w, found, [*self._key(group, "rounding"), updates])
                if lesions:
                    lesions.keep(w)

    def keeps(self) -> list[tuple[str, str, np.ndarray, np.ndarray]] | None:
        """Return what `updated` does to weights where that is elementwise: [(group, "existing",
        "missing" or "signs", its weights, structure)], in its order; None where it is more than
        that."""
        found = []
        for group in self.groups:
            lesions, structure = self.lesions.get(group.name), self.structure[group.name]
            if group.pathway.tracks:
                return None
            if group.pathway.name in self.learning:
                manipulations, w = self._manipulations(group), self.net[group.name]
                for what, kept in structure.items():
                    if manipulations[what].keeps is None:
                        return None
                    found.append((group.name, manipulations[what].keeps, w, kept))
                if lesions:
                    found.append((group.name, "missing", w, lesions.cut))
        return found

    # weights from elsewhere -----------------------------------------------------------------------

    def check(self, name: str, w: np.ndarray) -> None:
        """Raise NetworkError if what is plastic of the group `name` cannot stay as `w` (post, pre),
        because of its structure."""
        group = self._group(name)
        if group and group.pathway.name in self.learning:
            self._check(group, w)

    def check_all(self) -> None:
        """Raise NetworkError where plastic weights were given others than their structure lets them
        have, past `net[name] = ...`."""
        for group in self.groups:
            self.check(group.name, self.net[group.name])

    def _check(self, group, w):
        manipulations = self._manipulations(group)
        for what, found in self.structure[group.name].items():
            if not manipulations[what].fits(w, found):
                raise NetworkError(
                    f"{group.name} is {manipulations[what]}: these weights are not as its synapses here must be, and "
                    "learning would change them without a reason. Take the structure along from a network whose pathway "
                    f"is the same, net.synapses.take(other, '{group.pathway.name}'); or leave it out of the rule."
                )

    def assigned(self, name: str) -> None:
        """Keep synapses cut whose weights were assigned: they will be restored to what was
        assigned."""
        if name in self.lesions:
            self.lesions[name].keep(self.net[name], made_anew=True)

    def take(self, other: Network, *pathways: str) -> None:
        """Take weights and biases from another Network: those of all synapse groups here, or of
        some pathways.

        The structure of the synapses comes along where the pathway is the same there: which of them
        exist, their signs, levels, what is cut. Raises NetworkError, and takes nothing, where the
        other network has none of that name, or of another shape; or where a pathway is another
        there, and its weights do not have the structure that they must have here.
        """
        able("other", other, "time_constants", "a Network")
        for name in pathways:
            one_of("pathway", name, [g.pathway.name for g in self.groups], noun="pathway")
        self.accept(other.arrays, other.synapses.state, pathways)

    def accept(
        self,
        arrays: Mapping[str, np.ndarray],
        state: Mapping[str, Any],
        pathways: Collection[str] = (),
    ) -> None:
        """Take weights from the `arrays` of a network, and structure from the `state` of its
        Weights, as `take` does."""
        known = {
            label
            for label, slot in self.net.circuit.slots.items()
            if slot.role in (Role.WEIGHT, Role.BIAS)
        }
        taken = {
            g: self._same(g, state)
            for g in self.groups
            if not pathways or g.pathway.name in pathways
        }
        names = {g: [slot.label for slot in self.net.circuit.synapses(g)] for g in taken}
        for group, same in taken.items():
            for name in names[group]:
                if name not in arrays or arrays[name].shape != self.net[name].shape:
                    what = (
                        f"has the shape {arrays[name].shape} there"
                        if name in arrays
                        else "is not there"
                    )
                    raise NetworkError(
                        f"'{name}', of shape {self.net[name].shape}, cannot be taken: it {what}. "
                        + choices(name, [n for n in arrays if n in known])
                    )
            if not same:
                self._check(group, arrays[f"{group.name}.w"])
        self._check_cells({g.name: state["seeds"][g.name] for g, same in taken.items() if same})
        for group, same in taken.items():
            for name in names[group]:
                self.net.put(name, arrays[name])
            if same:
                self._restore(group, state)
            else:
                self.assigned(group.name)

    def _same(self, group, state):
        """Whether the group is manipulated alike in the network of `state`."""
        return state["manipulations"].get(group.name) == self._texts(group)

    def _check_cells(self, seeds):
        """Raise NetworkError if, with these seeds for some groups, synapses of one cell would have
        two signs."""
        found = {}
        for g in self.groups:
            if any(isinstance(m, dale) for m in self._manipulations(g).values()):
                found.setdefault(g.source, {})[g.name] = (self.seeds | seeds)[g.name]
        for source, of_groups in found.items():
            if len({*of_groups.values()}) > 1:
                raise NetworkError(
                    f"The cells of {source} would be excitatory in one pathway and inhibitory in another: the weights "
                    f"of {' and '.join(of_groups)} come from networks of different seeds. Take all of them."
                )

    @property
    def state(self) -> dict[str, Any]:
        """All that there is beside the weights, as plain values and arrays; assigning it restores
        it."""
        lesions = {
            name: dict(
                cut=found.cut,
                before=found.before,
                chosen=np.array([which for _, which in found.chosen]),
            )
            for name, found in self.lesions.items()
        }
        return dict(
            seeds=dict(self.seeds),
            counts=dict(self.counts),
            structure={name: dict(s) for name, s in self.structure.items()},
            lesions=lesions,
            manipulations={g.name: self._texts(g) for g in self.groups},
        )

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        for group in self.groups:
            both = state["manipulations"].get(group.name, {}), self._texts(group)
            there, here = (" | ".join(texts.values()) or "nothing" for texts in both)
            if there != here:
                raise NetworkError(
                    f"{group.name} is another pathway: what is done to its synapses is {there} there, and {here} here."
                )
        self.counts = dict(state["counts"])
        for group in self.groups:
            self._restore(group, state)

    def _restore(self, group, state):
        name, lesions = group.name, state["lesions"].get(group.name)
        self.seeds[name] = state["seeds"][name]
        self.structure[name] = {
            what: np.array(found) for what, found in state["structure"].get(name, {}).items()
        }
        if lesions:
            described = [m for m in self._manipulations(group).values() if isinstance(m, lesioned)]
            self.lesions[name] = Lesions(
                list(zip(described, np.array(lesions["chosen"]))), lesions["before"]
            )
            self.lesions[name].cut = np.array(lesions["cut"])

    # lesions --------------------------------------------------------------------------------------

    def cut(self, **counts: float) -> None:
        """Cut and restore what the lesions say for so many updates, trials, epochs, and seconds of
        the present trial."""
        self.counts |= counts
        for name, lesions in self.lesions.items():
            lesions.apply(self.net[name], self.counts)

    def until_a_lesion(self, counts: Mapping[str, int], each: Mapping[str, int]) -> int:
        """Return how many batches can begin before something else is cut or restored; at least 1,
        the next.

        `counts` are the updates, trials and epochs so far, `each` those of every batch.
        """
        moments = [
            moment
            for lesions in self.lesions.values()
            for lesion, _ in lesions.chosen
            for moment in (lesion.at, lesion.until)
            if isinstance(moment, Moment)
            and each[moment.unit]
            and moment.count > counts[moment.unit]
        ]
        left = [-(-(m.count - counts[m.unit]) // each[m.unit]) for m in moments]
        return max(1, min(left, default=2**31))

    def times(self) -> list[float]:
        """Return the times within a trial, in seconds, at which something is cut or restored."""
        found = {
            float(moment)  # type: ignore[arg-type]  # of a lesion within the trial, a time
            for lesions in self.lesions.values()
            for lesion, _ in lesions.chosen
            if lesion.within_trial
            for moment in (lesion.at, lesion.until)
            if moment is not None
        }
        return sorted(found)

    # what is done to a group ----------------------------------------------------------------------

    def _group(self, name):
        return next((g for g in self.groups if g.name == name), None)

    @staticmethod
    def _manipulations(group):
        """Return {what names its stream: manipulation}: the same whatever else is done to the
        pathway."""
        return {
            f"{type(m).__name__} {key}": m
            for key, m in group.pathway.named_manipulations
            if m.concerns(group)
        }

    def _texts(self, group):
        """Return `{what: text}` of the manipulations that concern the weights of a group."""
        return {what: str(m) for what, m in self._manipulations(group).items() if m.synaptic}

    def _key(self, group, what=""):
        return [
            self.seeds[group.name],
            zlib.crc32(f"{group.name}{f' {what}' if what else ''}".encode()),
        ]

    def _stream(self, group, what=""):
        """Return the generator of one synapse group; for each manipulation, another one."""
        return np.random.default_rng(self._key(group, what))
