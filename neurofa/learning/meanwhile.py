"""What is learned while a phase runs, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..base.errors import NetworkError
from ..engine.brian.engine import Request

if TYPE_CHECKING:
    from .learner import Learner


class Meanwhile:
    """The steps after which a phase stops for a moment: lines that learn every so often do so, and
    what is integrated is told apart where the input will be another."""

    def __init__(self, learner: Learner, phase: str):
        self.learner, self.phase = learner, phase

    def begin(self, request: Request) -> Request:
        """Take note of the phase that begins, or goes on, and return its Request as it is with such
        stops."""
        learner, progress = self.learner, self.learner.net.progress
        self.paces = paces_of(learner, self.phase, request.dt)
        # steps of the phase that earlier runs have made
        self.before = round(progress.seconds / request.dt)
        gathers = any(one.gathers for one in learner.plastic[self.phase])
        shown = request.frames if gathers else None
        self.turns = np.empty(0, int) if shown is None else shown.changes
        if progress.pending:
            self.at(0)
        else:
            learner.forget(self.phase)
        return paced(request, self.paces)

    def next(self, done: int) -> int:
        """Return the step of the next stop after the one called `done`."""
        done += self.before
        turn = np.searchsorted(self.turns, done, side="right")
        stops = [2**62, *self.turns[turn : turn + 1]]
        stops += [(done // steps + 1) * steps for steps in self.paces.values()]
        return min(stops) - self.before

    def at(self, done: int) -> None:
        """Do what is to be done after the step called `done`; 0 is the last of the run before."""
        done += self.before
        turn = np.searchsorted(self.turns, done)
        if done in self.turns[turn : turn + 1]:
            self.learner.gather(self.phase)
        for every, steps in self.paces.items():
            if done % steps == 0:
                self.learner.learn_within(self.phase, every)


def paced(request: Request, paces: Mapping[float | str, int]) -> Request:
    """Return a Request that knows for how many steps weights stay as they are."""
    if not paces:
        return request
    return replace(request, evaluations=min([request.evaluations, *paces.values()]))


def paces_of(learner: Learner, phase: str, dt: float) -> dict[float | str, int]:
    """Return `{how often: in time steps of dt}` of what is learned while a phase runs.

    Raises NetworkError where that is no whole number of them.
    """
    found: dict[float | str, int] = {}
    for one in learner.plastic[phase]:
        every = one.every
        if every is None:
            continue
        seconds = dt if isinstance(every, str) else every
        steps = found[every] = round(seconds / dt)
        if steps < 1 or abs(steps * dt - seconds) > 1e-9 * seconds:
            less = "less than a time step" if seconds < dt else "no whole number of time steps"
            raise NetworkError(
                f"{phase} phase: {one.group.name} learns every {seconds * 1e3:g} ms, which is {less} of {dt * 1e3:g} ms. Choose "
                "a dt that divides it, Trial(dt=...), or Plasticity(every='dt') for every step."
            )
    return found
