"""The file of a Recorder, which grows while a network is simulated: `trial.unfinished.nc`, until it
is `trial.nc`."""

from __future__ import annotations

import time
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.growing import Growing

if TYPE_CHECKING:
    import xarray

PIECE = 32 * 2**20  # bytes of samples that are held before they are written
SECONDS = 10  # after so long they are written however few they are
# bytes of a variable that lie together in the file, unless one sample of it is larger
CHUNK = 2**18


def unfinished(path: Path) -> Path:
    """Return the name of a file, a Path, while it grows."""
    return path.with_name(f"{path.stem}.unfinished{path.suffix}")


class Stream(Growing):
    """Writes a Dataset with the dimension `time` piece by piece. Raises ExperimentError as Growing
    does."""

    def __init__(self, path: str | PathLike):
        super().__init__(Path(path), unfinished(Path(path)), "time", CHUNK)

    @property
    def due(self) -> bool:
        """Whether the last piece was written so long ago that it is time for another one."""
        return time.monotonic() - self._last > SECONDS

    def start(self, first: xarray.Dataset) -> None:
        """Make the file, from a Dataset of the same layout without samples."""
        super().start(first)
        self._last = time.monotonic()

    def append(  # type: ignore[override]  # it knows the rest
        self, more: xarray.Dataset
    ) -> None:
        """Write a Dataset with the next samples, and what it says of all of them."""
        super().append(more, more.attrs, self.path)
        self._last = time.monotonic()
