"""Compiled code that is kept: in the user's cache folder, written whole, and used only if it is what
we once put there."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy.typing as npt
from filelock import FileLock

from ...base.errors import CompileError, warn
from .runtime import runtime
from .toolchain import belongs_to_us, cache_folder, compile_library, key

# seconds: no compilation takes that long, so whoever made an older folder was killed
_LEFT_BEHIND = 3600


def kept(name: str, generate: Callable[[Path], Path], dtype: npt.DTypeLike) -> tuple[bytes, Path]:
    """Return the shared library called `name`, which computes in the precision `dtype`, made if it is
    not in the cache, and the folder of the cache.

    `generate(folder)` writes its C++ to a folder, and returns the file to compile. A library that
    does not match its checksum, or that others could have written, is made anew, with a warning;
    where the cache folder cannot be used, a temporary one serves, with a warning. Raises
    CompileError.
    """
    folder, problem = cache_folder()
    if problem:
        warn(
            f"Compiled circuits cannot be kept in {problem}. They are compiled anew at every start; "
            "set NEUROFA_CACHE to a folder that only you can write to."
        )
    try:
        return kept_file(folder / f"{name}.so", _library(generate, folder, dtype)), folder
    except OSError as problem:
        raise CompileError(
            f"The compiled circuit could not be written to {folder}: {problem.strerror or problem}. "
            "Free some space there, or set NEUROFA_CACHE to another folder."
        ) from None


def _library(generate, folder, dtype):
    """Return what makes a library: its C++, linked with what all of them use."""

    def make(build, result):
        source, rest = generate(build), build / "runtime.o"
        rest.write_bytes(_runtime(folder, dtype))
        compile_library(source, result, rest)

    return make


def _runtime(folder, dtype):
    """Return the object of what no circuit changes, made if it is not in the cache."""

    def make(build, result):
        source = build / "once.cpp"
        source.write_text(runtime(dtype))
        compile_library(source, result, "-c")

    return kept_file(folder / f"{key(runtime(dtype))}.o", make)


def kept_file(path: Path, make: Callable[[Path, Path], None]) -> bytes:
    """Return the bytes of a compiled file in the cache folder; if it is not there, or not as we put
    it there, `make(build, result)` makes it, in a folder for what it needs meanwhile.

    Raises OSError where it cannot be written.
    """
    code = _stored(path, say=True)
    if code is None:
        with FileLock(f"{path}.lock", mode=0o600):
            code = _stored(path) or _make(path, make)
    return code


def checksum(code: bytes) -> str:
    """Return what a library is known by."""
    return hashlib.sha256(code).hexdigest()


def _stored(path, say=False):
    """Return the bytes of a library in the cache if they are what we once put there, or None."""
    try:
        (code, ours), (expected, too) = map(_read, (path, path.with_suffix(".sha256")))
    except OSError:
        return None
    if ours and too and checksum(code).encode() == expected:
        return code
    if say:
        what = "is damaged" if ours and too else "could have been written by somebody else"
        warn(f"The compiled circuit {path} {what}; it is compiled anew.")
    return None


def _read(path):
    """Return the bytes of a file, and whether nobody but the user could have written them."""
    with open(path, "rb") as file:
        return file.read(), belongs_to_us(os.fstat(file.fileno()))


def _make(path, make):
    """Compile, and put the result in place by renaming, so that a broken-off run leaves nothing
    half-made."""
    _sweep(path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as build:
        build = Path(build)
        make(build, build / path.name)
        code = (build / path.name).read_bytes()
        (build / "checksum").write_text(checksum(code))
        for made, place in ((path.name, path), ("checksum", path.with_suffix(".sha256"))):
            (build / made).chmod(0o600)  # whatever the umask is
            os.replace(build / made, place)
        return code


def _sweep(folder):
    """Remove what processes that were killed have left; what others finish meanwhile vanishes
    anyway."""
    for left in folder.glob("build-*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime <= _LEFT_BEHIND:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
