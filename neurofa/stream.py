"""A netCDF file that grows while a network is simulated.

The file is closed between two pieces: a process that is killed leaves a file that can be read. Until it is complete, the file
`trial.nc` is called `trial.unfinished.nc`.
"""

import math
import os
import time
from contextlib import contextmanager
from pathlib import Path

from .errors import ExperimentError

PIECE = 32 * 2**20    # bytes of samples that are held before they are written
SECONDS = 10          # after so long they are written however few they are
CHUNK = 2**18         # bytes of a variable that lie together in the file, unless one sample of it is larger


def unfinished(path):
    """Return the name of a file, a Path, while it grows."""
    return path.with_name(f"{path.stem}.unfinished{path.suffix}")


class Stream:
    """Writes a Dataset with the dimension `time` piece by piece.

    Raises ExperimentError if the folder is not there, or if an interrupted run has left its data under the name.
    """

    def __init__(self, path):
        self.path, self.file, self.finished = Path(path), unfinished(Path(path)), False
        self._written = 0
        if not self.path.parent.is_dir():
            raise ExperimentError(f"{self.path} cannot be written: there is no folder {self.path.parent}.")
        if self.path.is_dir():
            raise ExperimentError(f"{self.path} is a folder. Give the name of a file, such as {self.path / 'trial.nc'}.")
        if self.file.exists():
            raise ExperimentError(f"{self.file} is there: an interrupted run has left it, or another one is writing it. "
                                  "Rename or delete it, or record to another file.")

    @property
    def due(self):
        """Whether the last piece was written so long ago that it is time for another one."""
        return time.monotonic() - self._last > SECONDS

    def start(self, empty):
        """Make the file, from a Dataset of the same layout without samples."""
        sizes = {name: _chunk(array) for name, array in empty.variables.items() if "time" in array.dims}
        self._slack = 2**20 + sum(empty[name].dtype.itemsize * math.prod(size) for name, size in sizes.items())
        with _problems(self.path):
            empty.to_netcdf(self.file, engine="h5netcdf", unlimited_dims=["time"],
                            encoding={name: {"chunksizes": size} for name, size in sizes.items()})
        self._last = time.monotonic()

    def append(self, part):
        """Write a Dataset with the next samples. What a broken-off call has written is overwritten by the next one."""
        import h5netcdf
        first, end = self._written, self._written + part.sizes["time"]
        with _problems(self.path):
            _reserve(self.file, part.nbytes + self._slack)
            with h5netcdf.File(self.file, "r+", locking=False) as file:      # whoever looks into it does not stop us
                file.resize_dimension("time", end)
                for name, array in part.variables.items():
                    if "time" in array.dims:
                        place = tuple(slice(first, end) if dim == "time" else slice(None) for dim in array.dims)
                        file.variables[name][place] = array.values
                file.attrs.update(part.attrs)
        self._written, self._last = end, time.monotonic()

    def finish(self):
        """Give the file the name of a complete one."""
        if not self.finished and self.file.exists():
            with _problems(self.path):
                os.replace(self.file, self.path)
            self.file = self.path
        self.finished = True


@contextmanager
def _problems(path):
    """Within this context, what the operating system says becomes an ExperimentError."""
    try:
        yield
    except OSError as problem:
        raise ExperimentError(f"{path} cannot be written: {problem.strerror or problem}. Is there space left?") from None


def _reserve(path, size):
    """Make sure of so many bytes more: a write that fails in the midst of a piece would leave a file that cannot be read."""
    if not hasattr(os, "posix_fallocate"):
        return
    before = path.stat().st_size
    with open(path, "r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), before, size)       # h5py cuts off what it does not use
        except OSError:
            file.truncate(before)
            raise


def _chunk(array):
    """Return how much of a variable lies together in the file: all units, at as many times as CHUNK has room for."""
    sizes = dict(zip(array.dims, array.shape), time=1)
    row = array.dtype.itemsize
    for size in sizes.values():
        row *= size
    sizes["time"] = max(1, CHUNK // max(row, 1))
    while sizes["time"] == 1 and row > 64 * CHUNK:       # of large weights, some rows
        largest = max(sizes, key=sizes.get)
        row, sizes[largest] = row // 2, -(-sizes[largest] // 2)
    return tuple(sizes[dim] for dim in array.dims)
