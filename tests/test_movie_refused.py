"""What is refused of inputs and targets that move, in a sentence, and what a refusal leaves as it was."""

import re

import numpy as np
import pytest
from brian2 import ms, mV
from in_steps import FRAME, FRAMES, TRIAL, K, agree, network, recorded, samples, wanted

from neurofa import (
    Frame,
    Learner,
    NetworkError,
    SteadyState,
    TaskError,
    Trial,
    evaluate,
    present,
    settle,
    tasks,
    train,
)
from neurofa.learning.predict import predict
from neurofa.learning.requested import requested_changes

X, Y = samples()
STILL = Trial(dt=1 * ms, default=20 * ms)
SIDES = pytest.mark.parametrize("side", ["stimulus", "target"])


def refused(words, call, *given, **options):
    with pytest.raises((NetworkError, TaskError), match=re.escape(words)):
        call(*given, **options)


@pytest.fixture(scope="module")
def net():
    return network(target="numpy")


@pytest.mark.parametrize("dt, remedy", [(3 * ms, "2*ms"), (8 * ms, "4*ms"), (4.1 * ms, "4*ms")])
def test_frames_are_whole_numbers_of_time_steps(dt, remedy, net):
    why = f"free phase: a frame of 4 ms is no whole number of time steps of {float(dt / ms):g} ms"
    refused(why, present, Learner(net, Trial(dt=dt)), X, Y, frame=FRAME)
    refused(f"Trial(dt={remedy})", present, Learner(net, Trial(dt=dt)), X, Y, frame=FRAME)


@pytest.mark.parametrize(
    "y, frame, words",
    [
        (Y[:, :3], FRAME, "The target has 3 frames of 4. ms, and what goes with it 5 of 4. ms"),
        (Y, 5 * ms, "The target has 5 frames of 5. ms, and what goes with it 5 of 4. ms"),
        (
            Y,
            Frame(FRAME, True),
            "5 frames of 4. ms, interpolated, and what goes with it 5 of 4. ms",
        ),
    ],
    ids=["count", "length", "kind"],
)
def test_inputs_and_targets_have_the_same_frames(y, frame, words, net):
    net.stimulus(X, FRAME)
    refused(words, net.target_rates, y, frame)


CALLS = {
    "present": lambda net: present(Learner(net, STILL), X, Y),
    "lists": lambda net: present(Learner(net, STILL), X.tolist(), Y.tolist()),
    "target": lambda net: present(Learner(net, STILL), X[:, 0], Y),
    "stimulus": lambda net: net.stimulus(X),
    "predict": lambda net: predict(Learner(net, STILL), X),
    "of a network": lambda net: predict(net, X, STILL),
    "evaluate": lambda net: evaluate(Learner(net, STILL), X[:, 0], Y),
    "task": lambda net: train(net, tasks.Task(X, Y), 1),
    "requested": lambda net: requested_changes(Learner(net, STILL), X, Y),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_third_axis_needs_a_frame(call, net):
    with pytest.raises(
        (NetworkError, TaskError),
        match=r"(?i)(how long each.*frame=5\*ms|frame=5\*ms, for how long)",
    ):
        call(net)


@SIDES
@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda a: np.where(np.arange(a.shape[1])[:, None] == 2, np.nan, a), "in trial 0, frame 2, unit 0"),
        (lambda a: np.ma.masked_less(a, 0), "masked entries"),
        (lambda a: a * mV, "a unit that does not fit"),
        (lambda a: a * 1j, "complex128 where real numbers are needed"),
        (lambda a: [row.tolist()[k:] for k, row in enumerate(a)], "Give rows of one length"),
        (lambda a: a[..., :1], "with a frame, and at most 3 trials, not (3, 5, 1)"),
        (lambda a: a[:, :0], "with a frame, and at most 3 trials, not (3, 0, "),
        (lambda a: np.repeat(a, 2, axis=0), "with a frame, and at most 3 trials, not (6, 5, "),
        (lambda a: a[None], "with at most 3 trials, not (1, 3, 5, "),
    ],
    ids=["nan", "masked", "unit", "complex", "ragged", "width", "frames", "trials", "axes"],
)  # fmt: skip
def test_arrays_that_are_none(spoil, words, side):
    """Nothing changes: not what is shown, nor for how many trials."""
    net = network(target="numpy")
    net.stimulus(X, FRAME)
    net.target_rates(Y, FRAME)
    before, movie = {name: array.copy() for name, array in net.arrays.items()}, vars(net.movie)
    if side == "stimulus":
        refused(f"The {side}", net.stimulus, spoil(X), FRAME)
        refused(words, net.stimulus, spoil(X), FRAME)
    else:
        refused(f"The {side}", net.target_rates, spoil(Y), FRAME)
        refused(words, net.target_rates, spoil(Y), FRAME)
    assert vars(net.movie) == movie and net.active == K
    for name, array in before.items():
        np.testing.assert_array_equal(net.arrays[name], array, err_msg=name)


