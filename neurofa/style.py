"""What all figures share: sizes, lines, shades. Nothing here, or in what builds on it, changes matplotlib's settings.

Every line can be told from the others without colour: shades differ in lightness, and markers or dashes differ too.
"""

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

COLUMN = 3.5     # inches: the width of one column of a paper
PAGE = 7.2       # and of two
STYLE = {
    "font.size": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7,
    "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
    "xtick.minor.width": 0.4, "ytick.minor.width": 0.4, "xtick.minor.size": 1.5, "ytick.minor.size": 1.5,
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.2, "lines.markersize": 3.5,
    "legend.frameon": False, "legend.handlelength": 2.6, "legend.borderaxespad": 0.0, "legend.labelspacing": 0.35,
}
MARKERS = "os^DvPX<>*"
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2, 1, 1.5, 1, 1.5)))
GREYS = ("0.975", "0.925", "0.87", "0.81")     # of the phases, in the order in which their names appear
# From dark (negative) through grey (zero) to light (positive): two hues for the sign, and printed in grey it still has an order.
SIGNED = LinearSegmentedColormap.from_list("signed", ["#0b1d4d", "#2f5597", "#8c8c8c", "#f0a04b", "#fff1a8"])


@rc_context(STYLE)
def figure(rows=1, columns=1, height=None, width=None, share_x=False):
    """Return `(figure, axes)`, with `axes` one Axes, or an array of them as from `matplotlib.pyplot.subplots`.

    Sizes are in inches, by default one paper column (3.5) per column of axes, but no more than a page (7.2). With `share_x`
    the rows have one x axis, named at the bottom. The figure is not known to pyplot: it needs no display and no closing.
    """
    made = Figure(figsize=(width or min(COLUMN * columns, PAGE), height or 0.4 + 2.1 * rows), layout="constrained")
    axes = made.subplots(rows, columns, sharex="col" if share_x else False)
    made.align_ylabels()
    return made, axes


def dark_to_light(n):
    """Return n colours from dark to light."""
    return [colormaps["viridis"](x) for x in np.linspace(0.0, 0.8, max(n, 2))][:n]


def sparse(samples, k, lines):
    """Return where line k of several has its markers: at about eight places, each line's between the others'."""
    step = max(1, samples // 8)
    return (k * step // max(lines, 1), step)


@rc_context(STYLE)
def name_lines(axes, loc=None, **options):
    """Name the lines at the right, outside the axes; or inside, where `loc` says, such as "best" or "upper left".

    `options` are those of matplotlib's legends, such as `handles`, the lines in another order.
    """
    if "handles" in options or axes.get_legend_handles_labels()[0]:
        place = dict(loc="upper left", bbox_to_anchor=(1.02, 1.0)) if loc is None else dict(loc=loc, borderaxespad=0.5)
        axes.legend(**place | options)
