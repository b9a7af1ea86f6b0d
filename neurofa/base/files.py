"""Files that are whole: they appear when they are complete, change in one go, and a full disk
leaves what was there as it was.

HDF5 ends the process when a disk is full, and files that Ctrl-C leaves open in it cannot be opened
again. So it never meets a disk here: it writes in memory, and what it has written is then written
by Python.
"""

import errno
import hashlib
import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any, Self

from .errors import ExperimentError

PAGE = 2**16  # bytes of a file that are taken into memory, or written back, together
FULL = errno.ENOSPC, errno.EDQUOT, errno.EFBIG


def write(path: str | PathLike, data: bytes | memoryview) -> None:
    """Write bytes to a file, under another name first: it appears, or changes, when it is complete.
    Raises ExperimentError."""
    path = Path(path)
    # a name of its own: jobs of an array begin the same run at the same moment
    part = path.with_name(f"{path.name}.{os.urandom(4).hex()}.unfinished")
    try:
        with open(part, "wb", buffering=0) as file:
            _write(file, data)
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as problem:
        raise unwritable(path, problem) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def refuse_to_overwrite(path: Path, unfinished: Path) -> None:
    """Raise ExperimentError if there is a file of this name already, or what an interrupted run has
    left of it."""
    if path.exists():
        raise ExperimentError(
            f"{path} is there already, and nothing is overwritten or appended to: rename or delete it, or "
            "write to another file. A training that goes on from a checkpoint writes its next part to a file of its own."
        )
    if unfinished.exists():
        raise ExperimentError(
            f"{unfinished} is there: an interrupted run has left it, or another one is writing it. It can be "
            "read as it is. Rename or delete it, or write to another file."
        )


def write_json(path: str | PathLike, values: Any) -> None:
    """Write plain values as JSON, with a digest of them as the last one. Raises ExperimentError."""
    values = json.loads(json.dumps(values, default=str))
    write(path, (json.dumps(values | dict(digest=_digest(values)), indent=2) + "\n").encode())


