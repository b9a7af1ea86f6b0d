"""Plain values and arrays, nested in dictionaries, as one HDF5 file that says what it is and
notices when it is damaged.

    /about            all that is no array, as JSON text (UTF-8), nested as it was given
    /network/...      the arrays, in groups that are nested likewise
    attributes        format (what the file is), version (of its layout), made_by (neurofa, Python and libraries)
    user block        the first 512 bytes, which HDF5 leaves alone: a line with the digest of all bytes after them

`h5py.File(path)` and `h5dump` read it. It is made in memory and written at once, under another name
first.
"""

import hashlib
import io
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ExperimentError
from .files import unreadable
from .files import write as write_file

BLOCK = 512
HEAD = f"neurofa: the BLAKE2b digest of all that follows these {BLOCK} bytes is ".encode()
VERSION = 1
PACKAGES = ("neurofa", "brian2", "numpy")


def write(path: str | PathLike, format: str, tree: Mapping[str, Any]) -> None:
    """Write a `tree` of dictionaries, plain values and arrays; the file appears, or changes, when
    it is complete.

    Raises ExperimentError if it cannot be written, or where a value is none that JSON knows.
    """
    import h5py

    plain, arrays = _split(tree, path)
    memory = io.BytesIO()
    with h5py.File(memory, "w", userblock_size=BLOCK) as file:
        file.attrs.update(format=format, version=VERSION, made_by=_makers())
        # an attribute would hold no more than 64 KB
        file["about"] = np.bytes_(json.dumps(plain).encode())
        for name, array in arrays.items():
            file[name] = array
    image = memory.getbuffer()
    image[:BLOCK] = _head(image[BLOCK:])
    write_file(path, image)


def read(path: str | PathLike, *formats: str) -> dict[str, Any]:
    """Return the tree in a file of one of these `formats`. Raises ExperimentError if it is none, is
    damaged, or of a newer version."""
    import h5py

    path = Path(path)
    try:
        image = path.read_bytes()
    except OSError as problem:
        raise unreadable(path, problem.strerror or problem) from None
    if image[:BLOCK] != _head(memoryview(image)[BLOCK:]):
        what = (
            "is damaged"
            if image.startswith(HEAD)
            else f"is no {' or '.join(formats)} that this version of neurofa wrote"
        )
        raise unreadable(path, f"it {what}")
    with h5py.File(io.BytesIO(image), "r") as file:
        found, newest = file.attrs["format"], int(file.attrs["version"])
        if newest > VERSION:
            raise ExperimentError(
                f"{path} was written by a newer version of neurofa ({file.attrs['made_by']}): its layout is number "
                f"{newest}, and this version knows those up to {VERSION}. Update neurofa."
            )
        if found not in formats:
            raise ExperimentError(f"{path} is a {found} of neurofa, and no {' or '.join(formats)}.")
        tree = json.loads(file["about"][()])
        file.visititems(
            lambda name, one: (
                _put(tree, name, one) if name != "about" and isinstance(one, h5py.Dataset) else None
            )
        )
    return tree


@cache
def _makers():
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
    )


def _head(rest):
    """Return the user block before `rest`."""
    return HEAD + f"{hashlib.blake2b(rest).hexdigest()}\n".encode().ljust(BLOCK - len(HEAD))


def _put(tree, name, dataset):
    *groups, last = name.split("/")
    for group in groups:
        tree = tree.setdefault(group, {})
    tree[last] = dataset[()] if dataset.shape else np.asarray(dataset[()])


def _split(tree, path, above=""):
    """Return (what of a tree is no array, {name: array})."""
    plain, arrays = {}, {}
    for name, value in tree.items():
        if isinstance(value, np.ndarray):
            arrays[f"{above}{name}"] = value
        elif isinstance(value, Mapping):
            plain[name], below = _split(value, path, f"{above}{name}/")
            arrays |= below
        else:
            plain[name] = plain_values(value, f"{path} cannot be written: {above}{name}")
    return plain, arrays


def plain_values(value: object, what: str) -> Any:
    """Return `value` in what JSON knows: arrays as lists. Raises ExperimentError, about `what`,
    where it is something else."""

    def known(one):
        if isinstance(one, (np.generic, np.ndarray)) and one.dtype.kind in "buifU":
            return one.tolist()
        raise ExperimentError(
            f"{what} holds {one!r}, which is no plain value. Use numbers, text, lists and dictionaries."
        )

    return json.loads(json.dumps(value, default=known))


def digest(*arrays: np.ndarray) -> str:
    """Return a digest of arrays, of their types and shapes: the same for the same numbers."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
