"""IDX files, the format of MNIST: one array, or a folder of images and labels as a Task."""

import gzip
import math
import struct
import zlib
from os import PathLike

import numpy as np
from numpy.typing import DTypeLike

from ..base.arguments import path_of
from ..base.errors import TaskError
from .coded import Coded
from .one_hot import one_hot
from .task import Task

#: The type code in the header of an IDX file, and the NumPy type of its numbers.
IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
#: The files of a data set: images and labels to learn from, then those held out.
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
#: Where in a folder the files may lie; the last two, as torchvision keeps them.
IDX_FOLDERS = (".", "raw", "MNIST/raw")


def read_idx(path: str | PathLike) -> np.ndarray:
    """Return the array in an IDX file, gzipped or not, with the shape and type that its header
    states.

    Examples
    --------
    >>> from pathlib import Path
    >>> written = Path("labels").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 4]))
    >>> tasks.read_idx("labels")
    array([7, 0, 4], dtype=uint8)
    """
    try:
        data = path_of("path", path, TaskError).read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise TaskError(f"{path} is corrupt gzip ({error}). Download it again.") from error
    except OSError as error:
        raise TaskError(
            f"{path} cannot be read ({error}). Check that it is a file you may read."
        ) from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in IDX_DTYPES:
        raise TaskError(
            f"{path} is no IDX file: its magic number is '{data[:4].hex(' ')}', not two zero bytes, a type code "
            f"({', '.join(f'{code:02x}' for code in IDX_DTYPES)}) and a rank. Download it again."
        )
    dtype, header = np.dtype(IDX_DTYPES[data[2]]), 4 + 4 * data[3]
    shape = struct.unpack_from(f">{min(data[3], len(data) // 4 - 1)}I", data, 4)
    expected = header + (dtype.itemsize * math.prod(shape) if len(data) >= header else 0)
    if len(data) != expected:
        raise TaskError(
            f"{path} is {'truncated' if len(data) < expected else 'too long'}: header ({dtype.name}, rank {data[3]}, "
            f"shape {shape}) asks for {expected} bytes and {len(data)} were found, uncompressed. Download it again."
        )
    return (
        np.frombuffer(data, dtype, offset=header)
        .reshape(shape)
        .astype(dtype.newbyteorder("="), copy=False)
    )


def idx(folder: str | PathLike, name: str | None = None, dtype: DTypeLike = np.float64) -> Task:
    """Return a folder of IDX files as x (samples, pixels) in 0..1 and one-hot y (samples, classes),
    both of `dtype`.

    The folder, or its subfolder raw or MNIST/raw, holds the four IDX_FILES (t10k is held out), each
    as it is or gzipped with the ending .gz; "train-images.idx3-ubyte" is the same file as
    "train-images-idx3-ubyte". Bytes are divided by 255, wider integers scaled by the range of the
    training images, floats taken as they are.

    Examples
    --------
    >>> from pathlib import Path
    >>> images = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, *range(8)])  # two of 2 x 2
    >>> labels = bytes([0, 0, 8, 1, 0, 0, 0, 2, 0, 1])
    >>> for part in ("train", "t10k"):
    ...     written = Path(f"{part}-images-idx3-ubyte").write_bytes(images)
    ...     written = Path(f"{part}-labels-idx1-ubyte").write_bytes(labels)
    >>> task = tasks.idx(".")
    >>> task.x.shape, task.y.shape
    ((2, 4), (2, 2))
    """
    folder = path_of("folder", folder, TaskError).expanduser()
    paths = _idx_paths(folder)
    (images, labels), (test_images, test_labels) = _pair(*paths[:2]), _pair(*paths[2:])
    low, high = {"u": (0, 255), "f": (0, 1)}.get(images.dtype.kind) or (
        int(images.min()),
        int(images.max()),
    )
    x, x_test = (scaled(part, low, high, dtype) for part in (images, test_images))
    outputs = 1 + int(max(labels.max(), test_labels.max()))
    y, y_test = (one_hot(part, outputs, dtype) for part in (labels, test_labels))
    return Task(x, y, name or folder.resolve().name, x_test, y_test, "cross_entropy")


def _idx_paths(folder):
    """Return the paths of the four IDX_FILES in `folder`."""
    expected = f"Expected, each as it is or with .gz: {', '.join(IDX_FILES)}."
    if not folder.is_dir():
        raise TaskError(f"There is no folder {folder}. Give the one with the IDX files. {expected}")
    found = [[_idx_path(folder / place, f) for f in IDX_FILES] for place in IDX_FOLDERS]
    # the first of those with most of them
    paths = max(found, key=lambda paths: sum(path is not None for path in paths))
    missing = [f for f, path in zip(IDX_FILES, paths) if path is None]
    if missing:
        raise TaskError(
            f"The folder {folder} has no {', '.join(missing)}. Add what is missing. {expected}"
        )
    return paths


def _idx_path(folder, name):
    """Return the path of one IDX file, with the dash or the dot before its type, gzipped or not;
    None if it is not there."""
    spelled = (name, name.replace("-idx", ".idx"))
    return next((p for f in spelled for p in (folder / f, folder / f"{f}.gz") if p.exists()), None)


def _pair(image_path, label_path):
    """Return images (samples, ...) and labels (samples,) that belong together."""
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.ndim < 2 or 0 in images.shape:
        raise TaskError(
            f"{image_path} has shape {images.shape}, not (samples, ...). Check that it holds images."
        )
    if labels.dtype.kind not in "ui" or labels.ndim != 1 or labels.min(initial=0) < 0:
        raise TaskError(
            f"{label_path} holds {labels.dtype} of shape {labels.shape}, or negative numbers; "
            "labels are integers from 0, one per sample. Check that it holds labels."
        )
    if len(images) != len(labels):
        raise TaskError(
            f"{image_path} has {len(images)} images but {label_path} has {len(labels)} labels. Download both again."
        )
    return images, labels


def scaled(images: np.ndarray, low: float, high: float, dtype: DTypeLike) -> np.ndarray | Coded:
    """Return `images` (samples, ...) as rows (samples, pixels) of `dtype`, `low` becoming 0 and
    `high` 1; bytes stay bytes, in a Coded array."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TaskError(
            f"dtype={dtype!r} cannot hold 0..1 here. Choose float32 (half the memory) or float64."
        )
    if images.dtype == np.uint8:
        table = scaled(np.arange(256)[:, None], low, high, dtype)[:, 0]
        return Coded(images.reshape(len(images), -1), table)
    x = images.reshape(len(images), -1).astype(dtype)
    x -= low
    x /= (high - low) or 1
    return x
