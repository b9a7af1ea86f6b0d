"""Many independent pieces of work, in parallel processes of this machine or of others; what is
finished is kept, and not done again.

Each cell is one call of a function with plain values. Its result comes back to the process that
asked for it, and is kept there as one JSON file, written under a temporary name first, so that a
run that is killed loses no more than what is in progress, and no disk need be shared.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from ..base.errors import ExperimentError
from ..base.files import read_json, write_json
from ..learning.once import one_blas_thread
from . import executors
from .executors import Workers

if TYPE_CHECKING:
    import xarray

Work = Callable[..., dict]  # a function of a module, which returns a dict of plain values


def digest(values: object) -> str:
    """Return a short name for plain values: the same values have the same name."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:12]


def run_cells(
    folder: str | Path,
    work: Work,
    cells: list[dict],
    jobs: int | Executor | Workers = 2,
    progress: bool = True,
    label: str = "cells",
    keep: str | None = None,
    besides: Iterable[tuple[Work, list[dict]]] = (),
) -> list[dict]:
    """Return [work(**cell) for cell in cells], from the files in `folder` where they are there
    already.

    Parameters
    ----------
    folder
        Where the results are kept, one file per cell.
    work
        A function of a module, which returns a dict of plain values.
    cells
        List of dicts of plain values; what the result depends on must be in them, for a result is found again by the name of
        `work` and these values, whatever has become of the code.
    jobs
        How many processes; or any Executor of concurrent.futures, which is not shut down; or Workers, which may be to do a part of
        the cells alone: a result that is not there then is an empty dict.
    keep
        The suffix of a file of each cell's own, such as ".h5", whose path `work` is given as `kept`: for a Checkpoint, so that a
        cell that was killed goes on where it was. Workers that do not see `folder` begin such a cell anew.
    besides
        (work, cells) that this run asks for later, to be done together with these.

    Notes
    -----
    Raises KeyboardInterrupt (what is finished is kept), ExperimentError if results cannot be
    written or a process was killed, and what `work` raises, after the cells that were begun.
    """
    folder, by = Path(folder), executors.workers(jobs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ExperimentError(f"{folder} cannot be made: {problem.strerror}.") from None
    todo = {
        _file(folder, w, cell): (w, cell) for w, more in [(work, cells), *besides] for cell in more
    }
    # in an order that has nothing to do with what they ask: parts are equally long
    mine = {*([] if by.collecting else sorted(todo)[by.part[0] - 1 :: by.part[1]])}
    missing = {file: cell for file, cell in todo.items() if file in mine and not file.exists()}
    if missing:
        with tqdm(
            total=len(mine),
            initial=len(mine) - len(missing),
            desc=label,
            unit="run",
            disable=None if progress else True,
            dynamic_ncols=True,
        ) as bar:
            _do(missing, by.executor, keep, bar)
    files = [_file(folder, work, cell) for cell in cells]
    partly = by.collecting or by.part != executors.WHOLE
    return [{} if partly and not file.exists() else read_json(file) for file in files]


def _file(folder, work, cell):
    # its module may be called __main__
    return folder / f"{digest([work.__qualname__, cell])}.json"


def _do(missing, executor, keep, bar):
    """Have the cells of `missing`, {file: (work, cell)}, done, and write each as it is finished."""
    with executors.opened(executor, len(missing)) as pool:
        pending: dict[Future, Path] = {
            pool.submit(
                _cell, work, cell, str(file.with_suffix(keep).absolute()) if keep else None
            ): file
            for file, (work, cell) in missing.items()
        }
        try:
            for done in as_completed([*pending]):
                write_json(pending[done], done.result())
                del pending[done]  # and with it the result, wherever it is held
                bar.update()
        except BaseException as problem:
            # processes of our own are killed, and what waits for them ends with them
            killed = isinstance(executor, int) and not isinstance(problem, Exception)
            begun = [future for future in pending if killed or not future.cancel()]
            if isinstance(problem, Exception):
                wait(begun)
            for future in begun:
                if future.done() and not future.exception():
                    write_json(pending[future], future.result())
            raise


def _cell(work, cell, kept):
    """Return what a cell gives, in whatever process this is."""
    # NumPy was there before this process could say so
    with one_blas_thread(), _place_of(kept) as more:
        return work(**cell, **more)


@contextmanager
def _place_of(kept: str | None) -> Iterator[dict[str, str]]:
    """Give `work` the path of the file that it keeps: elsewhere, and not for long, on a machine that
    does not see the folder of the run."""
    if kept is None or Path(kept).parent.is_dir():
        yield {} if kept is None else dict(kept=kept)
        return
    with tempfile.TemporaryDirectory(prefix="neurofa-") as folder:
        yield dict(kept=str(Path(folder) / Path(kept).name))


def gather(
    cells: list[dict], results: list[dict], along: Sequence[str], **dims: str | Sequence[str]
) -> xarray.Dataset:
    """Return the `results` of `cells` as a Dataset: a variable per key of the results, over the
    cells' values of the keys `along`.

    Parameters
    ----------
    along
        The keys of the cells that become dimensions; the cells need not fill them: what is missing is NaN.
    dims
        The dimension that a result's list becomes, `accuracy="epoch"`, or those of lists of lists. A dimension is as long as the
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
