"""For how many steps no state may move, and yet some will, because what has changed is read a step late.

A signal that is an expression has no state that moves, so that no residual tells of its change before a
state hears of it. What is read from a population that a step visits later, or from the same one, is of
the step before: a chain of expressions takes as many steps as it has such readings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from brian2.equations.equations import DIFFERENTIAL_EQUATION

if TYPE_CHECKING:
    from .plan import Plan

Place = tuple[str, str]  # a population, a variable


class Unheard(NamedTuple):
    """In how many steps no state moves, though one will: at most, over all ways through a circuit."""

    begin: int  # after a gate has opened, or an input or target has changed
    between: int  # after a state has moved that is heard through expressions


def unheard(plan: Plan) -> Unheard:
    """Return for how many steps a circuit may only seem to be settled.

    Where n readings on the way from an expression with a gate to a state are late, the state moves in
    step n + 1; from a state that has moved, in the n-th step after that. Of a circle of expressions, no more
    readings are counted than there are populations.
    """
    readings = [*_readings(plan)]
    places = {
        (name, variable): equation
        for name, text in plan.texts.items()
        for variable, equation in text.equations.items()
    }
    states = {p for p, equation in places.items() if equation.type == DIFFERENTIAL_EQUATION}
    late = _late(readings, states, most=len(plan.units))
    changing = {*plan.rule.gates, "target", "dcost"}
    begin = [late.get(p, 0) for p, e in places.items() if e.identifiers & changing]
    between = [
        late[reader] + steps - 1
        for place, reader, steps in readings
        if place in states and reader in late
    ]
    return Unheard(max([0, *begin]), max([0, *between]))


def _readings(plan: Plan) -> Iterator[tuple[Place, Place, int]]:
    """Yield (what is read, what reads it, 1 if that is the value of the step before, else 0)."""
    order = {units.name: k for k, units in enumerate(plan.units)}
    for name, text in plan.texts.items():
        for variable, equation in text.equations.items():
            for read in equation.identifiers:
                yield (name, read), (name, variable), 0
    for group in plan.groups:
        late = order[group.source] >= order[group.target] or group.pathway.reads != "new"
        signal = group.source, group.pathway.signal
        yield signal, (group.target, group.pathway.lands), int(late)
    for here, variable, there, signal in plan.links:
        yield (there, signal), (here, variable), int(order[there] >= order[here])


def _late(
    readings: Iterable[tuple[Place, Place, int]], states: Iterable[Place], most: int
) -> dict[Place, int]:
    """Return `{place: how many readings are late until a state hears of it, at most}`, of states 0, of all
    places that a state hears of."""
    late, states = dict.fromkeys(states, 0), {*states}
    changed = True
    while changed:
        changed = False
        for place, reader, steps in readings:
            if place not in states and reader in late:
                found = min(late[reader] + steps, most)
                if found > late.get(place, -1):
                    late[place], changed = found, True
    return late
