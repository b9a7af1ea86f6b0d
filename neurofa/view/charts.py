"""What a page is built of: charts of lines, and matrices. They are empty; page.js fills them."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    CrosshairTool,
    FixedTicker,
    HoverTool,
    Legend,
    LegendItem,
    LinearColorMapper,
    Range1d,
    Span,
)
from bokeh.plotting import figure
from matplotlib.colors import to_hex

from ..figures.style import SIGNED, dark_to_light

MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle", "plus", "x", "star")
DASHES: tuple[Any, ...] = ("solid", (8, 3), (2, 2), (8, 3, 2, 3), (12, 3, 2, 3, 2, 3))
HATCHES = (" ", "/", ".", "-", "x")  # of phases, in the order in which their names appear
GREYS = ("#f7f7f7", "#e4e4e4", "#d3d3d3", "#c3c3c3", "#b3b3b3")
LINES = 12  # the most that a chart draws
SIZES: dict[str, Any] = dict(sizing_mode="stretch_width", min_width=300)


def looks() -> dict[str, Any]:
    """Return how lines and phases look, for page.mjs. Lines differ in lightness, dashes and
    markers, so that none needs colour to be told apart."""
    shades = [[to_hex((r, g, b)) for r, g, b, _ in dark_to_light(n)] for n in range(1, LINES + 1)]
    return dict(lines=shades, dashes=DASHES, markers=MARKERS, phases=GREYS, hatches=HATCHES)


def chart(x: str, y: str, height: int = 230, **options) -> dict[str, Any]:
    """Return an empty chart: its figure, and the models that page.mjs fills. `now` is a vertical
    line, at a cursor or a moment of training. `options` are those of Bokeh's figure."""
    drawn = _figure(height, **dict(x_range=Range1d(0, 1)) | options)
    drawn.xaxis.axis_label, drawn.yaxis.axis_label = x, y
    drawn.add_tools(CrosshairTool(dimensions="height", line_alpha=0.3))
    lines = _columns("x", "y", "name", "shade", "dash")
    # as many as names may be shown, whose marks they are
    none = dict(x=np.nan, y=np.nan, shade="black", marker="circle")
    marks = ColumnDataSource({name: [value] * LINES for name, value in none.items()})
    line = drawn.multi_line("x", "y", source=lines, color="shade", line_width=1.6, line_dash="dash")
    mark = drawn.scatter("x", "y", source=marks, color="shade", size=7, marker="marker")
    items = [
        LegendItem(label="", renderers=[line, mark], index=k, visible=False) for k in range(LINES)
    ]
    plain: dict[str, Any] = dict(border_line_alpha=0, padding=0, margin=2, spacing=12)
    drawn.add_layout(Legend(items=items, orientation="horizontal", ncols="auto", **plain), "above")
    shown = [("", "@name"), (x or "x", "$x"), (y or "y", "$y")]
    drawn.add_tools(HoverTool(tooltips=shown, renderers=[line]))
    now = Span(dimension="height", line_dash=[2, 2], line_width=2, visible=False)
    drawn.add_layout(now)
    return dict(figure=drawn, lines=lines, marks=marks, items=items, now=now)


def over_time(x_range: Range1d, phases: ColumnDataSource) -> dict[str, Any]:
    """Return an empty chart over time, with phases behind it: shaded, hatched and named."""
    made = chart("time (ms)", "", height=250, x_range=x_range)
    made["figure"].vstrip(
        x0="start",
        x1="end",
        source=phases,
        fill_color="shade",
        line_color="white",
        hatch_pattern="hatch",
        hatch_color="#999999",
        hatch_alpha=0.35,
        hatch_weight=0.7,
        level="underlay",
    )
    return made


def matrix() -> dict[str, Any]:
    """Return an empty matrix with a scale from dark (negative) to light (positive)."""
    drawn = _figure(320, x_range=Range1d(0, 1), y_range=Range1d(1, 0))
    palette = [to_hex(SIGNED(k / 255)) for k in range(256)]
    mapper = LinearColorMapper(palette=palette, low=-1, high=1, nan_color="white")
    source = _columns("image", "x", "y", "dw", "dh")
    image = drawn.image("image", x="x", y="y", dw="dw", dh="dh", source=source, color_mapper=mapper)
    chosen = _columns("x", "y", "w", "h")
    for width, colour in ((4, "white"), (2, "black")):  # seen on dark and on light
        drawn.rect(
            "x",
            "y",
            "w",
            "h",
            source=chosen,
            fill_alpha=0,
            line_width=width,
            line_color=colour,
        )
    drawn.add_tools(
        HoverTool(
            renderers=[image],
            tooltips=[("row, column", "$y{0}, $x{0}"), ("weight", "@image{0.0000}")],
        )
    )
    drawn.add_layout(ColorBar(color_mapper=mapper, width=10, title="weight"), "right")
    for axis in (*drawn.xaxis, *drawn.yaxis):
        axis.ticker = FixedTicker(ticks=[])
    return dict(figure=drawn, source=source, chosen=chosen, mapper=mapper)


def _figure(height, **options):
    drawn = figure(
        title=" ",
        height=height,
        tools="pan,box_zoom,wheel_zoom,reset,save",
        active_scroll=None,
        **dict(y_range=Range1d(0, 1)) | SIZES | options,
    )
    drawn.toolbar.logo, drawn.toolbar.autohide = None, True
    return drawn


def _columns(*names):
    return ColumnDataSource({name: [] for name in names})
