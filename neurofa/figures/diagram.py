"""A rule's circuit as a drawing: populations, pathways, and what happens in which phase."""

import math

from matplotlib import rc_context
from matplotlib.patches import FancyBboxPatch

from ..circuit.topology import topology
from .style import STYLE, figure

SIZES = (5, 4, 4, 3)  # two hidden layers show every pathway of a rule
WIDTH, HEIGHT = 0.9, 0.36


@rc_context(STYLE)
def circuit(rule, axes=None):
    """Draw the circuit of a LearningRule, with two hidden layers, or of a Network, with its own,
    and return the Axes.

    Arrows carry the name of the pathway and the signal. Solid: the synapses learn; dashed: they are
    fixed; dotted: they are those of another pathway. Pathways other than the feedforward one are
    drawn beside the column of layers.
    """
    layout, sized = (
        (rule.circuit, True) if hasattr(rule, "circuit") else (topology(SIZES, rule), False)
    )
    rule = getattr(rule, "rule", rule)
    axes = axes if axes is not None else figure(height=1.25 * len(layout.sizes), width=5.0)[1]
    places = _places(layout)
    boxes = {}
    for name, (x, y) in places.items():
        boxes[name] = axes.add_patch(
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
        axes.text(
            x,
            y,
            f"{name}\n{layout.unit(name).size}" if sized else name,
            ha="center",
            va="center",
            zorder=3,
        )
    plastic = {line.pathway for line in rule.plasticity}
    between = {}
    for group in layout.groups:
        k = between[group.source, group.target] = between.get((group.source, group.target), 0) + 1
        _arrow(axes, places, boxes, group, rule, group.pathway.name in plastic, k)
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
    axes.set_xlim(min(xs) - 1.6, max(xs) + 1.6)
    axes.set_ylim(min(ys) - 0.4, max(ys) + 0.4)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


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


def _arrow(axes, places, boxes, group, rule, learns, k):
    (x0, y0), (x1, y1) = places[group.source], places[group.target]
    feedforward = group.pathway.name == rule.feedforward.name
    style = ":" if group.owner != group.name else "-" if learns else "--"
    color = "black" if feedforward else "#6a3d9a"
    if group.source == group.target:
        axes.annotate(
            "",
            (x0 + WIDTH / 2, y0 - 0.1),
            (x0 + WIDTH / 2, y0 + 0.1),
            zorder=1,
            arrowprops=dict(
                arrowstyle="-|>",
                color=color,
                linestyle=style,
                linewidth=1.3,
                connectionstyle=f"arc3,rad={-1.5 - k}",
            ),
        )
        _label(axes, (x0 + WIDTH / 2 + 0.45 + 0.2 * k, y0 + 0.16 * (k - 1)), group, color)
        return
    # as a part of the distance, at the point that the arc aims at
    bend = 0.0 if feedforward else 0.35 + 0.25 * (k - 1)
    if x0 == x1 and not feedforward:
        # beside the column, wide enough to pass the layers between: what descends on the left, what
        # climbs on the right
        aside = 0.6 + 0.35 * (abs(y1 - y0) - 1) + 0.3 * (k - 1)
        bend = 2 * aside / abs(y1 - y0)
    elif y0 != y1 and not feedforward:
        # away from the column, so that no layer is crossed
        bend = math.copysign(bend, y1 - y0)
    middle = ((x0 + x1) / 2 + bend * (y1 - y0) * 0.5, (y0 + y1) / 2 - bend * (x1 - x0) * 0.5)
    axes.annotate(
        "",
        (x1, y1),
        (x0, y0),
        zorder=1,
        arrowprops=dict(
            arrowstyle="-|>",
            color=color,
            linestyle=style,
            linewidth=1.3,
            shrinkA=1,
            shrinkB=1,
            patchA=boxes[group.source],
            patchB=boxes[group.target],
            connectionstyle=f"arc3,rad={bend}",
        ),
    )
    _label(axes, middle, group, color)


def _label(axes, place, group, color):
    axes.text(
        *place,
        f"{group.name}: {group.pathway.signal}",
        color=color,
        fontsize="small",
        ha="center",
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
