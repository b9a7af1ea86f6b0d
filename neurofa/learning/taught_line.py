"""What one line of plasticity is to compiled learning: its terms, what they ask for, its optimiser; and
the expressions that are evaluated for it."""

import ctypes
from typing import Any

import numpy as np

from ..circuit.slots import Role
from ..engine.brian import teaching
from ..engine.brian.teaching import Block, Kind
from ..rules.text import evaluate
from .optimisers import GRADIENT


class Factors:
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


class Line:
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
            teaching.Term(
                kind,
                term.power,
                _data(post),
                _data(pre),
                0.0,
                _data(self.plastic.beside) if term.beside else None,
            )
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
        if any(term.power or term.beside for _, term, *_ in self.terms):
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
        eta = values.get(plastic.rate, 1.0)
        self.values[:] = [plastic.updates, eta, *optimiser.parameters.values()]
        structure.weight_decay = optimiser.decay if self.asks else 0.0
        lesions = self.net.synapses.lesions.get(plastic.group.name)
        self._cut = lesions.cut if lesions else None
        structure.direct = (
            optimiser.text == GRADIENT.text
            and not (lesions or optimiser.decay or self.decays)
            and len(self.terms) == 1
            and not self.plastic.line.beside
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
