"""Tasks against what shares no code with them: scikit-learn's own arrays, plain Python loops,
hand-packed IDX bytes."""

import gzip
import http.client
import math
import pickle
import struct
import subprocess
import sys
import urllib.error

import numpy as np
import pytest

from neurofa import tasks
from neurofa.base.errors import TaskError
from neurofa.data.tasks import (
    IDX_FILES,
    TASKS,
    Task,
    digits,
    idx,
    linear_map,
    linear_target,
    mnist,
    one_hot,
    read_idx,
    task,
)

# IDX type code -> struct letter
CODES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}


def small(**changes):
    """Return a valid four-sample task with `changes` made to its arguments."""
    rng = np.random.default_rng(0)
    shapes = {"x": (4, 3), "y": (4, 2), "x_test": (2, 3), "y_test": (2, 2)}
    arrays = {what: rng.random(shape) for what, shape in shapes.items()}
    return Task(**(arrays | {"name": "small"} | changes))


def message(error):
    """Return the text of an error and check that it is one paragraph."""
    text = str(error.value)
    assert "\n" not in text and text.endswith(".")
    return text


# --- Task -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, list])
def test_whole_numbers_are_labels_of_classes(dtype):
    labels, held_out = [1, 0, 1, 1], [0, 1]
    made = (
        small(y=labels, y_test=held_out)
        if dtype is list
        else small(y=np.array(labels, dtype), y_test=np.array(held_out, dtype))
    )
    assert made.classes and made.sizes == (3, 2)
    np.testing.assert_array_equal(made.y, [[0, 1], [1, 0], [0, 1], [0, 1]])
    np.testing.assert_array_equal(made.y_test, [[1, 0], [0, 1]])


def test_classes_are_those_of_training_and_held_out_labels_together():
    assert small(y=[0, 1, 1, 0], y_test=[4, 0]).sizes == (3, 5)
    assert small(y=[0, 1, 1, 0], y_test=np.eye(3)[:2]).sizes == (3, 3)
    with pytest.raises(TaskError, match="largest is 5, which does not fit 3 classes"):
        small(y=[0, 5, 1, 0], y_test=np.eye(3)[:2])


@pytest.mark.parametrize(
    "labels",
    [
        [0, -1, 1, 1],
        [0, 1, 2, 10**9],
        np.array([0, 1, 2, 2**63], np.uint64),
        np.ma.masked_greater([0, 1, 0, 9], 5),
    ],
)
def test_what_is_no_label(labels):
    with pytest.raises(TaskError, match="Task 'small'.*return_inverse"):
        small(y=labels, y_test=[0, 1])


def test_real_numbers_in_one_column_are_no_labels():
    with pytest.raises(TaskError, match=r"reshape\(-1, 1\); labels of classes are whole numbers"):
        small(y=[0.0, 1.0, 0.0, 1.0])


def test_one_hot():
    np.testing.assert_array_equal(one_hot([2, 0], 4), [[0, 0, 1, 0], [1, 0, 0, 0]])
    assert one_hot(np.array([1, 0]), dtype=np.float32).dtype == np.float32
    for wrong in ([], [[1, 0]], [0.5, 1], ["a", "b"]):
        with pytest.raises(TaskError, match="give one whole number"):
            one_hot(wrong)


def test_arrays_are_read_only_contiguous_floats_and_the_callers_stay_writable():
    x = np.asfortranarray(np.arange(12).reshape(4, 3))
    made = small(x=x, y=np.ones((4, 2), np.float32))
    assert made.x.dtype == np.float64 and made.y.dtype == np.float32
    assert made.x.flags.c_contiguous and not made.x.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        made.x_test[0, 0] = 1
    x[0, 0] = 99
    assert made.x[0, 0] == 0
    with pytest.raises(AttributeError):
        made.name = "other"


