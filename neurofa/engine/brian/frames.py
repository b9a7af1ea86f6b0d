"""What the input does, and what the output should do, frame after frame while a phase runs: as the
compiled loop has it in memory, and step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .structures import Field, structure

FRAMES = (
    Field("int64_t", "steps", "time steps that a frame is shown"),
    Field("int64_t", "n", "frames; the last one stays"),
    Field("int64_t", "before", "steps of the phase that earlier calls have made"),
    Field("int64_t", "until", "the step of the phase from which on everything stands still"),
    Field("int32_t", "linear", "1: from one frame to the next in a straight line"),
    Field("const Real*", "x", "(trials, n, n_in); null where the input stands still"),
    Field("const Real*", "y", "(trials, n, n_out); null where the target does"),
    Field("uint8_t*", "x_moves", "(n,): whether a frame differs from the one before"),
    Field("uint8_t*", "y_moves", "(n,)"),
    Field("Real*", "input", "(trials, n_in)"),
    Field("Real*", "target", "(trials, n_out)"),
    Field("int64_t", "n_in", ""),
    Field("int64_t", "n_out", ""),
    Field("int32_t", "n_once", ""),
    Field("const int32_t*", "once", "functions that bring the input's drive"),
    Field("const Real*", "output", "(trials, n_out): rates"),
    Field("Real*", "answers", "(trials, n, n_out): these, as every frame ends"),
)
Frames: Any = structure("Frames", FRAMES)


@dataclass(frozen=True)
class Shown:
    """What a phase is shown: inputs `x` (trials, frames, units) and targets `y`, in the circuit's
    precision, or None for what stands still."""

    steps: int  # time steps that a frame is shown
    x: np.ndarray | None
    y: np.ndarray | None
    # (trials, frames, units): becomes what the output does as every frame ends
    answers: np.ndarray
    linear: bool = False  # from one frame to the next in a straight line; the last one stays
    before: int = 0  # steps of the phase that were made before it goes on

    def of_first(self, trials: int) -> Shown:
        """Return what the first `trials` are shown, in the same memory."""
        x, y = (a if a is None else a[:trials] for a in (self.x, self.y))
        return replace(self, x=x, y=y, answers=self.answers[:trials])

    @property
    def n(self) -> int:
        """How many frames there are."""
        return self.answers.shape[1]

    @cached_property
    def x_moves(self) -> np.ndarray:
        """Which frames of the input differ from the one before in some trial, (frames,)."""
        return _moves(self.x, self.n)

    @cached_property
    def y_moves(self) -> np.ndarray:
        """The same of the target."""
        return _moves(self.y, self.n)

    @property
    def until(self) -> int:
        """The step of the phase from which on everything stands still."""
        moving = np.flatnonzero(self.x_moves | self.y_moves)
        return int(moving[-1]) * self.steps if len(moving) else 0

    @property
    def changes(self) -> np.ndarray:
        """The numbers of the steps, from 0, that begin with another input than the last one ended
        with."""
        frames = np.flatnonzero(self.x_moves)
        if not self.linear:
            return frames * self.steps
        steps = frames[:, None] * self.steps + np.arange(1 - self.steps, 1)
        return np.unique(steps)

    def structure(self, arrays: Mapping[str, np.ndarray], once: np.ndarray) -> Any:
        """Return the same for the compiled loop, which goes on for as long as this lives; `once` are
        the numbers (int32) of what brings the input's drive."""
        places = {
            "input": arrays["input.r"],
            "target": arrays.get("output.target"),
            "output": arrays["output.r"],
            "x": self.x,
            "y": self.y,
            "x_moves": self.x_moves,
            "y_moves": self.y_moves,
            "answers": self.answers,
        }
        return Frames(
            steps=self.steps,
            n=self.n,
            before=self.before,
            until=self.until,
            linear=self.linear,
            n_in=arrays["input.r"].shape[1],
            n_out=arrays["output.r"].shape[1],
            n_once=len(once),
            once=once.ctypes.data,
            **{name: None if a is None else a.ctypes.data for name, a in places.items()},
        )

    def show(self, arrays: Mapping[str, np.ndarray], step: int, anew: bool) -> bool:
        """Set input and target to what they are in a step of the phase, counted from 1; return whether
        the input may be another than in the step before, or is shown `anew`."""
        step += self.before
        frame = min((step - 1) // self.steps, self.n - 1)
        gone = step - 1 - frame * self.steps
        changed = False
        for label, frames, moves in (
            ("output.target", self.y, self.y_moves),
            ("input.r", self.x, self.x_moves),
        ):
            between = self.linear and frame + 1 < self.n and bool(moves[frame + 1])
            changed = bool(anew or between or (gone == 0 and moves[frame])) and frames is not None
            if frames is not None and changed:
                into, now = arrays[label][: len(frames)], frames[:, frame]
                part = into.dtype.type(gone / self.steps)
                into[...] = now + part * (frames[:, frame + 1] - now) if between else now
        return changed

    def note(self, arrays: Mapping[str, np.ndarray], step: int) -> None:
        """Take down what the output does if a frame has ended with this step."""
        frame, left = divmod(step + self.before, self.steps)
        if left == 0 and frame <= self.n:
            self.answers[:, frame - 1] = arrays["output.r"][: len(self.answers)]

    def rest(self, steps: int, output: np.ndarray) -> None:
        """Take down `output` (trials, units) for all frames that a circuit, which has settled after
        so many steps, had no need to see."""
        ended = (steps + self.before) // self.steps
        self.answers[:, ended:] = output[: len(self.answers), None]


def _moves(frames, n):
    found = np.zeros(n, np.uint8)
    if frames is not None:
        found[1:] = (frames[:, 1:] != frames[:, :-1]).any(axis=(0, 2))
    return found
