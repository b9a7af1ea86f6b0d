"""Two engines that run phases of the same Brian2 objects: compiled, and interpreted by NumPy.

Both take a `Request` and return an `Outcome`; both keep every variable in memory that NumPy reads and writes.
"""

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from brian2.core.network import Network
from brian2.core.preferences import prefs
from brian2.devices.device import reset_device, set_device
from brian2.units import second

from .library import load
from .delay import DelayLine
from .noise import normals


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
    lines: dict = field(default_factory=dict)          # delayed synapse group -> name of the array that it hears

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


PIECE = 64 * 2**20     # bytes of samples that are held before they are handed over


_forked = []
os.register_at_fork(after_in_child=lambda: _forked.append(True))


def _threads(request):
    """Return how many threads a phase may use: one in a forked process, where OpenMP's threads have not come along."""
    return 1 if _forked else request.threads


def _ctrl_c_is_ours():
    """Whether Ctrl-C may end a phase: in the main thread, and unless somebody else handles or ignores it."""
    return (threading.current_thread() is threading.main_thread()
            and callable(signal.getsignal(signal.SIGINT)))


def _floor(arrays):
    """Return the residual below which there is only rounding: no circuit has to come below it."""
    return 64 * float(np.finfo(arrays["input.r"].dtype).eps)


class _Record(ctypes.Structure):
    _fields_ = [("source", ctypes.c_void_p), ("item", ctypes.c_int64), ("n", ctypes.c_int64), ("index", ctypes.c_void_p),
                ("target", ctypes.c_void_p)]


def _record(array, index, column):
    """Return what the loop needs to copy elements of `array`; without numbers, they lie side by side."""
    side_by_side = isinstance(index, slice)
    return _Record(array.ctypes.data + (index.start * array.itemsize if side_by_side else 0), array.itemsize, _count(index),
                   None if side_by_side else index.ctypes.data, column.ctypes.data)


def _count(index):
    return index.stop - index.start if isinstance(index, slice) else len(index)


