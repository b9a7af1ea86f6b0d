"""How a time axis is read: held, or changing linearly; and what is no such thing."""

import pickle

import numpy as np
import pytest
from brian2 import Quantity, ms, mV, second

from neurofa import Frame, NetworkError, TaskError


def test_a_time_stands_for_frames_that_are_held():
    found = Frame.of(5 * ms)
    assert found == Frame(5 * ms) and not found.interpolated and found.length == 5 * ms


def test_frames_and_none_stay_as_they_are():
    frame = Frame(2 * ms, interpolated=True)
    assert Frame.of(frame) is frame and Frame.of(None) is None
    assert frame != Frame(2 * ms) and frame != Frame(3 * ms, interpolated=True)


def test_a_frame_is_a_value():
    frame = Frame(2 * ms, True)
    assert pickle.loads(pickle.dumps(frame)) == frame
    with pytest.raises(AttributeError):
        frame.length = 3 * ms


@pytest.mark.parametrize(
    "value",
    [
        5,
        0.005,
        0 * ms,
        -5 * ms,
        5 * mV,
        np.inf * second,
        np.nan * second,
        [5, 5] * ms,
        "5*ms",
        True,
    ],
)
def test_what_is_no_time(value):
    for error in (NetworkError, TaskError):
        with pytest.raises(error, match=r"frame = .*such as 5\*ms; or Frame\(5\*ms, interpolated"):
            Frame.of(value, error)
    with pytest.raises(NetworkError, match=r"length = .*such as 5\*ms"):
        Frame(value)


def test_interpolated_is_true_or_false():
    with pytest.raises(NetworkError, match="interpolated = 'linear': give True or False"):
        Frame(5 * ms, "linear")


def test_any_time_has_a_frame():
    assert float(Frame.of(Quantity(np.float32(0.25), dim=second.dim)).length) == 0.25