@pytest.mark.parametrize("frame", [5, "5ms", -5 * ms, 0 * ms, 5 * mV, np.inf * ms, True], ids=str)
@pytest.mark.parametrize("x", [X, X[:, 0]], ids=["moves", "stands still"])
def test_frames_that_are_none(frame, x, net):
    refused(f"frame = {frame!r}: give how long every frame is shown", net.stimulus, x, frame)


def test_numbers_that_the_precision_cannot_hold():
    net = network(target="numpy", dtype="float32")
    refused(
        "float32 cannot hold 1e+200, in trial 0, frame 0, unit 0",
        net.stimulus,
        X * 0 + 1e200,
        FRAME,
    )


@pytest.mark.parametrize("moves", ["x", "y"])
def test_steady_states_of_what_moves(moves, net):
    x, y = samples(moves)
    words = "what it is shown in the phase free moves. Use Trial(...), or name the phase: SteadyState(free=250*ms)."
    refused(words, present, Learner(net, SteadyState()), x, y, frame=FRAME)
    task = tasks.Task(x, y, frame=FRAME)
    refused(words, train, net, task, 1, trial=SteadyState(), progress=False)
    named = SteadyState(free=20 * ms, feedback=20 * ms)
    assert [one.steps for one in present(Learner(net, named), x, y, frame=FRAME)] == [20, 20]


def test_a_first_phase_that_is_shorter_than_the_task(net):
    short, task = Trial(dt=1 * ms, free=10 * ms), tasks.Task(X, Y, frame=FRAME)
    words, before = (
        "The first phase, free, lasts 10. ms, and what is shown 20. ms",
        net["W1"].copy(),
    )
    refused(words, train, net, task, 1, trial=short, progress=False)
    refused(words, predict, Learner(net, short), X, frame=FRAME)
    refused(words, evaluate, Learner(net, short), X, Y, frame=FRAME)
    refused("The first phase ends before frame 3 of 5", predict, net, X, short, FRAME)
    np.testing.assert_array_equal(net["W1"], before)
    held_out = tasks.Task(X[:, :2], Y[:, :2], x_test=X, y_test=Y, frame=FRAME)
    refused(words, train, net, held_out, 1, trial=short, progress=False)
    train(net, tasks.Task(X[:, :2], Y[:, :2], frame=FRAME), 1, trial=short, progress=False)


@pytest.mark.filterwarnings("ignore::neurofa.NotSettled")
def test_a_first_phase_that_gives_up_before_the_last_frame(net):
    """How long it takes to settle is not known before."""
    trial, task = (
        Trial(dt=1 * ms, default=settle(1e-9, at_most=10 * ms)),
        tasks.Task(X, Y, frame=FRAME),
    )
    refused("ends before frame 3 of 5", train, net, task, 1, trial=trial, progress=False)


@SIDES
def test_what_stands_still_again_needs_no_frame(side, target):
    """And settles as it did before anything moved."""
    net = network(target=target)
    net.stimulus(X, FRAME)
    net.target_rates(Y, FRAME)
    if side == "stimulus":
        net.stimulus(X[:, 0])
        assert net.movie.frames == 0
    net.target_rates(Y[:, 0])
    assert net.movie.moves == (side == "target")
    result = net.run("free", TRIAL["free"])
    assert (result.trajectory is None) == (side == "stimulus")


def test_a_target_that_stands_still_again_beside_an_input_that_does(net):
    net.stimulus(X[:, 0])
    net.target_rates(Y, FRAME)
    assert net.movie.frames == FRAMES
    net.target_rates(Y[:, 0])
    assert net.movie.frames == 0 and not net.movie.moves


def test_after_a_refusal_everything_moves_on(target):
    net, (x, y) = network(target=target), samples()
    recorded(net, x, y)
    refused("NaN", net.stimulus, x * np.nan, FRAME)
    found, _ = recorded(net, x, y)
    agree(found, wanted(net, x, y))
