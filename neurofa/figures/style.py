"""What all figures share: sizes, lines, shades, and how a rule looks.

Nothing here, or in what builds on it, changes matplotlib's settings. Every line can be told from
the others without colour: shades differ in lightness, and markers or dashes differ too. A rule has
one colour, marker and line style in all figures.
"""

from collections.abc import Iterable
from io import BytesIO
from string import ascii_uppercase
from typing import Any
from zlib import crc32

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

#: The width of one column of a paper, in inches.
COLUMN = 3.5
#: The width of a page of two columns, in inches.
PAGE = 7.2
STYLE: Any = {
    "font.size": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.borderaxespad": 0.0,
    "legend.labelspacing": 0.35,
}
MARKERS = "os^DvPX<>*"
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2, 1, 1.5, 1, 1.5)))
# How rules look, by name: colour (those of Okabe & Ito, which colour-blind eyes can tell apart, and
# shades of them), marker, dashes.
RULES = {
    "BP": ("#000000", "o", 0),
    "FA": ("#0072B2", "s", 1),
    "DFA": ("#009E73", "^", 2),
    "DFC": ("#D55E00", "D", 3),
    "frozen": ("#8C8C8C", "v", 4),
    "Kolen-Pollack": ("#CC79A7", "P", 1),
    "weight mirror": ("#B8860B", "X", 3),
    "IFA": ("#56B4E9", "<", 0),
    "IFA, random relay": ("#56B4E9", ">", 2),
    "DFC-SS": ("#D55E00", "d", 0),
    "DFC-SSA": ("#D55E00", "h", 2),
    "sign symmetry": ("#882255", "p", 0),
    "EP": ("#117733", "*", 0),
    "TP": ("#AA4499", "H", 3),
    "SDTP": ("#AA4499", "8", 1),
    "predictive coding": ("#332288", "*", 2),
    "dendritic microcircuit": ("#661100", "p", 1),
    "RFLO": ("#C44E52", "s", 1),
    "BPTT": ("#000000", "D", 0),
    "Strong-DFC": ("#F0A04B", "D", 1),
    "local losses, random": ("#E377C2", "d", 1),
    "CLAPP": ("#44AA99", "P", 0),
    "hinge CPC": ("#3B528B", "o", 0),
}
# Of rules of one's own, and of whatever else is compared: those that are not taken, from a place
# that the name decides.
OTHERS = (
    ("#3B528B", "o", 0),
    ("#C44E52", "s", 1),
    ("#21918C", "^", 2),
    ("#8172B3", "D", 3),
    ("#B0A030", "v", 4),
    ("#7A5230", "P", 1),
    ("#E377C2", "X", 0),
    ("#4D4D4D", "<", 2),
    ("#1F9E33", ">", 3),
)
# of the phases, in the order in which their names appear
GREYS = ("0.975", "0.925", "0.87", "0.81")
# From dark (negative) through grey (zero) to light (positive): two hues for the sign, and printed
# in grey it still has an order.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", ["#0b1d4d", "#2f5597", "#8c8c8c", "#f0a04b", "#fff1a8"]
)


class _Figure(Figure):
    """A figure that a notebook shows, although pyplot does not know it."""

    def _repr_png_(self):
        picture = BytesIO()
        self.savefig(picture, format="png", dpi=150)
        return picture.getvalue()


class _Axes(Axes):
    """Axes that a notebook shows as their figure: what functions that draw return."""

    def _repr_png_(self):
        return self.figure._repr_png_()


@rc_context(STYLE)
def figure(
    rows: int = 1,
    columns: int = 1,
    height: float | None = None,
    width: float | None = None,
    share_x: bool = False,
) -> tuple[Figure, Any]:
    """Return `(figure, axes)`, with `axes` one Axes, or an array of them as from
    `matplotlib.pyplot.subplots`.

    Sizes are in inches, by default one paper column (3.5) per column of axes, but no more than a
    page (7.2). With `share_x` the rows have one x axis, named at the bottom. The figure is not
    known to pyplot: it needs no display and no closing.

    Examples
    --------
    >>> figure, axes = plot.figure(2)
    >>> len(axes)
    2
    """
    made = _Figure(
        figsize=(width or min(COLUMN * columns, PAGE), height or 0.4 + 2.1 * rows),
        layout="constrained",
    )
    axes = made.subplots(
        rows, columns, sharex="col" if share_x else False, subplot_kw=dict(axes_class=_Axes)
    )
    made.align_ylabels()
    for letter, panel in zip(ascii_uppercase, np.ravel(axes) if rows * columns > 1 else ()):
        panel.annotate(
            letter,
            (0, 1),
            (-26, 5),
            "axes fraction",
            textcoords="offset points",
            weight="bold",
            size=9,
            gid="letter",
            annotation_clip=False,
        )
    return made, axes


def first_and_last(axes: Axes) -> tuple[bool, bool]:
    """Return whether axes are the first, and whether the last, of those that share their x axis.

    Examples
    --------
    >>> from neurofa.style import first_and_last
    >>> figure, axes = plot.figure(2, share_x=True)
    >>> [first_and_last(one) for one in axes]
    [(True, False), (False, True)]
    """
    if len(axes.get_shared_x_axes().get_siblings(axes)) == 1:
        return True, True
    spec = axes.get_subplotspec()
    return spec is None or spec.is_first_row(), spec is None or spec.is_last_row()


