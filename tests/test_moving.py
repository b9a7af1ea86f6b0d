"""Tasks that move in time, against loops in plain Python and the samples that they stream."""

import math

import numpy as np
import pytest
from brian2 import ms

from neurofa import Frame, TaskError, tasks
from neurofa.data.coded import Coded

RNG = np.random.default_rng(0)


def test_sines_are_those_of_the_paper():
    task = tasks.sines()
    assert (task.x.shape, task.y.shape) == ((1, 1), (1, 100, 1))
    assert task.frame == Frame(1 * ms) and task.sizes == (1, 1) and task.cost == "squared"
    for k in range(100):
        s = 2 * math.pi * k / 100
        expected = math.sin(s) + 0.5 * math.sin(2 * s) + 0.25 * math.sin(4 * s)
        assert task.y[0, k, 0] == pytest.approx(expected, abs=1e-12)
    assert task.x.item() == 1 and task.held_out
    np.testing.assert_array_equal(task.y_test, task.y)
    longer = tasks.sines(frames=1600, tonic=0)
    assert longer.frames == 1600 and longer.x.item() == 0
    np.testing.assert_allclose(longer.y[:, ::16], task.y, atol=1e-12)


def test_a_reach_is_a_sigmoid_from_the_centre_to_its_target():
    task = tasks.reaching()
    assert (task.x.shape, task.y.shape) == ((8, 125, 3), (8, 125, 2))
    assert task.frame == Frame(10 * ms) and task.cost == "squared" and task.held_out

    def way(k):
        if k < 20:
            return 0.0
        return 1.0 if k >= 120 else 1 / (1 + math.exp(-10 * (-1 + (k - 20) / 50)))

    for target in range(8):
        direction = math.cos(target * math.pi / 4), math.sin(target * math.pi / 4)
        for k in range(125):
            before, after = max(k - 1, 0), min(k + 1, 124)
            speed = (way(after) - way(before)) / (0.01 * (after - before))
            assert task.y[target, k].tolist() == pytest.approx(
                [part * speed for part in direction], abs=1e-9
            )
            wanted = [*direction, 0] if k >= 20 else [0, 0, 1]
            assert task.x[target, k].tolist() == pytest.approx(wanted, abs=1e-15)


def test_a_reach_is_smooth_and_arrives():
    speed = np.hypot(*tasks.reaching().y[3].T)
    assert speed.argmax() == 70 and speed[70] == pytest.approx(5, rel=0.01)  # slope of the sigmoid
    np.testing.assert_allclose(speed[70:110], speed[70:30:-1], atol=1e-3)  # a bell
    assert speed[:19].max() == 0 and speed[121:].max() == 0
    arrived = tasks.reaching().y.sum(axis=1) * 0.01
    np.testing.assert_allclose(np.hypot(*arrived.T), 1, atol=1e-4)


@pytest.mark.parametrize("rotation", [30, -90, 45.0])
def test_a_rotation_turns_the_target_and_not_the_input(rotation):
    baseline, rotated = tasks.reaching(), tasks.reaching(rotation)
    np.testing.assert_array_equal(rotated.x, baseline.x)
    a = math.radians(rotation)
    for (vx, vy), (wx, wy) in zip(baseline.y.reshape(-1, 2), rotated.y.reshape(-1, 2)):
        assert wx == pytest.approx(vx * math.cos(a) - vy * math.sin(a), abs=1e-12)
        assert wy == pytest.approx(vx * math.sin(a) + vy * math.cos(a), abs=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tasks.sines(frames=0),
        lambda: tasks.sines(frames=2.5),
        lambda: tasks.sines(tonic=math.nan),
        lambda: tasks.reaching(math.inf),
        lambda: tasks.reaching("30"),
        lambda: tasks.reaching(30 * ms),
    ],
)
def test_arguments_that_are_none(make):
    with pytest.raises(TaskError, match="^(sines|reaching): .* = .*: give"):
        make()


# --- streams --------------------------------------------------------------------------------------


