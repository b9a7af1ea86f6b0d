"""A trial that moves is cut into pieces, broken off, saved, copied, or asked something in between: it
goes on as it would have, or says that it cannot."""

import pickle
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from in_steps import FRAME, LENGTHS, TRIAL, K, network, samples
from neurofa.models import dfc, fa

from neurofa import Frame, Learner, Length, Network, NetworkError, present
from neurofa.learning.requested import requested_changes

X, Y = samples()
PACED = dfc.RULE.but(plasticity=(replace(dfc.RULE.plasticity[0], every=3 * ms),))
RULES = {"FA": fa.RULE, "DFC": dfc.RULE, "every 3 ms": PACED}
HOLDS = pytest.mark.parametrize("interpolated", [False, True], ids=["held", "interpolated"])
EVERY_RULE = pytest.mark.parametrize("name", RULES)


def begun(rule, target, frame=FRAME, x=X, y=Y, **options):
    net = network(rule, target=target, **options)
    net.reset()
    net.stimulus(x, frame)
    net.target_rates(y, frame)
    return net, Learner(net, TRIAL, "adam")


def piece(learner, phase, steps, go_on=False):
    return learner.net.run(
        phase, Length(steps * ms, dt=1 * ms), go_on=go_on, meanwhile=learner.meanwhile(phase)
    )


def whole(rule, target, frame=FRAME):
    """Return everything that a trial leaves behind, and the Learner."""
    net, learner = begun(rule, target, frame)
    present(learner, X, Y, frame=frame)
    return {name: array.copy() for name, array in net.arrays.items()}, learner


def same(net, arrays, rtol=0.0):
    for name, array in arrays.items():
        size = abs(array).max(initial=0)
        np.testing.assert_allclose(net.arrays[name], array, rtol=0, atol=rtol * size, err_msg=name)


@HOLDS
@pytest.mark.parametrize("size", [1, 4, 6, 7])
@EVERY_RULE
def test_pieces_teach_what_the_whole_phase_does(name, size, interpolated, target):
    """Wherever the cuts are: between two frames, two lessons, or within."""
    frame = Frame(FRAME, interpolated)
    net, learner = begun(RULES[name], target, frame)
    for phase, steps in LENGTHS.items():
        for done in range(0, steps, size):
            piece(learner, phase, min(size, steps - done), go_on=done > 0)
        learner.learn(phase)
    arrays, wanted = whole(RULES[name], target, frame)
    same(net, arrays, rtol=1e-12)
    assert learner.updates == wanted.updates


@EVERY_RULE
def test_a_trial_that_broke_off_leaves_nothing_to_the_next(name, target):
    net, learner = begun(RULES[name], target)
    weights = {n: a.copy() for n, a in net.arrays.items() if net.slots[n].of_synapses}
    piece(learner, "free", 17)
    piece(learner, "feedback", 11)
    for label, values in weights.items():
        net.arrays[label][...] = values
    for lines in learner.plastic.values():
        for one in lines:
            one.updates = 0
            for state in one.states.values():
                for moment in one.optimiser.state:
                    state[moment][...] = 0
    present(learner, X, Y, frame=FRAME)
    same(net, whole(RULES[name], target)[0])


def test_what_nobody_told_apart_is_not_learned(target):
    net, learner = begun(dfc.RULE, target)
    net.run("free", 17 * ms)
    net.run("feedback", 26 * ms)
    with pytest.raises(NetworkError, match=r"The input moved in the phase feedback.*meanwhile="):
        learner.learn("feedback")
    net.run("feedback", 26 * ms, meanwhile=learner.meanwhile("feedback"))
    with pytest.raises(NetworkError, match="begun anew"):
        learner.learn("feedback")


def test_nothing_has_to_be_told_apart_where_the_input_stands_still(target):
    net, learner = begun(dfc.RULE, target, x=X[:, 0])
    net.run("free", 17 * ms)
    net.run("feedback", 26 * ms)
    assert learner.learn("feedback")


