"""What a network learns after a phase, compiled: the same as Plastic.change and Plastic.learn, from
the same texts, in one call."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

import numpy as np

from ..circuit.slots import Role
from ..engine.brian import teaching
from ..engine.brian.teaching import Keeping, Library
from ..simulate.network import Network
from .plasticity import Plastic
from .source import Sources
from .taught_line import Factors, Line

KEEPING = dict(existing=Keeping.EXISTING, missing=Keeping.MISSING, signs=Keeping.SIGNS)


class Taught:
    """All that learns in a compiled network, as structures that the library works on.

    `plastic` is {phase: [Plastic]}; weights, moments and what phases integrate stay where they are.
    Raises CompileError.
    """

    def __init__(self, net: Network, plastic: Mapping[str, Sequence[Plastic]]):
        self.net, sources = net, Sources()
        self.optimisers = [one.optimiser.text for lines in plastic.values() for one in lines]
        self.lessons = {phase: lesson(net, lines, sources) for phase, lines in plastic.items()}
        self.library = sources.library(net.dtype)
        for whole in self.lessons.values():
            whole.fill(self.library)
        # {phase: {how often: what of it is learned that often}}
        self.paced = {phase: self._paces(phase, lines) for phase, lines in plastic.items()}

    def _paces(self, phase, lines):
        paces = dict.fromkeys(one.every for one in lines if one.every is not None)
        return {
            every: self.lessons[phase].part([one.every == every for one in lines], self.library)
            for every in paces
        }

    def gather(self, phase: str) -> tuple[int, str] | None:
        """Tell apart what `phase` has integrated while the input was as it is. Returns what `learn`
        does."""
        lesson = self.lessons[phase]
        lesson.room()
        lesson.update()
        bad = self.library.gather(lesson.address, self.net.active, self.net.threads)
        return lesson.learned(bad, times=0)

    def learn_within(self, phase: str, every: float | str) -> tuple[int, str] | None:
        """Learn what is learned so often while `phase` runs. Returns what `learn` does."""
        lesson = self.paced[phase][every]
        lesson.update()
        bad = self.library.learn(lesson.address, self.net.active, None, self.net.threads)
        return lesson.learned(bad)

    def learn(self, phase: str, unsettled: np.ndarray | None) -> tuple[int, str] | None:
        """Learn what `phase` has taught; trials that are `unsettled` (trials,) teach nothing.

        Returns None; or, if a change is no finite number and nothing was made, the place of its
        Plastic, and the label of the array.
        """
        lesson = self.lessons[phase]
        lesson.update()
        mask = None if unsettled is None else np.ascontiguousarray(unsettled, np.uint8)
        bad = self.library.learn(
            lesson.address,
            self.net.active,
            None if mask is None else ctypes.c_void_p(mask.ctypes.data),
            self.net.threads,
        )
        return lesson.learned(bad)


class Lesson:
    """What is learned after one phase, or of it while it runs: factors, lines, and what keeps
    weights."""

    def __init__(self, net: Network, factors: Factors, lines: Sequence[Line]):
        self.net, self.factors, self.lines = net, factors, lines
        self.plastic = [line.plastic for line in lines]
        self._kept: dict[tuple, tuple] = {}  # what was converted, and of what

    def part(self, chosen: Iterable[bool], library: Library) -> Lesson:
        """Return the Lesson of some of the lines, with what belongs to them."""
        part = Lesson(self.net, self.factors, [*compress(self.lines, chosen)])
        part.lay_out(library)
        return part

    def fill(self, library: Library) -> None:
        """Make the structures, now that the functions have addresses."""
        self.factors.fill(library)
        for line in self.lines:
            line.fill()
        self.lay_out(library)

    def room(self) -> None:
        """Make room for what is gathered, where lines are told apart by what the input sends."""
        for line in self.lines:
            line.room()

    def forget(self) -> None:
        """Forget what was gathered."""
        for line in self.lines:
            line.pieces[0] = 0

    @property
    def gathers(self) -> bool:
        """Whether some line is told apart by what the input sends."""
        return any(one.gathers for one in self.plastic)

    def lay_out(self, library: Library) -> None:
        """Make what the library is given of the lines."""
        n = len(self.lines)
        self._plastic = (teaching.Plastic * n)(*(x.structure(library) for x in self.lines))
        sizes = [one.group.shape for one in self.plastic]
        # two factors, of the trials that teach
        self._scratch = np.empty(self.net.trials * max([0, *map(sum, sizes)]), self.net.dtype)
        self.structure = teaching.Lesson(
            n_factors=len(self.factors.structures),
            factors=ctypes.addressof(self.factors.structures),
            n_plastic=n,
            plastic=ctypes.addressof(self._plastic),
            size=max([0, *(post * pre for post, pre in sizes)]),
            scratch=self._scratch.ctypes.data,
        )
        self.address = ctypes.byref(self.structure)

    def update(self) -> None:
        """Take over what may have changed: parameters, lesions, structure, and how many updates
        there were."""
        values = {name: float(value) for name, value in self.net.parameters.items()}
        self.factors.update(values)
        for line, structure in zip(self.lines, self._plastic):
            line.update(structure, values)
        keeps = self.net.synapses.keeps() if self.lines else []
        self.by_hand = keeps is None  # NumPy keeps weights as they must be
        found = [self._keep(*one) for one in keeps or ()]
        self._keeps = (teaching.Keep * len(found))(*found)
        self.structure.n_keeps, self.structure.keeps = len(found), ctypes.addressof(self._keeps)

    def _keep(self, name, what, w, structure):
        before = self._kept.get((name, what))
        if before is None or before[0] is not structure:
            dtype = self.net.dtype if what == "signs" else bool
            whole = np.broadcast_to(np.asarray(structure).astype(dtype), w.shape)
            before = self._kept[name, what] = structure, np.ascontiguousarray(whole)
        return teaching.Keep(KEEPING[what], w.ctypes.data, *w.shape, before[1].ctypes.data)

    def learned(self, bad: int, times: int = 1) -> tuple[int, str] | None:
        """Take note of what came of learning so many `times`: as Taught.learn."""
        if bad:
            k, role = (bad - 1) // 2, Role.WEIGHT if bad % 2 else Role.BIAS
            slots = self.plastic[k].slots.items()
            return k, next(label for label, slot in slots if slot.role == role)
        for one in self.plastic:
            one.updates += times
        return None


def lesson(net: Network, plastic: Sequence[Plastic], sources: Sources) -> Lesson:
    """Return the Lesson of all that is plastic after a phase; it is to be filled when the library is
    there."""
    factors = Factors(net, sources)
    lines = [Line(net, one, sources.update(one.optimiser)) for one in plastic]
    for line in lines:
        line.ask(factors)
    return Lesson(net, factors, lines)
