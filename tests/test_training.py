"""The training step: it descends, it can be repeated, it can be interrupted, and it says what came
of it."""

import re
import warnings

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import bp, dfc, fa, frozen, kolen_pollack
from neurofa.models.golden import common as golden

from neurofa import (
    History,
    Learner,
    Network,
    NetworkError,
    NotSettled,
    Plasticity,
    Recorder,
    Trial,
    evaluate,
    lookup,
    predict,
    present,
    reference,
    settle,
    train,
)
from neurofa.data.tasks import Task
from neurofa.learning.batches import Batches

SIZES, K = (4, 5, 3), 4
TRIAL = Trial(dt=1 * ms, free=settle(1e-10), feedback=settle(1e-10))
SHORT = Trial(dt=1 * ms, free=30 * ms, feedback=30 * ms)
NEVER = settle(1e-14, at_most=12 * ms)


def task(samples=10, test=7, cost="squared", seed=0, outputs=3):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(samples + test, 4)), rng.normal(size=(samples + test, outputs))
    y = y if cost == "squared" else np.eye(outputs)[y.argmax(axis=1)]
    return Task(x[:samples], y[:samples], "small", x[samples:], y[samples:], cost)


def network(rule=fa.RULE, **options):
    net = Network(SIZES, rule, trials=K, **(dict(seed=1) | options))
    for name in (n for n in ("W1.bias", "W2.bias") if n in net.probeable):
        net[name] = np.linspace(-0.5, 0.5, len(net[name]))
    return net


def layers(net):
    return [net["W1"].copy(), net["W2"].copy()], [net["W1.bias"].copy(), net["W2.bias"].copy()]


def everything(net):
    return {name: net[name].copy() for name in net.probeable if name.endswith((".w", ".bias"))}


def same(one, other):
    return all((one[name] == other[name]).all() for name in one)


def curves(history):
    return [
        history.epoch,
        history.train_cost,
        history.test_cost,
        history.test_accuracy,
        history.unsettled,
    ]


# --- one step ---
@pytest.mark.parametrize("kind", ["squared", "cross_entropy"])
def test_a_small_step_of_backpropagation_lowers_the_cost_by_the_squared_gradient(kind):
    """To first order in eta, the batch's mean cost falls by eta |gradient|^2."""
    eta, data = 1e-4, task(K, cost=kind)
    net = network(bp.RULE.but(eta=eta), cost=kind)
    W, b = layers(net)
    dW, db = reference.gradients(
        reference.backprop_deltas(data.x, data.y, W, b, kind=kind),
        reference.forward(data.x, W, b)[1],
    )
    squared = sum((g**2).sum() for g in (*dW, *db))
    learner = Learner(net, TRIAL)
    before = evaluate(learner, data.x, data.y)[0]
    present(learner, data.x, data.y)
    assert before - evaluate(learner, data.x, data.y)[0] == pytest.approx(eta * squared, rel=2e-2)


@pytest.mark.parametrize("optimiser", ["gradient", "momentum", "adam"])
def test_the_delta_rule_descends_with_every_optimiser(optimiser):
    data = task(K)
    learner = Learner(network(frozen.RULE.but(eta=1e-3)), SHORT, optimiser)
    costs = [evaluate(learner, data.x, data.y)[0]]
    for _ in range(5):
        present(learner, data.x, data.y)
        costs.append(evaluate(learner, data.x, data.y)[0])
    assert (np.diff(costs) < 0).all()


def test_without_learning_nothing_changes():
    net, data = network(), task(K)
    before = everything(net)
    results = present(Learner(net, SHORT), data.x, data.y, learn=False)
    assert same(before, everything(net))
    assert [r.phase for r in results] == ["free", "feedback"]


def test_a_trial_starts_from_rest():
    data, states = task(8), []
    for first in (data.x[:K], data.x[K:]):
        net = network()
        learner = Learner(net, SHORT)
        present(learner, first, data.y[:K], learn=False)
        present(learner, data.x[:K], data.y[:K], learn=False)
        states.append({n: net[n].copy() for n in net.probeable})
    assert same(*states)


