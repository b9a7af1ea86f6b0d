"""What `train` is given: a task's cost, a Learner that goes on, a stop, no held-out samples; and
what it refuses."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, fa

from neurofa import (
    ADAM,
    GRADIENT,
    MOMENTUM,
    Diverged,
    History,
    Learner,
    Network,
    NetworkError,
    Plasticity,
    Recorder,
    RuleError,
    TaskError,
    Trial,
    evaluate,
    present,
    train,
)
from neurofa.data.tasks import Task
from neurofa.learning.checkpoint import Checkpoint
from neurofa.rules.costs import COSTS

TRIAL = Trial(dt=10 * ms, free=50 * ms, feedback=50 * ms)
RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(12, 4)), np.arange(12) % 3
ONE_HOT = np.eye(3)[LABELS]


def task(cost="cross_entropy", y=ONE_HOT, held_out=True, x=X):
    return Task(x, y, "small", *((x[:5], y[:5]) if held_out else (None, None)), cost=cost)


def network(rule=fa.RULE, sizes=(4, 5, 3), **options):
    return Network(sizes, rule, trials=4, seed=1, target="numpy", **options)


def learned(net, data=None, epochs=1, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        train(net, data or task(), epochs, progress=False, **(dict(trial=TRIAL) | options))
    return net["W1"].copy(), net["W2"].copy()


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other))


# --- the cost ---
@pytest.mark.parametrize("rule", [fa.RULE, dfc.RULE], ids=lambda rule: rule.name)
@pytest.mark.parametrize("cost", COSTS)
def test_the_cost_of_the_task_is_that_of_a_network_that_was_told_none(rule, cost):
    net = network(rule)
    by_task = learned(net, task(cost))
    assert net.cost.name == cost and equal(by_task, learned(network(rule, cost=cost), task(cost)))
    other = next(name for name in COSTS if name != cost)
    assert not equal(by_task, learned(network(rule, cost=other), task(cost)))


def test_the_compiled_circuit_takes_the_cost_of_the_task_too():
    nets = [
        Network((4, 5, 3), fa.RULE, trials=4, seed=1, cost=cost) for cost in (None, "cross_entropy")
    ]
    assert equal(*(learned(net) for net in nets))


def test_a_network_that_was_told_another_cost_says_so_once():
    net = network(cost="squared")
    with pytest.warns(
        UserWarning, match="small is meant for the cost cross_entropy; the network was told squared"
    ) as said:
        train(net, task(), 2, trial=TRIAL, progress=False)
    assert (
        len([one for one in said if one.category is UserWarning]) == 1
        and net.cost.name == "squared"
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* is meant for")
        train(network(cost="cross_entropy"), task(), 1, trial=TRIAL, progress=False)
        train(network(), task(), 1, trial=TRIAL, progress=False)


def test_costs_that_do_not_fit_the_targets():
    with pytest.raises(TaskError, match="y is no distribution over classes: cross_entropy"):
        task(y=2 * ONE_HOT - 1)
    with pytest.raises(TaskError, match="y does not lie between 0 and 1"):
        task("binary_cross_entropy", y=2 * ONE_HOT - 1)
    with pytest.raises(TaskError, match="softmax is always 1. Use binary_cross_entropy"):
        task(y=ONE_HOT[:, :1])
    with pytest.raises(
        NetworkError, match="told the cost cross_entropy, but y of task small is no distribution"
    ):
        train(network(cost="cross_entropy"), task("squared", y=2 * ONE_HOT - 1), 1)
    with pytest.raises(NetworkError, match="softmax of a single output"):
        network(sizes=(4, 5, 1), cost="cross_entropy")


# --- accuracy ---
@pytest.mark.parametrize(
    "y", [ONE_HOT[:, :1], 2 * ONE_HOT[:, :1] - 1, 2 * ONE_HOT - 1, 0.9 * ONE_HOT + 0.1 / 3]
)
def test_training_finds_the_accuracy_that_evaluation_finds(y):
    net = network(sizes=(4, 5, y.shape[1]))
    history = train(net, task("squared", y), 1, trial=TRIAL, progress=False)
    assert history.test_accuracy[-1] == evaluate(Learner(net, TRIAL), X[:5], y[:5])[1] < 1


def test_that_a_task_is_no_classification_is_said_once():
    with pytest.warns(UserWarning, match="task small are no classes") as said:
        history = train(
            network(), task("squared", RNG.normal(size=(12, 3))), 3, trial=TRIAL, progress=False
        )
    assert (
        len([one for one in said if one.category is UserWarning]) == 1
        and np.isnan(history.test_accuracy).all()
    )


# --- going on ---
@pytest.mark.parametrize("optimiser", ["adam", "momentum"])
def test_a_learner_goes_on_where_it_was(optimiser):
    """Two tasks in sequence: moments and counts are those of one training by hand."""
    net, first, second = network(), task(), task(y=ONE_HOT[::-1])
    learner = Learner(net, TRIAL, optimiser)
    for data in (first, second):
        train(learner, data, 1, progress=False, seed=3)
    by_hand = Learner(network(cost="cross_entropy"), TRIAL, optimiser)
    for data in (first, second):
        for batch in data.batches(4, np.random.default_rng(3)):
            present(by_hand, data.x[batch], data.y[batch])
    assert equal(
        (net["W1"], net["W2"], net["W1.w.m"]),
        (by_hand.net["W1"], by_hand.net["W2"], by_hand.net["W1.w.m"]),
    )
    assert (learner.updates, learner.epochs) == (6, 2)
    again = network()
    learned(again, first, optimiser=optimiser, seed=3)
    # with new moments
    assert not equal(learned(again, second, optimiser=optimiser, seed=3), (net["W1"], net["W2"]))
    with pytest.raises(NetworkError, match="leave trial and optimiser out"):
        train(learner, first, 1, trial=TRIAL)


def test_after_every_epoch_a_function_is_called_and_may_stop():
    seen, rates = [], []

    def after(learner, history):
        seen.append((history.epoch[-1], learner.epochs, len(history.test_cost)))
        learner.net.set(eta=0.1 / (1 + learner.epochs))
        rates.append(learner.net.parameters["eta"])
        return learner.epochs == 3

    net = network()
    history = train(net, task(), 10, trial=TRIAL, progress=False, after_epoch=after)
    assert (
        seen == [(1, 1, 2), (2, 2, 3), (3, 3, 4)]
        and history.stopped
        and not history.interrupted
        and history.epoch[-1] == 3
    )
    assert rates == [0.05, 0.1 / 3, 0.025]
    by_hand = Learner(network(cost="cross_entropy"), TRIAL)
    rng = np.random.default_rng(0)
    for epoch in range(3):
        for batch in task().batches(4, rng):
            present(by_hand, X[batch], ONE_HOT[batch])
        by_hand.net.set(eta=0.1 / (2 + epoch))
    assert equal((net["W1"], net["W2"]), (by_hand.net["W1"], by_hand.net["W2"]))
    assert not train(
        network(), task(), 2, trial=TRIAL, progress=False, after_epoch=lambda learner, history: 1
    ).stopped


def test_a_training_that_was_stopped_stays_stopped(tmp_path):
    options = dict(
        trial=TRIAL, progress=False, after_epoch=lambda learner, history: learner.epochs == 2
    )
    net = network()
    train(net, task(), 5, checkpoint=Checkpoint(tmp_path / "c.h5"), **options)
    resumed = network()
    history = train(resumed, task(), 5, checkpoint=Checkpoint(tmp_path / "c.h5"), **options)
    assert history.stopped and history.epoch == [0, 1, 2] and equal((net["W1"],), (resumed["W1"],))


def test_a_task_without_held_out_samples():
    data = task(held_out=False)
    assert (
        data.sizes == (4, 3)
        and data.classes
        and data.statistics["test samples"] == 0
        and "12 samples + 0 held out" in repr(data)
    )
    nets = network(), network()
    history = train(nets[0], data, 2, trial=TRIAL, progress=False)
    assert (
        np.isnan(history.test_cost).all()
        and np.isnan(history.test_accuracy).all()
        and np.isfinite(history.train_cost[1:]).all()
    )
    assert equal((nets[0]["W1"],), learned(nets[1], task(), 2)[:1])
    with pytest.raises(TaskError, match="both x_test and y_test"):
        Task(X, ONE_HOT, "small", X)


# --- what learns ---
@pytest.mark.parametrize("optimiser", [GRADIENT, ADAM, MOMENTUM], ids=lambda one: one.name)
def test_weights_decay_and_biases_do_not(optimiser):
    """An update with decay is one of weights that were made smaller before: w (1 - eta decay), with
    the moments as they are."""
    nets = network(cost="cross_entropy"), network(cost="cross_entropy")
    learners = Learner(nets[0], TRIAL, optimiser.but(decay=0.5)), Learner(nets[1], TRIAL, optimiser)
    eta = fa.RULE.parameters["eta"]
    for net in nets:
        net["W1.bias"] = 1.0
    present(learners[0], X[:4], ONE_HOT[:4])
    present(learners[1], X[:4], ONE_HOT[:4])
    start = network()
    for name in ("W1", "W2"):
        np.testing.assert_allclose(
            nets[0][name], nets[1][name] - 0.5 * eta * start[name], rtol=1e-12
        )
    assert np.array_equal(nets[0]["W1.bias"], nets[1]["W1.bias"]) and np.array_equal(
        nets[0]["B2"], start["B2"]
    )


@pytest.mark.parametrize(
    "to, learns",
    [
        ("hidden2", {"W2"}),
        ("hidden1", {"W1"}),
        ("hidden", {"W1", "W2"}),
        ("output", {"W3"}),
        ("layers", {"W1", "W2", "W3"}),
        (None, {"W1", "W2", "W3"}),
    ],
)
def test_layers_that_no_line_changes_are_frozen(to, learns):
    rule = fa.RULE.but(
        plasticity=(
            Plasticity("W", after="feedback", to=to, equation="w += -eta * delta_post * r_pre"),
        )
    )
    nets = network(rule, (4, 6, 5, 3)), network(fa.RULE, (4, 6, 5, 3))
    before = {name: nets[0][name].copy() for name in ("W1", "W2", "W3")}
    for net in nets:
        present(Learner(net, TRIAL), X[:4], ONE_HOT[:4])
    for name in before:
        assert np.array_equal(nets[0][name], (nets[1][name] if name in learns else before[name])), (
            name
        )


def test_layers_that_are_none():
    line = Plasticity(
        "W", after="feedback", to="hidden1", equation="w += -eta * delta_post * r_pre"
    )
    many = network(fa.RULE.but(plasticity=(line,)), (2, *[1] * 10, 2))
    # not W10 too
    assert [plastic.group.name for plastic in Learner(many, TRIAL).plastic["feedback"]] == ["W1"]
    for to in ("hidden0", "hidden01", "hiden", "", 1, ["hidden"], "input"):
        with pytest.raises(RuleError, match="to ?="):
            fa.RULE.but(plasticity=(replace(line, to=to),))
    with pytest.raises(
        NetworkError, match="restricted to 'hidden7', and in this network W enters hidden1, output"
    ):
        Learner(network(fa.RULE.but(plasticity=(replace(line, to="hidden7"),))), TRIAL)


# --- divergence ---
@pytest.mark.parametrize("optimiser", ["gradient", "momentum"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_learning_rate_that_is_far_too_large_is_one_error(capsys, optimiser, dtype):
    net = network(fa.RULE.but(eta=1e4), dtype=dtype)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(Diverged, match="smaller learning rate") as error:
            train(net, task("squared"), 300, trial=TRIAL, progress=False, optimiser=optimiser)
    assert (
        not [one for one in caught if one.category in (RuntimeWarning, UserWarning)]
        and capsys.readouterr().err == ""
    )
    assert isinstance(error.value.history, History) and error.value.history.epoch[0] == 0
    assert np.isfinite(error.value.history.test_cost).all()
    assert all(np.isfinite(net[name]).all() for name in ("W1", "W2", "W1.bias", "W2.bias"))


def test_the_weights_are_the_last_good_ones():
    """Not even the other lines of the update were made: FA's hidden weights change with an output's
    that overflow."""
    net = network(fa.RULE.but(eta=1e300))
    learner = Learner(net, TRIAL, "adam")
    before = {name: net[name].copy() for name in ("W1", "W2", "W1.bias", "W2.bias", "W1.w.m")}
    with pytest.raises(
        Diverged, match="update 1: the change of 'W1.w' became NaN or infinite. .* after 0 updates"
    ):
        present(learner, X[:4], ONE_HOT[:4])
    assert (
        all(np.array_equal(net[name], values) for name, values in before.items())
        and learner.updates == 0
    )
    net.set(eta=0.1)
    present(learner, X[:4], ONE_HOT[:4])
    assert learner.updates == 1 and not np.array_equal(net["W1"], before["W1"])


# --- what is refused ---
@pytest.mark.parametrize(
    "change, said",
    [
        (dict(epochs=float("nan")), "epochs = nan: give a whole number of at least 0"),
        (dict(epochs=-3), "epochs = -3"),
        (dict(epochs=2.0), "epochs"),
        (dict(epochs="2"), "epochs"),
        (dict(epochs=True), "epochs"),
        (dict(epochs=None), "epochs"),
        (dict(net="fa"), "give a Network or a Learner"),
        (dict(task=X), "give a neurofa.tasks.Task"),
        (dict(seed=-1), "seed = -1"),
        (dict(seed=None), "seed"),
        (dict(trial=10 * ms), "give a Trial"),
        (dict(record="hidden1.v"), "record = 'hidden1.v': give a neurofa.Recorder"),
        (dict(record=Recorder), "give a neurofa.Recorder"),
        (dict(snapshots=10), "snapshots = 10: give neurofa.snapshots.Snapshots"),
        (dict(checkpoint="c.h5"), "checkpoint = 'c.h5': give neurofa.checkpoint.Checkpoint"),
        (dict(measure=3), "measure = 3: give a function"),
        (dict(after_epoch=True), "after_epoch = True: give a function"),
        (dict(optimiser="adm"), "Did you mean 'adam'"),
        (dict(optimiser=3), "no optimiser"),
        (dict(optimiser=["adam"]), "no optimiser"),
    ],
)
def test_arguments_that_are_none(change, said):
    arguments = dict(net=network(), task=task(), epochs=1, progress=False) | change
    with pytest.raises(NetworkError, match=said):
        train(arguments.pop("net"), arguments.pop("task"), arguments.pop("epochs"), **arguments)


@pytest.mark.parametrize(
    "change",
    [
        dict(x=np.ma.masked_greater(X, 1)),
        dict(x=X * ms),
        dict(x=[[1 * ms] * 4] * 12),
        dict(x=X * 1j),
        dict(x=X.astype(object)),
        dict(x=X.astype(str)),
        dict(x=np.where(X > 1, np.nan, X)),
        dict(y=np.ma.masked_equal(ONE_HOT, 1)),
        dict(y=[["a"] * 3] * 12),
        dict(cost=["squared"]),
        dict(x=np.full((12, 4), np.longdouble("1e4000"))),
    ],
    ids=lambda change: None,
)
def test_a_task_keeps_no_values_that_lost_their_meaning(change):
    with pytest.raises(TaskError, match="^Task 'small': "):
        task(**change)


@pytest.mark.parametrize(
    "values",
    [
        np.ma.masked_greater(X[:4], 1),
        X[:4] * ms,
        X[:4] * 1j,
        X[:4].astype(object),
        X[:4].astype(str),
        np.full((4, 4), 1e300),
        np.full((4, 4), np.nan),
        [[1 * ms] * 4] * 4,
        None,
        "x",
    ],
    ids=lambda value: None,
)
def test_no_array_loses_its_meaning_on_the_way_in(values):
    """Masks and units would be dropped, 1e300 is infinite in float32."""
    net = network(sizes=(4, 4, 4), dtype="float32")
    learner, before = Learner(net, TRIAL), net["W1"].copy()
    for call in (
        lambda: present(learner, values, X[:4]),
        lambda: present(learner, X[:4], values),
        lambda: net.stimulus(values),
        lambda: net.__setitem__("W1", values),
    ):
        with pytest.raises(NetworkError):
            call()
    assert np.array_equal(net["W1"], before)
    net["W1"] = np.ma.array(X[:4])  # nothing is masked
    assert np.array_equal(net["W1"], X[:4].astype(np.float32))


@pytest.mark.parametrize(
    "value", [1 * ms, np.ma.masked, 1j, True, "0.1", None, [0.1], np.nan, np.inf, 10**400], ids=repr
)
def test_a_parameter_is_one_number_with_its_unit(value):
    net = network()
    with pytest.raises(NetworkError, match="Parameter 'eta'"):
        net.set(eta=value)
    assert net.parameters["eta"] == fa.RULE.parameters["eta"]
