"""How a time axis is read: what is shown of an array (samples, frames, units) at which time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brian2 import Quantity, second

from .arguments import has_unit, kind, quantity, shown
from .description import described
from .errors import NetworkError


@described
@dataclass(frozen=True)
class Frame:
    """Every frame lasts for `length`: it is held; or, `interpolated`, changes linearly into the
    next one.

    The k-th frame, from 0, is what is shown at the time k*length. The last one is held in both.

    Examples
    --------
    >>> held = Frame(20*ms)
    >>> moving = Frame(20*ms, interpolated=True)
    """

    length: Quantity
    interpolated: bool = False

    def __post_init__(self):
        quantity("A Frame's length", self.length, second, "5*ms", noun="time with its unit,")
        kind("interpolated", self.interpolated, bool, "True or False")

    def __str__(self):
        return f"{self.length}, interpolated" if self.interpolated else str(self.length)

    @classmethod
    def of(cls, value: Any, error: type[Exception] = NetworkError) -> Frame | None:
        """Return the Frame of a time such as `5*ms`, in which frames are held; a Frame and None as
        they are. Raises `error` for anything else."""
        if value is None or isinstance(value, cls):
            return value
        if has_unit(value, second) and 0 < float(value) < float("inf"):
            return cls(value)
        raise error(
            f"frame = {shown(value)}: give how long every frame is shown, such as 5*ms; or "
            "Frame(5*ms, interpolated=True), which moves linearly from one frame to the next."
        )