def dark_to_light(n: int) -> list[tuple[float, ...]]:
    """Return n colours from dark to light.

    Examples
    --------
    >>> len(plot.dark_to_light(5))
    5
    """
    return [colormaps["viridis"](x) for x in np.linspace(0.0, 0.8, max(n, 2))][:n]


def looks(names: Iterable[str]) -> dict[str, dict]:
    """Return `{name: dict(color, marker, linestyle)}` of rules by name, in any figure the same.

    A variant, "FA, large", has the colour of its rule; a name that is not known has a place of its
    own among OTHERS, or the next.

    Examples
    --------
    >>> look = plot.looks(["FA", "DFA"])
    >>> sorted(look["FA"])
    ['color', 'linestyle', 'marker']
    """
    found: dict[str, dict] = {}
    taken: set = set()
    for name in names:
        base = max(
            (rule for rule in RULES if name == rule or name.startswith((f"{rule},", f"{rule} "))),
            key=len,
            default=None,
        )
        place = crc32(name.encode()) % len(OTHERS)
        if base is None:
            while place in taken and len(taken) < len(OTHERS):
                place = (place + 1) % len(OTHERS)
            taken.add(place)
        color, marker, dashes = RULES[base] if base else OTHERS[place]
        if base not in (None, name):
            marker, dashes = OTHERS[place][1], (dashes + 1) % len(DASHES)
        found[name] = dict(color=color, marker=marker, linestyle=DASHES[dashes])
    return found


def also(axes: Axes, *handles: Artist, loc: str | None = None, **options: Any) -> None:
    """Add to the legend of `axes` what else there is to see: lines, points or patches with a label.
    `loc` and others: as name_lines.

    Examples
    --------
    >>> figure, axes = plot.figure()
    >>> plot.also(axes, plot.sign("published"))
    """
    before = axes.get_legend()
    name_lines(axes, loc, handles=[*(before.legend_handles if before else ()), *handles], **options)


def crosses(axes: Axes, x: ArrayLike, y: ArrayLike, **options: Any) -> Line2D:
    """Draw what others found beside ours, as crosses on top of everything, and return them.

    Examples
    --------
    >>> figure, axes = plot.figure()
    >>> published = plot.crosses(axes, [1, 2], [0.9, 0.8], label="published")
    """
    look: dict[str, Any]
    look = dict(color="0.2", markersize=4.5, markeredgewidth=1.1, clip_on=False, zorder=5)
    return axes.plot(x, y, "x", **look | options)[0]


def sign(label: str, kind: str = "x") -> Artist:
    """Return what a legend shows of a kind of mark: "x" crosses, "." small points, ":" dotted
    lines, "-" bars, "band" shading.

    Examples
    --------
    >>> plot.sign("published", "x").get_label()
    'published'
    """
    if kind == "band":
        return Patch(facecolor="0.6", alpha=0.35, linewidth=0, label=label)
    marks: dict[str, dict[str, Any]] = {
        ":": dict(linestyle=(0, (1, 1.5)), linewidth=0.9),
        "-": dict(linewidth=0.9),
        "x": dict(linestyle="", marker="x", markersize=4.5),
        ".": dict(linestyle="", marker="o", markersize=2.5, alpha=0.5),
    }
    return Line2D([], [], color="0.3", label=label, **marks[kind])


def sparse(samples: int, k: int, lines: int) -> tuple[int, int]:
    """Return where line k of several has its markers: at about eight places, each line's between
    the others'.

    Examples
    --------
    >>> from neurofa.style import sparse
    >>> [sparse(80, k, lines=2) for k in range(2)]  # each is a `markevery` of matplotlib
    [(0, 10), (5, 10)]
    """
    step = max(1, samples // 8)
    return (k * step // max(lines, 1), step)


@rc_context(STYLE)
def name_lines(axes: Axes, loc: str | None = None, **options: Any) -> None:
    """Name the lines at the right, outside the axes; or inside, where `loc` says, such as "best" or
    "upper left".

    `options` are those of matplotlib's legends, such as `handles`, the lines in another order.

    Examples
    --------
    >>> figure, axes = plot.figure()
    >>> line, = axes.plot([0, 1], label="FA")
    >>> legend = plot.name_lines(axes)
    """
    if "handles" in options or axes.get_legend_handles_labels()[0]:
        place = (
            dict(loc="upper left", bbox_to_anchor=(1.04, 1.0))
            if loc is None
            else dict(loc=loc, borderaxespad=0.5)
        )
        keep_names(axes.legend(**place | options))


def keep_names(legend: Legend) -> Legend:
    """Let what a legend shows keep its name, so that another legend can be made of it; return the
    legend.

    Examples
    --------
    >>> from neurofa.style import keep_names
    >>> figure, axes = plot.figure()
    >>> line, = axes.plot([0, 1], label="FA")
    >>> [one.get_label() for one in keep_names(axes.legend()).legend_handles]
    ['FA']
    """
    for handle, text in zip(legend.legend_handles, legend.get_texts()):
        handle.set_label(text.get_text())  # type: ignore[union-attr]  # each text has one
    return legend
