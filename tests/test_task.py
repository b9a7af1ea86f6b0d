"""Tasks that move in time: which shapes, which labels, which frames count, and what is refused."""

import pickle

import numpy as np
import pytest
from brian2 import ms, mV

from neurofa import Frame, TaskError
from neurofa.data.coded import Coded
from neurofa.data.tasks import Task

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(4, 6, 3)), RNG.normal(size=(4, 6, 2))
X_TEST, Y_TEST = RNG.normal(size=(2, 9, 3)), RNG.normal(size=(2, 9, 2))
LABELS = np.array([[0, 1, 1, 0, 2, 2], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0], [2, 0, 2, 0, 2, 0]])


def moving(**changes):
    """Return a valid task that moves, with `changes` made to its arguments."""
    given = dict(x=X, y=Y, name="moves", x_test=X_TEST, y_test=Y_TEST, frame=5 * ms)
    return Task(**(given | changes))


def failing(**changes):
    """Return the message of the error that a task with these arguments raises."""
    with pytest.raises(TaskError) as error:
        moving(**changes)
    text = str(error.value)
    assert text.startswith("Task 'moves'") and text.endswith(".")
    return text


def test_a_task_moves_in_frames():
    task = moving()
    assert task.moves and task.frame == Frame(5 * ms)
    assert (task.frames, task.frames_test, task.sizes) == (6, 9, (3, 2))
    assert task.scored.tolist() == [True] * 6 and task.scored_test.tolist() == [True] * 9
    np.testing.assert_array_equal(task.x, X)
    assert not task.x.flags.writeable and task.x.flags.c_contiguous
    assert repr(task) == (
        "Task moves: 3 inputs -> 2 outputs, 4 samples + 2 held out, 6 frames of 5. ms, squared"
    )
    assert task.statistics["frames"] == 6 and task.statistics["test frames"] == 9
    assert task.statistics["mean"] == pytest.approx(X.sum() / 72)
    again = pickle.loads(pickle.dumps(task))
    assert again.frame == task.frame and again.settling == 0 * ms


def test_a_frame_may_be_interpolated():
    assert moving(frame=Frame(2 * ms, interpolated=True)).frame.interpolated


def test_what_has_no_time_axis_stands_still():
    task = moving(x=X[:, 0], x_test=X_TEST[:, 0])
    assert (task.frames, task.frames_test, task.x.shape) == (6, 9, (4, 3))
    task = moving(y=Y[:, 0], y_test=Y_TEST[:, 0])
    assert (task.frames, task.frames_test, task.y.shape) == (6, 9, (4, 2))
    alone = Task(X, Y[:, 0], frame=5 * ms)
    assert (alone.frames, alone.frames_test, len(alone.scored_test)) == (6, 0, 0)


def test_without_a_frame_nothing_moves():
    task = Task(X[:, 0], Y[:, 0])
    assert not task.moves and task.frames == 1 and task.scored.tolist() == [True]
    assert "frames" not in task.statistics and "frames" not in repr(task)


def test_frames_before_it_has_settled_are_not_scored():
    task = moving(settling=12 * ms)
    assert task.scored.tolist() == [False, False] + [True] * 4
    assert task.scored_test.tolist() == [False, False] + [True] * 7
    assert moving(settling=29 * ms).scored.tolist() == [False] * 5 + [True]


def test_labels_of_frames_become_one_hot():
    task = Task(X, LABELS, cost="cross_entropy", frame=5 * ms)
    assert task.y.shape == (4, 6, 3) and task.classes and task.coding == (0, 1)
    for sample in range(4):
        for k in range(6):
            assert task.y[sample, k].tolist() == [float(c == LABELS[sample, k]) for c in range(3)]
    counts = [LABELS.ravel().tolist().count(c) for c in range(3)]
    assert task.statistics["class counts"] == counts
    # classes are those of both; labels of samples stand still
    held_out = Task(X, LABELS, x_test=X_TEST, y_test=np.full((2, 9), 4), frame=5 * ms)
    assert held_out.y.shape == (4, 6, 5) and held_out.y_test.shape == (2, 9, 5)
    assert Task(X, [0, 1, 1, 0], frame=5 * ms).y.shape == (4, 2)
    # without a frame, whole numbers in rows are targets as they are
    assert Task(X[:, 0], LABELS).y.shape == (4, 6)


