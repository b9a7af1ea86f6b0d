"""Tasks: with what input and what target a network is trained, and on what it is tested.

A `Task` is two arrays, two that are held out, a name and a cost. `digits()` needs no download,
`linear_map()` and `student_teacher()` are drawn from a seed, `mnist()` and `idx()` read files. All
arrays have one row per sample.
"""

import gzip
import math
import os
import struct
import zlib
from dataclasses import dataclass
from http.client import HTTPException

import numpy as np

from ..base.arguments import kind, numbers, path_of, seed_of, sequence, shown, whole
from ..base.errors import TaskError, choices
from ..rules.costs import COSTS, misfit
from .classes import coding, labels_of

IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
# where in a folder the files may lie; the last two, as torchvision keeps them
IDX_FOLDERS = (".", "raw", "MNIST/raw")
MOST_CLASSES = 100_000


@dataclass(frozen=True, repr=False, eq=False)
class Task:
    """Inputs `x` (samples, n_in) and targets `y` (samples, n_out), and the same held out; read-only
    floats.

    Targets that are given as whole numbers of shape (samples,) are labels of classes, from 0, and
    become one-hot.
    """

    x: np.ndarray
    y: np.ndarray  # one-hot for classification
    name: str = "task"
    # (test samples, n_in); None, and y_test too, where nothing is held out
    x_test: np.ndarray | None = None
    y_test: np.ndarray | None = None  # (test samples, n_out)
    cost: str = "squared"  # the cost the task is meant for, one of COSTS

    def __post_init__(self):
        kind("a Task's name", self.name, str, "text", TaskError)
        where = f"Task '{self.name}'"
        if not isinstance(self.cost, str) or self.cost not in COSTS:
            raise TaskError(
                f"{where}: there is no cost {shown(self.cost)}. {choices(self.cost, COSTS, 'cost')}"
            )
        if (self.x_test is None) != (self.y_test is None):
            raise TaskError(f"{where}: give both x_test and y_test, or none of them.")
        for what, targets in _labels_as_one_hot(self.name, self._given("y", "y_test")).items():
            object.__setattr__(self, what, targets)
        for what, given in self._given("x", "y", "x_test", "y_test").items():
            object.__setattr__(self, what, _checked(given, f"{where}: {what}"))
        for a, b, axis in (
            ("x", "y", 0),
            ("x_test", "y_test", 0),
            ("x", "x_test", 1),
            ("y", "y_test", 1),
        ):
            n, m = (
                None if (array := getattr(self, one)) is None else array.shape[axis]
                for one in (a, b)
            )
            if n != m and None not in (n, m):
                raise TaskError(
                    f"{where}: {a} has {n} {('samples', 'columns')[axis]} but {b} has {m}. "
                    f"{('Give one row of targets per row of inputs', 'Hold out samples of the same kind')[axis]}."
                )
        for what, targets in self._given("y", "y_test").items():
            if wrong := misfit(self.cost, targets):
                raise TaskError(f"{where}: {what} {wrong}")

    def _given(self, *names):
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def sizes(self):
        """The widths `(n_in, n_out)` that a network for this task must have."""
        return self.x.shape[1], self.y.shape[1]

    @property
    def held_out(self):
        """Whether there are held-out samples."""
        return self.x_test is not None

    @property
    def coding(self):
        """The two values by which the targets, training and held out, code for classes; None where
        they are no classes."""
        return coding(*self._given("y", "y_test").values())

    @property
    def classes(self):
        """Whether the targets stand for classes: one high output in every row, or a single output
        of two values."""
        return self.coding is not None

    @property
    def statistics(self):
        """A dict of sample counts, widths and moments of the training `x`; and how many samples
        each class has in training."""
        x, (inputs, outputs) = self.x, self.sizes
        found = {
            "samples": len(x),
            "test samples": len(self.x_test) if self.held_out else 0,
            "inputs": inputs,
            "outputs": outputs,
        }
        found |= {"mean": float(x.mean(dtype=np.float64)), "std": float(x.std(dtype=np.float64))}
        found |= {"min": float(x.min()), "max": float(x.max())}
        if self.coding is None:
            return found
        counts = np.bincount(labels_of(self.y, None, self.coding), minlength=max(2, outputs))
        return found | {"class counts": counts.tolist()}

    def __repr__(self):
        (inputs, outputs), what = self.sizes, "outputs"
        if self.classes:
            outputs, what = max(2, outputs), "classes"
        counts = f"{len(self.x)} samples + {len(self.x_test) if self.held_out else 0} held out"
        return f"Task {self.name}: {inputs} inputs -> {outputs} {what}, {counts}, {self.cost}"

    def batches(self, size, rng):
        """Return an iterator over index arrays `(size,)` that visit every sample once, in an order
        drawn from `rng`.

        The last one is shorter where `size` does not divide the number of samples.
        """
        size = whole(f"Task '{self.name}': the batch size", size, TaskError)
        kind(
            "rng",
            rng,
            np.random.Generator,
            "a generator, such as np.random.default_rng(0)",
            TaskError,
        )
        order = rng.permutation(len(self.x))
        return (order[start : start + size] for start in range(0, len(order), size))