def test_what_all_lines_of_a_phase_need_to_learn():
    """Adam's step is eta: a rule whose learning rate has another name cannot be without it."""
    rule = frozen.RULE.but(
        plasticity=(
            Plasticity(
                "W", after="feedback", to="output", equation="w += -gamma * delta_post * r_pre"
            ),
        ),
        parameters=dict(gamma=1e-3),
    )
    learner, data = Learner(network(rule), SHORT, "gradient"), task(K)
    present(learner, data.x, data.y)  # plain gradients need no eta
    with pytest.raises(NetworkError, match="eta"):
        Learner(network(rule), SHORT, "adam")


# --- evaluation ---
# Rules whose free state is another than the feedforward pass: a loop, recurrent layers, attenuated
# dendrites, inhibitory cells, no teacher at all.
OTHERWISE = {
    "dendritic_target_propagation",
    "disinhibitory_control",
    "equilibrium_propagation",
    "equilibrium_propagation_centred",
    "dendritic_microcircuit",
    "clapp",
    "rflo",
    "feedback_control",
}


@pytest.mark.parametrize("kind", ["squared", "cross_entropy"])
@pytest.mark.parametrize("model", sorted(set(lookup.model_names()) - OTHERWISE))
def test_evaluate_is_the_feedforward_pass(model, kind):
    """In the circuits of the golden checks, some of which were told their cost."""
    net, rng = (
        golden.circuit(model, trials=K, cost=kind, target="numpy")[0],
        np.random.default_rng(0),
    )
    samples = 7  # no multiple of K
    x, y = (rng.normal(size=(samples, golden.SIZES[k])) for k in (0, -1))
    y = y if kind == "squared" else np.eye(golden.SIZES[-1])[y.argmax(axis=1)]
    biases = [net[f"W{k}.bias"] for k in (1, 2, 3) if f"W{k}.bias" in net.probeable]
    r = reference.forward(x, golden.weights(net), biases or None)[1][-1]
    learner = Learner(net, Trial(dt=1 * ms, default=settle(1e-10)))
    cost, accuracy = evaluate(learner, x, y)
    assert cost == pytest.approx(reference.cost(r, y, kind).mean(), rel=1e-8)
    correct = np.mean(r.argmax(axis=1) == y.argmax(axis=1))
    # targets of any value are no classes
    assert accuracy == correct if kind == "cross_entropy" else np.isnan(accuracy)


def test_evaluation_leaves_the_weights_alone():
    net, data = network(), task()
    before = everything(net)
    evaluate(Learner(net, SHORT), data.x, data.y)
    assert same(before, everything(net))


# --- training ---
def test_each_pathway_has_an_optimiser_of_its_own():
    """What W does beside one that follows the gradient is what Adam does; B does what the gradient
    asks for."""
    rule, found = kolen_pollack.RULE.but(decay=0.0, eta=0.1), {}
    for name in ("adam", "gradient", "W: adam"):
        net = network(rule)
        learner = Learner(net, SHORT, {"W": "adam"} if name == "W: adam" else name)
        before = net["B2"].copy()
        present(learner, task().x[: net.trials], task().y[: net.trials])
        found[name] = net["W2"].copy(), net["B2"] - before
    assert learner.optimiser == "W: adam, B: gradient" and {
        n for n in net.probeable if n.endswith((".m", ".s"))
    } == {
        f"W{k}.{part}.{moment}" for k in (1, 2) for part in ("w", "bias") for moment in ("m", "s")
    }
    np.testing.assert_array_equal(found["W: adam"][0], found["adam"][0])
    np.testing.assert_array_equal(found["W: adam"][1], found["gradient"][1])
    assert not np.allclose(found["adam"][1], found["gradient"][1])


def test_an_optimiser_of_what_is_not_plastic():
    with pytest.raises(NetworkError, match="'B' is no plastic pathway.*W"):
        Learner(network(), SHORT, {"B": "adam"})


