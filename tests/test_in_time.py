"""Functions of time as frames, against plain Python."""

import math

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from neurofa import Frame, TaskError
from neurofa.tasks import in_time


def failing(function, duration=20 * ms, frame=5 * ms, samples=1):
    """Return the message of the error that these arguments raise."""
    with pytest.raises(TaskError) as error:
        in_time(function, duration, frame, samples)
    text = str(error.value)
    assert text.startswith(("in_time", "frame = ")) and "\n" not in text
    return text


def test_text_is_evaluated_at_the_beginning_of_every_frame():
    found = in_time("sin(2*pi*5*Hz*t)", 1 * second, 5 * ms)
    assert found.shape == (1, 200, 1) and found.dtype == np.float64
    for k in range(200):
        assert found[0, k, 0] == pytest.approx(math.sin(2 * math.pi * 5 * 0.005 * k), abs=1e-12)


def test_spaces_are_no_part_of_a_text():
    assert in_time("  t/ms ", 10 * ms, 5 * ms).ravel().tolist() == [0, 5]


def test_a_list_has_one_text_per_unit_and_all_samples_are_alike():
    found = in_time(["exp(-t/(20*ms))", "0.5", "t/ms"], 30 * ms, Frame(10 * ms, True), samples=3)
    assert found.shape == (3, 3, 3)
    for sample in found:
        for k in range(3):
            expected = [math.exp(-k / 2), 0.5, 10 * k]
            assert sample[k].tolist() == pytest.approx(expected, rel=1e-14)


def test_a_step_is_where_its_text_says():
    """k*ms and k frames of 1 ms are the same time, whichever way double precision rounds."""
    for k in range(0, 300, 7):
        found = in_time([f"int(t >= {k}*ms)", f"int(t > {k}*ms)"], 300 * ms, 1 * ms)[0]
        assert found[:, 0].tolist() == [j >= k for j in range(300)]
        assert found[:, 1].tolist() == [j > k for j in range(300)]


WAYS = {
    "a number": (lambda t: 2 * t, 1),
    "a list": (lambda t: [t, 1 - t], 2),
    "an array": (lambda t: np.array([t, 1 - t, 0.0]), 3),
    "all times": (lambda t: np.stack([t, 1 - t], axis=1) + 0 * t[:, None], 2),
    "all times, one unit": (lambda t: t[:] * 2, 1),
    "conditions": (lambda t: 1.0 if t < 0.01 else 0.0, 1),
}


@pytest.mark.parametrize("way", WAYS)
def test_functions_are_given_seconds(way):
    function, units = WAYS[way]
    found = in_time(function, 20 * ms, 5 * ms)
    assert found.shape == (1, 4, units)
    for k, row in enumerate(found[0]):
        t = 0.005 * k
        expected = {
            "a number": [2 * t],
            "a list": [t, 1 - t],
            "an array": [t, 1 - t, 0],
            "all times": [t, 1 - t],
            "all times, one unit": [2 * t],
            "conditions": [float(k < 2)],
        }[way]
        assert row.tolist() == pytest.approx(expected, abs=1e-15)


def test_as_many_units_as_frames_are_not_confused():
    found = in_time(lambda t: [t, 10.0, 20.0, 30.0], 20 * ms, 5 * ms)
    np.testing.assert_allclose(found[0, :, 0], [0, 0.005, 0.01, 0.015], atol=1e-15)
    np.testing.assert_array_equal(found[0, :, 3], 30)


@pytest.mark.parametrize(
    "text, words",
    [
        ("sin(t)", "units"),
        ("t", "has the unit s, and inputs and targets have none"),
        ("5*Hz", "has the unit Hz"),
        ("t/ms + t", "units"),
        ("r*t/ms", "uses 'r', which is neither t nor pi, a unit or a function"),
        ("sine(t/ms)", "Did you mean 'sin'?"),
        ("__import__('os').getcwd()", "in_time: the text"),
        ("().__class__", "in_time: the text"),
        ("rand()", "uses 'rand'"),
        ("t/ms + 1j", "1j is no finite real number"),
        ("", "cannot be read"),
        ("sin(t/ms", "cannot be read"),
        ("t > 5*ms", r"Write int(t > 5*ms)"),
        ("log(t/ms)", "the function is NaN or infinite in frame 0, unit 0"),
        ("1/(t/ms - 10)", "the function is NaN or infinite in frame 2, unit 0"),
        ([], "give text in t"),
        (["t/ms", 5], "no text"),
        (5, "give text in t"),
        (None, "give text in t"),
        (float, "give text in t"),
    ],
)
def test_what_is_no_function_of_time(text, words):
    assert words in failing(text)


def wrong_shape(t):
    return np.zeros((3, 2)) if np.ndim(t) else [[1.0, 2.0], [3.0, 4.0]]


def ragged(t):
    return [1.0] * (1 + int(t > 0.005))


def fails(t):
    raise KeyError("mine")


@pytest.mark.parametrize(
    "function, words",
    [
        (wrong_shape, "returns arrays of shape (2, 2) for a number"),
        (ragged, "Give rows of one length"),
        (fails, "cannot be evaluated for 0, a time in seconds: 'mine'"),
        (lambda t: None, "what the function returns"),
        (lambda t: [], "return a number, or an array (units,)"),
        (lambda t: math.inf if t > 0.012 else 0, "NaN or infinite in frame 3, unit 0"),
        (lambda t: [0, math.nan], "NaN or infinite in frame 0, unit 1"),
        (lambda t: t * second, "has a unit that does not fit"),
    ],
)
def test_what_functions_must_return(function, words):
    assert words in failing(function)


def test_times_that_are_none():
    assert "duration = 0.02: give a positive, finite time such as 1*second" in failing("0", 0.02)
    assert "give a positive, finite time" in failing("0", 5 * mV)
    assert "is 2.4 frames of 5. ms. Give a whole number of them, such as 10. ms" in failing(
        "0", 12 * ms
    )
    assert "such as 5. ms" in failing("0", 1 * ms)
    assert "give how long every frame is shown" in failing("0", frame=None)
    assert "give how long every frame is shown" in failing("0", frame=5 * Hz)
    assert "in_time: samples = 0" in failing("0", samples=0)
    assert in_time("0", 0.3 * ms, 0.1 * ms).shape == (1, 3, 1)
