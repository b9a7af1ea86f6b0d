"""Structure goes where weights go: which synapses exist, their signs, levels and rank, what is
cut."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa, kolen_pollack, sign_symmetry

from neurofa import Learner, Network, Trial, present, settle
from neurofa.base.errors import NetworkError
from neurofa.rules.pathways import (
    dale,
    delayed,
    fixed_signs,
    lesioned,
    low_rank,
    masked,
    noisy,
    only_during,
    quantised,
    reaching,
    sparse,
    update,
)

ALL = [
    sparse(0.42),
    reaching(0.5),
    low_rank(2),
    quantised(3),
    fixed_signs(),
    dale(0.5),
    lesioned(fraction=0.5),
    lesioned(at=update(1), until=update(3), fraction=0.5),
]
DATA = np.random.default_rng(0).normal(size=(2, 8, 6))


def network(seed, rule=fa.RULE):
    return Network((6, 5, 3), rule.but(eta=0.5), trials=8, seed=seed, target="numpy")


def learned(net, times=4):
    """Return all weights after some updates."""
    learner = Learner(net, Trial(dt=10 * ms, default=settle(1e-3)))
    for _ in range(times):
        present(learner, DATA[0], DATA[1, :, :3])
    return {g.name: net[g.name].copy() for g in net.synapses.groups}


@pytest.mark.parametrize("manipulation", ALL, ids=str)
@pytest.mark.parametrize("model, pathway", [(fa, "W"), (kolen_pollack, "B")], ids=["W", "B"])
def test_weights_that_are_taken_go_on_as_where_they_come_from(manipulation, model, pathway):
    rule = model.RULE.through(manipulation, pathway)
    one, other = network(1, rule), network(2, rule)
    learned(one)
    other.synapses.take(one)
    expected, found = learned(one), learned(other)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_as_many_synapses_as_before():
    rule = fa.RULE.through(sparse(0.42), "W")
    one, other = network(1, rule), network(2, rule)
    other.synapses.take(one, "W")
    assert np.count_nonzero(learned(other)["W1"]) == np.count_nonzero(one["W1"]) == round(0.42 * 30)


def test_what_tracks_other_weights_is_drawn_as_where_it_comes_from():
    rule = sign_symmetry.RULE.through(sparse(0.5), "B")
    one, other = network(1, rule), network(2, rule)
    other.synapses.take(one)
    expected, found = learned(one), learned(other)
    assert (
        np.array_equal(found["B2"], expected["B2"])
        and np.count_nonzero(found["B2"]) < found["B2"].size
    )


@pytest.mark.parametrize("manipulation", [*ALL[:6], masked(np.eye(5, 6), layer=1)], ids=str)
def test_other_structure_is_refused_and_nothing_is_taken(manipulation):
    rule = fa.RULE.through(manipulation, "W")
    other = network(2, rule)
    before = {name: other[name].copy() for name in ("W1", "W2", "B2")}
    one = network(1)
    one["W1"], one["W2"] = 3 * one["W1"], 3 * one["W2"]
    with pytest.raises(NetworkError, match=f"W1 is {type(manipulation).__name__}.*take"):
        other.synapses.take(one)
    with pytest.raises(NetworkError, match="W1 is"):
        other["W1"] = one["W1"]
    assert all(np.array_equal(before[name], other[name]) for name in before)


@pytest.mark.parametrize(
    "manipulation",
    [delayed(20 * ms), noisy(0.1, 10 * ms), only_during(50 * ms), lesioned(at=50 * ms)],
    ids=str,
)
def test_weights_are_taken_from_pathways_to_which_something_is_done_in_time(manipulation):
    one, other = (network(seed, fa.RULE.through(manipulation, "W")) for seed in (1, 2))
    other.synapses.take(one)
    assert all(np.array_equal(one[name], other[name]) for name in ("W1", "W2", "B2"))


def test_a_network_without_structure_takes_what_there_is():
    one, other = network(1, fa.RULE.through(sparse(0.42), "W")), network(2)
    other.synapses.take(one)
    assert np.array_equal(other["W1"], one["W1"])


def test_another_fraction_is_another_structure():
    one, other = (network(1, fa.RULE.through(sparse(p), "W")) for p in (0.9, 0.3))
    with pytest.raises(NetworkError, match=r"sparse\(0.3\)"):
        other.synapses.take(one)


def test_memory_that_is_written_into_is_looked_at_before_it_learns():
    net = network(1, fa.RULE.through(sparse(0.42), "W"))
    net["W1"][...] = 1.0
    with pytest.raises(NetworkError, match="W1 is sparse"):
        Learner(net)


@pytest.mark.parametrize("value", [0.0, np.zeros((5, 6))], ids=["a number", "an array"])
def test_weights_that_fit_can_be_assigned(value):
    net = network(1, fa.RULE.through(sparse(0.42), "W"))
    net["W1"] = value
    assert not net["W1"].any()
    with pytest.raises(NetworkError, match="W1 is sparse"):
        net["W1"] = 1.0
    with pytest.raises(NetworkError, match="shape"):
        net["W1"] = np.zeros((2, 2))


def test_what_does_not_learn_can_be_assigned_as_it_is():
    net = network(1, fa.RULE.through(sparse(0.42), "B"))
    net["B2"] = 1.0
    assert (learned(net)["B2"] == 1).all()


def test_synapses_that_are_cut_get_what_was_assigned_when_they_are_restored():
    net = network(1, fa.RULE.through(lesioned(until=update(1), fraction=0.5), "B"))
    net["B2"] = 1.0
    assert 0 < np.count_nonzero(net["B2"]) < net["B2"].size
    assert (learned(net)["B2"] == 1).all()


def test_a_cell_has_one_sign_in_all_its_pathways():
    rule = kolen_pollack.RULE.through(dale(0.5), "W", "B")
    one, other = (Network((6, 5, 4, 3), rule, seed=seed, target="numpy") for seed in (1, 2))
    before = other["B2"].copy()
    with pytest.raises(
        NetworkError, match="hidden2 would be excitatory in one pathway .*W3 and B2"
    ):
        other.synapses.take(one, "B")
    assert np.array_equal(other["B2"], before)
    other.synapses.take(one)
    assert all(np.array_equal(other[g.name], one[g.name]) for g in one.synapses.groups)
