"""Compiled learning: what it makes of weights, biases and moments is what the interpreted learning
makes of them, which shares nothing with it but the text."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from interpreted import Interpreted
from neurofa.models import fa, kolen_pollack
from neurofa.models.golden.common import SIZES, TRIALS

from neurofa import Diverged, Learner, Network, RuleError, Trial, lookup, optimisers, present
from neurofa.pathways import (
    dale,
    fixed_signs,
    lesioned,
    low_rank,
    masked,
    quantised,
    reaching,
    sparse,
    update,
)

SHORT = Trial(dt=1 * ms, default=20 * ms)
OPTIMISERS = ("gradient", "momentum", "adam", optimisers.ADAM.but(decay=0.05, beta1=0.7))
MODELS = lookup.model_names()

pytestmark = pytest.mark.usefixtures("needs_compiler")


def after(kind, rule, optimiser="gradient", updates=20, dtype="float64", learn=None, **options):
    """Return what weights, biases and moments have become after some updates."""
    net = Network(SIZES, rule, TRIALS, seed=2, dtype=dtype, **options)
    learner = kind(net, SHORT, optimiser)
    rng = np.random.default_rng(0)
    for _ in range(updates):
        x, y = rng.normal(size=(TRIALS, SIZES[0])), rng.normal(size=(TRIALS, SIZES[-1]))
        present(learner, x, y, learn=learn is None)
        if learn is not None:
            learn(learner)
    found = {n: a.copy() for n, a in net.arrays.items() if net.slots[n].of_synapses}
    return found | {"updates": np.array(learner.updates)}


def agree(rule, optimiser="gradient", relative=1e-10, **options):
    ours, interpreted = (after(kind, rule, optimiser, **options) for kind in (Learner, Interpreted))
    start = after(Learner, rule, optimiser, updates=0, **{**options, "learn": None})
    assert ours.keys() == interpreted.keys()
    for name, one in interpreted.items():
        np.testing.assert_allclose(
            ours[name], one, rtol=0, atol=relative * max(abs(one).max(), 1e-300), err_msg=name
        )
    assert any(not np.array_equal(ours[name], start[name]) for name in start)
    return ours


@pytest.mark.parametrize("model", MODELS)
def test_every_rule(model):
    agree(lookup.rule(model))


@pytest.mark.parametrize("model", ["fa", "dfc", "kolen_pollack", "clapp"])
@pytest.mark.parametrize("optimiser", OPTIMISERS[1:], ids=["momentum", "adam", "adamw"])
def test_every_optimiser(model, optimiser):
    agree(lookup.rule(model), optimiser)


@pytest.mark.parametrize("model", ["fa", "dfc", "weight_mirror"])
def test_single_precision(model):
    agree(lookup.rule(model), "adam", relative=2e-5, dtype="float32")


@pytest.mark.parametrize("optimiser", ["gradient", "adam"])
@pytest.mark.parametrize(
    "manipulation",
    [
        sparse(0.5),
        reaching(0.6),
        fixed_signs(),
        dale(0.7),
        low_rank(2),
        quantised(3),
        lesioned(fraction=0.4),
        lesioned(at=update(5), until=update(11), fraction=0.5),
        masked(np.arange(12).reshape(4, 3) % 3 > 0, layer=2),
    ],
    ids=str,
)
def test_what_keeps_weights(manipulation, optimiser):
    rule, pathway = kolen_pollack.RULE.but(eta=0.05), ("B",)
    try:
        rule = rule.through(manipulation, *pathway)
    except RuleError:
        rule = rule.through(manipulation, "W")
    agree(rule, optimiser)


def test_manipulations_together():
    rule = fa.RULE.but(eta=0.3).through(sparse(0.7), "W").through(fixed_signs(), "W")
    found = agree(rule.through(lesioned(fraction=0.2), "W"), "adam")
    assert (found["W2.w"] == 0).any()


TEXTS = {
    "powers and decay": "w += -eta * w**2 * delta_post * r_pre - 0.01 * w - 0.001 * w**3",
    "functions": "w += -eta * tanh(delta_post) * phi(r_pre + 0.1) * exp(-r_post**2)",
    "dphi, and a sum": "w += -eta * (delta_post * dphi(v_post) * (r_pre - 0.2) + 0.1 * r_post)",
    "truth": "w += -eta * delta_post * int(r_pre > 0.1) - eta * (r_post % 0.3) * 0.1",
    "decay alone": "w += -0.01 * w",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("dtype, relative", [("float64", 1e-10), ("float32", 2e-5)])
def test_any_text(text, dtype, relative):
    line = replace(fa.RULE.plasticity[0], equation=text)
    rule = fa.RULE.but(plasticity=(line,))
    agree(rule, relative=relative, dtype=dtype)


def test_an_optimiser_of_ones_own():
    own = optimisers.Optimiser(
        "own",
        "",
        ("short", "n_2"),
        """
short = short * (1 - mu) + sign(dw) * sqrt(abs(dw)) / n**0.5
n_2 = clip(n_2 + dw, -1, 1) * int(n > 3)
w = w + eta * (short + n_2) - 0.001 * w * exp(-n)
""",
        dict(mu=0.2),
    )
    agree(fa.RULE, own)


def test_trials_that_are_unsettled_teach_nothing():
    """Whatever is in them: they may be no numbers."""
    unsettled = np.arange(TRIALS) % 3 == 0

    def learn(learner):
        learner.trial.strict = True
        for name in ("hidden1.delta", "hidden1.r", "input.r"):
            learner.net.arrays[name][unsettled] = np.nan
        learner.learn("feedback", unsettled)

    agree(fa.RULE.but(eta=1.0), "momentum", learn=learn)


@pytest.mark.parametrize("name, value", [("output.delta", 1e200), ("hidden1.delta", np.nan)])
def test_a_change_that_is_no_finite_number_is_not_made(name, value):
    net = Network(SIZES, fa.RULE, TRIALS, seed=2)
    learner = Learner(net, SHORT, "adam")
    rng = np.random.default_rng(0)
    present(learner, rng.normal(size=(TRIALS, SIZES[0])), rng.normal(size=(TRIALS, SIZES[-1])))
    before = {n: a.copy() for n, a in net.arrays.items() if net.slots[n].of_synapses}
    net.reset()
    net.run("feedback", 5 * ms)
    net.arrays[name][2] = value
    with pytest.raises(Diverged, match="the change of 'W[13].w' became NaN or infinite"):
        learner.learn("feedback")
    for label, array in before.items():
        np.testing.assert_array_equal(net.arrays[label], array)
    assert learner.updates == 1


def test_parameters_that_change_count_from_then_on():
    def change(learner):
        learner.net.set(eta=0.5 if learner.updates > 3 else 0.0)
        learner.learn("feedback")

    agree(fa.RULE, "adam", learn=change)


def test_threads_share_what_is_large():
    found = []
    for threads in (1, 2):
        net = Network((90, 80, 5), fa.RULE.but(eta=1.0), 40, seed=1, threads=threads)
        learner, rng = Learner(net, SHORT, "adam"), np.random.default_rng(0)
        for _ in range(3):
            present(learner, rng.normal(size=(40, 90)), rng.normal(size=(40, 5)))
        found.append(net["W1"].copy())
    np.testing.assert_allclose(*found, rtol=1e-10)
