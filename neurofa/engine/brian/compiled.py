"""Phases as single calls into a shared library: the engine that is fast."""

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from .delay import DelayLine
from .engine import Outcome, Parts, Request, chosen, rows
from .job import Job, Record
from .library import load

_forked: list[bool] = []
os.register_at_fork(after_in_child=lambda: _forked.append(True))


def _threads(request):
    """Return how many threads a phase may use: one in a forked process, where OpenMP's threads have
    not come along."""
    return 1 if _forked else request.threads


def ctrl_c_is_ours() -> bool:
    """Whether Ctrl-C may end a phase: in the main thread, and unless somebody else handles or
    ignores it."""
    return threading.current_thread() is threading.main_thread() and callable(
        signal.getsignal(signal.SIGINT)
    )


def _record(array, index, column):
    """Return what the loop needs to copy elements of `array`; without numbers, they lie side by
    side."""
    side_by_side = isinstance(index, slice)
    return Record(
        array.ctypes.data + (index.start * array.itemsize if side_by_side else 0),
        array.itemsize,
        chosen(index),
        None if side_by_side else index.ctypes.data,
        column.ctypes.data,
    )


def _columns(request, rows):
    """Return memory for so many samples, an array (samples, elements) per record.

    It is one block, for which the system uses large pages: copying costs half of what it does into
    several small ones.
    """
    sizes = [rows * chosen(index) * array.itemsize for array, index in request.record]
    starts = np.cumsum([0, *(-(-size // 64) * 64 for size in sizes)])
    block = np.empty(starts[-1], np.uint8)
    return [
        block[start : start + size].view(array.dtype).reshape(rows, chosen(index))
        for start, size, (array, index) in zip(starts, sizes, request.record)
    ]


class CompiledEngine:
    """Phases as single calls into a shared library."""

    arrays: Mapping[str, np.ndarray]
    lines: Mapping[str, DelayLine]
    # why, where `parallel` says that threads cannot share the trials
    alone = "the compiler knows no -fopenmp"

    def __init__(
        self,
        name: str,
        make: Callable[[], Parts],
        dtype: npt.DTypeLike,
        trials: int,
        units: Mapping[str, int],
    ):
        self.memory = load(name, make, dtype, trials, units)
        self.arrays = self.memory.arrays()
        self._call = self.memory.call
        self.noise = (0, 0)
        # which trial's noise every trial hears
        self.keys = np.arange(len(self.arrays["input.r"]), dtype=np.uint32)
        self._call("keys", self.keys.ctypes.data_as(ctypes.c_void_p))
        manifest = self.memory.manifest
        self.parallel = bool(self.memory.functions.neurofa_parallel())
        self._steps = manifest["steps"]
        numbers = count(0)
        self._starts = {
            (phase, population): [next(numbers) for _ in range(n)]
            for phase, population, n in manifest["starts"]
        }
        self._refresh = {
            name: [next(numbers) for _ in range(n)] for name, n in manifest["refresh"].items()
        }
        self._once = {name: next(numbers) for name in manifest["once"]}
        self._accumulators = manifest["accumulators"]
        self._readouts = manifest["readouts"]
        self._signals = manifest["signals"]
        self._twins = manifest["twins"]
        self.lines = {
            name: DelayLine(self.arrays[signal]) for name, signal in manifest["lines"].items()
        }

    @property
    def addresses(self) -> dict[str, Any]:
        """The functions of the circuit, and the memory that they are given, for other compiled
        code."""
        names = ("call", "run", "read", "overflow", "noise", "drawn", "delay")
        functions = {name: getattr(self.memory.functions, f"neurofa_{name}") for name in names}
        return dict(circuit=self.memory.address.value) | {
            name: ctypes.cast(function, ctypes.c_void_p).value
            for name, function in functions.items()
        }

    def starts(self, phase: str) -> list[int]:
        """Return the numbers of the functions that a phase begins with, in every population."""
        return [
            number
            for (one, _), numbers in self._starts.items()
            if one == phase
            for number in numbers
        ]

    def refreshes(self, *populations: str) -> list[int]:
        """Return the numbers of the functions that `refresh` calls for these populations."""
        return [number for name in populations for number in self._refresh[name]]

    def drives(self, groups: Iterable[str]) -> list[int]:
        """Return the numbers of the functions that bring what synapse groups drive."""
        return [self._once[name] for name in groups]

    def outcome(self, job: Any, overflowed: int) -> Outcome:
        """Return what came of a phase; `overflowed` is the number of a signal that is no finite
        number, or -1."""
        settled_at = (ctypes.c_int64 * job.trials).from_address(job.settled_at)
        return Outcome(
            job.done,
            np.array(settled_at),
            bool(job.diverged),
            bool(job.interrupted),
            self._signals[overflowed] if overflowed >= 0 else None,
            bool(job.settled),
        )

    def start(self, phase: str, population: str, trials: int) -> None:
        """Make the assignments with which a phase begins in a population, for the first `trials`
        trials."""
        for number in self._starts[phase, population]:
            self._call("call", number, trials, 1)

    def twin(self, name: str, x: np.ndarray) -> np.ndarray:
        """Return what the compiled expression `name` of Parts.twins makes of an array of the
        circuit's precision."""
        values = np.array(x)
        self._call(
            "twin", self._twins.index(name), values.ctypes.data_as(ctypes.c_void_p), len(values)
        )
        return values

    def refresh(self, population: str, trials: int) -> None:
        """Make the signals of a population those of its present state."""
        for number in self._refresh[population]:
            self._call("call", number, trials, 1)

    @property
    def noise(self) -> tuple[int, int]:
        """(seed, time steps drawn so far) of the noise; assigning sets both."""
        return self._seed, int(self._call("drawn"))

    @noise.setter
    def noise(self, state: tuple[int, int]) -> None:
        self._seed, drawn = state
        self._call("noise", ctypes.c_uint64(self._seed), ctypes.c_int64(drawn))

    def read(self, trials: int) -> None:
        """Evaluate the variables that no step needs."""
        self._call("read", trials)

    def run(self, request: Request) -> Outcome:
        """Run a phase and return its Outcome."""
        settled_at = request.settled_since()
        job, keep = self.job(
            request, settled_at=settled_at.ctypes.data, interruptible=ctrl_c_is_ours()
        )
        self.arrays["clock.dt"][:] = request.dt
        for i, (name, line) in enumerate(self.lines.items()):
            late = line.begin(request.delays[name], request.dt, request.begin)
            self._call(
                "delay",
                i,
                line.ring.ctypes.data_as(ctypes.c_void_p),
                ctypes.c_int64(len(line.ring)),
                ctypes.c_int64(late[0]),
                ctypes.c_double(late[1]),
                ctypes.c_int64(0),
            )
        shows = request.frames is not None and request.frames.x is not None
        for name in request.once if not (request.held or shows) else ():
            self._call("call", self._once[name], request.trials, _threads(request))
        while True:  # once; with a recording, once per piece
            columns = self._piece(job, request)
            self._call("run", ctypes.byref(job))
            if columns and job.samples:
                request.take(  # type: ignore[misc]  # there are columns, so somebody takes them
                    [column[: job.samples] for column in columns]
                )
            del columns  # before the next piece is allocated
            if job.diverged or job.interrupted or job.settled or job.done >= request.steps:
                break
        for line in self.lines.values():
            line.end(job.done)
        self.read(request.trials)
        return self.outcome(job, self._call("overflow", request.trials))

    def _piece(self, job, request):
        """Let `job` run on, as far as the memory for one piece of the recording goes, and return
        that memory."""
        job.steps = request.steps
        if not request.record:
            return []
        before = job.done // request.record_every
        job.steps = min(request.steps, (before + rows(request)) * request.record_every)
        columns = _columns(request, job.steps // request.record_every - before)
        self._records = (Record * len(columns))(
            *(
                _record(array, index, column)
                for (array, index), column in zip(request.record, columns)
            )
        )
        job.records, job.n_records, job.samples = ctypes.addressof(self._records), len(columns), 0
        return columns

    def products(self, request: Request) -> None:
        """Make the matrix products of the request's steps, and nothing else."""
        job, keep = self.job(request)
        self._call("products", ctypes.byref(job))

    def job(self, request: Request, **more: Any) -> tuple[Any, Any]:
        """Return the Job of a phase, as the compiled loop has it in memory, and what must live as
        long."""
        idle = {*request.once, *request.silent, *request.idle}
        active = np.array([name not in idle for name in self._steps], np.uint8)
        accumulate = np.array(
            [name in request.accumulate for name in self._accumulators] or [False], np.uint8
        )
        recorded = {array.ctypes.data for array, _ in request.record}
        read = np.array(
            [
                bool(recorded) and any(self.arrays[name].ctypes.data in recorded for name in names)
                for names in self._readouts
            ]
            or [False],
            np.uint8,
        )
        once = np.array([*self.refreshes("input"), *self.drives(request.once)], np.int32)
        shown = request.frames
        frames = None if shown is None else shown.structure(self.arrays, once)
        return Job(
            steps=request.steps,
            last=request.last or request.steps,
            done=request.begin,
            trials=request.trials,
            threads=_threads(request),
            tolerance=request.tolerance,
            measure_every=request.measure_every,
            quiet=request.quiet,
            unheard=request.unheard,
            record_every=request.record_every if request.record else 0,
            active=active.ctypes.data,
            accumulate=accumulate.ctypes.data,
            read=read.ctypes.data,
            largest=None if request.largest is None else request.largest.ctypes.data,
            floor=None if request.floor is None else request.floor.ctypes.data,
            rest=request.rest,
            evaluations=request.evaluations,
            frames=None if frames is None else ctypes.addressof(frames),
            **more,
        ), (active, accumulate, read, once, frames, request)