def numbered(samples, held_out=0):
    """Return a task whose samples are told apart by their input, and their target is twice that."""
    x, x_test = np.arange(samples, dtype=float), 1000 + np.arange(held_out, dtype=float)
    test = (x_test[:, None], 2 * x_test[:, None]) if held_out else (None, None)
    return tasks.Task(x[:, None], 2 * x[:, None], "numbered", *test)


def test_every_sample_is_a_frame_of_one_stream():
    streamed = tasks.stream(numbered(12, 6), 100 * ms, streams=3)
    assert streamed.x.shape == (3, 4, 1) and streamed.x_test.shape == (3, 2, 1)
    assert streamed.frame == Frame(100 * ms) and streamed.name == "stream of numbered"
    assert sorted(streamed.x.ravel()) == list(range(12))
    assert sorted(streamed.x_test.ravel()) == list(range(1000, 1006))
    np.testing.assert_array_equal(streamed.y, 2 * streamed.x)
    np.testing.assert_array_equal(streamed.y_test, 2 * streamed.x_test)
    assert streamed.x.ravel().tolist() != list(range(12))


def test_the_order_is_that_of_the_seed():
    first, again, other = (
        tasks.stream(numbered(50), 10 * ms, seed=seed).x.ravel().tolist() for seed in (1, 1, 2)
    )
    assert first == again != other
    # however many streams it is cut into
    cut = tasks.stream(numbered(50), 10 * ms, 5, seed=1).x
    assert cut.ravel().tolist() == first


def test_samples_that_fill_no_frame_of_all_streams_are_left_out():
    whole = tasks.stream(numbered(11, 7), 10 * ms).x.ravel().tolist()
    cut = tasks.stream(numbered(11, 7), 10 * ms, streams=4)
    assert cut.x.shape == (4, 2, 1) and cut.x_test.shape == (4, 1, 1)
    assert cut.x.ravel().tolist() == whole[:8]


def test_bytes_stay_bytes():
    codes, table = RNG.integers(256, size=(10, 4), dtype=np.uint8), np.arange(256) / 255
    y = np.eye(3)[np.arange(10) % 3]
    still = tasks.Task(Coded(codes, table), y, "bytes", Coded(codes[:4], table), y[:4])
    plain = tasks.Task(codes / 255, y, "plain", codes[:4] / 255, y[:4])
    found, known = (tasks.stream(task, 20 * ms, 2, seed=3) for task in (still, plain))
    assert isinstance(found.x, Coded) and found.x.codes.dtype == np.uint8
    assert isinstance(found.x_test, Coded) and found.x.shape == (2, 5, 4)
    np.testing.assert_array_equal(np.asarray(found.x), known.x)
    np.testing.assert_array_equal(np.asarray(found.x_test), known.x_test)
    assert found.classes and found.statistics["class counts"] == [4, 3, 3]


def test_digits_are_streamed_with_their_cost():
    streamed = tasks.task("stream", task=tasks.digits(), streams=32)
    assert (streamed.frames, streamed.frames_test, streamed.cost) == (42, 14, "cross_entropy")
    assert streamed.sizes == (64, 10) and streamed.classes


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(task=None), "give a neurofa.tasks.Task"),
        (dict(shown=5), "stream: shown = 5: give a positive, finite time such as 100*ms"),
        (dict(shown=0 * ms), "give a positive"),
        (dict(streams=0), "stream: streams = 0"),
        (dict(streams=7), "what is held out of task numbered has 6 samples for 7 streams"),
        (dict(streams=13), "task numbered has 12 samples for 13 streams. Give at most 12"),
        (dict(seed=-1), "stream: the seed = -1"),
        (dict(task=tasks.sines()), "task sines moves already"),
    ],
)
def test_what_cannot_be_streamed(arguments, words):
    with pytest.raises(TaskError) as error:
        tasks.stream(**(dict(task=numbered(12, 6)) | arguments))
    assert words in str(error.value)
