"""A library that is loaded: its functions, and the memory of every network of its kind."""

import ctypes
import json
import os
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...base.errors import CompileError
from .engine import TRIALS


def opened(code: bytes, folder: str | Path) -> ctypes.CDLL:
    """Return the functions of a shared library, from a copy in `folder` that has no name.

    So nothing that happens to the file in the cache can reach a process that runs. They stay
    loaded: OpenMP's sleeping threads would wake up in unmapped memory.
    """
    handle, private = tempfile.mkstemp(prefix="build-", suffix=".so", dir=folder)
    try:
        with open(handle, "wb") as file:
            file.write(code)
        return ctypes.CDLL(private)
    except OSError as problem:
        raise CompileError(
            f"The compiled circuit could not be loaded from {folder}: {problem}. If programs may not be run from that "
            "folder (mounted 'noexec') or it is full, set NEUROFA_CACHE to another one; or use "
            "Network(..., target='numpy')."
        ) from None
    finally:
        os.unlink(private)


class Code:
    """The functions of one kind of circuit, loaded."""

    def __init__(self, code: bytes, folder: str | Path):
        self.functions = opened(code, folder)
        self.functions.neurofa_manifest.restype = ctypes.c_char_p
        self.functions.neurofa_array.restype = self.functions.neurofa_new.restype = ctypes.c_void_p
        self.functions.neurofa_drawn.restype = ctypes.c_int64
        self.manifest = json.loads(self.functions.neurofa_manifest())


class Memory:
    """The memory of one network, and what is done with it by the functions of its kind."""

    def __init__(self, code: Code, trials: int, units: Mapping[str, int]):
        self.functions, self.manifest = code.functions, code.manifest
        self.lengths = {TRIALS: trials, **units}
        numbers = [units[name] for name in self.manifest["populations"]]
        self.address = ctypes.c_void_p(
            self.functions.neurofa_new(
                ctypes.c_int64(trials), (ctypes.c_int64 * len(numbers))(*numbers)
            )
        )
        if not self.address:
            raise MemoryError
        weakref.finalize(self, self.functions.neurofa_free, self.address).atexit = False

    def call(self, function: str, *arguments: Any) -> Any:
        """Return what a function of the library, named without its prefix, makes of this memory."""
        return getattr(self.functions, f"neurofa_{function}")(self.address, *arguments)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return `{name: array}`: views of the memory, which keep it."""
        return {
            name: np.asarray(_View(self, self.call("array", i), dtype, self._shape(axes)))
            for name, (i, dtype, axes) in self.manifest["arrays"].items()
        }

    def _shape(self, axes):
        return [self.lengths[axis] for axis in axes] or [1]


class _View:
    """An array in the memory of a network, which lives as long as a NumPy view of it does."""

    def __init__(self, memory, address, dtype, shape):
        self.memory = memory
        self.__array_interface__ = dict(
            version=3, data=(address, False), typestr=dtype, shape=tuple(shape)
        )
