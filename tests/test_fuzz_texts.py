"""Rules of the shelf with a text, a name or a number changed: each makes a rule, or is refused in our words; and what is a rule runs.

Any text may be the one: equations, links, pathways' signals, gates, starts, plasticity, parameters. A fixed seed chooses them.
More of them, by hand: NEUROFA_FUZZ=3000 timeout 3000 python -m pytest tests/test_fuzz_texts.py
"""

import os
import random

import pytest
from fuzzing import SHELF, changed, differences, grown, results, with_change

from neurofa import ADAM, MOMENTUM, NetworkError, Optimiser, RuleError
from neurofa.models import fa

TEXTS = int(os.environ.get("NEUROFA_FUZZ", 300))
REFUSED = RuleError, NetworkError
OWN = dict(reference="", state=("m", "s"), parameters=dict(mu=0.9, beta1=0.9, beta2=0.999, epsilon=1e-8))


def accepted(rng, many):
    """Return rules of the shelf with `many` changes each that are not refused and do not diverge, one after the other."""
    rule = rng.choice(SHELF)
    while many:
        make, _ = with_change(rule, rng)
        try:
            made = make()
            if results(made, "numpy") is not None:
                rule, many = made, many - 1
        except REFUSED:
            pass
    return rule


def test_a_changed_rule_runs_or_is_refused_in_words():
    rng, refused = random.Random(11), 0
    for _ in range(TEXTS):
        make, _ = with_change(rng.choice(SHELF), rng)
        try:
            results(make(), "numpy")
        except REFUSED:
            refused += 1
    assert 0 < refused < TEXTS


@pytest.mark.parametrize("seed", range(max(3, TEXTS // 100)))
def test_what_is_accepted_compiles_to_what_is_interpreted(seed, needs_compiler):
    rule = accepted(random.Random(seed), 6)
    assert not differences(rule), rule


def test_a_changed_optimiser_learns_or_is_refused_in_words():
    rng, refused = random.Random(12), 0
    for _ in range(TEXTS // 10):
        text = rng.choice([ADAM, MOMENTUM]).text
        for _ in range(rng.randint(1, 2)):
            text = rng.choice([changed, grown])(text, rng)
        try:
            results(fa.RULE, "numpy", Optimiser("mine", text=text, **OWN))
        except REFUSED:
            refused += 1
    assert 0 < refused < TEXTS // 10
