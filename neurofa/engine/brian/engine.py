"""What an engine is asked for, and what it answers. There are two, for the same Brian2 objects:
`compiled.py`, `interpreted.py`.

Both take a `Request` and return an `Outcome`; both keep every variable in memory that NumPy reads
and writes. `noise` is (seed, time steps drawn so far), `keys` which trial's noise each trial hears.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import numpy as np

from .delay import DelayLine
from .frames import Shown

TRIALS = "trials in parallel"  # an axis of an array; others are named as the population is


@dataclass
class Parts:
    """The Brian2 objects of a circuit, sorted by what they are for."""

    trials: int
    clock: object
    objects: list = field(default_factory=list)  # all of them
    steps: list = field(default_factory=list)  # run every time step, in Brian2's order
    # (phase, population) -> run once as the phase begins, one after the other
    starts: dict = field(default_factory=dict)
    # population -> run to make its signals those of its present state
    refresh: dict = field(default_factory=dict)
    # run as every phase begins: what a step knows of the one before
    noted: list = field(default_factory=list)
    # run as every phase begins, and where the input is shown something new: rates of what it drives
    standing: list = field(default_factory=list)
    # synapse group -> run once as a phase begins, if its source stands still
    once: dict = field(default_factory=dict)
    # (run before a sample is recorded and as a phase ends, labels of the arrays)
    readouts: list = field(default_factory=list)
    residuals: dict = field(default_factory=dict)  # name of a state updater -> its Residual
    accumulators: dict = field(default_factory=dict)  # synapse group -> its Accumulate
    arrays: dict = field(default_factory=dict)  # label -> (Brian2 variable, shape)
    labels: dict = field(default_factory=dict)  # name of a step -> its public name
    # labels of expressions that others read: no residual sees them overflow
    signals: list = field(default_factory=list)
    # delayed synapse group -> label of the array that it hears
    lines: dict = field(default_factory=dict)
    # name -> expression in x of type T, that is compared with what it should be
    twins: dict = field(default_factory=dict)

    def label(self, step: Any) -> str:
        """Return the public name of a step: that of its synapse group or population."""
        return self.labels.get(step.name, step.name)


@dataclass(frozen=True)
class Request:
    """One phase: how long, for which trials, what takes part, and what is recorded."""

    steps: int  # until this step of the phase
    trials: int
    dt: float
    begin: int = 0  # after this one: a phase can be run in parts
    last: int = 0  # the last step of the phase, of which these may be a part; 0: they are all of it
    threads: int = 1
    tolerance: float = -1.0  # stop when every residual is below; negative: run all steps
    # (trials,), zeros: become the largest residual so far, of which the tolerance is a fraction
    largest: np.ndarray | None = None
    # (trials,), float64: what such a residual need not come below, because there is only rounding
    floor: np.ndarray | None = None
    measure_every: int = 10
    rest: bool = False  # trials that have settled are left as they are (compiled only)
    once: tuple = ()  # synapse groups evaluated once, as the phase starts
    held: bool = False  # not even then: what they drive is as the phase before left it
    frames: Shown | None = None  # what input and target do; None: they stand still
    evaluations: int = 2**62  # steps for which weights stay as they are
    silent: tuple = ()  # synapse groups that do not take part
    accumulate: tuple = ()  # synapse groups whose `g` is accumulated
    idle: tuple = ()  # what else does not take part
    delays: dict = field(default_factory=dict)  # delayed synapse group -> seconds
    quiet: int = 0  # steps that a residual must stay below the tolerance
    # steps after what changes at once, a gate or a frame, in which no residual may tell of it yet
    unheard: int = 0
    # (trials,), int64: since which step each has settled, where a phase goes on; None: none has
    settled_at: np.ndarray | None = None
    # (array, which of its elements: numbers, or a slice, of the flattened array)
    record: tuple = ()
    record_every: int = 0
    # is given the samples, PIECE bytes at a time: an array (samples, elements) per record
    take: Callable | None = None

    def of_first(self, trials: int) -> Self:
        """Return the same for the first `trials` of those that it is for."""
        largest, floor = (a if a is None else a[:trials].copy() for a in (self.largest, self.floor))
        frames = self.frames and self.frames.of_first(trials)
        return replace(self, trials=trials, largest=largest, floor=floor, frames=frames)

    def settled_since(self) -> np.ndarray:
        """Return since which step each trial has settled as the phase begins or goes on, (trials,);
        -1 for those that have not."""
        if self.settled_at is None:
            return np.full(self.trials, -1, np.int64)
        return self.settled_at.copy()


@dataclass(frozen=True)
class Outcome:
    """What came of a phase. `settled_at` is (trials,), in steps, -1 where a trial had not
    settled."""

    steps: int
    settled_at: np.ndarray
    diverged: bool
    interrupted: bool
    overflowed: str | None = None  # the signal that is no finite number in some trial
    settled: bool = False  # every trial has, for as long as it must: the phase has ended


class Engine(Protocol):
    """What a network needs of an engine."""

    arrays: Mapping[str, np.ndarray]  # by label, in memory that the loop reads and writes
    lines: Mapping[str, DelayLine]  # per delayed synapse group: signals on their way
    parallel: bool  # whether threads can share the trials
    alone: str  # why they cannot
    noise: tuple[int, int]  # seed, time steps drawn so far
    keys: np.ndarray  # (trials,): which trial's noise each one hears

    def run(self, request: Request) -> Outcome:
        """Run a phase, or a part of it."""

    def start(self, phase: str, population: str, trials: int) -> None:
        """Make the assignments with which a phase begins in a population."""

    def refresh(self, population: str, trials: int) -> None:
        """Make the signals of a population those of its present state."""

    def read(self, trials: int) -> None:
        """Evaluate the variables that no step needs."""


PIECE = 64 * 2**20  # bytes of samples that are held before they are handed over


def chosen(index: np.ndarray | slice) -> int:
    """Return how many elements of an array are recorded."""
    return index.stop - index.start if isinstance(index, slice) else len(index)


def rows(request: Request) -> int:
    """Return how many samples make a piece."""
    return max(
        1, PIECE // max(1, sum(chosen(index) * array.itemsize for array, index in request.record))
    )
