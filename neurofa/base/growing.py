"""A netCDF file that grows along one dimension while something runs.

It is closed between two pieces, so that a process that is killed leaves a file that can be read;
and it has another name until it is complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from . import netcdf
from .errors import ExperimentError
from .files import refuse_to_overwrite

if TYPE_CHECKING:
    import xarray


class Growing:
    """Writes Datasets that follow each other `along` a dimension, to a file called `part` until it
    is complete, and then `path`.

    `chunk` is how many bytes of a variable lie together in the file. Raises ExperimentError if the
    folder is not there, or if an interrupted run has left its data under one of the names.
    """

    def __init__(self, path: Path, part: Path, along: str, chunk: int):
        self.path, self.part, self.along, self.chunk = path, part, along, chunk
        self.count, self.finished = 0, False
        if not path.parent.is_dir():
            raise ExperimentError(
                f"{path} cannot be written: there is no folder '{path.parent}'. Make it first."
            )
        if path.is_dir():
            raise ExperimentError(
                f"{path} is a folder. Give the name of a file, such as {path / 'data.nc'}."
            )
        refuse_to_overwrite(path, part)

    @property
    def file(self) -> Path:
        """Where the data are now."""
        return self.path if self.finished else self.part

    def start(self, first: xarray.Dataset) -> None:
        """Make the file, from the first Dataset, which may be empty along the dimension."""
        refuse_to_overwrite(self.path, self.part)
        sizes = {
            n: chunk_of(a, self.along, self.chunk)
            for n, a in first.variables.items()
            if self.along in a.dims
        }
        netcdf.save(first, self.part, [self.along], sizes)
        self.count = first.sizes[self.along]

    def append(
        self,
        more: xarray.Dataset,
        attributes: Mapping | None = None,
        called: str | PathLike | None = None,
    ) -> None:
        """Write a Dataset with what follows, and `attributes` of the whole; an error names the file
        `called` so.

        What a broken-off call has written is overwritten by the next one.
        """
        netcdf.append(self.part, more, self.along, self.count, attributes, called)
        self.count += more.sizes[self.along]

    def finish(self) -> None:
        """Give the file the name of a complete one."""
        if not self.finished and self.part.exists():
            netcdf.finish(self.part, self.path)
        self.finished = True


def chunk_of(array: xarray.DataArray | xarray.Variable, along: str, chunk: int) -> tuple[int, ...]:
    """Return how much of a variable lies together in the file: all of it, as often as there is room
    for in `chunk` bytes."""
    sizes = dict(zip(array.dims, array.shape)) | {along: 1}
    row = array.dtype.itemsize
    for size in sizes.values():
        row *= size
    sizes[along] = max(1, chunk // max(row, 1))
    while sizes[along] == 1 and row > 64 * chunk:  # of large weights, some rows
        largest = max(sizes, key=sizes.__getitem__)
        row, sizes[largest] = row // 2, -(-sizes[largest] // 2)
    return tuple(sizes[dim] for dim in array.dims)
