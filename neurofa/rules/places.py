"""The words for places in a circuit: where a pathway goes to and comes from, and where a link
leads.

As kinds of unit, for the text of a rule; and as populations, once it is known how many layers there
are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .parts import Pathway
    from .rule import LearningRule

REACH = {
    "hidden": ("first", "later"),
    "first": ("first",),
    "later": ("later",),
    "output": ("output",),
    "input": ("input",),
    "layers": ("first", "later", "output"),
}
"""What a pathway can be directed to, apart from a population of the rule, and one hidden layer by
its name: all hidden layers, the first, all but the first, the output, the input, or hidden layers
and output together."""

SOURCES = ("below", "same", "above", "input", "output")
"""Where a pathway can come from, seen from the layer that it goes to, apart from a population of
the rule, and one hidden layer by its name."""

PLACES = ("input", "output", "below", "same", "above")
"""Where a link can lead, seen from the layer that a population stands beside, apart from a
population of the rule, and one hidden layer by its name."""

SIZES = ("output", "same", "above", "below")
"""Whose number of units a population of the rule can have, seen from the layer that it stands
beside, apart from one hidden layer by its name."""

WHOSE = ("same", "above")
"""Whose activation a population of the rule can have, seen from the layer that it stands beside,
apart from one by its name."""

NAMED = ("hidden1", "hidden2")
"""Examples of one hidden layer by its name."""


def named(place: object) -> int | None:
    """Return which hidden layer a place names, 2 for "hidden2", or None."""
    match = re.fullmatch(r"hidden([1-9][0-9]{0,3})", place) if isinstance(place, str) else None
    return int(match[1]) if match else None


def layers_named(rule: LearningRule) -> Iterator[tuple[str, int]]:
    """Yield ("pathway S goes to", 3) for every hidden layer that a pathway, or the size or a link of
    a population, names."""
    words: list[tuple[str, object]] = [
        (f"pathway {p.name} {verb}", place)
        for p in rule.all_pathways
        for verb, place in (("comes from", p.source), ("goes to", p.to))
    ]
    for p in rule.populations:
        words.append((f"population {p.name} has the size", p.size))
        words += [(f"link '{n}' of {p.name} leads to", place) for n, (place, _) in p.linked.items()]
    yield from ((who, number) for who, place in words if (number := named(place)))


def meet(one: str, other: str) -> bool:
    """Whether two words for where a pathway goes have a layer, or a population, in common."""
    if named(one) and named(other):
        return one == other
    return bool({*_reach(one)} & {*_reach(other)})


def _reach(to):
    if number := named(to):
        return REACH["first" if number == 1 else "later"]
    return REACH.get(to, (to,))


def target_kinds(pathway: Pathway) -> tuple[str, ...]:
    """Return the kinds of unit that a pathway enters."""
    return {
        "first": ("hidden",),
        "later": ("hidden",),
        "layers": ("hidden", "output"),
    }.get(pathway.to, place_kinds(pathway.to))


def source_kinds(pathway: Pathway) -> tuple[str, ...]:
    """Return the kinds of unit that a pathway leaves."""
    if pathway.source == "same" and (pathway.to in REACH or named(pathway.to)):
        return target_kinds(pathway)
    if pathway.source == "below" and (pathway.to == "first" or named(pathway.to) == 1):
        return ("input",)
    if pathway.source == "below" and (pathway.to == "later" or named(pathway.to)):
        return ("hidden",)
    return place_kinds(pathway.source)


def place_kinds(place: str) -> tuple[str, ...]:
    """Return the kinds of unit that a link to `place` can lead to."""
    if named(place):
        return ("hidden",)
    return {"below": ("input", "hidden"), "same": ("hidden",), "above": ("hidden", "output")}.get(
        place, (place,)
    )


def populations_at(to: str, units) -> list:
    """Return those of all populations `units`, in the order of their layers, that a pathway
    directed `to` enters."""
    hidden = [u for u in units if u.kind == "hidden"]
    output = [u for u in units if u.kind == "output"]
    found = {
        "hidden": hidden,
        "first": hidden[:1],
        "later": hidden[1:],
        "output": output,
        "layers": [*hidden, *output],
    }
    return found.get(to, [u for u in units if to in (u.kind, u.name)])


def population_at(place: str, layer: int | None, units):
    """Return the population of `units` at `place`, seen from `layer`; None if there is none."""
    if place in ("below", "same", "above"):
        wanted = None if layer is None else layer + {"below": -1, "same": 0, "above": 1}[place]
        return next(
            (u for u in units if u.layer == wanted and u.kind in ("input", "hidden", "output")),
            None,
        )
    beside = (u for u in units if u.name == place or (u.kind, u.layer) == (place, layer))
    return next(beside, None)