def test_a_task_survives_pickling():
    made = small()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).x, made.x)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"x": np.zeros(4)}, ["x has shape (4,)", "(samples, width)"]),
        ({"x": None}, ["x holds object where real numbers are needed"]),
        ({"y": None}, ["y holds object where real numbers are needed"]),
        ({"x_test": np.zeros((2, 3, 1))}, ["x_test has shape (2, 3, 1)"]),
        ({"x": np.zeros((0, 3)), "y": np.zeros((0, 2))}, ["x has shape (0, 3)", "at least one"]),
        ({"y_test": np.zeros((2, 0))}, ["y_test has shape (2, 0)"]),
        ({"x": [[1, 2], [3]]}, ["x is no array", "one length"]),
        ({"x": np.full((4, 3), "a")}, ["x holds <U1", "float"]),
        ({"y": np.ones((4, 2)) * 1j}, ["y holds complex128"]),
        ({"y": np.zeros((5, 2))}, ["x has 4 samples but y has 5"]),
        ({"y_test": np.zeros((3, 2))}, ["x_test has 2 samples but y_test has 3"]),
        ({"x_test": np.zeros((2, 4))}, ["x has 3 columns but x_test has 4"]),
        ({"y_test": np.zeros((2, 1))}, ["y has 2 columns but y_test has 1"]),
        (
            {"cost": "square"},
            [
                "'square'",
                "Valid costs: binary_cross_entropy, cross_entropy, squared",
                "Did you mean 'squared'?",
            ],
        ),
    ],
)
def test_unusable_arrays_are_named(changes, words):
    with pytest.raises(TaskError) as error:
        small(**changes)
    text = str(error.value)
    assert "\n" not in text and "'small'" in text and all(word in text for word in words), text


def test_nan_and_inf_are_counted_and_located():
    y = np.zeros((4, 2))
    y[2, 1], y[3, 0], y[3, 1] = np.nan, np.inf, -np.inf
    with pytest.raises(TaskError) as error:
        small(y=y)
    text = message(error)
    assert (
        "y is NaN or infinite in" in text
        and "3 places in all (1 NaN, 2 inf)" in text
        and "sample 2, feature 1" in text
    )


def test_statistics_and_the_one_liner():
    made = small(
        x=[[0, 1], [2, 5]],
        y=[[1, 0], [1, 0]],
        x_test=[[0, 0]],
        y_test=[[0, 1]],
        cost="cross_entropy",
        name="two",
    )
    assert made.sizes == (2, 2) and made.classes
    assert made.statistics == {
        "samples": 2, "test samples": 1, "inputs": 2, "outputs": 2,
        "mean": 2.0, "std": math.sqrt(3.5), "min": 0.0, "max": 5.0, "class counts": [2, 0],
    }  # fmt: skip
    assert (
        str(made)
        == repr(made)
        == "Task two: 2 inputs -> 2 classes, 2 samples + 1 held out, cross_entropy"
    )


@pytest.mark.parametrize(
    "y",
    [[[0.5, 0.5]], [[1, 1]], [[0, 0]], [[2, -1]], [[1]]],
    ids=["soft", "two", "none", "sum of one", "one column"],
)
def test_what_is_not_one_hot_has_no_class_counts(y):
    made = small(x=[[0.0]], y=y, x_test=[[0.0]], y_test=y)
    assert not made.classes and "class counts" not in made.statistics and "outputs" in repr(made)


