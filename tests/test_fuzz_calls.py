"""Calls of the public functions with one or two arguments that are none: they are refused in our
words, or mean what they say.

A fixed seed chooses the calls. More of them, by hand: NEUROFA_FUZZ=10000 python -m pytest
tests/test_fuzz_calls.py
"""

import os
import random
import traceback
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray
from brian2 import Hz, ms, mV
from neurofa.models import dfc_tracking, fa

from neurofa import (
    ADAM,
    Frame,
    Learner,
    Length,
    Network,
    NeurofaError,
    Optimiser,
    Recorder,
    Snapshots,
    SteadyState,
    Trial,
    analysis,
    classes,
    directions,
    evaluate,
    lessons,
    plot,
    present,
    settle,
    snapshots,
    statistics,
    tasks,
    train,
)
from neurofa.base.arguments import shown
from neurofa.learning.checkpoint import Checkpoint
from neurofa.learning.predict import predict
from neurofa.rules.pathways import (
    at_angle,
    constant,
    copy_of,
    dale,
    delayed,
    epoch,
    fixed_signs,
    gain,
    glorot,
    lesioned,
    low_rank,
    masked,
    noisy,
    normal,
    only_during,
    quantised,
    reaching,
    saturating,
    shares,
    sign_concordant,
    sparse,
    spectral,
    uniform,
)

matplotlib.use("Agg")
CALLS = int(os.environ.get("NEUROFA_FUZZ", 500))
RNG = np.random.default_rng(0)
X, Y, LABELS = RNG.normal(size=(4, 3)), np.eye(2)[[0, 1, 1, 0]], np.array([0, 1, 1, 0])
MOVING = np.stack([X, 2 * X, 3 * X], axis=1)  # (4, 3 frames, 3)
W, B = [RNG.normal(size=(5, 3)), RNG.normal(size=(2, 5))], RNG.normal(size=(5, 2))

# What no array of real numbers can be without losing what it means: such a value in place of one
# must be refused.
POISON = [
    np.ma.masked_greater(X, 0),
    X * mV,
    [[1 * ms] * 3] * 4,
    X * 1j,
    X.astype(object),
    X.astype(str),
    np.array(["2020-01-01"], "datetime64[D]"),
    Y * mV,
    np.ma.masked_equal(Y, 1),
    Y * 1j,
]
ODD = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    7,
    0.5,
    -0.5,
    1e-300,
    1e300,
    2**31,
    2**63,
    10**400,
    float("nan"),
    float("inf"),
    -float("inf"),
    1j,
    "",
    "x",
    "W",
    "hidden1.v",
    "0",
    "free",
    "adam",
    b"x",
    [],
    (),
    {},
    set(),
    [1],
    [0, 1],
    ["a"],
    [None],
    [[1, 2], [3]],
    object(),
    len,
    int,
    lambda *a: 1,
    10 * ms,
    -1 * ms,
    0 * ms,
    3 * Hz,
    ms,
    1 * mV,
    float("nan") * ms,
    np.float32(0.5),
    np.int64(3),
    np.bool_(True),
    np.nan,
    np.zeros(0),
    np.zeros(3),
    np.zeros((0, 3)),
    np.zeros((4, 3)),
    np.ones((4, 3)),
    np.full((4, 3), np.nan),
    np.full((4, 3), np.inf),
    np.full((4, 3), 1e300),
    np.zeros((4, 3, 2)),
    X,
    Y,
    LABELS,
    X[:1],
    X.T,
    X.astype(np.float32),
    range(3),
    slice(2),
    Path("nowhere"),
    fa.RULE,
    Trial(),
    Length(10 * ms),
    ADAM,
    epoch(1),
    sparse(0.5),
    ValueError,
    Ellipsis,
    NotImplemented,
]