def test_classes_are_found_in_frames():
    one = Task(X, LABELS[..., None].astype(float) % 2, frame=5 * ms)
    assert one.classes and one.coding == (0, 1)
    assert not moving().classes and moving().coding is None


def test_bytes_stay_bytes():
    codes = RNG.integers(256, size=(4, 6, 3), dtype=np.uint8)
    coded = Coded(codes, np.arange(256) / 255)
    task = Task(coded, Y, frame=5 * ms)
    assert task.x is coded and task.sizes == (3, 2) and task.frames == 6
    np.testing.assert_array_equal(task.x[[2, 0]], codes[[2, 0]] / 255)
    plain = Task(codes / 255, Y, frame=5 * ms)
    assert task.statistics == plain.statistics
    with pytest.raises(TaskError, match=r"this task has no frame: give frame=5\*ms"):
        Task(coded, Y[:, 0])


@pytest.mark.parametrize(
    "cost, words",
    [
        ("cross_entropy", "rows of numbers from 0 that add up to 1"),
        ("binary_cross_entropy", "between 0 and 1"),
    ],
)
def test_targets_fit_their_cost_in_every_frame(cost, words):
    y = Task(X, LABELS, cost=cost, frame=5 * ms).y.copy()
    y[3, 5, 0] = 1.5
    assert words in failing(y=y, x_test=None, y_test=None, cost=cost)


@pytest.mark.parametrize(
    "changes, words",
    [
        (
            dict(frame=None),
            "x has shape (4, 6, 3), and this task has no frame: give frame=5*ms, for how long each of the 6 frames",
        ),
        (dict(frame=5), "frame = 5: give how long every frame is shown, such as 5*ms"),
        (dict(frame=5 * mV), "give how long every frame is shown"),
        (dict(x=X[:, :5]), "x has 5 frames but y has 6"),
        (dict(y_test=Y_TEST[:, :8]), "x_test has 9 frames but y_test has 8"),
        (dict(x_test=X_TEST[:, 0]), "x has shape (4, 6, 3) but x_test has (2, 3)"),
        (dict(y_test=Y_TEST[:, 0]), "y has shape (4, 6, 2) but y_test has (2, 2)"),
        (dict(x=X[..., :2]), "x has 2 columns but x_test has 3"),
        (dict(x=X[:3]), "x has 3 samples but y has 4"),
        (dict(x=X[..., None]), "not (samples, width) or (samples, frames, width)"),
        (dict(x=X[:, :0]), "x has shape (4, 0, 3)"),
        (dict(y=LABELS[:, :5]), "x has 6 frames but y has 5"),
        (dict(y=LABELS - 1), "give one whole number, 0 or larger"),
        (dict(settling=5), "settling = 5: give a non-negative, finite time such as 20*ms"),
        (dict(settling=-5 * ms), "settling = -5. * msecond"),
        (
            dict(settling=30 * ms),
            "settling = 30. ms leaves no frame to score: there are 6 of 5. ms. Give less than 30. ms",
        ),
    ],
)
def test_what_cannot_be_read_in_time(changes, words):
    if "y" in changes and changes["y"].ndim == 2:
        changes = changes | dict(x_test=None, y_test=None)
    assert words in failing(**changes)


def test_held_out_frames_are_scored_too():
    text = failing(x_test=X_TEST[:, :3], y_test=Y_TEST[:, :3], settling=15 * ms)
    assert "there are 3 of 5. ms" in text


def test_a_frame_and_settling_need_something_that_moves():
    still = dict(x=X[:, 0], y=Y[:, 0], x_test=None, y_test=None)
    assert "no array has the shape (samples, frames, units)" in failing(**still)
    assert "settling = 5. ms, and this task has no frame" in failing(
        **still, frame=None, settling=5 * ms
    )


def test_nan_is_located_in_its_frame():
    x = X.copy()
    x[2, 4, 1] = np.nan
    text = failing(x=x)
    assert "x is NaN or infinite in sample 2, frame 4, unit 1, and in 1 places" in text
