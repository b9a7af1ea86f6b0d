"""What a network learns after a phase, compiled: the same as Plastic.change and Plastic.learn, from
the same texts, in one call."""

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..circuit.slots import Role
from ..engine.brian import teaching
from ..engine.brian.teaching import Keeping, Kind, Library
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
        self.lessons = {phase: Lesson(net, lines, sources) for phase, lines in plastic.items()}
        self.library = sources.library(net.dtype)
        for lesson in self.lessons.values():
            lesson.fill(self.library)

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
    """What is learned after one phase: factors, lines, and what keeps weights."""

    def __init__(self, net: Network, plastic: Sequence[Plastic], sources: Sources):
        self.net, self.plastic = net, plastic
        self.factors = _Factors(net, sources)
        self.lines = [_Line(net, one, sources.update(one.optimiser)) for one in plastic]
        for line in self.lines:
            line.ask(self.factors)
        self._kept: dict[tuple, tuple] = {}  # what was converted, and of what

    def fill(self, library: Library) -> None:
        """Make the structures, now that the functions have addresses."""
        n = len(self.lines)
        self.factors.fill(library)
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
            summed = self.net.arrays[f"{group.target}.{factor.sum}"] if factor else None
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

    def structure(self, library):
        w, bias = (self.arrays.get(role) for role in (Role.WEIGHT, Role.BIAS))
        terms = [
            teaching.Term(kind, term.power, _data(post), _data(pre), 0.0)
            for kind, term, post, pre in self.terms
        ]
        self._terms = (teaching.Term * len(terms))(*terms)
        self.values = np.zeros(2 + len(self.plastic.optimiser.parameters))
        self.made = np.zeros(1, np.int32)
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
        return teaching.Plastic(
            *self.plastic.group.shape,
            w=_data(w and w["w"]),
            bias=_data(bias and bias["w"]),
            terms=ctypes.addressof(self._terms),
            n_terms=len(terms),
            asks=self.asks,
            decays=self.decays,
            update=library.updates[self.number],
            of_w=_address(self._states.get(Role.WEIGHT)),
            of_bias=_address(self._states.get(Role.BIAS)),
            values=self.values.ctypes.data,
            made=self.made.ctypes.data,
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
