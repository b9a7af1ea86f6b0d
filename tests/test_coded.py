"""Bytes that stand for numbers: used as the array of these numbers."""

import pickle

import numpy as np
import pytest
from neurofa.models import fa

from neurofa import Learner, Network, TaskError, Trial, evaluate, predict, tasks
from neurofa.base import stored
from neurofa.data.coded import Coded

TABLE = np.arange(256) / 255
CODES = np.random.default_rng(0).integers(256, size=(9, 5), dtype=np.uint8)


@pytest.fixture(params=["float64", "float32"])
def both(request):
    """A Coded array, and the array that it is."""
    table = TABLE.astype(request.param)
    return Coded(CODES, table), table[CODES]


def test_it_is_the_array(both):
    coded, array = both
    assert (coded.shape, coded.ndim, coded.size, len(coded)) == ((9, 5), 2, 45, 9)
    assert coded.dtype == array.dtype
    for found, known in (
        (np.asarray(coded), array),
        (coded[[3, 1, 3]], array[[3, 1, 3]]),
        (coded[2], array[2]),
        (np.asarray(coded[1:7:2]), array[1:7:2]),
        ((coded - 0.5) / 2, (array - 0.5) / 2),
        (np.sqrt(coded), np.sqrt(array)),
        (coded @ np.ones(5), array @ np.ones(5)),
        (coded.mean(axis=0), array.mean(axis=0)),
        (coded.T, array.T),
        (np.concatenate([coded, coded]), np.concatenate([array, array])),
        (np.asarray(coded, dtype=np.float32), array.astype(np.float32)),
    ):
        np.testing.assert_array_equal(found, known)
        assert np.asarray(found).dtype == known.dtype
    assert stored.digest(coded) == stored.digest(array)


def test_bytes_stay_bytes(both):
    coded, array = both
    assert coded[2:5].codes.base is not None and coded[2:5].nbytes < array[2:5].nbytes * 256
    assert coded.nbytes == CODES.nbytes + 256 * array.itemsize
    again = pickle.loads(pickle.dumps(coded))
    np.testing.assert_array_equal(again, coded)
    assert again.codes.dtype == np.uint8


def test_nobody_can_change_it(both):
    coded, _ = both
    with pytest.raises(ValueError, match="read-only"):
        coded.codes[0] = 0
    with pytest.raises(TypeError):
        coded[0] = 1.0
    with pytest.raises(AttributeError):
        coded.nonsense


def test_a_task_keeps_it_and_a_network_sees_the_same(both):
    coded, array = both
    y = np.eye(2)[np.arange(9) % 2]
    ours, plain = (tasks.Task(x, y, "bytes", x[:4], y[:4]) for x in (coded, array))
    assert ours.x is coded and ours.statistics == plain.statistics
    found = []
    for task in (ours, plain):
        learner = Learner(Network((5, 4, 2), fa.RULE, 3, target="numpy"), Trial())
        found.append((evaluate(learner, task.x_test, task.y_test), predict(learner, task.x)))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_rows_of_no_pixels_are_refused():
    with pytest.raises(TaskError, match="shape"):
        tasks.Task(Coded(np.zeros((3, 0), np.uint8), TABLE), np.eye(3))
