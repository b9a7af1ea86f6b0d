"""A rule's circuit as a drawing: populations, pathways, and what happens in which phase."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, cast

from matplotlib import rc_context
from matplotlib.patches import FancyBboxPatch

from ..circuit.topology import Topology, topology
from ..rules.places import layers_named
from .style import STYLE, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..rules.rule import LearningRule
    from ..simulate.network import Network

HIDDEN = 2  # so many hidden layers show every pathway of a rule that names none
WIDTH, HEIGHT = 0.9, 0.36
LOOPS = 0.85  # how much room loops and their labels take on the right of the column


@rc_context(STYLE)
def circuit(rule: LearningRule | Network, axes: Axes | None = None) -> Axes:
    """Draw the circuit of a LearningRule, with two hidden layers or as many as it names, or of a
    Network, with its own, and return the Axes.

    Arrows carry the name of the pathway and the signal. Solid: the synapses learn; dashed: they are
    fixed; dotted: they are those of another pathway. Pathways other than the feedforward one are
    drawn beside the column of layers.

    Examples
    --------
    >>> axes = plot.circuit(fa.RULE)
    """
    layout = rule.circuit if hasattr(rule, "circuit") else example(rule)
    sized = hasattr(rule, "circuit")
    rule = cast("LearningRule", getattr(rule, "rule", rule))
    axes = axes if axes is not None else figure(height=1.25 * len(layout.sizes), width=5.0)[1]
    places = _places(layout)
    boxes = {}
    for name, place in places.items():
        text = f"{name}\n{layout.unit(name).size}" if sized else name
        boxes[name] = _box(axes, place, text)
    room = _groups(axes, places, boxes, layout, rule)
    for here, name, there, _ in layout.links:
        axes.annotate(
            "",
            places[here],
            places[there],
            zorder=1,
            arrowprops=dict(arrowstyle="-", color="0.6", linewidth=0.8),
        )
    _legend(axes, rule)
    xs, ys = zip(*places.values())
    axes.set_xlim(min(xs) - 1.6, max(*xs, room) + 1.6)
    axes.set_ylim(min(ys) - 0.4, max(ys) + 0.4)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


def example(rule: LearningRule) -> Topology:
    """Return the Topology of a rule that is drawn: with two hidden layers, or as many as it
    names."""
    layers = max([HIDDEN, *(number for _, number in layers_named(rule))])
    return topology((5, *[4] * layers, 3), rule)


def _places(layout):
    """Return where each population stands: layers in a column, others to the right of it."""
    places, beside = {}, {}
    for units in layout.units:
        if units.kind in ("input", "hidden", "output"):
            places[units.name] = (0.0, float(units.layer))
            continue
        y = float(units.layer) if units.layer is not None else len(layout.sizes) - 1.0
        beside[y] = beside.get(y, 0) + 1
        places[units.name] = (2.2 * beside[y], y)
    return places


def _box(axes, place, text):
    """Draw a population as a box with a text in it, and return the box."""
    x, y = place
    axes.text(x, y, text, ha="center", va="center", zorder=3)
    return axes.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2),
            WIDTH,
            HEIGHT,
            boxstyle="round,pad=0.02",
            facecolor="0.94",
            edgecolor="black",
            zorder=2,
        )
    )


def _look(group, rule, learns):
    """Return how the arrow of a synapse group is drawn."""
    return dict(
        arrowstyle="-|>",
        color="black" if group.pathway.name == rule.feedforward.name else "#6a3d9a",
        linestyle=":" if group.owner != group.name else "-" if learns else "--",
        linewidth=1.3,
    )


def _groups(axes, places, boxes, layout, rule):
    """Draw the synapse groups, and return how much room is taken on the right of the column."""
    plastic = {line.pathway for line in rule.plasticity}
    beside = [group for group in layout.groups if group.pathway.name != rule.feedforward.name]
    between = Counter((group.source, group.target) for group in beside)
    room = LOOPS if any(source == target for source, target in between) else 0.0
    drawn: Counter[tuple[str, str]] = Counter()
    for group in layout.groups:
        look, ends = _look(group, rule, group.pathway.name in plastic), (group.source, group.target)
        if group.pathway.name == rule.feedforward.name:
            _arrow(axes, places, boxes, group, look)
            continue
        drawn[ends] += 1
        place = drawn[ends] - (between[ends] + 1) / 2  # of several, from their middle
        if group.source == group.target:
            _loop(axes, places[group.source], group, look, place)
        else:
            # names beside each other stand at different heights
            bend, at = _bend(places, ends, drawn[ends], room), 0.5 + 0.6 * place / between[ends]
            _arrow(axes, places, boxes, group, look, bend, at)
    return room


def _loop(axes, place, group, look, up):
    """Draw a synapse group from a population to itself on its right, so many loops above the middle,
    and its name beside it."""
    x, y, high, wide = place[0] + WIDTH / 2 + 0.02, place[1] + 0.2 * up, 0.07, 0.25
    axes.annotate(
        "",
        (x, y - high),
        (x, y + high),
        zorder=1,
        arrowprops=look | dict(shrinkA=0, shrinkB=0, connectionstyle=f"arc3,rad={-wide / high}"),
    )
    _label(axes, (x + wide + 0.05, y), group, look["color"], "left")


def _arrow(axes, places, boxes, group, look, bend=0.0, at=0.5):
    """Draw a synapse group between two populations as an arc, with its name at this part of its way."""
    (x0, y0), (x1, y1) = places[group.source], places[group.target]
    axes.annotate(
        "",
        (x1, y1),
        (x0, y0),
        zorder=1,
        arrowprops=look
        | dict(
            shrinkA=1,
            shrinkB=1,
            patchA=boxes[group.source],
            patchB=boxes[group.target],
            connectionstyle=f"arc3,rad={bend}",
        ),
    )
    right, up, aside = x1 - x0, y1 - y0, 2 * at * (1 - at) * bend
    _label(axes, (x0 + at * right + aside * up, y0 + at * up - aside * right), group, look["color"])


def _bend(places, ends, k, room):
    """Return how far the k-th arrow between two populations is from straight at the point that its
    arc aims at, as a part of its length."""
    (x0, y0), (x1, y1) = (places[end] for end in ends)
    right, up = x1 - x0, y1 - y0
    if right == 0:
        # beside the column, wide enough to pass the layers between: what descends on the left, what
        # climbs on the right, where it has loops to pass, too
        aside = 0.6 + 0.35 * (abs(up) - 1) + 0.3 * (k - 1) + room * (up > 1)
        return 2 * aside / abs(up)
    bend = 0.35 + 0.25 * (k - 1)
    # away from the column, so that no layer is crossed
    return math.copysign(bend, up) if up else bend


def _label(axes, place, group, color, side="center"):
    axes.text(
        *place,
        f"{group.name}: {group.pathway.signal}",
        color=color,
        fontsize="small",
        ha=side,
        va="center",
        zorder=4,
        bbox=dict(facecolor="white", edgecolor="none", pad=0.6),
    )


def _legend(axes, rule):
    phases = [f"{p.name}: {', '.join(p.on) or 'all gates closed'}" for p in rule.phases]
    learns = {}
    for line in rule.plasticity:
        learns.setdefault(f"{'after' if line.after else 'during'} {line.phase}", []).append(
            line.pathway
        )
    learns = [f"{', '.join(dict.fromkeys(pathways))} {when}" for when, pathways in learns.items()]
    text = "\n".join(
        ["phases", *(f"  {line}" for line in phases), "learning", *(f"  {line}" for line in learns)]
    )
    axes.set_title(f"{rule.name} ({rule.reference})", loc="left")
    axes.text(0.0, -0.02, text, transform=axes.transAxes, va="top", fontsize="small")
    axes.text(
        1.0,
        -0.02,
        "solid: learns\ndashed: fixed\ndotted: synapses of another pathway\ngrey: linked one to one",
        transform=axes.transAxes,
        va="top",
        ha="right",
        fontsize="small",
    )