@pytest.mark.parametrize("optimiser", ["gradient", "adam"])
def test_a_seed_gives_the_same_numbers_bit_for_bit(optimiser):
    found = []
    for seed in (0, 0, 1):
        net = network()
        history = train(net, task(), 2, trial=SHORT, optimiser=optimiser, seed=seed, progress=False)
        found.append((everything(net), curves(history)))
    (one, two, other) = found
    assert same(one[0], two[0]) and str(one[1]) == str(two[1])
    assert not same(one[0], other[0]) and str(one[1]) != str(other[1])


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_a_history_has_an_entry_per_epoch_and_one_before(epochs):
    history = train(network(), task(), epochs, trial=SHORT, progress=False)
    assert [len(curve) for curve in curves(history)] == [epochs + 1] * 5
    assert history.epoch == list(range(epochs + 1))
    assert np.isnan(history.train_cost[0]) and np.isfinite(history.train_cost[1:]).all()
    assert isinstance(history, History) and not history.interrupted


def test_curves_are_those_of_the_held_out_samples():
    net, data = network(), task()
    history = train(net, data, 2, trial=SHORT, progress=False)
    cost, accuracy = evaluate(Learner(net, SHORT), data.x_test, data.y_test)
    assert history.test_cost[-1] == cost
    assert (
        np.isnan(history.test_accuracy[-1])
        if not data.classes
        else history.test_accuracy[-1] == accuracy
    )
    assert (
        history.test_cost[0]
        == evaluate(Learner(network(), SHORT), data.x_test, data.y_test)[0]
        != cost
    )


@pytest.mark.parametrize("rule", [fa.RULE, dfc.RULE], ids=["FA", "DFC"])
@pytest.mark.parametrize("samples", [8, 10], ids=["whole batches", "last batch partial"])
def test_the_training_cost_is_the_mean_over_samples_before_they_are_learned(rule, samples):
    net, data = network(rule.but(eta=1e-12)), task(samples)
    W, b = layers(net)
    history = train(net, data, 1, trial=TRIAL, progress=False)
    wanted = reference.cost(reference.forward(data.x, W, b)[1][-1], data.y).mean()
    assert history.train_cost[1] == pytest.approx(wanted, rel=1e-7)


def test_the_last_partial_batch_is_learned_like_any_other(monkeypatch):
    """10 samples are 4 + 4 + 2: the two that remain change the weights by the mean over two
    trials."""
    net, data, after = network(frozen.RULE), task(), []

    def noted(self, batches, record=None, answers=Batches.answers):
        found = answers(self, batches[:1], record)
        if self.y is not None:
            after.append(layers(net))
        return found

    monkeypatch.setattr(Batches, "answers", noted)
    before = layers(net)
    train(net, data, 1, trial=TRIAL, seed=5, progress=False)
    order = np.concatenate(list(data.batches(K, np.random.default_rng(5))))
    assert sorted(order) == list(range(10)) and len(after) == 3
    for rows, (W, b), (W_new, b_new) in zip(
        (order[:4], order[4:8], order[8:]), [before, *after], after
    ):
        r = reference.forward(data.x[rows], W, b)[1]
        error = r[-1] - data.y[rows]
        np.testing.assert_allclose(
            W_new[1] - W[1], -0.1 * error.T @ r[-2] / len(rows), rtol=1e-6, atol=1e-10
        )
        np.testing.assert_allclose(
            b_new[1] - b[1], -0.1 * error.mean(axis=0), rtol=1e-6, atol=1e-10
        )


def test_one_batch_larger_than_the_task():
    net, data = network(), task(3)
    history = train(net, data, 1, trial=SHORT, progress=False)
    assert history.epoch == [0, 1] and net.active <= K


def test_a_task_of_another_width():
    with pytest.raises(
        NetworkError, match="Task small has 4 inputs and 2 outputs; the network has 4 and 3"
    ):
        train(network(), task(outputs=2), 1, progress=False)


def test_a_phase_that_the_rule_does_not_have():
    with pytest.raises(NetworkError, match="'fedback'.*Did you mean 'feedback'"):
        train(network(), task(), 1, trial=Trial(fedback=10 * ms), progress=False)


