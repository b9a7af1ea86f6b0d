"""Lines of plasticity that know the weight of the synapse beside theirs, of another pathway."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms

from neurofa import Learner, Network, Pathway, Plasticity, RuleError, Trial, lookup, present
from neurofa.pathways import normal

FA = lookup.rule("fa")
N = Pathway("N", source="below", signal="r", into="v_beside", to="layers", init=normal(0.3))
LINE = Plasticity(
    "W",
    after="feedback",
    beside="N",
    equation="w += -eta * delta_post * r_pre * w_beside + eta * delta_post * w * w_beside - eta * delta_post",
)
RULE = FA.but(
    name="FA, beside N",
    neuron=FA.neuron + "silent = 0 * v_beside : 1\n",
    pathways=(*FA.pathways, N),
    plasticity=(LINE,),
)
SIZES, K = (6, 5, 4, 3), 8


def line(**changes):
    return RULE.but(plasticity=(replace(LINE, **changes),))


@pytest.mark.parametrize("optimiser", ["gradient", "adam"])
def test_the_change_is_what_the_line_says(optimiser, target):
    rng = np.random.default_rng(0)
    net = Network(SIZES, RULE, K, seed=1, target=target)
    learner = Learner(net, Trial(dt=10 * ms), optimiser)
    x, y = rng.normal(size=(K, SIZES[0])), rng.normal(size=(K, SIZES[-1]))
    present(learner, x, y, learn=False)
    names = ["input", "hidden1", "hidden2", "output"]
    for k, plastic in enumerate(learner.plastic["feedback"], 1):
        delta, r = net[f"{names[k]}.delta"], net[f"{names[k - 1]}.r"]
        product, mean = delta.T @ r / K, delta.mean(0)
        beside = net[f"N{k}"]
        changes = plastic.change()
        expected = -product * beside + mean[:, None] * (net[f"W{k}"] * beside - 1)
        np.testing.assert_allclose(changes[f"W{k}.w"][0], 0.1 * expected, atol=1e-14)
        np.testing.assert_allclose(changes[f"W{k}.bias"][0], -0.1 * mean, atol=1e-14)


@pytest.mark.parametrize("optimiser", ["gradient", "adam"])
def test_compiled_and_interpreted_learn_the_same(optimiser, needs_compiler):
    rng, learned = np.random.default_rng(0), []
    x, y = rng.normal(size=(K, SIZES[0])), rng.normal(size=(K, SIZES[-1]))
    for target in ("cpp", "numpy"):
        net = Network(SIZES, RULE, K, seed=1, target=target)
        learner = Learner(net, Trial(dt=10 * ms), optimiser)
        for _ in range(3):
            present(learner, x, y)
        learned.append([net[f"W{k}{part}"].copy() for k in (1, 2, 3) for part in ("", ".bias")])
    for one, other in zip(*learned, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_it_is_printed():
    assert "W, after feedback, beside N: w +=" in str(RULE)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(beside="M"), "beside = 'M'. .*pathway"),
        (dict(beside="B"), "B has no synapses of its own between the cells that W joins"),
        (dict(beside="W"), "beside = 'W'"),
        (dict(beside=3), "beside"),
        (dict(beside=None), "not local: 'w_beside'"),
        (dict(equation="w += eta * w_beside"), "no variable of a cell"),
        (dict(equation="w += eta * delta_post * w_beside**2"), "to the power 1 only"),
        (dict(after=None, during="feedback", equation="dw/dt = eta * delta_post * w_beside / tau_v"), "after="),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(changes, message):
    with pytest.raises(RuleError, match=message):
        line(**changes)


def test_weights_that_are_drawn_anew_are_no_knowledge_of_others():
    rule = RULE.but(pathways=(*FA.pathways, N | normal(0.3, tracked=True)))
    assert not rule.not_local
    net = Network(SIZES, rule, K, seed=1, target="numpy")
    learner = Learner(net, Trial(dt=10 * ms))
    drawn = [net["N1"].copy()]
    for _ in range(2):
        present(learner, np.ones((K, 6)), np.ones((K, 3)))
        drawn.append(net["N1"].copy())
    assert len({float(one[0, 0]) for one in drawn}) == 3
