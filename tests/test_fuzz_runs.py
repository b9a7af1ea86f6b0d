"""Expressions made at random, as lines of a neuron, starts of a phase and factors of plasticity: refused in words, or they run.

A fixed seed chooses them. More of them, by hand: NEUROFA_FUZZ=3000 timeout 3000 python -m pytest tests/test_fuzz_runs.py
"""

import os
import random
from dataclasses import replace

import numpy as np
import pytest
from fuzzing import expression, ran

from neurofa import Diverged, NetworkError, RuleError
from neurofa.models import bp, dfc, fa

TEXTS = int(os.environ.get("NEUROFA_FUZZ", 300))
NAMES = ["x", "y1", "j", "isnan", "j0", "log2", "stdev", "values", "result", "numpy", "NAN", "M_PI", "static", "long"]
ENDS = [": 1", ": 1", ": 1", ": integer", ": boolean", ": second", ": 1 (constant)", ": 1 (constant over dt)", ": 1 (shared)"]


def with_expression(rule, rng):
    """Return a function that makes the rule with an expression in one of its texts."""
    text, place = expression(rng), rng.choice(["neuron", "neuron", "start", "plasticity"])
    if place == "neuron":
        line = f"\n{rng.choice(NAMES)} = {text} {rng.choice(ENDS)}"
        return lambda: replace(rule, neuron=rule.neuron + line)
    if place == "start":
        return lambda: replace(rule, phases=tuple(replace(p, start={**p.start, "hidden": f"v = {text}"}) for p in rule.phases))
    text = text.replace("v_basal", "r_pre")
    return lambda: replace(rule, plasticity=tuple(replace(p, equation=f"{p.equation} + 0 * {text}") for p in rule.plasticity))


def test_what_is_accepted_runs_or_diverges_in_words():
    rng, fine = random.Random(12), 0
    for _ in range(TEXTS):
        make = with_expression(rng.choice([fa.RULE, dfc.RULE, bp.RULE]), rng)
        try:
            ran(make(), "numpy")
            fine += 1
        except (RuleError, NetworkError, Diverged):
            pass
    assert 0 < fine < TEXTS


def test_activations_of_whole_numbers_compile_to_what_is_interpreted():
    rule = replace(fa.RULE, neuron=f"{fa.RULE.neuron}\nx = phi(int(v > 0)) + dphi(int(v > 0)) + phi(2) + dphi(7) : 1")
    compiled, interpreted = ran(rule, "cpp"), ran(rule, "numpy")
    np.testing.assert_allclose(compiled["hidden1.x"], interpreted["hidden1.x"], rtol=1e-9)


def accepted(rng, many):
    """Return as many lines that the check accepts, each with a name of its own: `{name: line}`."""
    lines = {}
    while len(lines) < many:
        name = f"x_{len(lines)}"
        line = f"\n{name} = {expression(rng)} : 1"
        try:
            replace(fa.RULE, neuron=fa.RULE.neuron + line)
            lines[name] = line
        except RuleError:
            pass
    return lines


def test_what_is_accepted_compiles_to_what_is_interpreted():
    rng = random.Random(13)
    for _ in range(60 // 20):
        lines = accepted(rng, 20)
        rule = replace(fa.RULE, neuron=fa.RULE.neuron + "".join(lines.values()))
        compiled, interpreted = ran(rule, "cpp"), ran(rule, "numpy")
        for name, line in lines.items():
            np.testing.assert_allclose(compiled[f"hidden1.{name}"], interpreted[f"hidden1.{name}"], rtol=1e-9, atol=1e-12, err_msg=line)


@pytest.mark.parametrize("text, said", [
    ("1 / (v - v)", "infinite"), ("v * 1e300 * 1e300", "infinite"), ("log(v - v)", "infinite"),
    ("True", "true or false, and no number"), ("v > 0", r"Write int\(v > 0\)"), ("not v", "true or false"), ("int(v and r)", "joins a number"),
    ("v : boolean #", "no unit"), ("int(v > 0) : integer #", "no unit"), ("False - v", "no number to calculate with"),
    ("-(v > 0)", "no number to calculate with"), ("sign(v > 0)", "no number to calculate with"), ("phi(True)", "no number to calculate with"),
    ("v / int(0.5)", "divides by zero"), ("1 / int(1 >= 2)", "divides by zero"), ("v % sin(0)", "divides by zero"),
    ("int(1 / (v - v) == 0.5)", "no finite number"), ("int(r % (0 * v) > 1)", "by zero"), ("2**tau_v", "not constant")])
def test_what_no_state_makes_a_number_is_refused(text, said):
    with pytest.raises(RuleError, match=said):
        replace(fa.RULE, neuron=f"{fa.RULE.neuron}\nx = {text} : 1")


@pytest.mark.parametrize("text", ["int(v >= 1)", "int(v == 1) + int(v != 0)", "1 / sqrt(2)"])
def test_comparisons_and_functions_of_numbers_may_stand_in_a_line(text):
    replace(fa.RULE, neuron=f"{fa.RULE.neuron}\nx = {text} : 1")