# --- interruption ---
def interrupted(monkeypatch, after, record=None):
    """Train until the run of a phase number `after` has ended, where Ctrl-C is pressed."""
    net, run, count = network(), Network.run, []

    def pressed(self, phase, *arguments, **options):
        result = run(self, phase, *arguments, **options)
        count.append(phase)
        if len(count) == after:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Network, "run", pressed)
        patch.setattr(Batches, "many", lambda self, batches: 0)  # none without Python
        history = train(net, task(8, test=4), 3, trial=SHORT, progress=False, record=record)
    return net, history, count


def test_ctrl_c_keeps_what_was_learned_and_recorded(monkeypatch):
    """An evaluation is one phase here, an epoch 2 batches of 2: phase 8 is the second of the second
    epoch's first batch."""
    whole = network()
    complete = train(whole, task(8, test=4), 3, trial=SHORT, progress=False)
    one_epoch = network()
    train(one_epoch, task(8, test=4), 1, trial=SHORT, progress=False)
    recorder = Recorder("output.r")
    net, history, count = interrupted(monkeypatch, 8, recorder)
    assert history.interrupted and not complete.interrupted
    assert len(count) == 8
    assert str(curves(history)) == str([curve[:2] for curve in curves(complete)])
    # what the broken-off batch would have taught is not there
    assert same(everything(net), everything(one_epoch))
    recording = recorder.recording()
    assert [name for name, *_ in recording.phases] == ["free", "feedback"] * 3
    assert recording["output.r"].sizes["time"] == 3 * 60


@pytest.mark.parametrize("after, epochs", [(1, 0), (2, 1), (6, 1), (7, 2)])
def test_ctrl_c_at_any_time(monkeypatch, after, epochs):
    _, history, _ = interrupted(monkeypatch, after)
    assert history.interrupted
    assert [len(curve) for curve in curves(history)] == [epochs] * 5


