"""What a network learns after a phase, compiled: the same as Plastic.change and Plastic.learn, from
the same texts, in one call."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np

from ..circuit.slots import Role
from ..engine.brian import teaching
from ..engine.brian.teaching import Block, Keeping, Kind, Library
from ..rules.text import evaluate
from ..simulate.network import Network
from .optimisers import GRADIENT
from .plasticity import Plastic
from .source import Sources

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

    def __init__(self, net: Network, factors: _Factors, lines: Sequence[_Line]):
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


class _Factors:
    """The expressions that are evaluated before anything is learned after a phase."""

    def __init__(self, net, sources):
        self.net, self.sources = net, sources
        # (population, code) -> (number of the function, its arrays, its parameters, result)
        self.found: dict[tuple[str, str], tuple[int, list[str], list[str], np.ndarray]] = {}

    def array(self, population, code):
        """Return the array (trials, units) that an expression is found in."""
        variables = dict(self.net.memory.of_populations[population])
        if code in variables:
            return variables[code]
        if (population, code) not in self.found:
            own = self.net.activation_of(population)
            function = self.sources.factor(code, variables, self.net.parameters, own)
            units = self.net.circuit.unit(population).size
            made = np.empty((self.net.trials, units), self.net.dtype)
            self.found[population, code] = *function, made
        return self.found[population, code][-1]

    def fill(self, library):
        self._values, self._in, made = [], [], []
        for (population, _), (number, arrays, parameters, out) in self.found.items():
            variables = dict(self.net.memory.of_populations[population])
            self._in.append(_addresses([variables[name] for name in arrays]))
            self._values.append((parameters, np.zeros(max(1, len(parameters)))))
            made.append(
                teaching.Factor(
                    library.factors[number],
                    ctypes.addressof(self._in[-1]),
                    self._values[-1][1].ctypes.data,
                    out.shape[1],
                    out.ctypes.data,
                )
            )
        self.structures = (teaching.Factor * len(made))(*made)

    def update(self, values):
        for parameters, array in self._values:
            for k, name in enumerate(parameters):
                array[k] = values[name]


def lesson(net: Network, plastic: Sequence[Plastic], sources: Sources) -> Lesson:
    """Return the Lesson of all that is plastic after a phase; it is to be filled when the library is
    there."""
    factors = _Factors(net, sources)
    lines = [_Line(net, one, sources.update(one.optimiser)) for one in plastic]
    for line in lines:
        line.ask(factors)
    return Lesson(net, factors, lines)


class _Line:
    """One Plastic: its terms, what they ask for, and its optimiser."""

    def __init__(self, net, plastic, update):
        self.net, self.plastic, self.number = net, plastic, update
        self.arrays = {slot.role: plastic.states[label] for label, slot in plastic.slots.items()}
        of_activity = [term.of_activity for term in plastic.terms]
        self.asks, self.decays = any(of_activity), not all(of_activity)

    def ask(self, factors):
        """Find the arrays of all terms: [(Kind, Term, post, pre)]."""
        line, group = self.plastic.line, self.plastic.group
        self.terms = []
        for k, term in enumerate(self.plastic.terms):
            factor = self.plastic.factors[k] if line.during else None
            summed = (
                self.net.arrays[f"{group.target}.{factor.sum}"]
                if factor and not factor.of_traces
                else None
            )
            if not term.of_activity:
                self.terms.append((Kind.DECAY, term, summed, None))
            elif factor is None:
                post = factors.array(group.target, term.post)
                pre = factors.array(group.source, term.pre)
                self.terms.append((Kind.AFTER, term, post, pre))
            elif factor.steady:
                pre = factors.array(group.source, term.pre)
                self.terms.append((Kind.STEADY, term, summed, pre))
            else:
                product = self.net.arrays[self.net.circuit.product(factor).label]
                self.terms.append((Kind.DURING, term, summed, product))

    def fill(self):
        """Make what all structures of the line share."""
        w, bias = (self.arrays.get(role) for role in (Role.WEIGHT, Role.BIAS))
        terms = [
            teaching.Term(kind, term.power, _data(post), _data(pre), 0.0)
            for kind, term, post, pre in self.terms
        ]
        self._terms = (teaching.Term * len(terms))(*terms)
        self.values = np.zeros(2 + len(self.plastic.optimiser.parameters))
        self.made, self.pieces = np.zeros(1, np.int32), np.zeros(1, np.int32)
        sums = [Block(array.ctypes.data, array.nbytes) for array in self.plastic.sums]
        self._sums = (Block * len(sums))(*sums)
        names = ("w", *self.plastic.optimiser.state)
        self._states = {
            role: _addresses([arrays[name] for name in names])
            for role, arrays in self.arrays.items()
        }
        buffers = dict(dw=w, dbias=bias)
        if self.decays:
            buffers |= dict(decay=w, bias_decay=bias)
        if any(term.power for _, term, *_ in self.terms):
            buffers |= dict(product=w)
        self._buffers = {
            name: np.empty_like(of["w"]) for name, of in buffers.items() if of is not None
        }
        self._pieces: tuple = ()

    def room(self):
        """Make room for what is gathered, if anything is."""
        if self.plastic.gathers and not self._pieces:
            asked = ("dw", "dbias", "decay", "bias_decay")
            arrays = [self._buffers.get(name) for name in asked]
            arrays = [None if array is None else np.zeros_like(array) for array in arrays]
            self._pieces = arrays, (ctypes.c_void_p * len(arrays))(*map(_data, arrays))

    def structure(self, library):
        w, bias = (self.arrays.get(role) for role in (Role.WEIGHT, Role.BIAS))
        return teaching.Plastic(
            *self.plastic.group.shape,
            w=_data(w and w["w"]),
            bias=_data(bias and bias["w"]),
            terms=ctypes.addressof(self._terms),
            n_terms=len(self._terms),
            asks=self.asks,
            decays=self.decays,
            update=library.updates[self.number],
            of_w=_address(self._states.get(Role.WEIGHT)),
            of_bias=_address(self._states.get(Role.BIAS)),
            values=self.values.ctypes.data,
            made=self.made.ctypes.data,
            gathers=self.plastic.gathers,
            pieces=self.pieces.ctypes.data,
            n_sums=len(self._sums),
            sums=ctypes.addressof(self._sums),
            **{name: _data(array) for name, array in self._buffers.items()},
        )

    def update(self, structure, values):
        plastic, optimiser = self.plastic, self.plastic.optimiser
        eta = values.get(plastic.line.rate, 1.0)
        self.values[:] = [plastic.updates, eta, *optimiser.parameters.values()]
        structure.weight_decay = optimiser.decay if self.asks else 0.0
        lesions = self.net.synapses.lesions.get(plastic.group.name)
        self._cut = lesions.cut if lesions else None
        structure.direct = (
            optimiser.text == GRADIENT.text
            and not (lesions or optimiser.decay or self.decays)
            and len(self.terms) == 1
        )
        structure.cut = _data(self._cut)
        structure.kept = ctypes.addressof(self._pieces[1]) if self._pieces else None
        for (kind, term, post, _), made in zip(self.terms, self._terms):
            if kind != Kind.DECAY:
                made.constant = plastic.of_constant(term.pre)
            elif post is None:
                made.constant = float(evaluate(term.post, values))


def _data(array: np.ndarray | None) -> int | None:
    return None if array is None else array.ctypes.data


def _address(array: Any) -> int | None:
    return None if array is None else ctypes.addressof(array)


def _addresses(arrays):
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
