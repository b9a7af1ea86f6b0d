"""The text of a rule: what is refused and in which words, what `but` changes, and what `str`
shows."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from brian2 import Hz, ms
from neurofa.models import dfc, fa

from neurofa import LearningRule, Pathway, Phase, Plasticity, Population, RuleError, lookup
from neurofa.rules.pathways import normal

FA, DFC = fa.RULE, dfc.RULE
B = FA.pathways[0]
LINE = "w += -eta * delta_post * r_pre"
FEEDBACK = dict(on=("feedback_on",))


def neuron(old="", new="", more=""):
    """FA with one change in its neuron's equations, written out as its author would."""
    return replace(FA, neuron=fa.NEURON.replace(old, new) + more)


def variable(name):
    return neuron(more=f"{name} = v : 1\n")


def parameter(name, value=1.0):
    return replace(
        FA,
        neuron=fa.NEURON + f"extra = v * {name} : 1\n",
        parameters={**FA.parameters, name: value},
    )


def valued(**parameters):
    return replace(FA, parameters={**FA.parameters, **parameters})


def line(equation, pathway="W", **place):
    """FA with one more line of plasticity, so that all its parameters stay in use."""
    return replace(
        FA,
        plasticity=(
            *FA.plasticity,
            Plasticity(pathway, equation, **(place or dict(after="feedback"))),
        ),
    )


def pathways(*more):
    return replace(FA, pathways=(B, *more))


def other(**fields):
    """FA with its feedback pathway changed."""
    return replace(FA, pathways=(replace(B, **fields),))


def population(equations="du/dt = -u / tau_v : 1", name="cells", *more, **options):
    return replace(FA, populations=(Population(name, equations, **options),), pathways=(B, *more))


def linked(source, equations="du/dt = (x - u) / tau_v : 1", **options):
    return population(equations, links={"x": source}, **options)


def starts(**text):
    return replace(FA, phases=(Phase("free"), Phase("feedback", **FEEDBACK, start=text)))


def phases(*given):
    return replace(FA, phases=given)


