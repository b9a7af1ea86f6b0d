"""Batches that a network is presented with: in one call, for as long as nobody has to look between
them, and phase by phase where somebody must."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..base.errors import NetworkError
from ..base.files import uninterrupted
from ..base.frames import Frame
from ..data.coded import Coded
from ..simulate.movie import Movie
from ..simulate.network import Network
from ..simulate.phases import windows
from .answer import Answer, answer_of
from .learner import Learner
from .lengths import lengths_of
from .loop import Call
from .presenting import present
from .structures import TYPES

if TYPE_CHECKING:
    from ..data.recorder import Recorder

SECONDS = 0.1  # that a call should last at most: progress is shown, and Ctrl-C heard, in between
FIRST = 4  # batches of the first call, of which it is not known how long they last


def needs_python(net: Network) -> str | None:
    """Return why no batch of a network can be presented without Python, or None."""
    if net.target != "cpp":
        return "it is interpreted"
    if windows(net):
        return "a phase with a window is run in parts"
    if net.synapses.times():
        return "a lesion comes and goes with the time of every trial"
    return None


def needs_numpy(net: Network) -> str | None:
    """Return why weights cannot be learned without NumPy, or None."""
    if net.synapses.keeps() is None:
        return "weights are drawn, rounded or projected by NumPy after every update"
    return None


class Batches:
    """The samples `x` (samples, inputs), and targets `y` (samples, outputs) or None, that a learner
    is presented with, batch after batch.

    With a `y` it learns; without, only the first phase is run. With a `frame`, they may be (samples,
    frames, units), of so many `frames`. Raises NetworkError where the first phase ends before them.
    """

    def __init__(
        self,
        learner: Learner,
        x: np.ndarray | Coded,
        y: np.ndarray | Coded | None = None,
        frame: Frame | None = None,
        frames: int = 0,
    ):
        self.learner, self.net, self.x, self.y = learner, learner.net, x, y
        self.movie = Movie(frame, frames if frame else 0, self._room(x), self._room(y))
        self.phases = [phase.name for phase in self.net.rule.phases][: None if y is not None else 1]
        self._check_first_phase()
        self._seconds = SECONDS / FIRST  # that a batch lasts
        given = [x] if y is None else [x, y]
        self.possible = needs_python(self.net) is None and all(map(self._fits, given))

    def _check_first_phase(self):
        first, trial = self.phases[0], self.learner.trial
        length = trial.lengths.get(first, trial.default)
        if not self.movie.frames or length is None or length.tolerance is not None:
            return
        if float(length.duration) < float(self.movie.duration) * (1 - 1e-9):
            raise NetworkError(
                f"The first phase, {first}, lasts {length.duration}, and what is shown {self.movie.duration}. Let it last as "
                "long: leave its length out of the Trial."
            )

    def _room(self, data):
        """Return room for the frames of a batch, or None for data without any."""
        if data is None or data.ndim == 2:
            return None
        return np.zeros((self.net.trials, *data.shape[1:]), self.net.dtype)

    def _fits(self, data):
        """Whether the loop can read data: other types, and what the precision does not hold, are
        the business of `Network.stimulus`."""
        if isinstance(data, Coded):
            data = data.table
        if data.dtype.name not in TYPES or not data.flags.c_contiguous:
            return False
        return data.dtype.itemsize <= self.net.dtype.itemsize or bool(
            np.abs(data).max(initial=0) < np.finfo(self.net.dtype).max
        )

    def many(self, batches: Sequence[np.ndarray]) -> int:
        """Return how many of the `batches` can be presented before Python must look, 0 if it must
        during the first."""
        if not self.possible or not self.net.noise_is_its_own:
            return 0
        self.net.movie = self.movie  # lengths of phases may depend on it
        if self.y is None and not self.learner.has_taught:
            return 0  # to compile for a test alone would take longer
        n = min(len(batches), self.learner.trial.known(self.phases))
        if n and (self.movie.frames or self.net.engine.lines) and not self._even():
            return 0
        if self.y is not None and n:
            if needs_numpy(self.net):
                return 0
            n = min(n, self.learner.until_a_lesion(len(batches[0])))
        return min(n, max(1, int(SECONDS / self._seconds)))

    def _even(self):
        """Whether all phases have one time step, as the rings of delayed signals are laid out for, and
        are as long in every batch, where what is shown moves in some and not in others."""
        lengths = lengths_of(self.learner, self.phases).values()
        if self.movie.frames and any(length.tolerance is not None for length in lengths):
            return False
        steps = {float(length.dt) for length in lengths}  # type: ignore[arg-type]
        return not self.net.engine.lines or len(steps) == 1

    def all(self, batches: Iterable[np.ndarray]) -> Iterator[Answer]:
        """Present batches, each the numbers of its samples, and yield their Answers."""
        left = [*batches]
        while left:
            found = self.answers(left)
            yield from found
            left = left[len(found) :]

    def answers(
        self, batches: Sequence[np.ndarray], record: Recorder | None = None
    ) -> list[Answer]:
        """Present the first of these batches, as many as can be in one call, and return their
        Answers: at least one."""
        n = self.many(batches) if record is None else 0
        return self.present(batches[:n]) if n else [self.by_python(batches[0], record)]

    def by_python(self, batch: np.ndarray, record: Recorder | None = None) -> Answer:
        """Present one batch, phase by phase."""
        if self.y is not None:
            x, y, frame = self.x[batch], self.y[batch], self.movie.frame
            return answer_of(present(self.learner, x, y, record=record, frame=frame))
        self.net.reset()
        self.net.stimulus(self.x[batch], self.movie.frame)
        self.net.movie.frame, self.net.movie.frames = self.movie.frame, self.movie.frames
        [first] = self.phases
        return answer_of([self.net.run(first, self.learner.trial.length(self.net, first))])

    def present(self, batches: Sequence[np.ndarray]) -> list[Answer]:
        """Present batches, each the numbers of its samples, no more of them than `many` says; return
        their Answers, fewer where the loop ended early."""
        began = time.perf_counter()
        with uninterrupted():  # but for phases, which hear Ctrl-C themselves
            call = Call(self.learner, self.x, self.y, self.phases, batches, self.movie)
            stopped = call.run()
            answers = call.answers()
            if stopped:
                answers.append(call.python())
        self._seconds = (time.perf_counter() - began) / len(answers)
        return answers