# --- saved, and copied ---
def loaded(net, path):
    net.save(path)
    return Network.load(path)


WAYS = {
    "file": loaded,
    "copy": lambda net, path: deepcopy(net),
    "pickle": lambda net, path: pickle.loads(pickle.dumps(net)),
}


@HOLDS
@pytest.mark.parametrize("done", [0, 7, 12])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_saved_in_the_middle_of_a_trial(way, done, interpolated, target, tmp_path):
    """Before its first phase, and in it."""
    frame = Frame(FRAME, interpolated)
    net, learner = begun(fa.RULE, target, frame)
    if done:
        piece(learner, "free", done)
    again = way(net, tmp_path / "net.h5")
    assert again.movie.frame == frame
    learner = Learner(again, TRIAL, "adam")
    piece(learner, "free", LENGTHS["free"] - done, go_on=done > 0)
    piece(learner, "feedback", LENGTHS["feedback"])
    learner.learn("feedback")
    same(again, whole(fa.RULE, target, frame)[0])


def test_a_phase_that_was_saved_cannot_teach_what_was_not(target, tmp_path):
    net, learner = begun(dfc.RULE, target)
    piece(learner, "free", 17)
    piece(learner, "feedback", 11)
    learner.save(tmp_path / "learner.h5")
    again = Learner.load(tmp_path / "learner.h5")
    piece(again, "feedback", 15, go_on=True)
    with pytest.raises(NetworkError, match="saved or copied meanwhile"):
        again.learn("feedback")
    present(again, X, Y, frame=FRAME)
    assert again.updates == 1


def test_a_file_of_other_trials_shows_nothing(tmp_path):
    net, _ = begun(fa.RULE, "numpy")
    net.save(tmp_path / "net.h5")
    again = Network.load(tmp_path / "net.h5", trials=2)
    assert not again.movie.frames and again.active == 2


# --- asked in between ---
@HOLDS
@pytest.mark.parametrize("moves", ["x", "y", "xy"])
@pytest.mark.parametrize("name", ["FA", "DFC"])
def test_requested_changes_are_those_that_are_made(name, moves, interpolated, target):
    """By a gradient step, of more samples than there are trials."""
    frame, (x, y) = Frame(FRAME, interpolated), samples(moves, trials=5)
    found = requested_changes(Learner(network(RULES[name], target=target), TRIAL), x, y, frame)
    wanted = {label: 0.0 for label in found}
    for rows in (slice(0, K), slice(K, 5)):
        net = network(RULES[name], target=target)
        before = {label: net[label].copy() for label in found}
        present(Learner(net, TRIAL), x[rows], y[rows], frame=frame)
        for label, w in before.items():
            wanted[label] = wanted[label] + len(x[rows]) / 5 * (net[label] - w)
    for label, change in wanted.items():
        np.testing.assert_allclose(found[label], change, rtol=0, atol=1e-12)
    assert max(abs(change).max() for change in wanted.values()) > 1e-3


def test_requested_changes_of_a_line_with_a_pace(target):
    """The sum of all that it asks for, from weights that stay."""
    found, longer = (
        requested_changes(Learner(network(rule, target=target), TRIAL), X, Y, FRAME)
        for rule in (PACED, dfc.RULE)
    )
    for label, change in longer.items():
        np.testing.assert_allclose(found[label], change, rtol=0, atol=1e-12)


@EVERY_RULE
def test_what_is_asked_in_between_changes_nothing(name, target):
    """Not even a phase that goes on."""
    net, learner = begun(RULES[name], target)
    for phase, steps in LENGTHS.items():
        piece(learner, phase, 11)
        requested_changes(learner, X[:2, 1:] * 2, Y[:2, 1:], FRAME)
        piece(learner, phase, steps - 11, go_on=True)
        learner.learn(phase)
    same(net, whole(RULES[name], target)[0], rtol=1e-12)