class Stage:
    """A small network and what goes with it, made once."""

    def __init__(self):
        self.net = Network([3, 5, 2], fa.RULE, trials=4, seed=1, target="numpy")
        self.following = Network([3, 5, 2], dfc_tracking.RULE, seed=1, target="numpy")
        self.trial = Trial(dt=10 * ms, default=20 * ms)
        self.learner = Learner(self.net, self.trial)
        self.task = tasks.Task(X, Y, "small", X, Y)
        recorder = Recorder(["hidden1.v", "output.residual", "W1.w"])
        present(self.learner, X, Y, record=recorder)
        self.recording = recorder.recording()
        self.start = {name: array.copy() for name, array in self.net.arrays.items()}

    def calls(self):
        """Return [(function, positional arguments, keyword arguments)] that are all right; arrays
        are to be poisoned."""
        net, learner, task, trial, none = (
            self.net,
            self.learner,
            self.task,
            self.trial,
            dict(progress=False),
        )
        sizes = [3, 5, 2]
        return [
            (
                Network,
                (sizes, fa.RULE),
                dict(
                    trials=2,
                    activation="tanh",
                    output_activation="linear",
                    cost="squared",
                    dtype="float64",
                    seed=1,
                    target="numpy",
                    threads=1,
                ),
            ),
            (Learner, (net, trial), dict(optimiser="adam")),
            (present, (learner, X, Y), dict(learn=False, record=None)),
            (evaluate, (learner, X, Y), {}),
            (predict, (learner, X), {}),
            (predict, (net, X, trial), {}),
            (
                train,
                (net, task, 1),
                dict(
                    trial=trial,
                    optimiser="adam",
                    seed=0,
                    label="x",
                    record=None,
                    snapshots=None,
                    checkpoint=None,
                    measure=None,
                    after_epoch=None,
                )
                | none,
            ),
            (train, (learner, task, 0), none),
            (net.stimulus, (X,), {}),
            (net.target_rates, (Y,), {}),
            (net.run, ("free", 20 * ms), {}),
            (net.run, ("free", Length(20 * ms, dt=10 * ms)), dict(record=None)),
            (net.set, (), dict(eta=0.1, tau_v=10 * ms)),
            (net.randomise, (1,), {}),
            (net.__setitem__, ("W1", W[0]), {}),
            (net.__setitem__, ("hidden1.v", np.zeros((4, 5))), {}),
            (net.__getitem__, ("W1",), {}),
            (net.synapses.take, (net, "W"), {}),
            (learner.learn, ("feedback",), {}),
            (lessons, (learner, [(X, Y)]), dict(progress=False, label="mine")),
            (Trial, (1 * ms, settle()), dict(free=10 * ms)),
            (Length, (10 * ms, 1e-3, 1 * ms, True), {}),
            (settle, (1e-6,), dict(at_most=1000 * ms, dt=1 * ms, relative=False)),
            (SteadyState, (1e-3,), dict(dt=1 * ms)),
            (Recorder, (["hidden1.v"],), dict(every=1, trials=None)),
            (Recorder, ("W1.w[0, :2]",), dict(every="phase")),
            (snapshots.every, (3,), {}),
            (snapshots.log_spaced, (3,), {}),
            (Snapshots, (snapshots.every(3),), dict(pathways=["W"], probe=(X, Y))),
            (Checkpoint, ("c.h5",), dict(every=3, resume="exact")),
            (ADAM.but, (), dict(beta1=0.5, decay=0.1)),
            (
                Optimiser,
                ("mine", "", ("m",), "m = mu * m + dw\nw = w + m"),
                dict(parameters=dict(mu=0.9), decay=0.0),
            ),
            (tasks.Task, (X, Y), dict(name="x", x_test=X, y_test=Y, cost="squared")),
            (tasks.Task, (X, LABELS), {}),
            (
                tasks.Task,
                (MOVING, Y),
                dict(x_test=MOVING, y_test=Y, frame=5 * ms, settling=5 * ms),
            ),
            (Frame, (5 * ms,), dict(interpolated=True)),
            (Frame.of, (5 * ms,), {}),
            (tasks.in_time, ("t/ms", 20 * ms, 5 * ms), dict(samples=2)),
            (tasks.in_time, (lambda t: [t, 1.0], 20 * ms, 5 * ms), dict(samples=2)),
            (tasks.sines, (20,), dict(tonic=0.5)),
            (tasks.reaching, (30.0,), {}),
            (tasks.stream, (task,), dict(shown=20 * ms, streams=2, seed=1)),
            (tasks.one_hot, (LABELS,), dict(classes=2)),
            (tasks.linear_map, ((3, 2),), dict(samples=4, test=2, seed=0)),
            (tasks.student_teacher, ((3, 4, 2),), dict(samples=4, test=2, seed=0)),
            (tasks.linear_target, ((3, 2),), dict(seed=0)),
            (tasks.teacher, ((3, 2),), dict(seed=0)),
            (tasks.picture, (4, 2), dict(seed=0)),
            (tasks.pixel_codes, (4, 2), {}),
            (tasks.click_through, (2, 3, 4, 2), dict(seed=0)),
            (tasks.tastes, (2, 3), dict(seed=0)),
            (tasks.block_model, (9, 3, 2, 2, 1.0, 1.0), dict(hops=1, test=0.5, seed=0)),
            (tasks.block_graph, (9, 3, 1.0, 1.0), dict(seed=0)),
            (tasks.hierarchical, (1, 2, 3, True, 4, 2), dict(seed=0)),
            (tasks.grammar, (1, 2, 3, True), dict(seed=0)),
            (tasks.digits, (), dict(seed=0, test=0.25)),
            (tasks.read_idx, ("nowhere",), {}),
            (tasks.idx, ("nowhere",), dict(name="x")),
            (task.batches, (3, RNG), {}),
            (fa.RULE.but, (), dict(eta=0.1)),
            (fa.RULE.but, (), dict(parameters=dict(eta=0.1))),
            (fa.RULE.only, ("free", "feedback"), {}),
            (fa.RULE.through, (sparse(0.5), "B"), {}),
            (fa.RULE.phase, ("free",), {}),
            (sparse, (0.5,), dict(layer=1)),
            (reaching, (0.5,), {}),
            (low_rank, (3,), {}),
            (quantised, (3,), {}),
            (dale, (0.8,), {}),
            (fixed_signs, (), dict(layer=1)),
            (masked, (X > 0,), dict(layer=1)),
            (delayed, (10 * ms,), dict(layer=1)),
            (gain, (2.0,), {}),
            (noisy, (0.1, 10 * ms), {}),
            (noisy, (0.1 * ms**0.5,), {}),
            (saturating, (0.5,), {}),
            (only_during, (20 * ms, 5 * ms), {}),
            (lesioned, (epoch(1), epoch(2)), dict(fraction=0.5, layer=1, cells=0, channels=(0, 1))),
            (epoch, (3,), {}),
            (at_angle, (1.0,), {}),
            (sign_concordant, (0.5,), dict(magnitudes="fixed")),
            (normal, (0.1,), {}),
            (uniform, (0.1,), {}),
            (glorot, (1.0,), {}),
            (constant, (1.0,), {}),
            (shares, (1.0,), {}),
            (copy_of, ("W",), {}),
            (spectral, (0.9,), {}),
            (analysis.angle, (X, X), {}),
            (analysis.trial_angles, (X, X), {}),
            (analysis.angles, (W, W), {}),
            (analysis.alignment, (W[1], B), {}),
            (analysis.sign_agreement, (W[1], B), {}),
            (analysis.norm_ratio, (X, X), {}),
            (analysis.chance_angle_spread, (10,), {}),
            (analysis.condition_1, ([X, X, Y],), {}),
            (analysis.condition_1_as_coded, ([X, X, Y],), {}),
            (analysis.nse, (Y, Y), {}),
            (analysis.accuracy, (Y, Y), {}),
            (analysis.accuracy, (Y, LABELS), {}),
            (analysis.condition_2, (RNG.normal(size=(4, 2, 5)), B), {}),
            (analysis.condition_3, (RNG.normal(size=(4, 2, 5)), B, 0.1), {}),
            (analysis.max_real_eigenvalue, (RNG.normal(size=(2, 3, 3)),), {}),
            (analysis.kolen_pollack_residual, (W[1], B, W[1], B, 0.1, 3), {}),
            (analysis.fa_invariant, (W[0], B, W[1]), {}),
            (analysis.stability, (net, X), dict(y=Y, phase="feedback")),
            (analysis.transfer, (self.following, X, [1, 5] * Hz), dict(y=Y, dt=1 * ms)),
            (
                analysis.stability_matrix,
                (
                    [W[0], W[1]],
                    [np.ones((4, 5)), np.ones((4, 2))],
                    RNG.normal(size=(7, 2)),
                    0.1,
                    0.5,
                ),
                dict(k_p=0.0),
            ),
            (statistics.estimate, ([1.0, 2.0, 3.0],), dict(within=(0, 5), confidence=0.95)),
            (statistics.paired, ([1.0, 2.0, 3.0], [1.0, 1.0, 2.0]), {}),
            (classes.confusion, (Y, Y), dict(cost="squared")),
            (directions.asked, (learner, X, Y), {}),
            (directions.backprop, (net, X, Y), dict(gain=1.0)),
            (directions.minimum_norm, (net, X, Y), dict(lam=1.0, damping=0.1)),
            (directions.gauss_newton, (net, X, Y), dict(lam=1.0, damping=0.1)),
            (directions.to_backprop, (learner, X, Y), {}),
            (directions.feedback_angles, (net, X, Y), dict(pathway="B")),
            (plot.traces, (self.recording, "hidden1.v"), dict(trial=0, units=[0, 1])),
            (plot.residuals, (self.recording,), dict(trial=0)),
            (
                plot.learning,
                (
                    xarray.DataArray(
                        [[[0.0, 1.0]]],
                        dict(rule=["fa"], seed=[0], epoch=[0, 1]),
                        ("rule", "seed", "epoch"),
                    ),
                ),
                {},
            ),
        ]

    def restore(self):
        """Put the network back to where it was before the calls."""
        self.net.set(**fa.RULE.parameters)
        for name, array in self.start.items():
            self.net.arrays[name][...] = array


