"""Structure of one's own: synapses that do not exist stay away, whatever learns; and it is data
like the rest of a rule."""

import pickle

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa, kolen_pollack

from neurofa import Learner, Network, NetworkError, Pathway, RuleError, Trial, present, train
from neurofa.base.description import as_data, from_data
from neurofa.data.tasks import Task
from neurofa.learning.checkpoint import Checkpoint
from neurofa.rules.pathways import fixed_signs, low_rank, masked, sparse

RNG = np.random.default_rng(0)
A, B = RNG.random((5, 4)) < 0.5, RNG.random((3, 5)) < 0.5
FIELDS = fa.RULE.through(masked(A, layer=1), "W").through(masked(B, layer=2), "W")
X, Y = RNG.normal(size=(4, 4)), np.eye(3)[[0, 1, 2, 0]]
TRIAL = Trial(dt=10 * ms, free=30 * ms, feedback=30 * ms)


def network(rule, target="numpy", seed=1):
    return Network([4, 5, 3], rule, trials=4, seed=seed, target=target)


@pytest.mark.parametrize("optimiser", ["gradient", "adam"])
@pytest.mark.parametrize("more", [(), (fixed_signs(),)], ids=["alone", "and fixed signs"])
def test_what_does_not_exist_stays_away(target, optimiser, more):
    rule = FIELDS
    for m in more:
        rule = rule.through(m, "W")
    net, plain = network(rule, target), network(fa.RULE, target)
    np.testing.assert_array_equal(net["W1"], plain["W1"] * A)
    np.testing.assert_array_equal(net["W2"], plain["W2"] * B)
    learner, before = Learner(net, TRIAL, optimiser), net["W1"].copy()
    for _ in range(5):
        present(learner, X, Y)
    assert not net["W1"][~A].any() and not net["W2"][~B].any() and (net["W1"] != before)[A].any()


def test_feedback_that_learns_keeps_its_mask():
    rule = kolen_pollack.RULE.through(masked(B.T), "B")
    net = network(rule)
    learner, before = Learner(net, TRIAL), net["B2"].copy()
    for _ in range(5):
        present(learner, X, Y)
    assert not net["B2"][~B.T].any() and (net["B2"] != before)[B.T].any()


def test_assigned_zeros_are_values_and_learn():
    net = network(fa.RULE)
    net["W1"] = net["W1"] * A
    present(Learner(net, TRIAL), X, Y)
    assert net["W1"][~A].any()


def test_a_mask_is_data(tmp_path):
    same, other = masked(A.astype(int).tolist(), layer=1), masked(~A, layer=1)
    assert (
        same == masked(A, layer=1) != other
        and hash(same) == hash(masked(A, layer=1))
        and np.array_equal(same.array, A)
    )
    assert (
        str(same) != str(other)
        and f"{A.sum()} of 5x4 synapses" in str(same)
        and str(same) in str(FIELDS)
    )
    assert from_data(as_data(FIELDS)) == FIELDS == pickle.loads(pickle.dumps(FIELDS))
    task = Task(X, Y, "small", X, Y)
    options = dict(trial=TRIAL, progress=False)
    whole, resumed = network(FIELDS), network(FIELDS)
    train(whole, task, 2, **options)
    train(network(FIELDS), task, 1, checkpoint=Checkpoint(tmp_path / "c.h5"), **options)
    train(resumed, task, 2, checkpoint=Checkpoint(tmp_path / "c.h5"), **options)
    assert np.array_equal(whole["W1"], resumed["W1"])
    with pytest.raises(Exception, match="another training"):
        train(
            network(fa.RULE.through(other, "W")),
            task,
            2,
            checkpoint=Checkpoint(tmp_path / "c.h5"),
            **options,
        )


def test_masks_go_with_others():
    net = network(FIELDS.through(sparse(0.5), "W"))
    assert not net["W1"][~A].any() and np.count_nonzero(net["W1"]) < A.sum()
    feedback = Pathway("B", source="above", signal="delta", into="v_apical") | masked(B.T)
    assert np.array_equal(network(fa.RULE.but(pathways=(feedback,)))["B2"] != 0, B.T)
    with pytest.raises(RuleError, match="low_rank and masked do not go together"):
        FIELDS.through(low_rank(2), "W")
    with pytest.raises(RuleError, match="masked stands there twice"):
        FIELDS.through(masked(A), "W")


@pytest.mark.parametrize(
    "exists",
    [
        A * 2,
        A * 0.5,
        A[0],
        A[:0],
        "101",
        None,
        np.full((5, 4), np.nan),
        np.ma.array(A, mask=A),
        [[1], [1, 0]],
        ("10", "1"),
        ("12",),
        ("",),
        A * ms,
    ],
    ids=lambda value: None,
)
def test_what_is_no_mask(exists):
    with pytest.raises(RuleError, match="masked"):
        masked(exists)


def test_a_mask_of_another_shape():
    with pytest.raises(
        NetworkError, match=r"masked\(.*has the shape \(5, 4\), and W2 \(3, 5\).*layer="
    ):
        network(fa.RULE.through(masked(A), "W"))
    with pytest.raises(NetworkError, match=r"W1 \(5, 4\)"):
        network(fa.RULE.through(masked(A.T, layer=1), "W"))