def read_json(path: str | PathLike, *needed: str) -> dict[str, Any]:
    """Return the dictionary in a file of `write_json`, or of an older version without a digest.

    Raises ExperimentError if it is not there, is damaged, or has not all keys that are `needed`.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise unreadable(path, problem.strerror or problem) from None
    except (ValueError, RecursionError) as problem:
        raise unreadable(path, f"it is damaged ({problem})") from None
    if not isinstance(values, dict) or not all(key in values for key in needed):
        raise unreadable(path, f"it has no {' and '.join(needed) or 'values'}")
    *_, last = values or ("",)
    digest = values.pop("digest", None)
    renamed = (
        digest is None
        and values
        and values[last] == _digest({key: one for key, one in values.items() if key != last})
    )
    if renamed or digest not in (None, _digest(values)):
        raise unreadable(
            path,
            "it is damaged, or was changed by hand: its values are not those that were written",
        )
    return values


@contextmanager
def changed(path: str | PathLike) -> Iterator[io.RawIOBase]:
    """Give a file object to change `path` through; the file itself changes at the end of the
    `with`, or not at all.

    Ctrl-C waits for the end. Raises OSError if there is no space for it, and then the file is as it
    was.
    """
    with uninterrupted(), open(path, "rb") as file:
        changes = _Changes(file)
        yield changes
        changes.write_to(path)


class ctrl_c_noted:
    """A `with` within which Ctrl-C raises nothing, but is noted in `pressed`. In other threads than
    the main one it never comes.

    An exception may be lost: what is raised while the garbage collector calls somebody's callback,
    Python ignores.
    """

    pressed: list[tuple]
    usual: Any  # the handler that waits, or None

    def __enter__(self) -> Self:
        self.pressed, self.usual = [], None
        if threading.current_thread() is threading.main_thread() and callable(
            signal.getsignal(signal.SIGINT)
        ):
            self.usual = signal.signal(signal.SIGINT, lambda *what: self.pressed.append(what))
        return self

    def __exit__(self, *problem: object) -> None:
        if self.usual:
            signal.signal(signal.SIGINT, self.usual)


class uninterrupted(ctrl_c_noted):
    """A `with` within which Ctrl-C waits: it comes at the end."""

    def __exit__(self, *problem: object) -> None:
        super().__exit__(*problem)
        if self.usual and self.pressed:
            self.usual(*self.pressed[0])


def unwritable(path: str | PathLike, problem: OSError) -> ExperimentError:
    """Return the ExperimentError that says why `path` cannot be written, from an OSError, and what
    to do."""
    todo = (
        "What was written before is as it was: make space, or choose another place, and go on."
        if problem.errno in FULL
        else "Choose a folder that is there, and that you may write."
    )
    return ExperimentError(f"{path} cannot be written: {problem.strerror or problem}. {todo}")


def unreadable(path: str | PathLike, why: object) -> ExperimentError:
    """Return the ExperimentError that says why `path` cannot be read, and what to do."""
    return ExperimentError(
        f"{path} cannot be read: {why}. Restore it from a copy, or delete it and make it again."
    )


def _digest(values):
    return hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=16).hexdigest()


def _write(file, data):
    """Write all of `data`: the operating system may take a part of it at a time."""
    data = memoryview(data)
    while len(data):
        data = data[file.write(data) :]


class _Changes(io.RawIOBase):
    """A file as it would be after what is written here: the pages that differ are in memory."""

    def __init__(self, file):
        self.file, self.pages, self.at = file, {}, 0
        self.before = self.size = os.fstat(file.fileno()).st_size

    def readable(self):
        return True

    writable = seekable = readable

    def seek(self, offset, whence=os.SEEK_SET):
        self.at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: self.size}[whence]
        return self.at

    def tell(self):
        return self.at

    def readinto(self, buffer):
        view = memoryview(buffer).cast("B")
        view = view[: max(0, self.size - self.at)]
        for page, there, here in self._places(len(view)):
            view[here] = (self.pages[page] if page in self.pages else self._read(page))[there]
        return len(view)

    def write(self, data):
        view = memoryview(data).cast("B")
        for page, there, here in self._places(len(view)):
            if page not in self.pages:
                self.pages[page] = self._read(page)
            self.pages[page][there] = view[here]
        self.size = max(self.size, self.at)
        return len(view)

    def truncate(self, size=None):
        self.size = self.at if size is None else size
        return self.size

    def _places(self, count):
        """Go on by so many bytes: for every page in them (its number, where in the page, where in
        the bytes)."""
        done = 0
        while done < count:
            page, start = divmod(self.at, PAGE)
            length = min(PAGE - start, count - done)
            yield page, slice(start, start + length), slice(done, done + length)
            done, self.at = done + length, self.at + length

    def _read(self, page):
        self.file.seek(page * PAGE)
        return bytearray(self.file.read(PAGE).ljust(PAGE, b"\0"))

    def write_to(self, path):
        """Bring the file to this state: what is beyond its end first, for which there may be no
        space; then what is there already."""
        with open(path, "r+b", buffering=0) as file:
            try:
                self._bring(file, self.before, self.size)
                file.close()  # file systems over a network speak of a full disk here
            except OSError:
                os.truncate(path, self.before)
                raise
        with open(path, "r+b", buffering=0) as file:
            for page in sorted(self.pages):
                self._bring(file, page * PAGE, min((page + 1) * PAGE, self.before, self.size))
            file.truncate(self.size)

    def _bring(self, file, start, end):
        """Write the bytes from `start` to `end`, gaps too: a hole would ask for space later."""
        file.seek(start)
        while start < end:
            page, first = divmod(start, PAGE)
            part = memoryview(self.pages.get(page, bytes(PAGE)))[first : first + end - start]
            _write(file, part)
            start += len(part)
