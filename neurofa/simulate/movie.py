"""What a network sees, and what its output should do, while a phase runs: frame after frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from brian2 import Quantity

from ..base.arguments import numbers
from ..base.description import as_data, from_data
from ..base.errors import NetworkError
from ..base.frames import Frame
from ..engine.brian.frames import Shown

if TYPE_CHECKING:
    from .network import Network


@dataclass
class Movie:
    """Inputs `x` (trials, frames, units) and targets `y` of the trials that take part; None for what
    stands still. Every phase shows it from its beginning."""

    frame: Frame | None = None
    frames: int = 0  # how many there are; 0 where time has none
    x: np.ndarray | None = None
    y: np.ndarray | None = None

    @property
    def moves(self) -> bool:
        """Whether anything that is shown changes."""
        return self.input_moves or _moves(self.y)

    @property
    def input_moves(self) -> bool:
        """Whether the input does."""
        return _moves(self.x)

    @property
    def duration(self) -> Quantity:
        """How long they last."""
        return self.frames * self.frame.length  # type: ignore[union-attr]  # there are frames

    @property
    def state(self) -> dict:
        """All of it, as plain values and arrays."""
        own = dict(frame=as_data(self.frame), frames=self.frames, x=self.x, y=self.y)
        return {name: value for name, value in own.items() if value is not None}

    @classmethod
    def of(cls, state: Mapping) -> Movie:
        """Return the Movie of a `state`."""
        arrays = {name: np.array(state[name]) for name in ("x", "y") if name in state}
        return cls(from_data(state.get("frame")), state["frames"], **arrays)

    def of_first(self, trials: int) -> Movie:
        """Return what the first `trials` are shown, in the same memory."""
        x, y = (a if a is None else a[:trials] for a in (self.x, self.y))
        return replace(self, x=x, y=y)

    def without_target(self) -> Movie:
        """Return the same with a target that stands still."""
        return Movie() if self.x is None else replace(self, y=None)

    def take(self, what: str, values: np.ndarray, frame: Frame | None, net: Network) -> np.ndarray:
        """Take the `what`, "stimulus" or "target", of a network's next phases, an array with three
        axes, and return its first frame (trials, units).

        Raises NetworkError for what is no such array, and where stimulus and target have other
        frames.
        """
        width, which = (net.sizes[0], "x") if what == "stimulus" else (net.sizes[-1], "y")
        values = numbers(f"The {what}", values, net.dtype, axes=("trial", "frame", "unit"))
        trials, frames, units = values.shape
        if units != width or not 1 <= trials <= net.trials or not frames:
            raise NetworkError(
                f"The {what} must have the shape (trials, {width}), or (trials, frames, {width}) with a frame, and at most "
                f"{net.trials} trials, not {values.shape}."
            )
        if frame is None:
            raise NetworkError(
                f"The {what} has the shape {values.shape}: say how long each of its {frames} frames is shown, frame=5*ms."
            )
        other = self.x if which == "y" else self.y
        if other is not None and (self.frames, self.frame) != (frames, frame):
            raise NetworkError(
                f"The {what} has {frames} frames of {frame}, and what goes with it {self.frames} of {self.frame}. "
                "Give both as many frames, of the same length and kind."
            )
        self.frame, self.frames = frame, frames
        setattr(self, which, np.ascontiguousarray(values))
        return values[:, 0]

    def rewind(self, net: Network) -> None:
        """Set input and target to their first frames."""
        for label, frames in (("input.r", self.x), ("output.target", self.y)):
            if frames is not None:
                net.arrays[label][: len(frames)] = frames[:, 0]

    def shown(self, net: Network, phase: str, dt: float, seconds: float) -> Shown | None:
        """Return what a phase of time step `dt` is shown, of which so many `seconds` have passed; None
        where everything stands still.

        Raises NetworkError where a frame is no whole number of time steps.
        """
        if not self.frames:
            return None
        frame: Frame = self.frame  # type: ignore[assignment]  # there are frames
        answers = np.full((net.active, self.frames, net.sizes[-1]), np.nan, net.dtype)
        steps, before = steps_of(frame, phase, dt), round(seconds / dt)
        return Shown(steps, self.x, self.y, answers, frame.interpolated, before)


def _moves(frames):
    return frames is not None and bool((frames[:, 1:] != frames[:, :-1]).any())


def steps_of(frame: Frame, phase: str, dt: float) -> int:
    """Return how many time steps a frame is shown. Raises NetworkError if that is no whole number."""
    seconds = float(frame.length)
    steps = round(seconds / dt)
    if steps < 1 or abs(steps * dt - seconds) > 1e-9 * seconds:
        raise NetworkError(
            f"{phase} phase: a frame of {seconds * 1e3:g} ms is no whole number of time steps of {dt * 1e3:g} ms. Choose a dt "
            f"that divides it, such as Trial(dt={seconds * 1e3 / max(1, np.ceil(seconds / dt - 1e-9)):.6g}*ms)."
        )
    return steps
