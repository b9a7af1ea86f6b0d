"""Costs and accuracy of rates that move in time: which frames count, and means over those."""

import numpy as np
from brian2 import Quantity

from ..base.frames import Frame
from ..rules.costs import Cost
from .classes import accuracy

EXACT = 1e-9  # of a frame: times are no whole numbers


def after(settling: Quantity, frame: Frame | None, frames: int) -> np.ndarray:
    """Return which of so many frames are not over at the time `settling`, bool (frames,); without a
    `frame`, all."""
    if frame is None:
        return np.ones(frames, bool)
    return np.arange(1, frames + 1) > float(settling / frame.length) + EXACT


def costs_over_time(cost: Cost, r: np.ndarray, y: np.ndarray, scored: np.ndarray) -> np.ndarray:
    """Return what rates `r` (samples, frames, outputs) cost beside targets `y`, shape (samples,): the
    mean over the frames that are `scored`, bool (frames,).

    Targets are (samples, frames, outputs), or (samples, outputs) if they stand still.
    """
    return cost.value(*_rows(r, y, scored)).reshape(len(r), -1).mean(axis=1)


def accuracy_over_time(
    r: np.ndarray,
    y: np.ndarray,
    cost: str,
    coded: tuple[float, float] | None,
    scored: np.ndarray,
) -> float:
    """Return in how many of the frames that are `scored`, of all samples, the rates say the class of
    the targets, as a fraction; NaN if `coded` is None.

    Shapes are those of `costs_over_time`; `cost` is a name, and `coded` what `coding` returned of
    the targets.
    """
    rates, targets = _rows(r, y, scored)
    return accuracy(rates, targets, cost, coded)


def _rows(r, y, scored):
    """Return the rates and the targets of all scored frames, one after the other, each (samples *
    scored frames, outputs)."""
    y = np.broadcast_to(y if y.ndim == 3 else y[:, None], r.shape)
    return tuple(values[:, scored].reshape(-1, r.shape[-1]) for values in (r, y))
