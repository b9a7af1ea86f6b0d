"""Many independent pieces of work in parallel processes; what is finished is kept, and not done
again.

Each cell is one call of a function with plain values, and its result one JSON file: written by the
process that made it, under a temporary name first, so that a run that is killed loses no more than
what is in progress.
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from ..base.errors import ExperimentError
from ..base.files import read_json, write_json
from ..learning.once import one_blas_thread

if TYPE_CHECKING:
    import xarray


def digest(values: object) -> str:
    """Return a short name for plain values: the same values have the same name."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:12]


def run_cells(
    folder: str | Path,
    work: Callable[..., dict],
    cells: list[dict],
    jobs: int = 2,
    progress: bool = True,
    label: str = "cells",
    keep: str | None = None,
) -> list[dict]:
    """Return [work(**cell) for cell in cells], from the files in `folder` where they are there
    already.

    Parameters
    ----------
    folder : where the results are kept, one file per cell.
    work : a function of a module, which returns a dict of plain values.
    cells : list of dicts of plain values; what the result depends on must be in them, for a result is found again by the name of
        `work` and these values, whatever has become of the code.
    jobs : how many processes.
    keep : the suffix of a file of each cell's own, such as ".h5", whose path `work` is given as `kept`: for a Checkpoint, so that a
        cell that was killed goes on where it was.

    Raises KeyboardInterrupt (what is finished is kept), ExperimentError if results cannot be
    written or a process was killed, and what `work` raises.
    """
    folder = Path(folder)
    # its module may be called __main__
    files = [folder / f"{digest([work.__qualname__, cell])}.json" for cell in cells]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ExperimentError(f"{folder} cannot be made: {problem.strerror}.") from None
    missing = [(file, cell) for file, cell in zip(files, cells) if not file.exists()]
    _do(work, missing, len(cells), jobs, progress, label, keep)
    return [read_json(file) for file in files]


def _do(work, missing, total, jobs, progress, label, keep):
    """Do the cells of `missing`, (file, cell) each, in so many processes."""
    bar = tqdm(
        total=total,
        initial=total - len(missing),
        desc=label,
        unit="run",
        disable=None if progress else True,
        dynamic_ncols=True,
    )
    pool = ProcessPoolExecutor(
        max(1, min(jobs, len(missing) or 1)), mp_context=get_context("spawn"), initializer=_begin
    )
    try:
        for done in as_completed(
            [pool.submit(_cell, work, cell | _kept(file, keep), file) for file, cell in missing]
        ):
            done.result()
            bar.update()
    except BrokenProcessPool:
        raise ExperimentError(
            "A process of this run was ended from outside, perhaps for want of memory. What is finished is kept: the same "
            "command goes on from there; where memory is short, with fewer processes (--jobs 1)."
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        bar.close()


def _kept(file, keep):
    return dict(kept=str(file.with_suffix(keep))) if keep else {}


def gather(
    cells: list[dict], results: list[dict], along: Sequence[str], **dims: str | Sequence[str]
) -> xarray.Dataset:
    """Return the `results` of `cells` as a Dataset: a variable per key of the results, over the
    cells' values of the keys `along`.

    Parameters
    ----------
    along : the keys of the cells that become dimensions; the cells need not fill them: what is missing is NaN.
    dims : the dimension that a result's list becomes, `accuracy="epoch"`, or those of lists of lists. A dimension is as long as the
        longest list along it, in whatever variable: shorter ones end in NaN.
    """
    import xarray

    coordinates = {key: list(dict.fromkeys(_label(cell[key]) for cell in cells)) for key in along}
    places = [tuple(coordinates[key].index(_label(cell[key])) for key in along) for cell in cells]
    values = {
        name: [np.array(_numbers(result.get(name))) for result in results]
        for name in dict.fromkeys(name for result in results for name in result)
    }
    inner: dict[str, Any] = {
        name: (dims[name],) if isinstance(dims.get(name), str) else dims.get(name, ())
        for name in values
    }
    sizes = {key: len(places) for key, places in coordinates.items()}
    for name, arrays in values.items():
        for array in arrays:
            sizes |= {
                dim: max(size, sizes.get(dim, 0)) for dim, size in zip(inner[name], array.shape)
            }
    found = {}
    for name, arrays in values.items():
        named = (*along, *inner[name])
        whole = np.full([sizes.get(dim, 0) for dim in named], np.nan)
        for place, array in zip(places, arrays):
            at: tuple = (*place, *map(slice, array.shape))
            whole[at] = array
        found[name] = named, whole
    data = xarray.Dataset(found, coordinates)
    return data.assign_coords(
        {dim: np.arange(size) for dim, size in data.sizes.items() if dim not in coordinates}
    )


def _label(value):
    return value if isinstance(value, (str, int, float)) else "-".join(map(str, value))


def _numbers(value):
    """Return a number, or lists of numbers, with NaN for None."""
    return (
        [_numbers(v) for v in value]
        if isinstance(value, list)
        else np.nan
        if value is None
        else float(value)
    )


def _begin():
    """Let the parent decide: when it is stopped or killed, what this process is at is lost, and
    nobody else writes its files."""
    # as in the background of a shell script
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ["OMP_NUM_THREADS"] = "1"
    atexit.register(gc.freeze)  # what is there until the end is not searched for what is not
    threading.Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(parent):
    parent.join()
    os.kill(os.getpid(), signal.SIGKILL)


def _cell(work, cell, file):
    with one_blas_thread():  # NumPy was there before this process could say so
        write_json(file, work(**cell))
