"""Instability that noise hides: a phase that noise keeps from settling is not judged, and its
circuit is looked at without the noise."""

import numpy as np
import pytest
from brian2 import ms

from neurofa import Learner, Network, Trial, lookup, present, settle, train
from neurofa.data.tasks import Task
from neurofa.learning.checkpoint import Checkpoint
from neurofa.rules.pathways.reading import through

NOISE, LOOPED = "noisy(0.1, 10*ms)", Trial(dt=5 * ms, default=settle(1e-4, at_most=2000 * ms))
rng = np.random.default_rng(0)
TASK = Task(
    rng.normal(size=(16, 6)),
    np.eye(3)[rng.integers(3, size=16)],
    "noise",
    rng.normal(size=(8, 6)),
    np.eye(3)[rng.integers(3, size=8)],
)


def trained(capsys, model, pathway, trial=LOOPED, epochs=1, parameters=dict(eta=0.01), **options):
    """Return (history, what was said of settling)."""
    rule = lookup.rule(model).but(**parameters)
    net = Network((6, 5, 3), through(rule, pathway) if pathway else rule, trials=8, **options)
    history = train(net, TASK, epochs, trial=trial, progress=False)
    return history, [
        line for line in capsys.readouterr().err.splitlines() if line.startswith("NotSettled")
    ]


@pytest.mark.parametrize(
    "model, pathway",
    [
        ("dfc", f"delayed(60*ms) | {NOISE}"),
        ("dfc", f"gain(50.0) | {NOISE}"),
        ("dfc", f"delayed(60*ms) | {NOISE} | only_during(5000*ms)"),
        ("dfc", "delayed(60*ms) | noisy(0.1*ms**0.5)"),
        ("strong_dfc", "delayed(60*ms)"),
    ],
    ids=["delay", "gain", "window", "white", "noise of the rule"],
)
def test_an_instability_that_noise_hides_is_said(needs_compiler, capsys, model, pathway):
    history, said = trained(capsys, model, pathway, epochs=2)
    assert (
        len(said) == 1
        and "feedback phase: noise keeps it from being judged, but it does not settle without the noise either: "
        in said[0]
    )
    assert "shorten delays, lower gains" in said[0]
    assert np.isnan(history.unsettled).all() if model == "dfc" else history.unsettled[1] == 0


@pytest.mark.parametrize(
    "model, pathway",
    [("dfc", f"delayed(5*ms) | {NOISE}"), ("dfc", NOISE), ("strong_dfc", "")],
    ids=["delay", "plain", "rule"],
)
def test_where_there_is_none_nothing_is_said(needs_compiler, capsys, model, pathway):
    history, said = trained(capsys, model, pathway)
    assert said == [] and (
        np.isnan(history.unsettled).all() if pathway else history.unsettled[1] == 0
    )


def test_where_nothing_is_to_settle_there_is_no_number(capsys):
    for pathway in ("gain(50.0)", NOISE):
        history, said = trained(
            capsys, "fa", pathway, trial=Trial(dt=5 * ms, default=50 * ms), target="numpy"
        )
        assert said == [] and np.isnan(history.unsettled).all()
    history, said = trained(capsys, "fa", "gain(2.0)", target="numpy")
    assert said == [] and history.unsettled[1] == 0


def test_the_look_beneath_leaves_the_numbers_as_they_were(monkeypatch, tmp_path):
    """Weights, the sequence of the noise, and a training that goes on from a checkpoint within an
    epoch."""

    def weights(**options):
        net = Network((6, 5, 3), through(lookup.rule("fa"), NOISE), trials=4, target="numpy")
        history = train(net, TASK, 2, trial=Trial(dt=5 * ms), progress=False, **options)
        return net["W1"].copy(), net.noise, history.unsettled

    looked = weights(checkpoint=Checkpoint(tmp_path / "c.h5", every=1))
    with monkeypatch.context() as patch:
        patch.setattr("neurofa.learning.training.look_beneath_noise", lambda *_: None)
        plain = weights()
    np.testing.assert_array_equal(looked[0], plain[0])
    assert looked[1] == plain[1] and np.isnan(looked[2]).all()


def test_without_noise_a_circuit_settles_and_is_judged(target):
    net = Network((6, 5, 3), through(lookup.rule("fa"), NOISE), trials=4, target=target)
    quiet = Network((6, 5, 3), lookup.rule("fa"), trials=4, target=target)
    now, x, y = net.noise, TASK.x[:4], TASK.y[:4]
    with net.without_noise():
        assert net.noisy_phases == ()
        results = present(Learner(net), x, y, learn=False)
    expected = present(Learner(quiet), x, y, learn=False)
    assert (
        all(result.judged and not result.unsettled.any() for result in results) and net.noise == now
    )
    assert [r.steps for r in results] == [r.steps for r in expected]
    np.testing.assert_allclose(net["hidden1.delta"], quiet["hidden1.delta"], rtol=1e-12)
    assert net.noisy_phases == ("free", "feedback") and not any(
        r.judged for r in present(Learner(net), x, y, learn=False)
    )
