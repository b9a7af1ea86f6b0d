"""What a cell costs beyond its work, and what ten thousand of them do to the memory: cells that do
nothing, on processes of this machine and on a dask cluster."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec

from ...base.arguments import whole
from ...base.errors import CompileError, NetworkError
from .. import executors
from ..cells import run_cells
from .timing import fresh_process, last_words, peak_bytes

KINDS = ("local", "dask")


def opened(kind: str, jobs: int) -> AbstractContextManager[Executor]:
    """Give an executor with so many workers, of a kind in KINDS."""
    return executors.processes(jobs) if kind == "local" else _dask(jobs)


Opened = Callable[[str, int], AbstractContextManager[Executor]]


def cells(cells: int = 10_000, jobs: int = 1) -> dict:
    """Time so many cells that do nothing, on `jobs` processes, and return the results as a dict.

    Each kind of workers has a fresh process of its own: memory is the most that it ever held, less
    what it held before the cells, and the same of one worker. Milliseconds per cell are those of one
    worker: with `jobs` of them, what passes between two cells times `jobs`. Dask is left out where it
    is not installed. Raises NetworkError for no cells, and CompileError if the process fails.
    """
    whole("cells", cells, NetworkError)
    whole("jobs", jobs, NetworkError)
    found = dict(cells=cells, jobs=jobs)
    for kind in KINDS if find_spec("distributed") else KINDS[:1]:
        with fresh_process("overhead", f"empty_cells({kind!r}, {cells}, {jobs})") as process:
            answer, complaints = process.communicate()
        if process.returncode:
            raise CompileError(
                f"A fresh process did not complete its cells. {last_words(process, complaints)}"
            )
        found |= {f"{kind}_{name}": value for name, value in json.loads(answer).items()}
    return found


def empty_cells(kind: str, cells: int, jobs: int, opened: Opened = opened) -> None:
    """Do so many cells that do nothing, and print what that took: what `cells` waits for."""
    given = [dict(number=number) for number in range(cells)]
    with (
        tempfile.TemporaryDirectory(prefix="neurofa-bench-") as folder,
        opened(kind, jobs) as pool,
    ):
        begin = time.perf_counter()
        run_cells(folder, nothing, [dict(number=-1)], pool, progress=False)
        ready, before, there = time.perf_counter(), peak_bytes(), pool.submit(peak_bytes).result()
        run_cells(folder, nothing, given, pool, progress=False)
        seconds = time.perf_counter() - ready
        found = dict(
            ms_per_cell=seconds / cells * jobs * 1e3,
            first_cell_s=ready - begin,
            growth_mb=(peak_bytes() - before) / 1e6,
            worker_growth_mb=(pool.submit(peak_bytes).result() - there) / 1e6,
        )
    print(json.dumps(found), flush=True)


def nothing(number: int) -> dict:
    """Do nothing: a cell that costs what all of them cost."""
    return dict(number=number)


@contextmanager
def _dask(jobs):
    """Give an executor of a cluster whose scheduler is a thread of this process, so that memory
    counts its part too."""
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=":0") as local,
        executors.cluster(local.scheduler_address) as pool,
    ):
        yield pool