def test_batches_visit_every_sample_once_in_an_order_of_the_seed():
    made = small(x=np.zeros((103, 3)), y=np.zeros((103, 2)))
    first, again, other = (
        list(made.batches(20, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert [len(batch) for batch in first] == [20, 20, 20, 20, 20, 3]
    order = np.concatenate(first)
    assert sorted(order) == list(range(103)) and list(order) != list(range(103))
    np.testing.assert_array_equal(order, np.concatenate(again))
    assert (order != np.concatenate(other)).any()
    rng = np.random.default_rng(1)
    epochs = [np.concatenate(list(made.batches(20, rng))) for _ in range(2)]
    assert (epochs[0] != epochs[1]).any()
    assert [len(batch) for batch in made.batches(500, rng)] == [103]


@pytest.mark.parametrize("size", [0, -1, 2.5, "8"])
def test_a_batch_size_that_is_none_fails_at_the_call(size):
    with pytest.raises(TaskError, match="batch size"):
        small().batches(size, np.random.default_rng(0))


# --- digits ---------------------------------------------------------------------------------------


def rows(task):
    """Return all samples of a task, input and target together, as sorted rows."""
    both = np.vstack([np.hstack([task.x, task.y]), np.hstack([task.x_test, task.y_test])])
    return both[np.lexsort(both.T)]


def test_digits_are_all_of_scikit_learns_in_stratified_parts():
    from sklearn.datasets import load_digits

    made, bunch = digits(), load_digits()
    assert made.sizes == (64, 10) and made.classes and made.cost == "cross_entropy"
    assert made.statistics["samples"] == 1347 and made.statistics["test samples"] == 450
    assert made.x.min() == 0 and made.x.max() == 1
    whole = np.hstack([bunch.data / 16, np.eye(10)[bunch.target]])
    np.testing.assert_array_equal(rows(made), whole[np.lexsort(whole.T)])
    held_out, total = made.y_test.sum(axis=0), np.bincount(bunch.target)
    assert np.abs(held_out - total * 450 / 1797).max() < 1
    assert made.statistics["class counts"] == list((total - held_out).astype(int))


def test_digits_follow_their_seed_and_share():
    np.testing.assert_array_equal(digits(seed=3).x, digits(seed=3).x)
    assert (digits(seed=3).x != digits(seed=4).x).any()
    np.testing.assert_array_equal(rows(digits(seed=3)), rows(digits(seed=4, test=0.5)))
    assert len(digits(test=0.5).x) == 898


@pytest.mark.parametrize(
    "arguments", [{"test": 0}, {"test": 1.5}, {"test": 5}, {"seed": -1}, {"seed": None}]
)
def test_digits_that_cannot_be_split(arguments):
    with pytest.raises(TaskError, match="digits"):
        digits(**arguments)


# --- drawn tasks ----------------------------------------------------------------------------------


def test_linear_map_is_exactly_linear_in_its_target():
    made, T = linear_map(samples=500, test=50, seed=5), linear_target(seed=5)
    assert (
        made.sizes == (30, 10)
        and T.shape == (10, 30)
        and made.cost == "squared"
        and not made.classes
    )
    # closed form, from the samples alone
    solved = np.linalg.lstsq(made.x, made.y, rcond=None)[0].T
    np.testing.assert_allclose(solved, T, atol=1e-12)
    for x, y in ((made.x, made.y), (made.x_test, made.y_test)):
        by_hand = [[sum(t * u for t, u in zip(row, sample)) for row in T] for sample in x[:20]]
        np.testing.assert_allclose(y[:20], by_hand, atol=1e-12)


def test_linear_target_is_uniform_in_plus_minus_one():
    from scipy.stats import kstest

    T = linear_target((200, 100), seed=1)
    assert kstest(T.ravel(), "uniform", args=(-1, 2)).pvalue > 0.01


def test_linear_target_gives_feedback_alignment_its_reference_curve():
    """Feedback alignment on 30-20-10, eta 1e-3: the median population error after 500 and 1000
    steps is .28 and .03."""
    seeds, eta = range(20), 1e-3
    rng = np.random.default_rng(7)
    T = np.stack([linear_target(seed=seed) for seed in seeds])
    x = np.stack([linear_map(samples=1000, test=1, seed=seed).x for seed in seeds], axis=1)
    W0, W = rng.uniform(-0.01, 0.01, (20, 20, 30)), rng.uniform(-0.01, 0.01, (20, 10, 20))
    B, left = rng.uniform(-0.5, 0.5, (20, 20, 10)), []
    for step in range(1000):
        r = x[step][:, :, None]
        h = W0 @ r
        e = T @ r - W @ h
        W, W0 = W + eta * e @ h.swapaxes(1, 2), W0 + eta * B @ e @ r.swapaxes(1, 2)
        left.append(np.median(((T - W @ W0) ** 2).sum((1, 2)) / (T**2).sum((1, 2))))
    assert left[499] == pytest.approx(0.28, rel=0.25) and left[999] == pytest.approx(0.032, rel=0.4)


def test_student_teacher_is_the_network_of_its_teacher():
    made, layers = tasks.student_teacher(samples=40, test=20, seed=2), tasks.teacher(seed=2)
    assert made.sizes == (30, 10) and made.cost == "squared"
    assert [(W.shape, b.shape) for W, b in layers] == [
        ((20, 30), (20,)),
        ((10, 20), (10,)),
        ((10, 10), (10,)),
    ]
    for x, y in ((made.x, made.y), (made.x_test, made.y_test)):
        for sample, target in zip(x, y):
            r = list(sample)
            for depth, (W, b) in enumerate(layers):
                v = [
                    sum(w * u for w, u in zip(row, r)) + bias
                    for row, bias in zip(W.tolist(), b.tolist())
                ]
                r = v if depth == 2 else [math.tanh(u) for u in v]
            np.testing.assert_allclose(target, r, atol=1e-12)


def test_teacher_has_the_documented_distributions():
    from scipy.stats import kstest

    (W1, b1), (W2, b2) = tasks.teacher((100, 400, 900), seed=3)
    for sample, std in ((W1, 0.15), (W2, 0.075), (b1, 0.1), (b2, 0.1)):
        assert kstest(sample.ravel(), "norm", args=(0, std)).pvalue > 0.01


def test_teacher_needs_its_hidden_layers():
    made = tasks.student_teacher(samples=4000, test=10)
    design = np.hstack([made.x, np.ones((4000, 1))])
    residual = made.y - design @ np.linalg.lstsq(design, made.y, rcond=None)[0]
    assert residual.var() > 0.1 * made.y.var()


@pytest.mark.parametrize("make", [linear_map, tasks.student_teacher])
def test_drawn_tasks_follow_their_seed(make):
    made, again, other = (make(samples=3000, test=2000, seed=seed) for seed in (0, 0, 1))
    for what in ("x", "y", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(made, what), getattr(again, what))
    for a, b in ((made.x, other.x), (made.y, other.y), (made.x[:2000], made.x_test)):
        # the means of outputs are their teachers' biases
        a, b = (values - values.mean(axis=0) for values in (a, b))
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.1
    for x in (made.x, made.x_test):
        assert abs(x.mean()) < 0.02 and abs(x.std() - 1) < 0.02
        assert np.abs(np.cov(x.T) - np.eye(30)).max() < 0.15
    # the counts change neither the function nor the first samples
    fewer = make(samples=10, test=7, seed=0)
    np.testing.assert_allclose(fewer.y, made.y[:10], atol=1e-12)
    np.testing.assert_allclose(fewer.y_test, made.y_test[:7], atol=1e-12)


def test_function_samples_and_held_out_samples_come_from_three_streams():
    function, samples, held_out = np.random.default_rng([6, *b"linear_map"]).spawn(3)
    made = linear_map(samples=5, test=4, seed=6)
    np.testing.assert_array_equal(linear_target(seed=6), function.uniform(-1, 1, (10, 30)))
    np.testing.assert_array_equal(made.x, samples.standard_normal((5, 30)))
    np.testing.assert_array_equal(made.x_test, held_out.standard_normal((4, 30)))


def test_targets_do_not_follow_the_numbers_of_a_network_with_the_same_seed():
    for rng in (np.random.default_rng(0), *np.random.default_rng(0).spawn(3)):
        assert abs(np.corrcoef(rng.uniform(-1, 1, 300), linear_target(seed=0).ravel())[0, 1]) < 0.2


@pytest.mark.parametrize(
    "make, arguments, words",
    [
        (linear_map, {"sizes": (30, 20, 10)}, "must be (n_in, n_out)"),
        (linear_map, {"sizes": (30, 0)}, "a width in sizes=(30, 0) = 0"),
        (linear_map, {"samples": 0}, "samples = 0"),
        (linear_map, {"seed": -1}, "the seed = -1"),
        (tasks.student_teacher, {"sizes": (30,)}, "input and an output width"),
        (tasks.student_teacher, {"sizes": (30, 2.5)}, "= 2.5"),
        (tasks.student_teacher, {"test": 1.5}, "test = 1.5"),
    ],
)
def test_unusable_arguments_of_drawn_tasks(make, arguments, words):
    with pytest.raises(TaskError) as error:
        make(**arguments)
    assert words in message(error) and make.__name__ in message(error)


# --- IDX files ------------------------------------------------------------------------------------


def packed(values, shape, code=0x08):
    """Return the bytes of an IDX file, packed one number at a time."""
    header = bytes([0, 0, code, len(shape)]) + b"".join(struct.pack(">I", n) for n in shape)
    return header + b"".join(struct.pack(">" + CODES[code], value) for value in values)


@pytest.fixture
def folder(tmp_path):
    """An IDX folder of 5 + 3 images of 2 x 2, half of its files gzipped."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    files = [packed(range(0, 200, 10), (5, 2, 2)), packed([0, 1, 2, 1, 0], (5,))]
    files += [packed([255] * 12, (3, 2, 2)), packed([2, 3, 0], (3,))]
    for name, data, zipped in zip(IDX_FILES, files, (True, False, False, True)):
        (folder / (name + ".gz" * zipped)).write_bytes(gzip.compress(data) if zipped else data)
    return folder


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (1, 2, 3, 2), (0, 5)])
@pytest.mark.parametrize("code", CODES)
def test_read_idx_of_every_type_and_rank(tmp_path, code, shape, zipped):
    low, high = (0, 255) if code == 0x08 else (-100, 100)
    values = np.random.default_rng(code).integers(low, high, math.prod(shape)).tolist()
    path = tmp_path / "file"
    path.write_bytes(
        gzip.compress(packed(values, shape, code)) if zipped else packed(values, shape, code)
    )
    found = read_idx(path)
    assert found.dtype == np.dtype(CODES[code]) and found.dtype.isnative and found.shape == shape
    assert found.ravel().tolist() == values


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_idx_folder_round_trip(folder, dtype):
    made = idx(folder, dtype=dtype)
    assert made.name == "tiny" and idx(str(folder), "mine").name == "mine"
    assert made.sizes == (4, 4) and made.classes and made.cost == "cross_entropy"
    assert {made.x.dtype, made.y.dtype, made.x_test.dtype, made.y_test.dtype} == {np.dtype(dtype)}
    np.testing.assert_allclose(made.x, np.arange(0, 200, 10).reshape(5, 4) / 255, rtol=1e-6)
    np.testing.assert_array_equal(made.x_test, np.ones((3, 4)))
    assert made.y.argmax(1).tolist() == [0, 1, 2, 1, 0] and made.y_test.argmax(1).tolist() == [
        2,
        3,
        0,
    ]


@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize("dot", [False, True])
def test_idx_files_as_other_programs_keep_them(folder, tmp_path, place, dot):
    there = tmp_path / "other" / place
    there.mkdir(parents=True)
    for path in folder.iterdir():
        (there / (path.name.replace("-idx", ".idx") if dot else path.name)).write_bytes(
            path.read_bytes()
        )
    found, expected = idx(tmp_path / "other"), idx(folder)
    for what in ("x", "y", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(found, what), getattr(expected, what))


def test_what_is_missing_is_said_of_the_folder_that_has_the_others(folder, tmp_path):
    there = tmp_path / "other" / "raw"
    there.mkdir(parents=True)
    for path in folder.iterdir():
        if "labels" in path.name or "t10k" in path.name:
            (there / path.name).write_bytes(path.read_bytes())
    with pytest.raises(TaskError, match=f"has no {IDX_FILES[0]}[.]"):
        idx(tmp_path / "other")


def test_idx_scales_integers_by_their_range_and_leaves_floats(folder):
    (folder / IDX_FILES[0]).write_bytes(packed([-100, 0, 100, 300] * 5, (5, 4), 0x0B))
    (folder / IDX_FILES[2]).write_bytes(packed([-100] * 11 + [300], (3, 4), 0x0B))
    made = idx(folder)
    np.testing.assert_array_equal(made.x, [[0, 0.25, 0.5, 1]] * 5)
    assert made.x_test.sum() == 1
    (folder / IDX_FILES[0]).write_bytes(packed([0.25] * 20, (5, 4), 0x0D))
    assert (idx(folder).x == 0.25).all()


def failing(folder, **arguments):
    """Return the one paragraph with which `idx(folder)` fails."""
    with pytest.raises(TaskError) as error:
        idx(folder, **arguments)
    return message(error)


def test_missing_folder(tmp_path):
    text = failing(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in text and all(name in text for name in IDX_FILES)


def test_missing_files_are_told_from_expected_ones(folder):
    (folder / IDX_FILES[1]).unlink()
    (folder / (IDX_FILES[3] + ".gz")).unlink()
    text = failing(folder)
    assert f"has no {IDX_FILES[1]}, {IDX_FILES[3]}." in text
    assert all(name in text.split("Expected")[1] for name in IDX_FILES)


@pytest.mark.parametrize("size, expected", [(30, 36), (10, 16), (4, 16), (37, 36)])
def test_wrong_number_of_bytes(folder, size, expected):
    data = packed(range(20), (5, 2, 2)) + b"\0"
    (folder / IDX_FILES[0]).write_bytes(data[:size])
    text = failing(folder)
    assert str(folder / IDX_FILES[0]) in text and f"{expected} bytes and {size} were found" in text
    assert ("truncated" if size < expected else "too long") in text


@pytest.mark.parametrize(
    "start", [b"", b"\0\0\x08", b"\0\1\x08\1", b"\0\0\x07\1", b"<!DOCTYPE html>"]
)
def test_bad_magic(folder, start):
    (folder / IDX_FILES[1]).write_bytes(start)
    text = failing(folder)
    assert (
        str(folder / IDX_FILES[1]) in text
        and f"'{start[:4].hex(' ')}'" in text
        and "08, 09, 0b" in text
    )


@pytest.mark.parametrize("damage", ["cut", "method", "block", "checksum"])
def test_corrupt_gzip(folder, damage):
    path = folder / (IDX_FILES[0] + ".gz")
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[:-12]
    else:
        data[{"method": 2, "block": 10, "checksum": -8}[damage]] = 0xFF
    path.write_bytes(data)
    text = failing(folder)
    assert str(path) in text and "corrupt gzip" in text


def test_a_file_that_is_a_folder(folder):
    (folder / IDX_FILES[1]).unlink()
    (folder / IDX_FILES[1]).mkdir()
    assert "cannot be read" in failing(folder)


def test_images_and_labels_of_different_sets(folder):
    (folder / IDX_FILES[1]).write_bytes(packed([0, 1, 2, 1], (4,)))
    text = failing(folder)
    assert "5 images" in text and "4 labels" in text and all(name in text for name in IDX_FILES[:2])


@pytest.mark.parametrize(
    "data",
    [packed([0.5] * 5, (5,), 0x0D), packed([0] * 5, (5, 1)), packed([0, 1, -1, 0, 0], (5,), 0x09)],
)
def test_labels_that_are_none(folder, data):
    (folder / IDX_FILES[1]).write_bytes(data)
    text = failing(folder)
    assert str(folder / IDX_FILES[1]) in text and "labels are integers from 0" in text


@pytest.mark.parametrize("shape", [(5,), (0, 2, 2)])
def test_images_that_are_none(folder, shape):
    (folder / IDX_FILES[0]).write_bytes(packed([0] * math.prod(shape), shape))
    assert f"{folder / IDX_FILES[0]} has shape {shape}" in failing(folder)


def test_a_dtype_that_cannot_hold_fractions(folder):
    assert "Choose float32" in failing(folder, dtype=int)


# --- MNIST ----------------------------------------------------------------------------------------


def test_mnist_folder_goes_before_the_variable(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROFA_MNIST", str(folder))
    assert mnist().name == "mnist" and len(mnist().x) == 5
    with pytest.raises(TaskError, match="elsewhere"):
        mnist(tmp_path / "elsewhere")


def test_mnist_from_openml(monkeypatch):
    labels = np.arange(60010) % 10

    def fetch(name, version, **options):
        assert (
            (name, version) == ("mnist_784", 1)
            and options["return_X_y"]
            and not options["as_frame"]
        )
        return np.repeat(labels[:, None] * 25, 3, axis=1), labels.astype(str).astype(object)

    monkeypatch.delenv("NEUROFA_MNIST", raising=False)
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    made = mnist(dtype=np.float32)
    assert len(made.x) == 60000 and len(made.x_test) == 10 and made.x.dtype == np.float32
    np.testing.assert_allclose(made.x_test[:, 0], np.arange(10) * 25 / 255, rtol=1e-6)
    assert made.y_test.argmax(1).tolist() == list(range(10))


@pytest.mark.parametrize(
    "kind", [urllib.error.URLError, TimeoutError, ValueError, http.client.HTTPException]
)
def test_mnist_offline_says_how_to_give_a_folder(monkeypatch, kind):
    def fetch(*_, **__):
        raise kind("no route")

    monkeypatch.setenv("NEUROFA_MNIST", "")
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    with pytest.raises(TaskError) as raised:
        mnist()
    text = message(raised)
    assert all(word in text for word in ("no route", "mnist(folder=", "NEUROFA_MNIST", *IDX_FILES))


def test_real_mnist(mnist_folder):
    if mnist_folder is None:
        pytest.skip("MNIST is not at hand: NEUROFA_MNIST names no folder")
    made = mnist(mnist_folder, dtype=np.float32)
    assert made.sizes == (784, 10) and made.classes and made.x.dtype == np.float32
    found = made.statistics
    assert (found["samples"], found["test samples"], found["min"], found["max"]) == (
        60000,
        10000,
        0,
        1,
    )
    assert found["mean"] == pytest.approx(0.1307, abs=5e-5) and found["std"] == pytest.approx(
        0.3081, abs=5e-5
    )
    assert found["class counts"] == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert made.y_test.sum(axis=0).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert made.y[:10].argmax(1).tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


# --- by name --------------------------------------------------------------------------------------


def test_tasks_by_name():
    assert list(TASKS) == [
        *("digits", "linear_map", "student_teacher", "idx", "mnist"),
        *("sines", "reaching", "stream"),
        *("picture", "click_through", "block_model", "hierarchical"),
    ]
    np.testing.assert_array_equal(task("digits", seed=4).x, digits(seed=4).x)
    assert [task(name).name for name in ("digits", "linear_map", "student_teacher")] == list(TASKS)[
        :3
    ]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(TaskError) as error:
        task("digit")
    text = str(error.value)
    assert (
        "'digit'" in text
        and "Valid tasks: block_model, click_through, digits, hierarchical, idx, linear_map, mnist, picture, reaching, "
        "sines, stream, student_teacher."
        in text
    )
    assert "Did you mean 'digits'?" in text


@pytest.mark.slow
@pytest.mark.subprocess
def test_importing_tasks_does_not_wait_for_scikit_learn():
    code = (
        "import sys, neurofa.tasks; print([m for m in ('sklearn', 'xarray') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        == "[]"
    )
