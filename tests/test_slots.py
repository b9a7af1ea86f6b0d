"""What an array is lies in its Slot, not in its name: circuits with any names do the same as their
plainly named twins."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import fa

from neurofa import (
    Learner,
    LearningRule,
    Network,
    Pathway,
    Plasticity,
    Population,
    Recorder,
    RuleError,
    Trial,
    present,
)
from neurofa.circuit.plan import plan
from neurofa.circuit.slots import Lifetime, Role
from neurofa.rules.costs import cost
from neurofa.rules.pathways import delayed, gain, noisy, only_during

NASTY = (
    "shared",
    "subclock",
    "g",
    "sum_post_x",
    "xi_like",
    "delay_q",
    "begin_x",
    "read_x",
    "drive_B",
    "dcost_squared",
    "normal_xi",
    "w",
    "bias",
    "residual",
    "softmax_r",
    "post_B",
    "w_m",
)
SIZES = [3, 4, 4, 2]


def rule(pathway="B", population="helper", variable="a", parameter="p", *done):
    """Return a rule that uses these names, with a population of its own, a delay, a gain and a
    window, and integrated plasticity."""
    feedback = Pathway(pathway, source="above", signal=variable, into="v_apical")
    for one in done or (delayed(2 * ms), gain(0.5), only_during(8 * ms)):
        feedback = feedback | one
    return LearningRule(
        name="names",
        reference="none",
        neuron=f"dv/dt = (-v + v_basal + v_apical) / tau_v : 1\nr = phi(v) : 1\n{variable} = {parameter} * v : 1",
        output="v_apical = feedback_on * dcost : 1",
        populations=(Population(population, "dq/dt = (-q + q_in) / tau_v : 1"),),
        pathways=(
            feedback,
            Pathway("toward", source="output", signal="r", into="q_in", to=population),
        ),
        plasticity=(
            Plasticity("W", after="feedback", equation="w += -eta * v_post * r_pre"),
            Plasticity(
                pathway,
                during="feedback",
                equation=f"dw/dt = eta * v_post * {variable}_pre / tau_v",
            ),
        ),
        parameters={"tau_v": 10 * ms, "eta": 0.1, parameter: 0.7},
    )


def ran(described, population, pathway, variable):
    """Return all traces and weights of two trials, under the names of the plain twin."""
    net = Network(SIZES, described, 2, seed=1, target="numpy")
    weights = np.random.default_rng(0)
    for group in net.synapses.groups:  # not those of a seed, whose stream depends on the name
        net[group.name] = weights.normal(size=net[group.name].shape)
    names = [n for n in net.probeable if net.slots[n].role != Role.MOMENT]
    recorder = Recorder(names)
    learner, x, y = (
        Learner(net, Trial(dt=1 * ms, default=12 * ms), "momentum"),
        np.ones((2, 3)),
        np.ones((2, 2)),
    )
    for _ in range(2):
        present(learner, x, y, record=recorder)
    recording = recorder.recording()
    plain = {population: "helper", pathway: "B"}

    def twin(name):
        owner, rest = name.split(".", 1)
        layer = (
            "" if owner == population else owner[len(pathway) :] if owner[:-1] == pathway else None
        )
        rest = (
            rest
            if owner in net.groups
            else {variable: "a", f"drive_{pathway}": "drive_B", f"onset_{pathway}": "onset_B"}.get(
                rest, rest
            )
        )
        return (
            f"{plain[population if owner == population else pathway]}{layer}.{rest}"
            if layer is not None
            else f"{owner}.{rest}"
        )

    return {twin(name): recording[name].values for name in names}


@pytest.fixture(scope="module")
def wanted():
    """Return all traces and weights of the plain twin."""
    return ran(rule(), "helper", "B", "a")


PLACES = dict(pathway="B", population="helper", variable="a", parameter="p")


@pytest.mark.parametrize("k", range(len(NASTY)), ids=NASTY)
def test_names_make_no_difference(k, wanted):
    """Four names at a time, so that every name is in every place once, but where it is refused."""
    names = {}
    for shift, place in enumerate(PLACES):
        nasty = NASTY[(k + shift) % len(NASTY)]
        try:
            rule(**{place: nasty})
            names[place] = nasty
        except RuleError as problem:
            assert nasty in str(problem)  # refused with a sentence, when the rule is made
            names[place] = PLACES[place]
    found = ran(rule(**names), names["population"], names["pathway"], names["variable"])
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values, err_msg=f"{names}: {name}")


@pytest.mark.parametrize("pathway", ["B", "shared", "subclock", "xi_like"])
@pytest.mark.parametrize("shared", [False, True])
def test_noise_is_shared_where_the_manipulation_says_so(pathway, shared, target):
    net = Network(
        SIZES,
        rule(pathway, "helper", "a", "p", noisy(0.1, 10 * ms, shared=shared)),
        2,
        seed=1,
        target=target,
    )
    present(
        Learner(net, Trial(dt=1 * ms, default=12 * ms)),
        np.ones((2, 3)),
        np.ones((2, 2)),
        learn=False,
    )
    noise = net[f"hidden1.noise_{pathway}"]
    assert np.all(noise == noise[:, :1]) == shared and noise.any()


def test_the_clock_is_no_population():
    with pytest.raises(RuleError, match="population clock: choose another name"):
        rule(population="clock")


def test_slots_say_what_arrays_are():
    slots = plan([3, 4, 2], fa.RULE, cost("cross_entropy")).slots
    assert [
        slots[name].role
        for name in (
            "input.r",
            "hidden1.v",
            "hidden1.v_basal",
            "output.target",
            "W1.w",
            "W1.bias",
            "hidden1.eta",
        )
    ] == [
        Role.STIMULUS,
        Role.STATE,
        Role.DRIVE,
        Role.TARGET,
        Role.WEIGHT,
        Role.BIAS,
        Role.PARAMETER,
    ]
    assert slots["W1.w"].dims == ("post", "pre") and slots["W1.w"].shape(7) == (4, 3)
    assert slots["hidden1.v"].shape(7) == (7, 4) and slots["hidden1.residual"].shape(7) == (7,)
    assert (
        slots["W1.w"].lifetime == Lifetime.TRAINING
        and slots["hidden1.v"].lifetime == Lifetime.TRIAL
    )
    assert not slots["output.softmax_r"].probeable and slots["hidden1.v"].probeable
