"""Text that no parser should meet: refused soon, in our words, naming where it stands."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import Learner, Network, Phase, Plasticity, RuleError, Trial, present

FA = fa.RULE
TEXTS = [
    "v in r",
    "v\u00e9",
    "+".join(["v"] * 1000),
    '"*/"',
    "1 % 0",
    "1 / 0",
    "9**9**9",
    "v**1e9",
    "0**-1",
    "(" * 300 + "v" + ")" * 300,
    "1e999",
    "1j",
    "v + 1j*r",
    "None",
    "v @ r",
    "~v",
    "v << 2",
    "v[0]",
    "v.x",
    "exp(v, v)",
    "exp()",
    "v(r)",
    "phi(v, r)",
    "[v]",
    "(v, r)",
    "lambda: 1",
    "f'{v}'",
    "*".join(["(v + r)"] * 20),
]
UNITS = [
    "second**9**9**9",
    "1 + 1",
    "second(",
    "1/0",
    "second**second",
    "().__class__",
    "[second for _ in range(3)]",
]


def line(text):
    return replace(FA, neuron=f"{fa.NEURON}\nx = {text} : 1\n")


@pytest.mark.parametrize("text", TEXTS)
def test_what_no_parser_reads_is_refused_with_its_place(text):
    with pytest.raises(RuleError, match="^FA: (neuron|hidden)"):
        line(text)


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_made_of_base_units_alone(unit):
    with pytest.raises(RuleError, match="^FA: neuron"):
        replace(FA, neuron=f"{fa.NEURON}\nx = v : {unit}\n")


@pytest.mark.parametrize(
    "text",
    [
        "w += eta * v in r",
        "w += eta*r_pre < 1",
        "w += not r_post",
        "w += 9**9**9 * r_pre",
        "w += eta * r_pre * (1 % 0)",
        "w += r_pre *" + " (r_post + v_post) *" * 20 + " eta",
    ],
)
def test_a_line_of_plasticity_is_bounded_too(text):
    with pytest.raises(RuleError, match="plasticity of W"):
        replace(FA, plasticity=(Plasticity("W", text, after="feedback"),))


@pytest.mark.parametrize("name", ["feed back", "1st", "class", "", 3])
def test_a_phase_has_a_name_that_a_trial_can_say(name):
    with pytest.raises(RuleError, match="phase"):
        replace(FA, phases=(*FA.phases, Phase(name)))


def test_pi_may_stand_in_text():
    net = Network([2, 3, 1], line("v * pi + pi"), trials=1, target="numpy", seed=1)
    present(Learner(net, Trial(dt=10 * ms, default=20 * ms)), np.ones((1, 2)), np.ones((1, 1)))
    np.testing.assert_allclose(net["hidden1.x"], net["hidden1.v"] * np.pi + np.pi)


@pytest.mark.parametrize(
    "comparison", ["v >= 0", "v <= 0.5", "v == 0", "v != 0", "0 < v and v >= 0.1"]
)
def test_comparisons_are_no_assignments(comparison):
    neuron = fa.RULE.neuron.rstrip() + f"\nopen = int({comparison}) : 1\n"
    assert fa.RULE.but(neuron=neuron).neuron == neuron
