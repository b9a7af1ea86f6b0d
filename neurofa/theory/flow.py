"""From the rule's text to its right-hand side as a function: values, derivatives (by sympy), and
the state where nothing moves.

An independent reading of the text: nothing is compiled or integrated. Gates have the values of one
phase, and noise is zero. One long class: from the text to its rates, and from these to their
derivatives.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from brian2.equations.equations import DIFFERENTIAL_EQUATION, SUBEXPRESSION
from brian2.utils.stringtools import get_identifiers
from scipy.special import softmax

from ..base.errors import NetworkError
from ..circuit.plan import CLOCK, Plan
from ..circuit.slots import Role
from ..circuit.units import Units
from ..rules.activations import Activation
from ..rules.derivatives import differentiated
from ..rules.rule import Phase
from ..rules.text import FUNCTIONS, NUMERIC, assignments, evaluate, variables_of
from .linear import Copy, Edge, Linear, Rate

TARGET = "output.target"  # what the output should do: followed, although it is no state


class Values(Protocol):
    """What a circuit is at one moment, beside its Plan: a Network is one."""

    parameters: Mapping  # name -> value with its unit
    arrays: Mapping  # label of a slot -> array

    def activation_of(self, population: str) -> Activation:
        """Return the Activation of a population."""

    def time_constants(self) -> dict[str, tuple[str, float]]:
        """Return `{state: (time constant as text, seconds)}`."""


class Term(NamedTuple):
    """A variable, or a rate, as a function of others: its value, and its factor per source, given
    how to get their values."""

    sources: tuple
    value: Callable
    factors: Callable
    matrix: bool = False
    names: tuple = ()  # of the synapse group and of its pathway


class Flow:
    """The circuit in one phase, by its Plan and the Values of a network. Variables have the labels
    of their slots: "hidden1.v".

    `terms` are the variables that follow from others at once, `rates` those of the states that
    move, and `memory` is what is neither: parameters of units, the stimulus, and states that the
    phase keeps still.
    """

    terms: dict[str, Term]
    rates: dict[str, Term]
    memory: dict[str, int]  # name -> number of units
    sizes: dict[str, int]

    def __init__(self, plan: Plan, values: Values, gates: Mapping):
        self.names = {n: float(v) for n, v in values.parameters.items()} | {
            slot.name: values.arrays[slot.label].item() for slot in CLOCK
        }
        self.gates, self.plan, self.values = tuple(gates.items()), plan, values
        self.terms, self.rates, self.memory, self.sizes = {}, {}, {}, {}
        steps: list[list[str]] = [[]]
        ends: list[str] = []
        for units in plan.units:
            self._population(units, steps, ends)
        steps.append(ends)
        self.steps = tuple(
            tuple(n for n in names if n in self.terms or n in self.rates) for names in steps
        )
        self.cuts = self._loops()

    def _population(self, units, steps, ends):
        here, text = f"{units.name}.".__add__, self.plan.texts[units.name]
        for group in (g for g in self.plan.groups if g.target == units.name):
            drive = here(group.pathway.lands)
            self.terms[drive] = self._synapses(group)
            dict(old=steps[0], new=steps[-1], end=ends)[group.pathway.reads].append(drive)
            steps.append([])
        for name, (there, variable) in text.links.items():
            self.terms[here(name)] = _link(f"{there}.{variable}")
        if text.softmax:
            self.terms[here("softmax_r")] = _softmax(here("r"))
        states = []
        for name, equation in text.equations.items():
            if equation.type == SUBEXPRESSION:
                self.terms[here(name)] = self._line(units, equation.expr.code)
            elif equation.type == DIFFERENTIAL_EQUATION and self._moves(equation.expr.code):
                self.rates[here(name)] = self._line(units, equation.expr.code)
                states.append(here(name))
        late = [name for name, _ in assignments(text.signals(after_softmax=True))]
        steps += [
            states,
            *([here(n)] for n in text.stored if n not in late),
            [here("softmax_r")],
            *([here(n)] for n in late),
            [],
        ]
        every = [
            *{**variables_of(self.plan.rule, units.kind), **text.equations},
            *["softmax_r"] * text.softmax,
        ]
        self.sizes |= {here(n): units.size for n in every}
        self.memory |= {
            here(n): units.size
            for n in every
            if here(n) not in self.terms and here(n) not in self.rates
        }

    def _synapses(self, group):
        own = {
            slot.role: np.array(self.values.arrays[slot.label], float)
            for one in (self.plan.group(group.owner), group)
            for slot in self.plan.synapses(one)
        }
        w, bias = own[Role.WEIGHT], own[Role.BIAS] if group.pathway.bias else 0.0
        w, source = w.T if group.transposed else w, f"{group.source}.{group.pathway.signal}"
        return Term(
            (source,),
            lambda get: get(source) @ w.T + bias,
            lambda get: [w],
            True,
            (group.name, group.pathway.name),
        )

    def functions(self, units: Units) -> dict[str, Any]:
        """Return `{name: value}` of all that a population's text may use beside its variables."""
        activation = self.values.activation_of(units.name)
        return (
            self.names
            | dict(self.gates)
            | dict(phi=activation.phi, dphi=activation.dphi, _ddphi=activation.ddphi)
        )

    def _moves(self, code):
        """Whether a rate is anything but zero; and no white noise, whose equation has dt for a time
        constant."""
        code, _ = differentiated(code, self.gates)
        return code != "0" and "dt" not in get_identifiers(code)

    def _line(self, units, code):
        code, slopes = differentiated(code, self.gates)
        names = self.functions(units)
        own = {
            n: f"{units.name}.{n}"
            for n in sorted(get_identifiers(code))
            if n not in {*names, *FUNCTIONS, *NUMERIC}
        }
        inside = lambda get: names | {n: get(variable) for n, variable in own.items()}
        return Term(
            tuple(own.values()),
            lambda get: evaluate(code, inside(get)),
            lambda get: [evaluate(slopes.get(n, "0"), inside(get)) for n in own],
        )

    def _loops(self):
        """Return the (variable, source) at which chains of terms would bite their own tail: there a
        copy is read."""
        cuts, done, path = set(), set(), []

        def visit(name):
            path.append(name)
            for source in self.terms[name].sources:
                if source in path:
                    cuts.add((name, source))
                elif source in self.terms and source not in done:
                    visit(source)
            done.add(path.pop())

        for name in self.terms:
            if name not in done:
                visit(name)
        return cuts

    @property
    def copies(self) -> dict[Copy, int]:
        """`{copy of a signal in a loop: number of units}`."""
        return {Copy(source): self.sizes[source] for _, source in sorted(self.cuts)}

    def reader(self, memory: Mapping[str | Copy, np.ndarray]) -> Callable:
        """Return the function that gives a variable's value, (trials, units), where `memory` has
        those of what is no term."""
        known = dict(memory)

        def get(name):
            if name not in known:
                shape = len(known["input.r"]), self.sizes[name]
                known[name] = np.broadcast_to(
                    np.asarray(self.terms[name].value(self._seen_by(name, get)), float), shape
                )
            return known[name]

        return get

    def _seen_by(self, name, get):
        return lambda source: get(Copy(source) if (name, source) in self.cuts else source)

    def at(self, memory: Mapping[str | Copy, np.ndarray]) -> tuple[np.ndarray, Linear]:
        """Return the states' rates, then by how much signals in loops differ from their copies,
        (trials, n); and the Linear."""
        get, trials, edges = self.reader(memory), len(memory["input.r"]), {}
        with np.errstate(all="ignore"):
            F = [
                np.broadcast_to(term.value(get), memory[state].shape)
                for state, term in self.rates.items()
            ]
            F += [get(copy.of) - memory[copy] for copy in self.copies]
            for name, term in [
                *self.terms.items(),
                *((Rate(state), term) for state, term in self.rates.items()),
            ]:
                edges[name] = list(self._edges(name, term, get, trials))
        states = {name: self.sizes[name] for name in self.rates}
        arrays = {name: self.sizes[name] for names in self.steps for name in names}
        exact = {
            f"{population}.{state}"
            for population, text in self.plan.texts.items()
            for state in text.exact
        }
        exact = {name: self.values.time_constants()[name][1] for name in states if name in exact}
        return np.concatenate(F, axis=1), Linear(
            trials, states, self.copies, edges, self.steps, arrays, exact
        )

    def _edges(self, name, term, get, trials):
        variable = name.of if isinstance(name, Rate) else name
        shape = trials, self.sizes[variable]
        for source, factor in zip(term.sources, term.factors(self._seen_by(name, get))):
            if source in self.terms or source in self.rates or source == TARGET:
                factor = (
                    factor if term.matrix else np.broadcast_to(np.asarray(factor, float), shape)
                )
                if not np.isfinite(factor).all():
                    raise NetworkError(
                        f"The derivative of {variable} by {source} is NaN or infinite."
                    )
                if factor.any():
                    yield Edge(
                        Copy(source) if (name, source) in self.cuts else source,
                        factor,
                        term.matrix,
                        term.names,
                    )

    def start(self, phase: Phase, memory: dict[str | Copy, np.ndarray]) -> None:
        """Make the assignments with which `phase` starts, in `memory`."""
        for kind, text in self.plan.rule.starts(phase).items():
            for units in (u for u in self.plan.units if u.kind == kind):
                for variable, code in assignments(text):
                    get, names = self.reader(memory), self.functions(units)
                    own = {
                        n: get(f"{units.name}.{n}")
                        for n in get_identifiers(code)
                        if f"{units.name}.{n}" in self.sizes
                    }
                    memory[f"{units.name}.{variable}"] = np.broadcast_to(
                        evaluate(code, names | own), (len(memory["input.r"]), units.size)
                    ).astype(float)

    def settle(self, memory: dict[str | Copy, np.ndarray], where: str, steps: int = 400) -> Linear:
        """Set the states in `memory` to where they do not move, and return the Linear there.

        Implicit Euler steps, each longer than the one before: they follow the circuit first, and
        are Newton's steps at last. Raises NetworkError, naming `where`, if that is nowhere.
        """
        names: list[str | Copy] = [*self.rates, *self.copies]
        length = None
        for copy in self.copies:
            memory.setdefault(copy, np.zeros((len(memory["input.r"]), self.sizes[copy.of])))
        ends = np.cumsum([self.sizes[n.of if isinstance(n, Copy) else n] for n in names])
        # the others are copies
        moving = np.repeat([n in self.rates for n in names], np.diff(ends, prepend=0)).astype(float)
        for _ in range(steps):
            F, linear = self.at(memory)
            M = linear.blocks() - np.diag(1 - moving)
            scale = np.maximum(abs(M).sum(-1), 1e-9)
            size = max(1.0, *(abs(memory[n]).max(initial=0) for n in names))
            longest = 1e9 / scale.max()
            # where rounding allows no more
            tolerance = 1e-12 if length is None or length < longest else 1e-9
            if (abs(F) <= tolerance * size * scale).all():
                return linear
            length = 1 / scale.max() if length is None else min(1.5 * length, longest)
            try:
                change = np.linalg.solve(np.diag(moving) / length - M, F[..., None])[..., 0]
            except np.linalg.LinAlgError:
                break
            for name, delta in zip(names, np.split(change, ends[:-1], axis=1)):
                memory[name] = memory[name] + delta
            if not np.isfinite(change).all():
                break
        worst = names[
            np.searchsorted(
                ends, np.nan_to_num(abs(F) / scale, nan=np.inf).max(0).argmax(), side="right"
            )
        ]
        raise NetworkError(
            f"{where}: no settled state was found; '{worst}' still moves. Use smaller weights, a larger leak, or "
            "a phase in which the circuit can settle."
        )


def _link(source):
    return Term((source,), lambda get: get(source), lambda get: [1.0])


def _softmax(rates):
    def factors(get):
        p = softmax(get(rates), axis=1)
        return [p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])]

    return Term((rates,), lambda get: softmax(get(rates), axis=1), factors, True)