def _columns(request, rows):
    """Return memory for so many samples, an array (samples, elements) per record.

    It is one block, for which the system uses large pages: copying costs half of what it does into several small ones.
    """
    sizes = [rows * _count(index) * array.itemsize for array, index in request.record]
    starts = np.cumsum([0, *(-(-size // 64) * 64 for size in sizes)])
    block = np.empty(starts[-1], np.uint8)
    return [block[start:start + size].view(array.dtype).reshape(rows, _count(index))
            for start, size, (array, index) in zip(starts, sizes, request.record)]


def _rows(request):
    """Return how many samples make a piece."""
    return max(1, PIECE // max(1, sum(_count(index) * array.itemsize for array, index in request.record)))


class _Job(ctypes.Structure):
    _fields_ = [("steps", ctypes.c_int64), ("trials", ctypes.c_int32), ("threads", ctypes.c_int32),
                ("measure_every", ctypes.c_int32), ("record_every", ctypes.c_int32), ("tolerance", ctypes.c_double),
                ("active", ctypes.c_void_p), ("accumulate", ctypes.c_void_p), ("read", ctypes.c_void_p),
                ("n_records", ctypes.c_int64), ("records", ctypes.c_void_p), ("done", ctypes.c_int64), ("samples", ctypes.c_int64),
                ("interrupted", ctypes.c_int32), ("diverged", ctypes.c_int32), ("settled", ctypes.c_int32),
                ("interruptible", ctypes.c_int32), ("settled_at", ctypes.c_void_p), ("quiet", ctypes.c_int64), ("last", ctypes.c_int64),
                ("largest", ctypes.c_void_p), ("floor", ctypes.c_double), ("rest", ctypes.c_int32)]


class CompiledEngine:
    """Phases as single calls into a shared library."""

    def __init__(self, name, make):
        self.library = load(name, make)
        self.arrays = self.library.arrays()
        self._functions = self.library.functions
        self._functions.neurofa_drawn.restype = ctypes.c_int64
        self.noise = (0, 0)
        self._steps = self.library.manifest["steps"]
        self._before = {name: i for i, name in enumerate(self.library.manifest["before"])}
        self._accumulators = self.library.manifest["accumulators"]
        self._readouts = self.library.manifest["readouts"]
        self.lines = {name: DelayLine(self.arrays[signal]) for name, signal in self.library.manifest["lines"].items()}

    def call(self, name, trials, threads=1):
        """Run what is to be run once at the start of a phase, for the first `trials` trials."""
        self._functions.neurofa_call(self._before[name], trials, threads)

    def refresh(self, population, trials):
        """Make the signals of a population those of its present state."""
        for name in (n for n in self._before if n.startswith("refresh") and n.endswith(f":{population}")):
            self.call(name, trials)

    @property
    def noise(self):
        """(seed, time steps drawn so far) of the noise; assigning sets both."""
        return self._seed, int(self._functions.neurofa_drawn())

    @noise.setter
    def noise(self, state):
        self._seed, drawn = state
        self._functions.neurofa_noise(ctypes.c_uint64(self._seed), ctypes.c_int64(drawn))

    def read(self, trials):
        """Evaluate the variables that no step needs."""
        self._functions.neurofa_read(trials)

    def run(self, request):
        """Run a phase and return its Outcome."""
        settled_at = np.full(request.trials, -1, np.int64)
        job, keep = self._job(request, settled_at=settled_at.ctypes.data, interruptible=_ctrl_c_is_ours())
        self.arrays["clock.dt"][:] = request.dt
        for i, (name, line) in enumerate(self.lines.items()):
            late = line.begin(request.delays[name], request.dt, request.begin)
            self._functions.neurofa_delay(i, line.ring.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(len(line.ring)),
                                          ctypes.c_int64(late[0]), ctypes.c_double(late[1]))
        for name in request.once if not request.held else ():
            self.call(f"once:{name}", request.trials, _threads(request))
        while True:     # once; with a recording, once per piece
            columns = self._piece(job, request)
            self._functions.neurofa_run(ctypes.byref(job))
            if columns and job.samples:
                request.take([column[:job.samples] for column in columns])
            del columns     # before the next piece is allocated
            if job.diverged or job.interrupted or job.settled or job.done >= request.steps:
                break
        for line in self.lines.values():
            line.end(job.done)
        self.read(request.trials)
        return Outcome(job.done, settled_at, bool(job.diverged), bool(job.interrupted))

    def _piece(self, job, request):
        """Let `job` run on, as far as the memory for one piece of the recording goes, and return that memory."""
        job.steps = request.steps
        if not request.record:
            return []
        before = job.done // request.record_every
        job.steps = min(request.steps, (before + _rows(request)) * request.record_every)
        columns = _columns(request, job.steps // request.record_every - before)
        self._records = (_Record * len(columns))(*(
            _record(array, index, column) for (array, index), column in zip(request.record, columns)))
        job.records, job.n_records, job.samples = ctypes.addressof(self._records), len(columns), 0
        return columns

    def products(self, request):
        """Make the matrix products of the request's steps, and nothing else."""
        job, keep = self._job(request)
        self._functions.neurofa_products(ctypes.byref(job))

    def _job(self, request, **more):
        idle = {*request.once, *request.silent}
        active = np.array([name not in idle for name in self._steps], np.uint8)
        accumulate = np.array([name in request.accumulate for name in self._accumulators] or [0], np.uint8)
        recorded = {array.ctypes.data for array, _ in request.record}
        read = np.array([bool(recorded) and any(self.arrays[name].ctypes.data in recorded for name in names)
                         for names in self._readouts] or [0], np.uint8)
        return _Job(steps=request.steps, last=request.steps, done=request.begin, trials=request.trials, threads=_threads(request),
                    tolerance=request.tolerance, measure_every=request.measure_every, quiet=request.quiet, record_every=request.record_every if request.record else 0,
                    active=active.ctypes.data, accumulate=accumulate.ctypes.data, read=read.ctypes.data,
                    largest=None if request.largest is None else request.largest.ctypes.data, floor=_floor(self.arrays), rest=request.rest,
                    **more), (active, accumulate, read)


class NumpyEngine:
    """The same phases, interpreted: for machines without a compiler, and to check the compiled loop."""

    def __init__(self, name, make):
        before = prefs.codegen.target
        set_device("runtime")
        prefs.codegen.target = "numpy"
        try:
            self.parts = make()
            network = Network(self.parts.objects)
            with np.errstate(over="ignore"):
                network.run(0 * second, namespace={})     # generates the code
            in_step = set(map(id, self.parts.steps))
            self._steps = [obj for obj in network.sorted_objects if id(obj) in in_step]
            self._network = network
        finally:
            prefs.codegen.target = before
            reset_device()
        self.arrays = {name: var.get_value().reshape(shape) for name, (var, shape) in self.parts.arrays.items()}
        self._trials, self._late = self.parts.trials, None
        self.noise = (0, 0)          # seed, time steps drawn so far
        self.lines = {name: DelayLine(self.arrays[signal]) for name, signal in self.parts.lines.items()}
        self._residuals = [r.variables["residual"].get_value() for r in self.parts.residuals.values()]

    def call(self, name, trials):
        """Run what is to be run once at the start of a phase."""
        self._run(self.parts.before[name])

    def refresh(self, population, trials):
        """Make the signals of a population those of its present state."""
        for name in (n for n in self.parts.before if n.startswith("refresh") and n.endswith(f":{population}")):
            self.call(name, trials)

    def read(self, trials):
        """Evaluate the variables that no step needs."""
        for runner in self.parts.readouts:
            self._run(runner)

    def _run(self, runner):
        seed, now = self.noise
        runner.codeobj.namespace.update(dt=self.arrays["clock.dt"].item(), _trials=self._trials,     # Brian2 took dt for constant
                                        _normals=normals, _seed=seed, _now=now, _late=self._late)
        with np.errstate(all="ignore"):
            runner.codeobj()

    def run(self, request):
        """Run a phase and return its Outcome."""
        self._trials = request.trials
        self.arrays["clock.dt"][:] = request.dt
        lines = list(self.lines.values())
        late = [line.begin(request.delays[name], request.dt, request.begin) for name, line in self.lines.items()]
        for name in request.once if not request.held else ():
            self.call(f"once:{name}", request.trials)
        idle = {*request.once, *request.silent}
        steps = [(s, self.parts.residuals.get(s.name)) for s in self._steps if self.parts.label(s) not in idle]
        accumulators = [a for name, a in self.parts.accumulators.items() if name in request.accumulate]
        settled_at, rows = np.full(request.trials, -1, np.int64), []
        done, diverged, over, interrupted = request.begin, False, request.steps <= request.begin, False
        t = self.arrays["clock.t"]
        try:
            while not over:
                done += 1
                self._late = lambda number: lines[number].pass_through(done, *late[number])
                self.noise = (self.noise[0], self.noise[1] + 1)
                measure = done % request.measure_every == 0 or done == request.steps or (request.largest is not None and done == 1)
                for step, residual in steps:
                    if measure and residual is not None:
                        self._run(residual)
                    self._run(step)
                for accumulator in accumulators:
                    self._run(accumulator)
                t += request.dt
                if request.record_every and done % request.record_every == 0:
                    self.read(request.trials)
                    rows.append([array.ravel()[index].copy() for array, index in request.record])
                    if len(rows) == _rows(request):
                        piece, rows = rows, []
                        request.take([np.array(column) for column in zip(*piece)])
                over = done >= request.steps
                if measure:
                    diverged, settled = self._judge(request, done, settled_at)
                    over = over or diverged or settled
        except KeyboardInterrupt:
            interrupted = True
        for line in lines:
            line.end(done)
        self.read(request.trials)
        if rows:
            request.take([np.array(column) for column in zip(*rows)])
        return Outcome(done, settled_at, diverged, interrupted)

    def _judge(self, request, done, settled_at):
        """Note in `settled_at` which trials have settled, and return whether any has diverged and whether all have settled."""
        worst = np.max(self._residuals, axis=0)[:request.trials]
        tolerance = request.tolerance
        if request.largest is not None:
            np.maximum(request.largest, worst, out=request.largest)
            tolerance = np.maximum(tolerance * request.largest, _floor(self.arrays))
        settled = worst <= tolerance
        settled_at[~settled] = -1
        settled_at[settled & (settled_at < 0)] = done
        return not np.isfinite(worst).all(), bool((settled & (done - settled_at >= request.quiet)).all())
