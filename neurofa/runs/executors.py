"""Who does the cells of a run, and which of them: processes of this machine, a cluster, or any
executor; all cells, or a part of them."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from ..base.errors import ExperimentError
from ..base.guest import leave_no_log

WHOLE = (1, 1)


@dataclass(frozen=True)
class Workers:
    """Who does the cells of a run, and which of them.

    Attributes
    ----------
    executor : an Executor of concurrent.futures, which is not shut down; or how many processes of this machine.
    part : (3, 10) is the third of ten parts, (1, 1) is everything. A cell is in the same part whenever, wherever and in whatever order
        the parts are done, so that no cell is done twice.
    collecting : whether nothing is done, and results are what is there already.
    """

    executor: int | Executor = 2
    part: tuple[int, int] = WHOLE
    collecting: bool = False

    @property
    def here(self) -> Workers:
        """Processes of this machine, for all cells: as many as these, or two."""
        return Workers(self.executor if isinstance(self.executor, int) else 2)


def workers(jobs: int | Executor | Workers) -> Workers:
    """Return the Workers that a number of processes, or an Executor, are."""
    return jobs if isinstance(jobs, Workers) else Workers(jobs)


def part(text: str) -> tuple[int, int]:
    """Return (3, 10) from "3/10". Raises ExperimentError."""
    numbers = [int(one) if one.strip().isdecimal() else 0 for one in text.split("/")]
    if len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1]:
        raise ExperimentError(
            f"--part {text}: give which part of how many, the first of ten as 1/10 and the last as 10/10."
        )
    return numbers[0], numbers[1]


def alone(folder: Path, part: tuple[int, int], seconds: float = 0) -> FileLock:
    """Return the lock of the run in `folder`, or of a part of it, held from here on.

    Raises ExperimentError if another process holds it, and goes on to for so many seconds.
    """
    name = ".lock" if part == WHOLE else ".lock-{}-of-{}".format(*part)
    lock = FileLock(folder / name, is_singleton=True)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise ExperimentError(
            f"Another process is at this run already: {folder}. Wait until it has ended, or stop it; then the same "
            "command goes on from what is finished."
        ) from None
    return lock


@contextmanager
def opened(executor: int | Executor, cells: int) -> Iterator[Executor]:
    """Give an executor for so many cells: the one that is given, or processes of this machine."""
    if not isinstance(executor, int):
        yield executor
        return
    with processes(max(1, min(executor, cells))) as pool:
        yield pool


@contextmanager
def processes(number: int) -> Iterator[Executor]:
    """Give an executor with so many processes of this machine, which end with the `with`, or with
    this process.

    Raises ExperimentError if one of them is killed.
    """
    from loky import ProcessPoolExecutor  # here: runs that are read, or collected, need none

    pool = ProcessPoolExecutor(
        number, initializer=_begin, initargs=(os.getpid(),), env=dict(OMP_NUM_THREADS="1")
    )
    try:
        yield pool
    except BrokenExecutor:
        raise ExperimentError(
            "A process of this run was ended from outside, perhaps for want of memory. What is finished is kept: the same "
            "command goes on from there; where memory is short, with fewer processes (--jobs 1)."
        ) from None
    except Exception:
        pool.shutdown()  # loky kills no workers while there are cells that were cancelled
        raise
    finally:
        pool.shutdown(wait=False, kill_workers=True)


@contextmanager
def cluster(scheduler: str, seconds: float = 10) -> Iterator[Executor]:
    """Give an executor of a dask cluster, from the address of its scheduler, "tcp://host:8786", which
    answers in so many seconds.

    A cell whose worker dies is done again by another one. Raises ExperimentError if `distributed` is
    not installed, the scheduler does not answer or is lost, and if a cell's workers die again and
    again.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.comm.addressing import get_address_host_port
    except ImportError:
        raise ExperimentError(
            f"--scheduler {scheduler} needs dask's package distributed: pip install 'neurofa[cluster]'."
        ) from None
    try:
        # asked first, since a Client that finds nobody stops its threads at any later moment
        socket.create_connection(get_address_host_port(scheduler), seconds).close()
        client = Client(scheduler, timeout=seconds, set_as_default=False)
    except (OSError, ValueError, TypeError) as problem:
        raise ExperimentError(
            f"--scheduler {scheduler}: no scheduler answers there ({problem or type(problem).__name__}). "
            "`dask scheduler` prints the address of the one that it starts."
        ) from None
    try:
        with client:
            yield client.get_executor(pure=False)
    except KilledWorker as problem:
        raise ExperimentError(
            f"A cell was given up: the workers that it was given to died, perhaps for want of memory ({problem}). What is "
            "finished is kept: the same command goes on from there."
        ) from None
    except CancelledError:
        raise ExperimentError(
            f"The scheduler {scheduler} was lost. What is finished is kept: the same command goes on from there."
        ) from None


def _begin(parent):
    """Let the parent decide: when it is stopped or killed, what this process is at is lost."""
    leave_no_log()
    tqdm.set_lock(threading.RLock())  # its own is a semaphore of the system, which would be left
    # as in the background of a shell script
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent):
    while os.getppid() == parent and psutil.pid_exists(parent):
        time.sleep(0.2)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