def numbers_in(value):
    """Whether an argument is an array of real numbers, so that a poisoned one is no other meaning
    of it."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def changed(random, args, kwargs):
    """Return the arguments with one or two of them replaced, and whether an array was poisoned."""
    args, kwargs, poisoned = list(args), dict(kwargs), False
    places = [*range(len(args)), *kwargs]
    for place in random.sample(places, min(len(places), random.choice((1, 1, 2)))):
        where = args if isinstance(place, int) else kwargs
        if numbers_in(where[place]) and random.random() < 0.4:
            value, poisoned = random.choice(POISON), True
        else:
            value = random.choice(ODD)
        where[place] = value
    return args, kwargs, poisoned


@pytest.fixture(scope="module")
def stage():
    return Stage()


def test_the_calls_are_all_right_as_they_stand(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for function, args, kwargs in stage.calls():
        try:
            function(*args, **kwargs)
        except NeurofaError:
            # there are no such files
            assert function in (tasks.read_idx, tasks.idx), (function, args)
        stage.restore()
        matplotlib.pyplot.close("all")


def test_arguments_that_are_none_are_refused_in_our_words(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chosen, wrong = random.Random(11), []
    for _ in range(CALLS):
        function, args, kwargs = chosen.choice(stage.calls())
        args, kwargs, poisoned = changed(chosen, args, kwargs)
        what = f"{function.__qualname__}({', '.join([*map(shown, args), *(f'{k}={shown(v)}' for k, v in kwargs.items())])})"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                function(*args, **kwargs)
            if poisoned:
                wrong.append(f"{what} was taken")
        except NeurofaError:
            pass
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            wrong.append(
                f"{what}: {type(error).__name__}: {str(error)[:100]} ({Path(last.filename).name}:{last.lineno})"
            )
        stage.restore()
        matplotlib.pyplot.close("all")
    assert not wrong, "\n".join(wrong)