def _checked(array, what):
    """Return a copy of `array` (samples, width) as finite, C-contiguous, read-only float64, or
    float32 if it was."""
    array = numbers(what, array, error=TaskError, axes=("sample", "feature"))
    if array.ndim != 2 or 0 in array.shape:
        one = (
            " For a single column, use reshape(-1, 1); labels of classes are whole numbers, astype(int)."
            * (array.ndim == 1)
        )
        raise TaskError(
            f"{what} has shape {array.shape}, not (samples, width) with at least one of each. Reshape it.{one}"
        )
    array = np.array(array, order="C")
    array.setflags(write=False)
    return array


def one_hot(labels, classes=None, dtype=np.float64):
    """Return `labels` (samples,), whole numbers from 0, as rows of zeros with a single one, shape
    (samples, classes).

    Without `classes`, there are as many as the largest label asks for. Raises TaskError for what is
    no label.
    """
    return _as_one_hot("one_hot: labels", labels, classes, dtype)


def _as_one_hot(what, labels, classes, dtype=np.float64):
    if not _are_labels(labels) or np.ma.is_masked(labels) or np.min(labels) < 0:
        raise TaskError(
            f"{what} = {shown(labels)}: give one whole number, 0 or larger, per sample, without masked entries. "
            "np.unique(labels, return_inverse=True)[1] numbers labels of any kind."
        )
    labels = np.asarray(labels)
    classes = (
        int(labels.max()) + 1 if classes is None else whole(f"{what}: classes", classes, TaskError)
    )
    if not labels.max() < classes <= MOST_CLASSES:
        raise TaskError(
            f"{what}: the largest is {labels.max()}, which does not fit {classes} classes, of which there may be "
            f"{MOST_CLASSES}. Number the classes from 0: np.unique(labels, return_inverse=True)[1]."
        )
    y = np.zeros((len(labels), classes), dtype)
    y[np.arange(len(labels)), labels.astype(np.int64)] = 1
    return y


def _are_labels(targets):
    try:
        targets = np.asarray(targets)
    except (TypeError, ValueError, RuntimeError):
        return False  # no array, which is said elsewhere
    return targets.ndim == 1 and targets.size > 0 and targets.dtype.kind in "bui"


def _labels_as_one_hot(name, targets):
    """Return those of `{"y": .., "y_test": ..}` that are labels, as one-hot over the classes of
    both."""
    labels = {what: given for what, given in targets.items() if _are_labels(given)}
    others = [given for what, given in targets.items() if what not in labels]
    if not labels:
        return {}
    if not others:
        classes = max(
            1, min(MOST_CLASSES, 1 + max(int(np.max(given)) for given in labels.values()))
        )
    else:
        classes = _width(others[0])
    return {
        what: _as_one_hot(f"Task '{name}': {what}", given, classes)
        for what, given in labels.items()
    }


