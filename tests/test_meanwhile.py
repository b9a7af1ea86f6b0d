"""Weights that move while activity flows, against a loop in NumPy."""

import numpy as np
import pytest
from brian2 import ms
from in_steps import network, samples
from online import Loop, rule

from neurofa import (
    Frame,
    Learner,
    Recorder,
    Trial,
    present,
)

FREE, FEEDBACK = 6, 23
TRIAL = Trial(dt=1 * ms, free=FREE * ms, feedback=FEEDBACK * ms)
# of W and B: as they are written, and in time steps of 1 ms
PACES = {
    "step": (("dt", "dt"), (1, 1)),
    "5 ms": ((5 * ms, 5 * ms), (5, 5)),
    "two": ((4 * ms, 7 * ms), (4, 7)),
    "step and end": (("dt", None), (1, None)),
    "end and 5 ms": ((None, 5 * ms), (None, 5)),
    "end": ((None, None), (None, None)),
    "longer": ((100 * ms, 23 * ms), (100, 23)),
}


def learned(paces, x, y, target, frame=None, optimiser="gradient", trials=3, **options):
    """Return the Learner after some trials, and the Loop."""
    net = network(rule(*PACES[paces][0]), target=target, **options)
    learner = Learner(net, TRIAL, optimiser)
    loop = Loop(net, PACES[paces][1], adam=optimiser == "adam")
    given = {} if frame is None else dict(of_frame=5, interpolated=frame.interpolated)
    for k in range(trials):
        present(learner, x * (1 - 0.1 * k), y, frame=frame)
        loop.present(x * (1 - 0.1 * k), y, FREE, FEEDBACK, **given)
    return learner, loop


def agree(learner, loop, rtol=1e-9):
    for name, w in loop.w.items():
        np.testing.assert_allclose(learner.net[name], w, rtol=0, atol=rtol * abs(w).max())
    assert learner.updates == loop.updates


@pytest.mark.parametrize("optimiser", ["gradient", "adam"])
@pytest.mark.parametrize("paces", PACES)
def test_weights_are_those_of_a_loop(paces, optimiser, target):
    x, y = samples("")
    learner, loop = learned(paces, x, y, target, optimiser=optimiser)
    agree(learner, loop)
    start = network()
    for name, w in loop.w.items():
        assert abs(w - start[name]).max() > 0.01


@pytest.mark.parametrize("interpolated", [False, True], ids=["held", "interpolated"])
@pytest.mark.parametrize("moves", ["x", "xy"])
@pytest.mark.parametrize("paces", PACES)
def test_what_moves_is_told_apart(paces, moves, interpolated, target):
    """What was integrated of a postsynaptic cell goes with what the input sent just then."""
    x, y = samples(moves, frames=4)
    learner, loop = learned(paces, x, y, target, Frame(5 * ms, interpolated))
    agree(learner, loop)


@pytest.mark.parametrize("paces", ["step", "two", "end"])
def test_activity_and_weights_at_every_step(paces, target):
    """What is learned after a step comes after its sample."""
    net, (x, y) = network(rule(*PACES[paces][0]), target=target), samples("xy", frames=4)
    recorder, loop = Recorder(["hidden1.v", "output.v", "W1.w", "B2.w"]), Loop(net, PACES[paces][1])
    present(Learner(net, TRIAL), x, y, frame=5 * ms, record=recorder)
    loop.present(x, y, FREE, FEEDBACK, of_frame=5)
    data = recorder.recording().dataset
    for name, values in zip(data, zip(*loop.traces)):
        found = data[name]
        found = found.transpose("time", "trial", ...) if "trial" in found.dims else found
        np.testing.assert_allclose(found.values, np.array(values), rtol=0, atol=1e-10)


@pytest.mark.parametrize("options, rtol", [(dict(dtype="float32"), 2e-5), (dict(threads=2), 1e-9)])
@pytest.mark.parametrize("paces", ["step", "two", "end"])
def test_other_circuits(paces, options, rtol, needs_compiler):
    x, y = samples("x", frames=4)
    agree(*learned(paces, x, y, "cpp", Frame(5 * ms, True), **options), rtol)


def test_it_is_of_first_order_in_the_time_step(needs_compiler):
    """Weights and activity together: half the step, half the error."""
    (x, y), found = samples("xy", frames=4), []
    for dt in (1 / 4, 1 / 8, 1 / 16, 1 / 128):
        net = network(rule("dt", "dt"), target="cpp")
        trial = Trial(dt=dt * ms, free=FREE * ms, feedback=FEEDBACK * ms)
        present(Learner(net, trial), x, y, frame=5 * ms)
        found.append(net["W1"].copy())
    errors = np.array([abs(one - found[-1]).max() for one in found[:-1]])
    # beside the fine solution, which has an error, too
    right = np.array([1 / 4, 1 / 8, 1 / 16]) - 1 / 128
    np.testing.assert_allclose(errors / errors[0], right / right[0], rtol=0.03)
    assert errors[0] > 1e-4
