"""Rates of a whole population in one call, and slopes that are made of them.

In C++ a step ends with phi of all units at once, in a function that is compiled once (rates.h),
and then with what is made of it. Where the equations use dphi(v), phi(v) is noted from one step to
the next, so that the slope needs no second tanh; what was changed between phases is seen, because
every phase begins with noting it.
"""

import re
from dataclasses import dataclass

from brian2.equations.equations import DIFFERENTIAL_EQUATION
from brian2.utils.stringtools import get_identifiers

from ..base.names import numbered
from ..circuit.equations import PopulationText
from ..rules.activations import ACTIVATIONS, Activation
from ..rules.text import assignments

TANH = ACTIVATIONS["tanh"]  # the activation that rates.h has a function for


@dataclass(frozen=True)
class Rates:
    """How a step of a population ends."""

    into: dict[str, list[str]]  # variable -> what becomes phi of it in one call, one or two
    noted: dict[str, str]  # state -> what keeps phi of it for the slope in the next step
    # (variable, what is phi of it) -> the one synapse group that drives it, and stands still where
    # that does
    standing: dict[tuple[str, str], str]
    new: list[str]  # variables that the population has for this
    signals: str  # the other assignments, which follow
    plasticity: dict[str, str]  # phase -> the assignments that sum up its factors, which come last

    @property
    def equations(self) -> str:
        """The new variables, for Brian2."""
        return "".join(f"\n{name} : 1" for name in self.new)

    @property
    def note(self) -> str:
        """The assignments that note phi of what a phase begins with."""
        return "\n".join(f"{name} = phi({variable})" for variable, name in self.noted.items())

    def used(self, code: str) -> str:
        """Return a code, evaluated before the state moves, in which dphi is made of what was
        noted."""
        for state, name in self.noted.items():
            code = _with(code, state, name)
        return code


def interpreted(text: PopulationText) -> Rates:
    """Return how a step ends in NumPy: all of it is one code."""
    return Rates({}, {}, {}, [], text.signals(), text.plasticity())


def rates(text: PopulationText, activation: Activation) -> Rates:
    """Return how a step of a population ends in C++."""
    if activation != TANH or not text.time_constants:
        return interpreted(text)
    lines = _lines(text, text.signals())
    summed = {phase: _lines(text, code) for phase, code in text.plasticity().items()}
    into: dict[str, list[str]] = {}
    standing: dict[tuple[str, str], str] = {}
    new: list[str] = []
    for variable in _finished(text):
        own = _kept(lines, f"phi({variable})")
        driver = None if own else _driver(text, variable)
        late = [code for some in summed.values() for code in some.values()] if driver else []
        if not _used(variable, [*lines.values(), *late]):
            continue
        rate = own or _another(text, variable, new)
        lines = _made(lines, variable, rate, without=own)
        summed = {phase: _made(some, variable, rate) for phase, some in summed.items()}
        if driver:
            standing[variable, rate] = driver
        else:
            into[variable] = [rate]
    noted = {}
    for state in (s for s in text.time_constants if _steep(text, s)):
        noted[state] = _another(text, state, new)
        into.setdefault(state, []).append(noted[state])
    plasticity = {phase: _text(lines) for phase, lines in summed.items()}
    return Rates(into, noted, standing, new, _text(lines), plasticity)


def _lines(text, code):
    return {name: _spelled_out(text, code) for name, code in assignments(code)}


def _text(lines):
    return "\n".join(f"{name} = {code}" for name, code in lines.items())


def _used(variable, codes):
    """Whether some code uses phi of a variable."""
    return any(re.search(rf"\bphi\({variable}\)", code) for code in codes)


def _made(lines, variable, rate, without=None):
    """Return lines in which phi of a variable, and its slope, are made of its rate."""
    return {name: _with(code, variable, rate) for name, code in lines.items() if name != without}


def _with(code, variable, rate):
    code = re.sub(rf"\bdphi\({variable}\)", f"(1 - {rate}*{rate})", code)
    return re.sub(rf"\bphi\({variable}\)", rate, code)


def _kept(lines, call):
    """Return the name of a line that says nothing but `call`, and that no line before it uses; or
    None."""
    used: set[str] = set()
    for name, code in lines.items():
        if code == call and name not in used:
            return name
        used |= get_identifiers(code)
    return None


def _another(text, variable, new):
    """Return the name of one more variable, for phi of another."""
    taken = {*text.variables, *text.parameters, *text.rule.gates, *text.choices, *new}
    new.append(numbered(f"rate_of_{variable}", taken))
    return new[-1]


def _finished(text):
    """Return the variables of a population's own that stand when the state has moved: states, and
    what synapses have brought."""
    return [
        name
        for name in text.variables
        if name not in text.links
        and (name not in text.equations or text.equations[name].type == DIFFERENTIAL_EQUATION)
    ]


def _driver(text, variable):
    """Return the one synapse group that brings a variable, if it comes straight from the input."""
    lands = [
        g
        for g in text.circuit.groups
        if g.target == text.units.name and g.pathway.lands == variable
    ]
    return lands[0].name if len(lands) == 1 and lands[0].static else None


def _spelled_out(text, code):
    """Return a code with the expressions that nobody keeps written out, where they use phi."""
    for name in get_identifiers(code) & {*text.read_out}:
        expression = text.equations[name].expr.code
        if "phi" in get_identifiers(expression):
            code = re.sub(rf"\b{name}\b", f"({_spelled_out(text, expression)})", code)
    return re.sub(r"\b(d?phi)\(\s*(\w+)\s*\)", r"\1(\2)", code)


def _steep(text, state):
    """Whether the population's equations use dphi of a state."""
    codes = (e.expr.code for e in text.equations.values() if e.expr is not None)
    return any(re.search(rf"\bdphi\(\s*{state}\s*\)", code) for code in codes)
