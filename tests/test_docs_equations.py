"""Equations of rules are shown as they are written: the same terms, in the same order and brackets."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs" / "_extensions"))
import equations


@pytest.mark.parametrize(
    "text, latex",
    {
        "r = phi(v) : 1": r"r = \phi(v)",
        "setpoint : 1": r"\mathrm{setpoint}",
        "dv/dt = (-v + v_basal) / tau_v : 1  ": r"\frac{\mathrm{d}v}{\mathrm{d}t} = "
        r"\frac{-v + v_{\mathrm{basal}}}{\tau_{v}}",
        "w += -eta * delta_post * r_pre": r"\Delta w = -\eta \, \delta^{\mathrm{post}} \, r^{\mathrm{pre}}",
    }.items(),
)
def test_lines(text, latex):
    assert equations.line(text) == latex


@pytest.mark.parametrize(
    "text, latex",
    {
        "a - (b - c)": "a - (b - c)",
        "a - b - c": "a - b - c",
        "-(a + b)*c": r"-(a + b) \, c",
        "(a + b)**2": "(a + b)^{2}",
        "a / b * c": r"\frac{a}{b} \, c",
        "a * (b + c / d)": r"a \, \left( b + \frac{c}{d} \right)",
        "int(x > 0)": "[x > 0]",
        "1e9": "10^{9}",
        "1e-12*a": r"10^{-12} \, a",
        "sqrt(2/tau_z)": r"\sqrt{\frac{2}{\tau_{z}}}",
    }.items(),
)
def test_expressions(text, latex):
    assert equations.expression(text) == latex


def test_what_has_no_latex_says_so():
    with pytest.raises(ValueError, match="has no LaTeX here yet"):
        equations.expression("a if b else c")
