"""Every pair of manipulations goes together, compiled as interpreted, or says why not."""

from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import bp, dfc, fa, kolen_pollack

from neurofa import Learner, Network, Pathway, Recorder, RuleError, Trial, present
from neurofa.rules.pathways import (
    at_angle,
    dale,
    deg,
    delayed,
    fixed_signs,
    gain,
    lesioned,
    low_rank,
    noisy,
    only_during,
    quantised,
    reaching,
    rectified,
    saturating,
    sign_concordant,
    sparse,
)

WEIGHTS = dict(
    at_angle=at_angle(60 * deg),
    sign_concordant=sign_concordant(0.8),
    sparse=sparse(0.6),
    reaching=reaching(0.7),
    low_rank=low_rank(2),
    quantised=quantised(3),
    fixed_signs=fixed_signs(),
    dale=dale(0.6),
    lesioned=lesioned(at=70 * ms, fraction=0.3),
)
SIGNALS = dict(
    delayed=delayed(3.6 * ms),
    gain=gain(-1.5),
    noisy=noisy(0.1, 8 * ms),
    white=noisy(0.1 * ms**0.5, shared=True),
    saturating=saturating(0.4),
    rectified=rectified(),
    only_during=only_during(45 * ms, begin=2 * ms),
)
ALL = WEIGHTS | SIGNALS
PAIRS = list(combinations_with_replacement(ALL, 2))
SIZES, K, LENGTH = (4, 6, 5, 3), 2, Trial(dt=1 * ms, default=50 * ms)
# what would change the rank, or is said once
KEEP = ("sparse", "reaching", "quantised", "fixed_signs", "dale")


def refusal(one, other):
    """Return what the message says where two manipulations do not go together, or None."""
    if one == other:
        return f"{one} stands there twice" if one in (*KEEP[1:], "low_rank") else None
    if "low_rank" in (one, other) and {one, other} & set(KEEP):
        return "the weights would not have that rank any more"
    return "dale keeps the signs already" if {one, other} == {"fixed_signs", "dale"} else None


@pytest.mark.parametrize("one, other", PAIRS)
def test_a_pair_is_a_rule_or_says_why_not(one, other):
    rule, name, why = fa.RULE, "B", refusal(one, other)
    for first, second in ((one, other), (other, one)):
        if why is None:
            made = rule.through(ALL[first], name).through(ALL[second], name)
            assert str(ALL[second]) in str(made) and (
                str(ALL[first]) in str(made) or isinstance(ALL[first], at_angle | sign_concordant)
            )
        else:
            with pytest.raises(RuleError, match=f"FA: pathway B: .*{why}"):
                rule.through(ALL[first], name).through(ALL[second], name)


def traces(rule, names, target, learn=True):
    """Return `{name: values}` of what arrives, step by step, of the states at the end, and of the
    weights."""
    net, rng = Network(SIZES, rule, trials=K, seed=1, target=target), np.random.default_rng(0)
    recorder = Recorder(names)
    present(
        Learner(net, LENGTH),
        rng.normal(size=(K, SIZES[0])),
        rng.normal(size=(K, SIZES[-1])),
        learn=learn,
        record=recorder,
    )
    recording = recorder.recording()
    return {n: net[n].copy() for n in net.probeable if not n.endswith(".residual")} | {
        n: recording[n].values for n in names
    }


def beside(rule, pairs):
    """Return the rule with one more pathway for each pair, into a variable of its own, and the
    pairs by variable."""
    model, found = rule.pathways[0], {}
    for k, pair in enumerate(pairs):
        pathway = replace(
            model, name=f"{model.name}{chr(97 + k // 26)}{chr(97 + k % 26)}", into=f"x{k}"
        )
        for m in pair:
            pathway |= ALL[m]
        found[pathway.into] = (pathway, pair)
    return rule.but(pathways=(*rule.pathways, *(p for p, _ in found.values()))), {
        into: pair for into, (_, pair) in found.items()
    }


FINE = [pair for pair in PAIRS if refusal(*pair) is None]


@pytest.mark.parametrize(
    "rule, pairs",
    [
        *((fa.RULE, FINE[k::10]) for k in range(10)),
        *((dfc.RULE, [p for p in FINE if set(p) <= set(SIGNALS)][k::3]) for k in range(3)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_pair_does_the_same_compiled_and_interpreted(needs_compiler, rule, pairs):
    """Beside the rule's own pathway, a pathway of each pair hears the same signal. All traces to
    1e-10."""
    made, by_variable = beside(rule, pairs)
    names = [
        f"{layer}.{into}"
        for into in by_variable
        for layer in (("hidden1", "hidden2", "output") if rule is dfc.RULE else ("hidden1",))
    ]
    compiled, interpreted = (traces(made, names, target) for target in ("cpp", "numpy"))
    for name in names:
        pair = by_variable[name.split(".")[1]]
        np.testing.assert_allclose(
            compiled[name], interpreted[name], rtol=0, atol=1e-10, err_msg=f"{pair}: {name}"
        )
        assert np.isfinite(compiled[name]).all(), (pair, name)
    for name in compiled:
        np.testing.assert_allclose(
            compiled[name], interpreted[name], rtol=0, atol=1e-10, err_msg=name
        )
    # cells of one sign may all be silenced
    assert sum(compiled[name].any() for name in names) > 0.85 * len(names)


EVERYTHING = ("at_angle", "sparse", "reaching", "quantised", "dale", "lesioned", *SIGNALS)


@pytest.mark.parametrize(
    "rule, names",
    [
        (fa.RULE, ("B", "W")),
        (kolen_pollack.RULE, ("B",)),
        (dfc.RULE, ("Q", "W")),
        (bp.RULE, ("B",)),
    ],
    ids=["FA", "Kolen-Pollack", "DFC", "BP"],
)
def test_all_at_once(needs_compiler, rule, names):
    """In the loop, in every pathway, while learning."""
    for name in names:
        for m in SIGNALS if rule is bp.RULE else EVERYTHING:
            if not (m == "at_angle" and name == "W"):
                rule = rule.through(ALL[m], name)
    compiled, interpreted = (
        traces(rule, ["hidden1.v", "hidden2.v"], target) for target in ("cpp", "numpy")
    )
    for name in compiled:
        np.testing.assert_allclose(
            compiled[name], interpreted[name], rtol=0, atol=1e-10, err_msg=name
        )
    assert compiled["hidden1.v"].std() > 0.01 and compiled["hidden2.v"].std() > 0.01


def test_a_pathway_takes_a_manipulation_or_a_start():
    pathway = (
        Pathway("B", source="above", signal="delta", into="v_apical")
        | at_angle(60 * deg)
        | sparse(0.5)
    )
    assert pathway.init == at_angle(60 * deg) and pathway.through == (sparse(0.5),)
    with pytest.raises(TypeError):
        pathway | 0.5
