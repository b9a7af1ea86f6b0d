"""The words for places in a circuit: where a pathway goes to and comes from, and where a link
leads.

As kinds of unit, for the text of a rule; and as populations, once it is known how many layers there
are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .parts import Pathway

REACH = {
    "hidden": ("first", "later"),
    "first": ("first",),
    "later": ("later",),
    "output": ("output",),
    "input": ("input",),
    "layers": ("first", "later", "output"),
}
"""What a pathway can be directed to, apart from a population of the rule: all hidden layers, the
first, all but the first, the output, the input, or hidden layers and output together."""

SOURCES = ("below", "same", "above", "input", "output")
"""Where a pathway can come from, seen from the layer that it goes to, apart from a population of
the rule."""

PLACES = ("input", "output", "below", "same", "above")
"""Where a link can lead, seen from the layer that a population stands beside, apart from a
population of the rule."""

SIZES = ("output", "same", "above", "below")
"""Whose number of units a population of the rule can have, seen from the layer that it stands
beside."""


def target_kinds(pathway: Pathway) -> tuple[str, ...]:
    """Return the kinds of unit that a pathway enters."""
    return {
        "hidden": ("hidden",),
        "first": ("hidden",),
        "later": ("hidden",),
        "layers": ("hidden", "output"),
    }.get(pathway.to, (pathway.to,))


def source_kinds(pathway: Pathway) -> tuple[str, ...]:
    """Return the kinds of unit that a pathway leaves."""
    to_population = pathway.to not in REACH
    below = {"first": ("input",), "later": ("hidden",), "output": ("hidden", "input")}.get(
        pathway.to, ("input", "hidden")
    )
    above = {"input": ("hidden", "output")}.get(pathway.to, ("hidden", "output"))
    same = ("hidden",) if to_population else target_kinds(pathway)
    return {"below": below, "above": above, "same": same}.get(pathway.source, (pathway.source,))


def place_kinds(place: str) -> tuple[str, ...]:
    """Return the kinds of unit that a link to `place` can lead to."""
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
    return found.get(to, [u for u in units if u.kind == to])


def population_at(place: str, layer: int | None, units):
    """Return the population of `units` at `place`, seen from `layer`; None if there is none."""
    if place in ("input", "output"):
        return next(u for u in units if u.kind == place)
    if place in ("below", "same", "above"):
        wanted = None if layer is None else layer + {"below": -1, "same": 0, "above": 1}[place]
        return next(
            (u for u in units if u.layer == wanted and u.kind in ("input", "hidden", "output")),
            None,
        )
    return next((u for u in units if u.kind == place and u.layer in (None, layer)), None)
