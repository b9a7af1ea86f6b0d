"""Figures from recordings, learning curves and snapshots of weights. Nothing here simulates.

Each function takes data and an Axes, draws, and returns the Axes; without one, it makes a figure,
`axes.figure`.
"""

from .diagram import circuit
from .matrices import confusion, weights
from .over_time import residuals, traces
from .over_training import alignment, learning, over_updates
from .style import COLUMN, PAGE, also, crosses, dark_to_light, figure, looks, name_lines, sign

__all__ = [
    "COLUMN",
    "PAGE",
    "alignment",
    "also",
    "circuit",
    "confusion",
    "crosses",
    "dark_to_light",
    "figure",
    "learning",
    "looks",
    "name_lines",
    "over_updates",
    "residuals",
    "sign",
    "traces",
    "weights",
]
