"""A layer that nothing can wake is named, once."""

import warnings

import numpy as np
import pytest
from brian2 import ms

from neurofa import Learner, Network, SteadyState, Trial, lookup, present, settle, train
from neurofa.data.tasks import Task
from neurofa.rules.pathways import constant

SIZES, K = (6, 5, 4, 3), 32
SLOW = Trial(dt=2 * ms, default=settle(1e-4, 500 * ms))


def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(K, SIZES[0])), np.eye(SIZES[-1])[rng.integers(SIZES[-1], size=K)]


def learner(model, trial=SLOW, activation="relu", rule=None, target="numpy"):
    net = Network(
        SIZES, rule or lookup.rule(model), K, seed=3, activation=activation, target=target
    )
    return Learner(net, trial)


@pytest.mark.parametrize("model", ["equilibrium_propagation", "equilibrium_propagation_centred"])
@pytest.mark.parametrize("trial", [SLOW, SteadyState(1e-3)])
def test_an_energy_whose_slope_is_zero_at_rest_never_leaves_it(model, trial):
    asleep = learner(model, trial)
    with pytest.warns(
        UserWarning,
        match="hidden1, hidden2: all rates are 0.*nothing will be learned.*never left 0.*'tanh' or 'logistic'",
    ):
        present(asleep, *samples())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        present(asleep, *samples())


@pytest.mark.parametrize(
    "model", ["fa", "dfc_ss", "predictive_coding", "target_propagation", "weight_mirror"]
)
def test_potentials_that_were_pushed_below_zero(model):
    asleep = learner(model)
    asleep.net["W1.bias"] = -100
    with pytest.warns(UserWarning, match="hidden1.*all rates are 0.*hidden1 are all below 0"):
        present(asleep, *samples())


def test_weights_of_zero():
    asleep = learner("fa", rule=lookup.rule("fa").through(constant(0.0), "W"))
    with pytest.warns(UserWarning, match="hidden1, hidden2: all rates are 0"):
        present(asleep, *samples())


@pytest.mark.parametrize(
    "model, activation",
    [
        ("equilibrium_propagation", "tanh"),
        ("equilibrium_propagation", "logistic"),
        ("fa", "relu"),
        ("fa", "tanh"),
        ("dfc_ss", "relu"),
    ],
)
def test_layers_that_can_learn_are_not_named(model, activation):
    awake = learner(model, activation=activation)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*all rates are 0")
        present(awake, *samples())


def test_tanh_at_rest_is_no_silence():
    awake = learner("fa", activation="tanh", rule=lookup.rule("fa").through(constant(0.0), "W"))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*all rates are 0")
        present(awake, *samples())


def test_a_small_layer_that_is_silent_for_one_stimulus_is_not_named():
    (x, y), net = (
        samples(),
        Network((6, 2, 3), lookup.rule("fa"), 1, seed=3, activation="relu", target="numpy"),
    )
    awake, silent = Learner(net, Trial(dt=10 * ms)), 0
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*all rates are 0")
        for stimulus, target in zip(x, y):
            present(awake, [stimulus], [target])
            silent += not net["hidden1.r"].any()
    assert silent


def test_a_pause_without_stimulus_is_no_silence():
    (x, y), awake = samples(), learner("fa")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*all rates are 0")
        present(awake, np.zeros((8, SIZES[0])), y[:8])
        present(awake, x, y)
        present(awake, np.zeros((K - 8, SIZES[0])), y[8:])


def test_one_trial_at_a_time_is_named_when_it_is_no_accident():
    (x, y), asleep = (
        samples(),
        Learner(
            Network(SIZES, lookup.rule("fa"), 1, seed=3, activation="relu", target="numpy"),
            Trial(dt=10 * ms),
        ),
    )
    asleep.net["W1.bias"] = -100
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*all rates are 0")
        for stimulus, target in zip(x[1:], y[1:]):
            present(asleep, [stimulus], [target])
    with pytest.warns(UserWarning, match="hidden1.*all rates are 0, in 32 trials in a row"):
        present(asleep, x[:1], y[:1])


def test_a_training_says_it_once(capsys):
    (x, y), asleep = samples(), learner("equilibrium_propagation")
    train(asleep, Task(x, y, "small", x, y), 3, progress=False)
    assert capsys.readouterr().err.count("all rates are 0") == 1