# --- settling ---
def warned(capsys, trial, epochs=2):
    """Train, and return the history and all that was said about settling, printed or warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = train(network(), task(), epochs, trial=trial, progress=False)
    printed = [line for line in capsys.readouterr().err.splitlines() if "residual" in line]
    return history, printed + [str(w.message) for w in caught if issubclass(w.category, NotSettled)]


@pytest.mark.parametrize("phase", ["free", "feedback"])
def test_what_does_not_settle_is_said_once_and_counted(capsys, phase):
    history, said = warned(
        capsys, Trial(dt=1 * ms, **({"free": 30 * ms, "feedback": 30 * ms} | {phase: NEVER}))
    )
    assert len(said) == 1 and f"{phase} phase, trial" in said[0]
    assert history.unsettled[1:] == [1.0, 1.0]  # every trial had a phase that did not settle


def test_what_settles_is_not_counted_and_where_nothing_is_to_settle_there_is_no_number(capsys):
    for trial, expected in ((SHORT, np.nan), (TRIAL, 0)):
        history, said = warned(capsys, trial, epochs=1)
        assert said == [] and np.array_equal(history.unsettled[1], expected, equal_nan=True)


def test_unsettled_trials_are_counted_one_by_one(capsys):
    """A trial without input is at rest from the start, so that one in two settles."""
    net = Network((2, 2), frozen.RULE, trials=2, target="numpy")
    x = np.array([[0.0, 0.0], [1.0, 1.0]])
    still = Task(x, np.zeros((2, 2)), "still", x, np.zeros((2, 2)))
    with warnings.catch_warnings(record=True):
        history = train(
            net, still, 1, trial=Trial(dt=1 * ms, free=NEVER, feedback=10 * ms), progress=False
        )
    capsys.readouterr()
    assert history.unsettled[1] == 0.5


def test_other_warnings_are_not_lost(capsys, monkeypatch):
    run = Network.run

    def warning(self, *arguments, **options):
        warnings.warn("something else", RuntimeWarning)
        return run(self, *arguments, **options)

    monkeypatch.setattr(Network, "run", warning)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        train(network(), task(K, test=1), 1, trial=SHORT, progress=False)
    assert "something else" in capsys.readouterr().err


@pytest.mark.parametrize(
    "rule, where",
    [
        (fa.RULE.but(eta=300.0), r"in batch 2 of epoch 1"),
        (bp.RULE.but(eta=300.0), r"in batch 2 of epoch 1"),
    ],
)
def test_costs_that_are_finite_but_absurd_are_said_once(capsys, rule, where):
    history = train(network(rule), task(), 1, trial=SHORT, progress=False)
    said = [line for line in capsys.readouterr().err.splitlines() if "The cost rose from" in line]
    assert len(said) == 1 and re.search(
        rf"{where}, where an output that stays at 0 costs .*smaller learning rate \(now eta = 300\)",
        said[0],
    )
    assert np.isfinite(history.test_cost).all() and history.test_cost[-1] > 1e4


def test_costs_that_are_absurd_at_the_end_only_are_said_too(capsys):
    """The only batch is seen before it is learned."""
    train(network(fa.RULE.but(eta=1e4)), task(K), 1, trial=SHORT, progress=False)
    assert "in the test after epoch 1, where" in capsys.readouterr().err


def test_costs_that_have_stopped_rising_are_said_before_training_ends(capsys):
    """Of adam's steps, each of a size of its own: they never become an error."""
    said = []
    train(
        network(fa.RULE.but(eta=1e4)),
        task(),
        6,
        trial=SHORT,
        progress=False,
        optimiser="adam",
        after_epoch=lambda *both: said.append("The cost rose" in capsys.readouterr().err),
    )
    assert sum(said) == 1 and not said[-1] and "The cost rose" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [dict(), dict(weights=100.0), dict(y=0.0), dict(y=1e4)],
    ids=["small", "large weights", "no targets", "large targets"],
)
def test_costs_that_do_not_rise_are_left_alone(capsys, change):
    net, data = network(fa.RULE.but(eta=0.0 if "weights" in change else 1e-3)), task()
    if "weights" in change:
        net["W2"] = change["weights"] * net["W2"]
    train(
        net,
        Task(
            data.x,
            change.get("y", 1.0) * data.y,
            "small",
            data.x_test,
            change.get("y", 1.0) * data.y_test,
        ),
        3,
        trial=SHORT,
        progress=False,
    )
    assert "The cost rose" not in capsys.readouterr().err


def test_one_sample_whose_target_is_nearly_nothing_is_no_rise(capsys):
    """What an output that stays at 0 costs is a mean over all targets, and not over a small batch."""
    net, x = Network(SIZES, fa.RULE.but(eta=0.0), seed=1), task().x
    y = predict(Learner(net, SHORT), x)
    y[-1] = 1e-9
    train(net, Task(x, y), 1, trial=SHORT, progress=False)
    assert "The cost rose" not in capsys.readouterr().err


def test_what_is_measured_after_every_epoch():
    seen = []

    def norm(net):
        seen.append(net["W1"].copy())
        return dict(norm=float(np.linalg.norm(net["W1"])))

    net = network()
    history = train(net, task(), 2, trial=Trial(dt=10 * ms), progress=False, measure=norm)
    assert [one["norm"] for one in history.measured] == [np.linalg.norm(w) for w in seen] and len(
        seen
    ) == 3
    assert np.array_equal(seen[-1], net["W1"]) and not np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize("model", ["fa", "dfc_ss", "weight_mirror"])
@pytest.mark.parametrize("learn", [True, False])
def test_the_drive_of_the_input_is_as_if_it_were_computed_in_every_phase(model, learn, target):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 6)), rng.normal(size=(8, 3))
    rule, nets = lookup.rule(model), []
    for again in (False, True):
        net = Network((6, 5, 3), rule, trials=8, seed=1, target=target)
        if again:
            net.run = lambda *given, run=net.run, **more: run(*given[:3], **more)  # not held
        for _ in range(3):
            present(Learner(net, Trial(dt=5 * ms, default=50 * ms)), x, y, learn=learn)
        nets.append(net)
    for name in nets[0].probeable:
        np.testing.assert_array_equal(nets[0][name], nets[1][name], err_msg=name)
