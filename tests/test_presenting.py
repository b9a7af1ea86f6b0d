"""Trials whose phases show different inputs, against the same, phase by phase, by hand."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import clapp

from neurofa import Learner, Network, NetworkError, RuleError, Trial, present

SIZES, K = (4, 5, 3), 4
TRIAL = Trial(dt=1 * ms, default=30 * ms)
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
