"""Texts of rules with a few characters changed: each makes a rule, or is refused in our words.

A fixed seed chooses them. More of them, by hand: NEUROFA_FUZZ=3000 timeout 600 python -m pytest tests/test_fuzz_texts.py
"""

import os
import random
from dataclasses import replace

from neurofa import RuleError
from neurofa.models import bp, dfc, fa, kolen_pollack

TEXTS = int(os.environ.get("NEUROFA_FUZZ", 300))
PIECES = ["", "+", "-", "*", "/", "**", "(", ")", "v", "r", "0", "1", "9", "%", "//", ":", "=", "\n", ";", " ", "second", "phi(", "eta", "w", "_pre", "_post",
          "xi", "#", ",", ".", " in ", "not ", "'", "[", "]", "<", "tau_v", "1e999", "\u00e9"]


def changed(text, rng):
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(text) + 1)
        text = text[:start] + rng.choice(PIECES) + text[start + rng.randint(0, 3):]
    return text


def with_change(rule, rng):
    """Return a function that makes the rule with one of its texts changed."""
    field = rng.choice(["neuron", "output", "populations", "plasticity"])
    if field in ("neuron", "output"):
        new = changed(getattr(rule, field), rng)
    else:
        part = "equations" if field == "populations" else "equation"
        new = tuple(replace(p, **{part: changed(getattr(p, part), rng)}) for p in getattr(rule, field))
    return lambda: replace(rule, **{field: new})


def test_a_changed_text_makes_a_rule_or_is_refused_in_words():
    rng, refused = random.Random(11), 0
    for _ in range(TEXTS):
        make = with_change(rng.choice([fa.RULE, dfc.RULE, bp.RULE, kolen_pollack.RULE]), rng)
        try:
            make()
        except RuleError:
            refused += 1
    assert 0 < refused < TEXTS