REFUSED = {
    # names
    "typo in an equation": (
        lambda: neuron("/ tau_delta", "/ tau_dleta"),
        "'tau_dleta'",
        "Did you mean 'tau_delta'?",
    ),
    "typo by but": (
        lambda: FA.but(neuron=fa.NEURON.replace("/ tau_delta", "/ tau_dleta")),
        "'tau_dleta'",
        "Did you mean 'tau_delta'?",
    ),
    "typo in a variable": (
        lambda: neuron("-v + v_basal", "-v + v_bsaal"),
        "'v_bsaal'",
        "Did you mean 'v_basal'?",
    ),
    "typo in the output": (
        lambda: replace(FA, output="v_apical = feedbak_on * dcost : 1"),
        "output",
        "'feedback_on'?",
    ),
    "unknown name like no other": (
        lambda: neuron("-v + v_basal", "-v + zzz"),
        "'zzz'",
        "v_basal",
        "tau_v",
        "dphi",
    ),
    "a unit in an equation": (lambda: neuron("r = phi(v)", "r = phi(v) * (dt/ms)"), "'ms'"),
    "white noise outside a differential equation": (
        lambda: neuron("r = phi(v)", "r = phi(v + xi*tau_v**0.5)"),
        "'xi'",
        "not a differential",
    ),
    "white noise with another unit": (
        lambda: neuron("v_basal) / tau_v", "v_basal) / tau_v + xi_1 / tau_v"),
        "'v'",
        "unit",
    ),
    "white noise in plasticity": (
        lambda: line("w += eta * xi_post * r_pre"),
        "not local",
        "'xi_post'",
    ),
    "random numbers": (lambda: neuron("r = phi(v)", "r = phi(v) + rand()"), "'rand'"),
    "variable and parameter": (
        lambda: replace(FA, output=FA.output + "eta = v : 1"),
        "'eta'",
        "parameter",
    ),
    "variable twice": (lambda: variable("r"), "'r'"),
    "circular": (lambda: neuron(more="a = b : 1\nb = a : 1\n"), "cycle"),
    # units
    "missing unit": (lambda: neuron("r = phi(v) : 1", "r = phi(v)"), "r = phi(v)"),
    "wrong unit": (
        lambda: neuron("r = phi(v) : 1", "r = phi(v) : volt"),
        "'r'",
        "unit V",
        "unit 1",
    ),
    "not divided by a time": (
        lambda: neuron("(-v + v_basal) / tau_v", "-v + v_basal", "extra = dt / tau_v : 1\n"),
        "'v'",
        "unit Hz",
    ),
    "inconsistent units": (lambda: neuron("-v + v_basal", "-v + v_basal + tau_v"), "tau_v", "unit"),
    "parameter without its unit": (lambda: valued(tau_v=10), "'v'", "unit Hz"),
    "parameter with another unit": (lambda: valued(eta=1 * Hz), "'w += ", "Hz"),
    "plasticity without its unit": (lambda: line("w += eta * r_post * r_pre / tau_v"), "unit Hz"),
    "plasticity during, no time": (
        lambda: line("dw/dt = eta * r_post * r_pre", during="feedback"),
        "unit Hz",
    ),
    "link with a unit": (
        lambda: replace(linked("output.q"), output=FA.output + "q = v * tau_v : second"),
        "x",
        "unit",
    ),
    "signal with a unit": (
        lambda: replace(
            pathways(Pathway("C", "above", "q", into="c")),
            neuron=fa.NEURON + "q = v*tau_v : second",
        ),
        "pathway C",
        "unit",
    ),
    # values
    "NaN": (lambda: valued(eta=float("nan")), "'eta'", "NaN"),
    "text for a number": (lambda: valued(eta="0.1"), "'eta'", "10*ms"),
    "array for a number": (lambda: valued(tau_v=np.array([1, 2]) * ms), "'tau_v'"),
    # plasticity
    "not local": (lambda: line("w += eta * delta * r_pre"), "not local", "'delta'", "delta_post"),
    "not at this synapse": (lambda: line("w += eta * delta_post * v_pre"), "not local", "'v_pre'"),
    "not separable": (
        lambda: line("w += eta * exp(r_post*r_pre)"),
        "exp(r_post*r_pre)",
        "sum of products",
    ),
    "w below": (lambda: line("w += eta / w"), "positive whole power", "1/w"),
    "root of w": (lambda: line("w += eta * w**0.5"), "positive whole power"),
    "function of w": (lambda: line("w += eta * exp(w)"), "exp(w)"),
    "+= during": (lambda: line(LINE, during="feedback"), "dw/dt = ...", "during"),
    "no += at all": (lambda: line("w = eta * r_post"), "'w += ...'"),
    "cannot be read": (lambda: line("w += eta * (r_post"), "cannot be read"),
    "cannot be read, two lines": (lambda: line("w += eta *\n(r_post"), "cannot be read"),
    "after and during": (
        lambda: line(LINE, after="feedback", during="feedback"),
        "after",
        "during",
    ),
    "neither after nor during": (lambda: line(LINE, to="hidden"), "after", "during"),
    "unknown pathway": (lambda: line(LINE, "V"), "plasticity of V", "B, W"),
    "unknown phase": (lambda: line(LINE, after="fedback"), "'fedback'", "Did you mean 'feedback'?"),
    "unknown place": (
        lambda: line(LINE, after="feedback", to="outptu"),
        "'outptu'",
        "Did you mean 'output'?",
    ),
    "a place the pathway does not reach": (
        lambda: line("w += eta*r_post*delta_pre", "B", after="feedback", to="output"),
        "plasticity of B",
    ),
    "synapses of another pathway": (
        lambda: replace(
            line("w += eta*r_post*delta_pre", "B"), pathways=(replace(B, weights="W.T"),)
        ),
        "B",
        "W.T",
    ),
    # pathways
    "source": (lambda: other(source="abov"), "'abov'", "Did you mean 'above'?"),
    "target": (
        lambda: pathways(Pathway("C", "above", "r", into="c", to="hiden")),
        "'hiden'",
        "Did you mean 'hidden'?",
    ),
    "signal": (lambda: other(signal="detla"), "'detla'", "Did you mean 'delta'?"),
    "weights": (lambda: other(weights="V.T"), "'V.T'", "Valid pathways: W."),
    "reads": (lambda: other(reads="previous"), "'previous'", "end, new, old"),
    "name with a number": (lambda: other(name="B2"), "B2", "letters"),
    "two pathways of one name": (lambda: pathways(Pathway("B", "above", "r", into="c")), "B"),
    "a second W": (lambda: pathways(Pathway("W", "above", "r", into="c")), "W"),
    "two into one variable": (
        lambda: pathways(Pathway("C", "output", "delta", into="v_apical")),
        "pathway C",
        "'v_apical'",
        "One pathway",
    ),
    "two into the first": (
        lambda: pathways(Pathway("C", "output", "delta", into="v_apical", to="first")),
        "pathway C",
        "'v_apical'",
    ),
    "two into the later": (
        lambda: pathways(*(Pathway(n, "same", "r", into="c", to="later") for n in "CD")),
        "pathway D",
        "'c'",
    ),
    "two into a layer and the later": (
        lambda: pathways(
            Pathway("C", "same", "r", into="c", to="later"),
            Pathway("D", "hidden1", "r", into="c", to="hidden3"),
        ),
        "pathway D",
        "'c'",
    ),
    "a layer of no number": (
        lambda: pathways(Pathway("C", "same", "r", into="c", to="hidden0")),
        "'hidden0'",
        "Did you mean 'hidden",
    ),
    "a source of no number": (
        lambda: other(source="hiden2"),
        "'hiden2'",
        "Did you mean 'hidden2'?",
    ),
    "a signal of the output from a layer": (
        lambda: other(source="hidden2", signal="target"),
        "'target'",
        "hidden does not have",
    ),
    "plasticity of a layer that a pathway does not enter": (
        lambda: replace(
            pathways(Pathway("C", "hidden1", "r", into="c", to="hidden3")),
            plasticity=(
                Plasticity("C", after="free", equation="w += eta*r_post*r_pre", to="hidden2"),
            ),
        ),
        "C does not go to hidden2",
    ),
    "into a variable with an equation": (
        lambda: pathways(Pathway("C", "above", "delta", into="v")),
        "pathway C",
        "'v'",
        "defines itself",
    ),
    "into a state of a population": (
        lambda: population(
            "du/dt = -u / tau_v : 1", "cells", Pathway("C", "output", "r", into="u", to="cells")
        ),
        "pathway C",
        "'u'",
    ),
    "into a link": (
        lambda: replace(
            linked("output.r"), pathways=(B, Pathway("C", "output", "r", into="x", to="cells"))
        ),
        "pathway C",
        "'x'",
    ),
    "into the target": (
        lambda: pathways(Pathway("C", "below", "r", into="target", to="output")),
        "pathway C",
        "'target'",
    ),
    "into a parameter": (
        lambda: replace(parameter("c"), pathways=(B, Pathway("C", "above", "r", into="c"))),
        "'c'",
    ),
    # populations and links
    "link to an unknown variable": (
        lambda: linked("output.rr"),
        "link 'x'",
        "output.rr",
        "Did you mean 'r'?",
    ),
    "link to an unknown place": (lambda: linked("outptu.r"), "link 'x'", "Did you mean 'output'?"),
    "link to a layer of no number": (lambda: linked("hidden.r"), "link 'x'", "hidden1, hidden2"),
    "link without a place": (lambda: linked("r"), "link 'x'", "output"),
    "link with an equation too": (lambda: linked("output.r", "dx/dt = -x / tau_v : 1"), "'x'"),
    "no units": (lambda: population(size=0), "cells", "0"),
    "unknown size": (lambda: population(size="hidden", along="hidden"), "cells", "'hidden'"),
    "unknown activation": (
        lambda: population(activation="tahn"),
        "cells",
        "Did you mean 'tanh'?",
        "the network says which",
    ),
    "the activation above no layer": (
        lambda: population(activation="above"),
        "cells",
        "along='hidden'",
    ),
    "along what": (lambda: population(along="layers"), "cells", "'layers'"),
    "two populations of one name": (
        lambda: replace(FA, populations=(Population("cells", "u : 1"),) * 2),
        "cells",
    ),
    "population called hidden": (lambda: population(name="hidden"), "hidden"),
    "population called hidden1": (lambda: population(name="hidden1"), "hidden1"),
    "population called output": (lambda: population(name="output"), "output"),
    "population called input": (lambda: population(name="input"), "input"),
    "population called like synapses": (lambda: population(name="W1"), "W1"),
    "population with a space": (lambda: population(name="my cells"), "my cells"),
    # phases
    "start of an unknown variable": (
        lambda: starts(output="detla = r"),
        "'detla'",
        "Did you mean 'delta'?",
    ),
    "start with an unknown name": (
        lambda: starts(output="delta = rr"),
        "'rr'",
        "Did you mean 'r'?",
    ),
    "start of an expression": (lambda: starts(output="r = v"), "'r'"),
    "start of a population": (
        lambda: starts(outptu="delta = r"),
        "'outptu'",
        "Did you mean 'output'?",
    ),
    "start with a unit": (lambda: starts(hidden="delta = tau_v"), "unit"),
    "start without =": (lambda: starts(hidden="delta"), "assignment"),
    "start on several lines": (lambda: starts(hidden="delta = 0\ndetla = 0"), "'detla'"),
    "two phases of one name": (
        lambda: phases(Phase("free"), Phase("free"), Phase("feedback", **FEEDBACK)),
        "'free'",
    ),
    "gates without the comma": (
        lambda: phases(Phase("free"), Phase("feedback", on=("feedback_on"))),
        "comma",
    ),
    "gate called like a variable": (
        lambda: phases(Phase("free", on=("v",)), Phase("feedback", **FEEDBACK)),
        "'v'",
    ),
    "gate called like a parameter": (
        lambda: phases(Phase("free", on=("eta",)), Phase("feedback", **FEEDBACK)),
        "'eta'",
    ),
    # the rule
    "plasticity without the comma": (
        lambda: replace(FA, plasticity=FA.plasticity[0]),
        "plasticity",
        "comma",
    ),
    "pathways without the comma": (lambda: replace(FA, pathways=B), "pathways", "comma"),
    "phases in a list": (lambda: replace(FA, phases=list(FA.phases)), "phases", "tuple"),
    "but without the comma": (lambda: FA.but(pathways=B), "pathways", "comma"),
    "but with an unknown name": (lambda: FA.but(etta=1), "'etta'", "Did you mean 'eta'?"),
    "unknown phase asked for": (lambda: FA.phase("fre"), "'fre'", "Did you mean 'free'?"),
}
REFUSED |= {
    f"variable called {n}": ((lambda n=n: variable(n)), n)
    for n in (
        "e",
        "pi",
        "i",
        "N",
        "xi",
        "t",
        "dt",
        "r_pre",
        "r_post",
        "phi",
        "dphi",
        "target",
        "dcost",
        "w",
        "g",
        "exp",
        "ms",
        "residual",
        "softmax_r",
    )
}
REFUSED |= {
    f"parameter called {n}": ((lambda n=n: parameter(n)), f"'{n}'")
    for n in (
        "e",
        "pi",
        "i",
        "N",
        "xi",
        "t",
        "dt",
        "a_pre",
        "a_post",
        "phi",
        "dphi",
        "target",
        "dcost",
        "w",
        "g",
        "exp",
        "ms",
        "v_basal",
        "feedback_on",
    )
}
REFUSED |= {
    f"pathway into {n}": (
        (lambda n=n: pathways(Pathway("C", "above", "r", into=n))),
        "pathway C",
        f"'{n}'",
    )
    for n in ("w", "N", "e", "c_post", "dt", "phi", "two words")
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_is_named_in_one_paragraph(case):
    make, *phrases = REFUSED[case]
    with pytest.raises(RuleError) as caught:
        make()
    message = str(caught.value)
    for phrase in phrases:
        assert phrase in message
    assert message.startswith("FA") and "\n" not in message


def test_a_message_lists_what_is_allowed_only_once():
    with pytest.raises(RuleError) as caught:
        neuron("-v + v_basal", "-v + zzz")
    assert str(caught.value).count("tau_delta") == 1


def test_no_output_rate_means_no_cost():
    with pytest.raises(RuleError, match="FA"):
        neuron("r = phi(v) : 1", "rate = phi(v) : 1")


ACCEPTED = {
    "comment behind a line": lambda: line("w += eta * r_post * r_pre    # Hebb"),
    "line without blanks": lambda: line("w+=-eta*delta_post*r_pre"),
    "line over two lines": lambda: line("w += eta * (r_post\n * r_pre)"),
    "disjoint targets": lambda: replace(
        FA, pathways=(replace(B, to="first"), replace(B, name="C", source="output", to="later"))
    ),
    "two layers": lambda: pathways(
        *(Pathway(n, "same", "r", into="c", to=f"hidden{k}") for k, n in enumerate("CD", 2))
    ),
    "no plasticity": lambda: replace(FA, plasticity=(), neuron=fa.NEURON + "extra = eta : 1"),
    "starts in any notation": lambda: starts(
        hidden="delta = 0*v; v = 0*v  # at rest\n", output="delta = 0"
    ),
    "white noise": lambda: neuron(
        "v_basal) / tau_v", "v_basal) / tau_v + xi / tau_v**0.5 + 2*xi_1 / tau_v**0.5"
    ),
    "links to everything the output has": lambda: linked("output.dcost"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_is_meant_is_accepted(case):
    assert isinstance(ACCEPTED[case](), LearningRule)


# --- but ---
def test_but_changes_a_parameter_and_leaves_the_original():
    other = FA.but(eta=0.5)
    assert (other.parameters["eta"], FA.parameters["eta"]) == (0.5, 0.1)
    assert replace(other, parameters=FA.parameters) == FA


def test_but_changes_fields_and_adds_parameters_with_them():
    other = FA.but(
        name="leaky", neuron=fa.NEURON.replace("(-v +", "(-leak*v +"), parameters=dict(leak=2.0)
    )
    assert other.name == "leaky" and other.parameters["leak"] == 2.0
    assert {**FA.parameters, "leak": 2.0} == dict(other.parameters)


def test_but_checks_like_the_rule_itself():
    with pytest.raises(RuleError, match="Hz"):
        FA.but(tau_v=10)


# --- frozen ---
def test_a_text_that_is_known_to_be_sound_is_not_sound_with_other_units_or_values():
    assert FA.but(tau_v=20 * ms).parameters["tau_v"] == 20 * ms
    for wrong in (20.0, 20 * Hz, float("inf") * ms, "20*ms"):
        with pytest.raises(RuleError):
            FA.but(tau_v=wrong)


def test_nothing_in_a_rule_can_be_set():
    given = dict(FA.parameters)
    rule = replace(FA, parameters=given)
    given["eta"] = 7.0
    assert rule.parameters["eta"] == 0.1
    with pytest.raises(FrozenInstanceError):
        rule.name = "other"
    with pytest.raises(TypeError):
        rule.parameters["eta"] = 7.0
    for part in (*rule.pathways, *rule.phases, *rule.plasticity, rule.feedforward):
        with pytest.raises(FrozenInstanceError):
            part.name = "other"


@pytest.mark.parametrize(
    "part",
    [
        Population("cells", "u : 1", links={"x": "output.r"}).links,
        Phase("free", start={"output": "v = 0"}).start,
    ],
    ids=["links", "start"],
)
def test_nothing_in_a_part_of_a_rule_can_be_set(part):
    with pytest.raises(TypeError):
        part["x"] = "output.v"


@pytest.mark.parametrize(
    "again",
    [copy.deepcopy, lambda rule: pickle.loads(pickle.dumps(rule))],
    ids=["deepcopy", "pickle"],
)
def test_a_rule_can_be_sent_to_another_process(again):
    assert again(FA) == FA


# --- str ---
@pytest.mark.parametrize("model", lookup.model_names())
def test_str_shows_the_authors_text_the_parameters_and_the_reference(model):
    rule = lookup.rule(model)
    text = str(rule)
    lines = text.splitlines()
    written = [rule.neuron, rule.output, *(p.equations for p in rule.populations)]
    assert all(line in lines for part in written for line in part.strip("\n").splitlines())
    assert all(f"{name} = {value}" in lines for name, value in rule.parameters.items())
    assert rule.name in lines[0] and rule.reference in lines[0]
    for part in (
        *(line.equation for line in rule.plasticity),
        *(t for p in rule.phases for t in p.start.values()),
    ):
        assert part in text
    for part in (*rule.all_pathways, *rule.phases):
        assert any(line.startswith(f"{part.name}:") for line in lines)


CELLS = population("du/dt = -u / tau_v : 1")
DIFFERENT = {
    "parameter": (FA, FA.but(eta=0.2)),
    "source": (FA, other(source="output")),
    "weights": (FA, other(weights="W.T")),
    "bias": (FA, other(bias=True)),
    "reads": (FA, other(reads="old")),
    "init": (FA, other(init=normal(0.01))),
    "plasticity to": (FA, replace(FA, plasticity=(replace(FA.plasticity[0], to="output"),))),
    "plasticity after": (FA, replace(FA, plasticity=(replace(FA.plasticity[0], after="free"),))),
    "size": (CELLS, population("du/dt = -u / tau_v : 1", size=7)),
    "along": (CELLS, population("du/dt = -u / tau_v : 1", along="hidden")),
    "gates": (FA, replace(FA, phases=(Phase("free", **FEEDBACK), FA.phases[1]))),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_rules_that_differ_read_differently(case):
    one, two = DIFFERENT[case]
    assert str(one) != str(two)


def test_some_phases_alone_keep_what_is_plastic_in_them():
    rule = lookup.rule("dfc_ss_learned").only("free", "sleep")
    assert [phase.name for phase in rule.phases] == ["free", "sleep"] and [
        line.pathway for line in rule.plasticity
    ] == ["Q"]
    assert (
        "lam" not in rule.parameters
        and rule.parameters["eta_q"] == lookup.rule("dfc_ss_learned").parameters["eta_q"]
    )
    with pytest.raises(RuleError, match="has no phase 'slep'.*sleep"):
        lookup.rule("dfc_ss_learned").only("slep")


@pytest.mark.parametrize(
    "text, unit",
    [
        ("dv/dt = (-v + v_basal) / (10*ms) : 1", "ms"),
        ("dv/dt = (-v + v_basal) / (0.01*second) : 1", "second"),
        ("dv/dt = (-v + v_basal * int(t < 5*ms)) / tau_v : 1", "ms"),
        ("dv/dt = -v * (3*Hz) : 1", "Hz"),
    ],
)
def test_a_unit_in_a_text_asks_for_a_parameter(text, unit):
    with pytest.raises(
        RuleError,
        match=rf"uses the unit '{unit}'.*parameters=dict\(tau_x=10\*{unit}\), and write tau_x",
    ):
        fa.RULE.but(neuron=fa.RULE.neuron.replace(fa.RULE.neuron.strip().splitlines()[0], text))
