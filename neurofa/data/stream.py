"""A netCDF file that grows while a network is simulated.

The file is closed between two pieces: a process that is killed leaves a file that can be read. Until it is complete, the file
`trial.nc` is called `trial.unfinished.nc`.
"""

import time
from pathlib import Path

from ..base import netcdf
from ..base.errors import ExperimentError
from ..base.files import refuse_to_overwrite

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
        refuse_to_overwrite(self.path, self.file)

    @property
    def due(self):
        """Whether the last piece was written so long ago that it is time for another one."""
        return time.monotonic() - self._last > SECONDS

    def start(self, empty):
        """Make the file, from a Dataset of the same layout without samples."""
        refuse_to_overwrite(self.path, self.file)
        sizes = {name: _chunk(array) for name, array in empty.variables.items() if "time" in array.dims}
        netcdf.save(empty, self.file, ["time"], sizes)
        self._last = time.monotonic()

    def append(self, part):
        """Write a Dataset with the next samples. What a broken-off call has written is overwritten by the next one."""
        netcdf.append(self.file, part, "time", self._written, part.attrs, self.path)
        self._written, self._last = self._written + part.sizes["time"], time.monotonic()

    def finish(self):
        """Give the file the name of a complete one."""
        if not self.finished and self.file.exists():
            netcdf.finish(self.file, self.path)
            self.file = self.path
        self.finished = True


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
