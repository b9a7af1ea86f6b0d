"""What an engine is asked for, and what it answers. There are two, for the same Brian2 objects: `compiled.py`, `interpreted.py`.

Both take a `Request` and return an `Outcome`; both keep every variable in memory that NumPy reads and writes. `noise` is (seed, time
steps drawn so far), `keys` which trial's noise each trial hears.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Parts:
    """The Brian2 objects of a circuit, sorted by what they are for."""

    trials: int
    clock: object
    objects: list = field(default_factory=list)        # all of them
    steps: list = field(default_factory=list)          # run every time step, in Brian2's order
    before: dict = field(default_factory=dict)         # name -> run once at the start of a phase
    readouts: list = field(default_factory=list)       # run before a sample is recorded, and at the end of a phase
    residuals: dict = field(default_factory=dict)      # name of a state updater -> its Residual
    accumulators: dict = field(default_factory=dict)   # synapse group -> its Accumulate
    arrays: dict = field(default_factory=dict)         # public name -> (Brian2 variable, shape)
    labels: dict = field(default_factory=dict)         # name of a step -> its public name
    signals: list = field(default_factory=list)        # public names of expressions that others read: no residual sees them overflow
    lines: dict = field(default_factory=dict)          # delayed synapse group -> name of the array that it hears
    twins: dict = field(default_factory=dict)          # name -> expression in x of type T, that is compared with what it should be

    def label(self, step):
        """Return the public name of a step: that of its synapse group or population."""
        return self.labels.get(step.name, step.name)


@dataclass(frozen=True)
class Request:
    """One phase: how long, for which trials, what takes part, and what is recorded."""

    steps: int                       # until this step of the phase
    trials: int
    dt: float
    begin: int = 0                   # after this one: a phase can be run in parts
    threads: int = 1
    tolerance: float = -1.0          # stop when every residual is below; negative: run all steps
    largest: np.ndarray | None = None  # (trials,), zeros: become the largest residual so far, of which the tolerance is a fraction
    floor: np.ndarray | None = None    # (trials,), float64: what such a residual need not come below, because there is only rounding
    measure_every: int = 10
    rest: bool = False               # trials that have settled are left as they are (compiled only)
    once: tuple = ()                 # synapse groups evaluated once, as the phase starts
    held: bool = False               # not even then: what they drive is as the phase before left it
    silent: tuple = ()               # synapse groups that do not take part
    accumulate: tuple = ()           # synapse groups whose `g` is accumulated
    delays: dict = field(default_factory=dict)   # delayed synapse group -> seconds
    quiet: int = 0                   # steps that a residual must stay below the tolerance
    record: tuple = ()               # (array, which of its elements: numbers, or a slice, of the flattened array)
    record_every: int = 0
    take: Callable | None = None     # is given the samples, PIECE bytes at a time: an array (samples, elements) per record


@dataclass(frozen=True)
class Outcome:
    """What came of a phase. `settled_at` is (trials,), in steps, -1 where a trial had not settled."""

    steps: int
    settled_at: np.ndarray
    diverged: bool
    interrupted: bool
    overflowed: str | None = None    # the signal that is no finite number in some trial


PIECE = 64 * 2**20     # bytes of samples that are held before they are handed over


def count(index):
    """Return how many elements of an array are recorded."""
    return index.stop - index.start if isinstance(index, slice) else len(index)


def rows(request):
    """Return how many samples make a piece."""
    return max(1, PIECE // max(1, sum(count(index) * array.itemsize for array, index in request.record)))
