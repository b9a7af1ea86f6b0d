"""Phases as single calls into a shared library: the engine that is fast."""

import ctypes
import os
import signal
import threading

import numpy as np

from .delay import DelayLine
from .engine import Outcome, count, rows
from .library import load

_forked = []
os.register_at_fork(after_in_child=lambda: _forked.append(True))


def _threads(request):
    """Return how many threads a phase may use: one in a forked process, where OpenMP's threads have not come along."""
    return 1 if _forked else request.threads


def _ctrl_c_is_ours():
    """Whether Ctrl-C may end a phase: in the main thread, and unless somebody else handles or ignores it."""
    return (threading.current_thread() is threading.main_thread()
            and callable(signal.getsignal(signal.SIGINT)))


class _Record(ctypes.Structure):
    _fields_ = [("source", ctypes.c_void_p), ("item", ctypes.c_int64), ("n", ctypes.c_int64), ("index", ctypes.c_void_p),
                ("target", ctypes.c_void_p)]


def _record(array, index, column):
    """Return what the loop needs to copy elements of `array`; without numbers, they lie side by side."""
    side_by_side = isinstance(index, slice)
    return _Record(array.ctypes.data + (index.start * array.itemsize if side_by_side else 0), array.itemsize, count(index),
                   None if side_by_side else index.ctypes.data, column.ctypes.data)


def _columns(request, rows):
    """Return memory for so many samples, an array (samples, elements) per record.

    It is one block, for which the system uses large pages: copying costs half of what it does into several small ones.
    """
    sizes = [rows * count(index) * array.itemsize for array, index in request.record]
    starts = np.cumsum([0, *(-(-size // 64) * 64 for size in sizes)])
    block = np.empty(starts[-1], np.uint8)
    return [block[start:start + size].view(array.dtype).reshape(rows, count(index))
            for start, size, (array, index) in zip(starts, sizes, request.record)]


class _Job(ctypes.Structure):
    _fields_ = [("steps", ctypes.c_int64), ("trials", ctypes.c_int32), ("threads", ctypes.c_int32),
                ("measure_every", ctypes.c_int64), ("record_every", ctypes.c_int64), ("tolerance", ctypes.c_double),
                ("active", ctypes.c_void_p), ("accumulate", ctypes.c_void_p), ("read", ctypes.c_void_p),
                ("n_records", ctypes.c_int64), ("records", ctypes.c_void_p), ("done", ctypes.c_int64), ("samples", ctypes.c_int64),
                ("interrupted", ctypes.c_int32), ("diverged", ctypes.c_int32), ("settled", ctypes.c_int32),
                ("interruptible", ctypes.c_int32), ("settled_at", ctypes.c_void_p), ("quiet", ctypes.c_int64), ("last", ctypes.c_int64),
                ("largest", ctypes.c_void_p), ("floor", ctypes.c_void_p), ("rest", ctypes.c_int32)]


class CompiledEngine:
    """Phases as single calls into a shared library."""

    alone = "the compiler knows no -fopenmp"      # why, where `parallel` says that threads cannot share the trials

    def __init__(self, name, make, dtype):
        self.memory = load(name, make, dtype)
        self.arrays = self.memory.arrays()
        self._call = self.memory.call
        self.noise = (0, 0)
        self.keys = np.arange(len(self.arrays["input.r"]), dtype=np.uint32)      # which trial's noise every trial hears
        self._call("keys", self.keys.ctypes.data_as(ctypes.c_void_p))
        manifest = self.memory.manifest
        self.parallel = bool(self.memory.functions.neurofa_parallel())
        self._steps = manifest["steps"]
        self._before = {name: i for i, name in enumerate(manifest["before"])}
        self._accumulators = manifest["accumulators"]
        self._readouts = manifest["readouts"]
        self._signals = manifest["signals"]
        self._twins = manifest["twins"]
        self.lines = {name: DelayLine(self.arrays[signal]) for name, signal in manifest["lines"].items()}

    def twin(self, name, x):
        """Return what the compiled expression `name` of Parts.twins makes of an array of the circuit's precision."""
        values = np.array(x)
        self._call("twin", self._twins.index(name), values.ctypes.data_as(ctypes.c_void_p), len(values))
        return values

    def call(self, name, trials, threads=1):
        """Run what is to be run once at the start of a phase, for the first `trials` trials."""
        self._call("call", self._before[name], trials, threads)

    def refresh(self, population, trials):
        """Make the signals of a population those of its present state."""
        for name in (n for n in self._before if n.startswith("refresh") and n.endswith(f":{population}")):
            self.call(name, trials)

    @property
    def noise(self):
        """(seed, time steps drawn so far) of the noise; assigning sets both."""
        return self._seed, int(self._call("drawn"))

    @noise.setter
    def noise(self, state):
        self._seed, drawn = state
        self._call("noise", ctypes.c_uint64(self._seed), ctypes.c_int64(drawn))

    def read(self, trials):
        """Evaluate the variables that no step needs."""
        self._call("read", trials)

    def run(self, request):
        """Run a phase and return its Outcome."""
        settled_at = np.full(request.trials, -1, np.int64)
        job, keep = self._job(request, settled_at=settled_at.ctypes.data, interruptible=_ctrl_c_is_ours())
        self.arrays["clock.dt"][:] = request.dt
        for i, (name, line) in enumerate(self.lines.items()):
            late = line.begin(request.delays[name], request.dt, request.begin)
            self._call("delay", i, line.ring.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(len(line.ring)),
                       ctypes.c_int64(late[0]), ctypes.c_double(late[1]))
        for name in request.once if not request.held else ():
            self.call(f"once:{name}", request.trials, _threads(request))
        while True:     # once; with a recording, once per piece
            columns = self._piece(job, request)
            self._call("run", ctypes.byref(job))
            if columns and job.samples:
                request.take([column[:job.samples] for column in columns])
            del columns     # before the next piece is allocated
            if job.diverged or job.interrupted or job.settled or job.done >= request.steps:
                break
        for line in self.lines.values():
            line.end(job.done)
        self.read(request.trials)
        bad = self._call("overflow", request.trials)
        return Outcome(job.done, settled_at, bool(job.diverged), bool(job.interrupted), self._signals[bad] if bad >= 0 else None)

    def _piece(self, job, request):
        """Let `job` run on, as far as the memory for one piece of the recording goes, and return that memory."""
        job.steps = request.steps
        if not request.record:
            return []
        before = job.done // request.record_every
        job.steps = min(request.steps, (before + rows(request)) * request.record_every)
        columns = _columns(request, job.steps // request.record_every - before)
        self._records = (_Record * len(columns))(*(
            _record(array, index, column) for (array, index), column in zip(request.record, columns)))
        job.records, job.n_records, job.samples = ctypes.addressof(self._records), len(columns), 0
        return columns

    def products(self, request):
        """Make the matrix products of the request's steps, and nothing else."""
        job, keep = self._job(request)
        self._call("products", ctypes.byref(job))

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
                    largest=None if request.largest is None else request.largest.ctypes.data, floor=None if request.floor is None else request.floor.ctypes.data, rest=request.rest,
                    **more), (active, accumulate, read)