def _width(targets):
    """Return how many columns some targets have; None if they are no rows of one length."""
    try:
        return np.shape(targets)[1]
    except (IndexError, TypeError, ValueError, RuntimeError):
        return None


def digits(seed=0, test=0.25):
    """Return scikit-learn's 8 x 8 digits: x (samples, 64) in 0..1, y (samples, 10); a share `test`
    is held out.

    1797 samples, from the UCI optical recognition set. Every class is held out in proportion;
    `seed` draws the split.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, labels = load_digits(return_X_y=True)
    seed_of("digits: the seed", seed, TaskError)
    try:
        split = train_test_split(
            x / 16, one_hot(labels, 10), test_size=test, random_state=seed, stratify=labels
        )
    except ValueError as error:
        raise TaskError(f"digits(seed={seed!r}, test={test!r}) cannot be split: {error}") from error
    x, x_test, y, y_test = split
    return Task(x, y, "digits", x_test, y_test, "cross_entropy")


def _streams(kind, sizes, seed):
    """Return three independent generators: for the target function, the samples and the held-out
    samples.

    They are keyed by the task, so a network that is drawn from the same seed does not start with
    the target's numbers.
    """
    for size in sizes:
        whole(f"{kind}: a width in sizes={sizes}", size, TaskError)
    return np.random.default_rng(
        [seed_of(f"{kind}: the seed", seed, TaskError), *kind.encode()]
    ).spawn(3)


def _drawn(kind, function, sizes, samples, test, seed):
    """Return the task y = function(x) with x standard normal; the counts do not change the
    function."""
    counts = whole(f"{kind}: samples", samples, TaskError), whole(f"{kind}: test", test, TaskError)
    x, x_test = (
        rng.standard_normal((n, sizes[0]))
        for rng, n in zip(_streams(kind, sizes, seed)[1:], counts)
    )
    return Task(x, function(x), kind, x_test, function(x_test), "squared")


def linear_target(sizes=(30, 10), seed=0):
    """Return the matrix T (n_out, n_in) of `linear_map`, its entries uniform in (-1, 1)."""
    sizes = sequence("linear_map: sizes", sizes, "(n_in, n_out)", TaskError)
    if len(sizes) != 2:
        raise TaskError(
            f"linear_map: sizes={sizes} must be (n_in, n_out). Hidden layers belong to the network."
        )
    return _streams("linear_map", sizes, seed)[0].uniform(-1, 1, (sizes[1], sizes[0]))


def linear_map(sizes=(30, 10), samples=4000, test=1000, seed=0):
    """Return y = T x, x (samples, n_in) standard normal, y (samples, n_out): the target of the
    30-20-10 linear network.

    Lillicrap et al. 2014, arXiv:1411.0247, and 2016, Nature Communications 7:13276, for the task
    and its widths. Our choice: the distributions of T (see `linear_target`) and x, and the numbers
    of samples.
    """
    T = linear_target(sizes, seed)
    return _drawn("linear_map", lambda x: x @ T.T, sizes, samples, test, seed)


def teacher(sizes=(30, 20, 10, 10), seed=0):
    """Return the layers of `student_teacher` as (W, b) pairs, W (n_l, n_{l-1}) and b (n_l,).

    The distribution is our choice: W normal with standard deviation 1.5/sqrt(n_{l-1}), b with 0.1.
    """
    sizes = sequence(
        "student_teacher: sizes", sizes, "the width of every layer, such as (30, 20, 10)", TaskError
    )
    if len(sizes) < 2:
        raise TaskError(
            f"student_teacher: sizes={sizes} needs at least an input and an output width."
        )
    rng = _streams("student_teacher", sizes, seed)[0]
    return [
        (rng.normal(0, 1.5 * n**-0.5, (m, n)), rng.normal(0, 0.1, m))
        for n, m in zip(sizes, sizes[1:])
    ]


def teach(layers, x):
    """Return what a teacher makes of x (samples, n_in): tanh hidden layers, linear output."""
    *hidden, (W_out, b_out) = layers
    for W, b in hidden:
        x = np.tanh(x @ W.T + b)
    return x @ W_out.T + b_out


def student_teacher(sizes=(30, 20, 10, 10), samples=10000, test=5000, seed=0):
    """Return the outputs y (samples, n_out) of a random tanh network with linear output for x
    (samples, n_in).

    Lillicrap et al. 2014, arXiv:1411.0247, and 2016, Nature Communications 7:13276: the 30-20-10-10
    teacher with tanh hidden layers, a linear output and biases, and 5000 test points. Our choice: x
    standard normal, the teacher's weights (see `teacher`), and 10000 samples.
    """
    layers = teacher(sizes, seed)
    return _drawn("student_teacher", lambda x: teach(layers, x), sizes, samples, test, seed)


def read_idx(path):
    """Return the array in an IDX file, gzipped or not, with the shape and type that its header
    states."""
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


def idx(folder, name=None, dtype=np.float64):
    """Return a folder of IDX files as x (samples, pixels) in 0..1 and one-hot y (samples, classes),
    both of `dtype`.

    The folder, or its subfolder raw or MNIST/raw, holds the four IDX_FILES (t10k is held out), each
    as it is or gzipped with the ending .gz; "train-images.idx3-ubyte" is the same file as
    "train-images-idx3-ubyte". Bytes are divided by 255, wider integers scaled by the range of the
    training images, floats taken as they are.
    """
    folder = path_of("folder", folder, TaskError).expanduser()
    paths = _idx_paths(folder)
    (images, labels), (test_images, test_labels) = _pair(*paths[:2]), _pair(*paths[2:])
    low, high = {"u": (0, 255), "f": (0, 1)}.get(images.dtype.kind) or (
        int(images.min()),
        int(images.max()),
    )
    x, x_test = (_scaled(part, low, high, dtype) for part in (images, test_images))
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


def _scaled(images, low, high, dtype):
    """Return `images` (samples, ...) as rows (samples, pixels) of `dtype`, `low` becoming 0 and
    `high` 1."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TaskError(
            f"dtype={dtype!r} cannot hold 0..1 here. Choose float32 (half the memory) or float64."
        )
    x = images.reshape(len(images), -1).astype(dtype)
    x -= low
    x /= (high - low) or 1
    return x


