"""Trials whose phases show different inputs, against the same, phase by phase, by hand."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import clapp

from neurofa import Learner, Network, NetworkError, RuleError, Trial, present
from neurofa.snapshots import requested_changes

SIZES, K = (4, 5, 3), 4
TRIAL = Trial(dt=10 * ms, default=100 * ms)  # exact: dt = tau
X, Y = np.random.default_rng(3).normal(size=(3, K, SIZES[0])), np.zeros((K, SIZES[-1]))


def learner(target=None):
    return Learner(Network(SIZES, clapp.RULE, trials=K, seed=1, target=target), TRIAL)


def state(learner):
    return {name: learner.net[name].copy() for name in learner.net.probeable}


@pytest.mark.parametrize("target", ["cpp", "numpy"])
@pytest.mark.parametrize("learn", [True, False], ids=["learning", "looking"])
def test_phases_may_show_different_inputs(target, learn, needs_compiler):
    """Also where nothing is learned, so that weights stay, and what they bring is not made anew."""
    ours, by_hand = learner(target), learner(target)
    shown = dict(zip(("free", "fixation", "saccade"), X))
    present(ours, shown, Y, learn=learn)
    for name, x in shown.items():
        by_hand.net.stimulus(x)
        by_hand.net.run(name, TRIAL[name])
        if learn:
            by_hand.learn(name)
    for name, values in state(by_hand).items():
        np.testing.assert_array_equal(values, state(ours)[name], err_msg=name)


def test_what_is_shown_stays_until_another_phase_shows_something():
    one, other = learner(), learner()
    present(one, dict(free=X[0], saccade=X[2]), Y)
    present(other, dict(free=X[0], fixation=X[0], saccade=X[2]), Y)
    for name, values in state(one).items():
        np.testing.assert_array_equal(values, state(other)[name], err_msg=name)


def test_inputs_phase_by_phase_that_say_too_little_are_refused():
    with pytest.raises(NetworkError, match="first phase: give 'free'"):
        present(learner(), dict(saccade=X[0]), Y)
    with pytest.raises(RuleError, match="no phase 'sacade'. .*Did you mean 'saccade'"):
        present(learner(), dict(free=X[0], sacade=X[1]), Y)
    with pytest.raises(NetworkError, match="as many trials in every phase"):
        present(learner(), dict(free=X[0], saccade=X[1, :1]), Y)
    with pytest.raises(NetworkError, match="leave frame out"):
        present(learner(), dict(free=X[0]), Y, frame=5 * ms)


def test_changes_that_are_asked_for_can_be_of_different_inputs():
    """Of both phases at the same weights: a second batch is shorter, and nothing is changed."""
    asking, by_hand = learner(), learner()
    seen, y = dict(zip(("free", "fixation", "saccade"), X)), Y
    more = {phase: np.concatenate([x, 2 * x[:1]]) for phase, x in seen.items()}
    before, found = state(asking), requested_changes(asking, more, np.zeros((K + 1, SIZES[-1])))
    for name, values in state(asking).items():
        np.testing.assert_array_equal(values, before[name], err_msg=name)
    batches = (seen, 0.8), ({phase: x[K:] for phase, x in more.items()}, 0.2)
    expected = {name: 0.0 for name in found}
    for shown, share in batches:
        for phase in ("fixation", "saccade"):
            start = state(by_hand)
            by_hand.net.reset()
            for name in ("free", phase):
                by_hand.net.stimulus(shown[name])
                by_hand.net.run(name, TRIAL[name])
            by_hand.learn(phase)
            for name in found:
                expected[name] += share * (by_hand.net[name] - start[name])
                by_hand.net[name] = start[name]
    assert {*found} == {"W1.w", "W1.bias", "P1.w", "R1.w"}
    for name, change in found.items():
        np.testing.assert_allclose(change, expected[name], atol=1e-12, err_msg=name)
    with pytest.raises(NetworkError, match=r"inputs must have the shape \(4, 4\)"):
        requested_changes(asking, seen | dict(saccade=X[2, :2]), y)
