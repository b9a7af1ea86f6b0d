"""When the input's drive of the phase before is used again: where weights cannot have changed."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import Learner, Network, Trial, lookup, present

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 4)), RNG.normal(size=(2, 3))


def drives_kept(net, monkeypatch):
    """Return a list that fills with whether each phase took the input's drive of the phase before."""
    found, run = [], net.engine.run
    monkeypatch.setattr(net.engine, "run", lambda r: found.append(r.held) or run(r))
    return found


@pytest.mark.parametrize(
    "model, learn, kept",
    [
        ("fa", True, [False, True]),
        ("dendritic_microcircuit", True, [False, False]),  # something is learned after `free`
        ("dendritic_microcircuit", False, [False, True]),
    ],
)
def test_the_inputs_drive_is_kept_until_something_is_learned(model, learn, kept, monkeypatch):
    net = Network([4, 5, 3], lookup.rule(model), trials=2, seed=1, target="numpy")
    found = drives_kept(net, monkeypatch)
    for _ in range(2):
        present(Learner(net, Trial(dt=5 * ms, free=20 * ms, feedback=20 * ms)), X[:2], Y[:2], learn)
    assert found == 2 * kept


def test_between_phases_that_a_user_runs_weights_may_change_unseen(monkeypatch):
    net = Network([4, 5, 3], fa.RULE, trials=2, seed=1, target="numpy")
    found, W = drives_kept(net, monkeypatch), net["W1"]
    net.stimulus(X[:2])
    net.run("free", 50 * ms)
    W[...] = 0
    net.run("feedback", 500 * ms)
    assert found == [False, False] and abs(net["hidden1.v"]).max() < 1e-6