def mnist(folder=None, dtype=np.float64):
    """Return MNIST: x (60000, 784) in 0..1, one-hot y (60000, 10), and 10000 held-out samples.

    The IDX files are looked for in `folder`, else in the folder that the environment variable
    NEUROFA_MNIST names, as `idx` does; with neither, scikit-learn fetches 'mnist_784' from
    openml.org and keeps it.
    """
    folder = folder or os.environ.get("NEUROFA_MNIST")
    if folder:
        return idx(folder, "mnist", dtype)
    from sklearn.datasets import fetch_openml

    try:
        x, labels = fetch_openml(
            "mnist_784", version=1, as_frame=False, parser="liac-arff", return_X_y=True
        )
    except (OSError, ValueError, HTTPException) as error:
        raise TaskError(
            f"MNIST could not be fetched from openml.org ({error}). Download {', '.join(IDX_FILES)} (or .gz) by hand "
            "and name their folder, as mnist(folder=...) or in the environment variable NEUROFA_MNIST."
        ) from error
    x, y = _scaled(x, 0, 255, dtype), one_hot(labels.astype(int), 10, dtype)
    return Task(x[:60000], y[:60000], "mnist", x[60000:], y[60000:], "cross_entropy")


TASKS = {f.__name__: f for f in (digits, linear_map, student_teacher, idx, mnist)}


def task(name, **kwargs):
    """Return the `Task` called `name`, made with `kwargs`: `task("digits", seed=1)` is
    `digits(seed=1)`."""
    if name not in TASKS:
        raise TaskError(f"There is no task '{name}'. {choices(name, TASKS, 'task')}")
    return TASKS[name](**kwargs)
