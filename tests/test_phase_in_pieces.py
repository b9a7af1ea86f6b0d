"""A phase that is run in pieces is the same phase, or it is refused."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, dfc_ss, fa

from neurofa import Learner, Network, NetworkError, Trial
from neurofa.simulate.trial import Length

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 2))


def begun(rule, target):
    net = Network([4, 6, 2], rule, trials=3, seed=1, target=target)
    learner = Learner(net, Trial(dt=1 * ms))
    net.reset()
    net.stimulus(X)
    net.target_rates(Y)
    net.run("free", Length(60 * ms, dt=1 * ms))
    return net, learner, net["W1"].copy()


def pieces(net, count, **options):
    """Yield after each of the pieces into which 100 ms of feedback are cut."""
    for k in range(count):
        net.run("feedback", Length(100 / count * ms, dt=1 * ms), go_on=k > 0, **options)
        yield


@pytest.mark.parametrize("rule", [dfc.RULE, dfc_ss.RULE, fa.RULE], ids=lambda rule: rule.name)
@pytest.mark.parametrize("count", [2, 50])
def test_what_is_learned_at_the_end_does_not_depend_on_who_cuts(rule, count, target):
    changes = []
    for n in (1, count):
        net, learner, before = begun(rule, target)
        for _ in pieces(net, n):
            pass
        learner.learn("feedback")
        changes.append(net["W1"] - before)
    np.testing.assert_allclose(changes[1], changes[0], rtol=1e-10, atol=1e-15)
    assert np.abs(changes[0]).max() > 1e-4


def test_what_is_learned_after_each_piece_adds_up():
    """To first order in eta: what was integrated is learned once."""
    changes = []
    for n in (1, 20):
        net, learner, before = begun(dfc.RULE.but(eta=1e-6), "numpy")
        for _ in pieces(net, n):
            learner.learn("feedback")
        changes.append(net["W1"] - before)
    np.testing.assert_allclose(changes[1], changes[0], rtol=1e-4)


@pytest.mark.parametrize(
    "rule, refused",
    [(dfc.RULE, True), (dfc_ss.RULE, True), (fa.RULE, False)],
    ids=["DFC", "DFC-SS", "FA"],
)
def test_a_phase_that_was_begun_anew_teaches_nothing_else(rule, refused):
    """FA notes and integrates nothing: its weights learn from the state alone."""
    net, learner, before = begun(rule, "numpy")
    for _ in range(2):
        net.run("feedback", Length(50 * ms, dt=1 * ms))
    if not refused:
        learner.learn("feedback")
        return
    for _ in range(2):
        with pytest.raises(NetworkError, match=r"phase feedback was begun anew.*go_on=True"):
            learner.learn("feedback")
        net.run("feedback", Length(50 * ms, dt=1 * ms), go_on=True)
    assert np.array_equal(net["W1"], before) and learner.updates == 0


@pytest.mark.parametrize(
    "between",
    [lambda net: net.stimulus(X), lambda net: net.run("free", Length(10 * ms, dt=1 * ms))],
)
def test_another_trial_without_a_reset_is_no_piece(between):
    net, learner, _ = begun(dfc.RULE, "numpy")
    for k in range(2):
        net.run("feedback", Length(10 * ms, dt=1 * ms))
        learner.learn("feedback")
        between(net)
    assert learner.updates == 2


def test_what_cannot_go_on():
    net, _, _ = begun(dfc.RULE, "numpy")
    with pytest.raises(
        NetworkError, match="The phase feedback cannot go on: the phase free ran last"
    ):
        net.run("feedback", 10 * ms, go_on=True)
    net.reset()
    with pytest.raises(NetworkError, match="free cannot go on: nothing has run since the reset"):
        net.run("free", 10 * ms, go_on=True)
