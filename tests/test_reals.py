"""Numbers of a rule's text are real, compiled and interpreted alike: no whole number ends at 32 bits, and none is divided by zero."""

from dataclasses import replace

import numpy as np
import pytest
from fuzzing import differences, ran

from neurofa import RuleError
from neurofa.models import fa

# text of v -> the same in NumPy
MEANT = {
    "int(1e12 * v)": lambda v: np.trunc(1e12 * v),
    "int(-1e300 * exp(v))": lambda v: -1e300 * np.exp(v),
    "int(v > 0) * 3000000000": lambda v: (v > 0) * 3e9,
    "int(v < 5) * 100000 * 100000": lambda v: np.full_like(v, 1e10),
    "int(v < 5) * 16777217 / 3": lambda v: np.full_like(v, 16777217 / 3),
    "2**(-int(v < 5))": lambda v: np.full_like(v, 0.5),
    "floor(1e12 * v) + ceil(1e12 * v)": lambda v: np.floor(1e12 * v) + np.ceil(1e12 * v),
    "int(v < 5) % int(v > 5)": lambda v: np.full_like(v, np.nan),
    "7 % (3 * int(v < 5))": lambda v: np.full_like(v, 1.0),
    "(1e300 + v) % 0.3 + v % -0.3 + v % 0.3": lambda v: 1e300 % 0.3 + np.mod(v, -0.3) + np.mod(v, 0.3),
    "sign(log(v - 9))": lambda v: np.full_like(v, np.nan),
    "sign(v) + sign(int(v < 5) - 3)": lambda v: np.sign(v) - 1,
    "clip(1, 0, 0.5 * int(v < 5))": lambda v: np.full_like(v, 0.5),
    "clip(v, 1, 0 * v)": lambda v: np.zeros_like(v),
    "clip(v, log(v - 9), 1)": lambda v: np.full_like(v, np.nan),
}


def line(text):
    return replace(fa.RULE, neuron=fa.RULE.neuron + "".join(f"\nx_{k} = {one} : 1" for k, one in enumerate(text)))


def test_functions_of_numbers_are_real(target):
    net = ran(line(MEANT), target)
    for k, (text, meant) in enumerate(MEANT.items()):
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(net[f"hidden1.x_{k}"], meant(net["hidden1.v"].copy()), rtol=1e-9, atol=1e-12, err_msg=text)


@pytest.mark.parametrize("place", ["start", "rate", "plasticity"])
def test_they_are_wherever_text_stands(place, needs_compiler):
    if place == "start":
        starts = {"hidden": "v = 1e-13 * int(3e12 * v + 7e12)"}
        rule = replace(fa.RULE, phases=tuple(replace(p, start=starts) for p in fa.RULE.phases))
    elif place == "rate":
        rule = replace(fa.RULE, neuron=fa.RULE.neuron.replace("(-v +", "(-v + 1e-13 * floor(3e12 * v + 7e12) +"))
    else:
        rule = replace(fa.RULE, plasticity=tuple(replace(p, equation=f"{p.equation} + 1e-13 * ceil(3e12 * v_post)") for p in fa.RULE.plasticity))
    assert not differences(rule)
    assert max(abs(ran(rule, "cpp")[name]).max() for name in ("hidden1.v", "W1")) > 0.2


@pytest.mark.parametrize("text", ["v * ceil(2)", "v + sign(3) * abs(2)", "v * log1p(0.5) + floor(2.5)", "1 ** v_basal", "0 * (1 / v)", "1e300 * v", "clip(2, 0, 1)"])
def test_a_phase_may_start_with_functions_of_numbers(text, needs_compiler):
    assert not differences(replace(fa.RULE, phases=tuple(replace(p, start={"hidden": f"v = {text}"}) for p in fa.RULE.phases)))


@pytest.mark.parametrize("text, said", [
    ("v // 2", r"Write floor\(v / 2\)"), ("int(v > 0) // int(v > 1)", r"Write floor\(int\(v > 0\) / int\(v > 1\)\)"),
    ("v + 99999999999999999999", "beyond 2..53"), ("10**20 * v", "beyond 2..53"), ("v * 3**25 * 3**25", "beyond 2..53"),
    ("v * 9007199254740993", "beyond 2..53"), ("v / 3**40", "beyond 2..53")])
def test_what_would_be_a_whole_number_of_c_is_refused(text, said):
    with pytest.raises(RuleError, match=f"^FA: .*{said}"):
        line([text])


def test_large_numbers_with_a_point_are_none_of_c():
    line(["v * 99999999999999999999.0 * 1e20", "10.0**20 * v"])
