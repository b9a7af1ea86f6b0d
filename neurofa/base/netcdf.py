"""xarray Datasets as netCDF files that notice when they are damaged; other programs read them as
any other.

Numbers have HDF5's Fletcher checksums, which HDF5 looks at as it reads them. What says what the
numbers are (names, dimensions, attributes, text, single numbers) has a digest in the hidden
attribute `_NCProperties`, and HDF5's own checksums of its inner tables (format 1.10). HDF5 may
stumble over damage in what it keeps of text, and hang: so a file that is complete and not larger
than WHOLE ends in a line of ours, which HDF5 leaves alone, with a digest of all before it. Files
without these, of older versions or other programs, are read too.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Collection, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ExperimentError
from .files import changed, unreadable, unwritable, write

if TYPE_CHECKING:
    import xarray

WHOLE = 2**28  # bytes: to look at all of a file takes a third of a second then
LAST = b"\nneurofa: the BLAKE2b digest of all before this line is "
LENGTH = len(LAST) + 2 * hashlib.blake2b().digest_size + 1
VERSIONS = ("v110", "v110")  # of HDF5's format: the first whose inner tables have checksums
# the attribute in which netCDF notes what wrote a file, and a part of it
PROPERTIES, DIGEST = "_NCProperties", ",neurofa_digest="


def save(
    dataset: xarray.Dataset,
    path: str | PathLike,
    unlimited: Collection[str] = (),
    chunks: Mapping[Any, tuple[int, ...]] | None = None,
) -> None:
    """Write a Dataset to a file, which appears when it is complete.

    Dimensions that are `unlimited` may grow (see `append`); `chunks` holds what lies together in
    the file, a tuple per variable. Raises ExperimentError if it cannot be written, or holds what
    netCDF does not know.
    """
    import h5netcdf
    import h5py
    from xarray.backends.h5netcdf_ import H5NetCDFStore

    chunks, memory = chunks or {}, io.BytesIO()
    encoding = {
        name: dict(fletcher32=True, chunksizes=chunks[name])
        if name in chunks
        else dict(fletcher32=True)
        for name, array in dataset.variables.items()
        if array.size and array.ndim and array.dtype.kind in "iufbmM" or name in chunks
    }
    try:
        with h5netcdf.File(memory, "w", libver=VERSIONS) as file:
            dataset.drop_encoding().dump_to_store(
                H5NetCDFStore(file), encoding=encoding, unlimited_dims=unlimited
            )
    except (TypeError, ValueError, NotImplementedError) as problem:
        raise ExperimentError(
            f"{path} cannot be written: netCDF does not know what is in it ({problem}). Use numbers, text "
            "and arrays."
        ) from None
    with h5py.File(memory, "r+", libver=VERSIONS) as file:
        _seal(file)
    if len(memory.getbuffer()) <= WHOLE and not unlimited:
        memory.seek(0)
        line = _last(memory)
        memory.seek(0, io.SEEK_END)
        memory.write(line)
    write(path, memory.getbuffer())


def finish(part: str | PathLike, path: str | PathLike) -> None:
    """Give a file that has grown, called `part` so far, its name. Raises ExperimentError."""
    size = os.path.getsize(part)
    try:
        if size <= WHOLE:
            with changed(part) as image:
                line = _last(image)
                image.seek(0, io.SEEK_END)
                image.write(line)
        os.replace(part, path)
    except OSError as problem:
        raise unwritable(path, problem) from None


def append(
    path: str | PathLike,
    part: xarray.Dataset,
    along: str,
    first: int,
    attributes: Mapping | None = None,
    called: str | PathLike | None = None,
) -> None:
    """Write the values of a Dataset `part` into a file of `save`, at `first` and after it along an
    unlimited dimension.

    The file changes at the end, or not at all, whoever reads it meanwhile. `attributes` are those
    of the file that change. Raises ExperimentError, about the file that is `called` so, if it
    cannot be written.
    """
    import h5netcdf
    import h5py

    end = first + part.sizes[along]
    try:
        with changed(path) as image, h5py.File(image, "r+", libver=VERSIONS) as file:
            for name, array in part.variables.items():
                if along in array.dims:
                    axis = array.dims.index(along)
                    file[name].resize(end, axis)
                    file[name][(*[slice(None)] * axis, slice(first, end))] = array.values
            if attributes:
                h5netcdf.File(file, "r+").attrs.update(attributes)
                _seal(file)
    except OSError as problem:
        raise unwritable(called or path, problem) from None


def opened(path: str | PathLike) -> xarray.Dataset:
    """Return the Dataset in a file, which reads what is asked of it, and is to be closed; a `with`
    does.

    Raises ExperimentError if it is not there, is no netCDF, or what it says of its numbers is
    damaged.
    """
    import h5py
    import xarray

    try:
        # of a name that is open in this process already, HDF5 would show what was there then
        stream = open(path, "rb")
    except OSError as problem:
        raise unreadable(path, problem.strerror or problem) from None
    try:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - LENGTH))
        if (line := stream.read()).startswith(LAST):
            stream.seek(0)
            if line != _last(stream, size - LENGTH):
                raise ValueError("its contents are not those that were written")
        with h5py.File(stream, "r") as file:
            _, noted, digest = _properties(file).partition(DIGEST)
            if noted and digest != _digest(file):
                raise ValueError("its description is not the one that was written")
        return xarray.open_dataset(stream, engine="h5netcdf")
    except (
        Exception
    ) as problem:  # of a damaged file, h5py, h5netcdf and xarray raise whatever they stumble over
        raise _damaged(path, problem) from None


def load(path: str | PathLike) -> xarray.Dataset:
    """Return the Dataset in a file, all of it in memory. Raises ExperimentError as `opened`, and if
    a number is damaged."""
    with opened(path) as stored:
        try:
            return stored.load()
        except Exception as problem:
            raise _damaged(path, problem) from None


def _damaged(path, problem):
    return unreadable(
        path, f"it is no netCDF file, or damaged ({problem or type(problem).__name__})"
    )


def _last(stream, size=None):
    """Return the last line of a file, from the first `size` bytes of a stream, or all."""
    found, left = hashlib.blake2b(), math.inf if size is None else size
    while left and (piece := stream.read(int(min(left, 2**20)))):
        found.update(piece)
        left -= len(piece)
    return LAST + found.hexdigest().encode() + b"\n"


def _seal(file):
    file.attrs[PROPERTIES] = np.bytes_(
        _properties(file).partition(DIGEST)[0] + DIGEST + _digest(file)
    )


def _properties(file):
    return np.bytes_(file.attrs.get(PROPERTIES, b"")).decode()


def _digest(file):
    """Return a digest of all in an h5py File that has no checksum of HDF5, and that does not
    grow."""
    import h5netcdf

    file = h5netcdf.File(file, "r")
    found = hashlib.blake2b(repr(_attributes(file)).encode(), digest_size=16)
    for name, one in sorted(file.variables.items()):
        values = None if one.fletcher32 else np.asarray(one[...]).tolist()
        found.update(
            repr((name, one.dimensions, str(one.dtype), _attributes(one), values)).encode()
        )
    return found.hexdigest()


def _attributes(one):
    return sorted((name, str(np.asarray(value).tolist())) for name, value in one.attrs.items())
