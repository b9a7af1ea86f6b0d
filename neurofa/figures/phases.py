"""The phases of a recording, behind what is drawn over time: shades of grey, and their names."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..data.recording import Recording
from .style import GREYS, figure, first_and_last

MOST_NAMES = 8  # written along the top


def with_phases(axes: Axes | None, recording: Recording) -> Axes:
    """Return the axes, made if need be, with the phases behind and the time along the bottom."""
    axes = axes if axes is not None else figure()[1]
    first, last = first_and_last(axes)
    if last:
        axes.set_xlabel("Time (ms)")
    if not any(patch.get_gid() == "phase" for patch in axes.patches):
        names = list(dict.fromkeys(name for name, _, _ in recording.phases))
        shades = {name: GREYS[k % len(GREYS)] for k, name in enumerate(names)}
        _shade(axes, recording.phases, shades)
        if first:
            _name(axes, recording.phases, shades)
    return axes


def _shade(axes, phases, shades):
    """Shade the phases by name, and let the axes end where they end."""
    for name, start, end in phases:
        axes.axvspan(
            start,
            end,
            facecolor=shades[name],
            edgecolor="white",
            linewidth=0.5,
            zorder=0,
            gid="phase",
        )
    first, last = phases[0][1], phases[-1][2]
    axes.set_xlim(first, last + 0.01 * (last - first))  # room for a marker at the end


def _name(axes, phases, shades):
    """Write the names of the phases along the top where they fit, else once each, as a legend."""
    duration = phases[-1][2] - phases[0][1]
    inches = axes.get_figure().get_figwidth() * axes.get_position().width / duration
    if len(phases) <= MOST_NAMES and all(
        0.06 * len(name) < inches * (end - start) for name, start, end in phases
    ):
        for name, start, end in phases:
            axes.text(
                (start + end) / 2,
                1.01,
                name,
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="bottom",
                fontsize=7,
            )
    else:
        _legend(axes, shades)


def _legend(axes, shades):
    patches = [
        Patch(facecolor=shade, edgecolor="0.6", linewidth=0.5, label=name)
        for name, shade in shades.items()
    ]
    legend = axes.legend(
        handles=patches,
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        ncols=len(shades),
        handlelength=1.2,
        columnspacing=1.2,
    )
    axes.add_artist(legend)  # so that the legend of the lines does not replace it
    legend.set_clip_on(False)  # and counts in the layout
