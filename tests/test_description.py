"""Descriptions survive JSON: rules with all that is done to their pathways, trials, optimisers."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from brian2 import ms, second
from neurofa.models import fa

from neurofa import ADAM, SteadyState, Trial, lookup, settle
from neurofa.base.description import KNOWN, as_data, from_data
from neurofa.base.errors import ExperimentError
from neurofa.rules import pathways
from neurofa.rules.pathways import (
    at_angle,
    constant,
    copy_of,
    dale,
    deg,
    delayed,
    epoch,
    fixed_signs,
    gain,
    glorot,
    identity,
    lesioned,
    low_rank,
    masked,
    noisy,
    normal,
    only_during,
    product_of_transposes,
    quantised,
    reaching,
    rectified,
    saturating,
    shares,
    sign_concordant,
    sparse,
    spectral,
    trial,
    uniform,
)
from neurofa.simulate.trial import Length

VALUES = [
    at_angle(60 * deg, tracked=True),
    constant(2.0),
    copy_of("W", "-eta"),
    dale(0.7, layer=2),
    delayed(20 * ms),
    fixed_signs(layer=(1, 2)),
    gain(2),
    glorot(0.5),
    identity(),
    lesioned(at=epoch(3), until=epoch(5), cells=(0, 2)),
    lesioned(at=5 * ms),
    lesioned(until=trial(100), fraction=0.5),
    low_rank(3),
    normal(0.5, tracked=True),
    shares(2.0),
    masked(np.eye(5, 6), layer=1),
    noisy(0.1 * ms**0.5),
    noisy(0.1, 10 * ms, shared=True),
    normal(),
    normal(0.3),
    only_during(50 * ms, 10 * ms),
    product_of_transposes(),
    quantised(2),
    reaching(0.5),
    rectified(),
    saturating(0.5),
    sign_concordant(0.8, "redrawn"),
    sparse(0.1),
    spectral(0.9),
    uniform(0.01),
]


def again(value):
    return from_data(json.loads(json.dumps(as_data(value))))


@pytest.mark.parametrize("name", lookup.model_names())
def test_every_rule_of_the_shelf(name):
    rule = lookup.rule(name)
    found = again(rule)
    assert found == rule and str(found) == str(rule) and as_data(found) == as_data(rule)


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_everything_that_can_be_done_to_a_pathway(value):
    found = again(value)
    assert found == value and str(found) == str(value) and type(found) is type(value)


def test_no_value_of_the_catalogue_is_forgotten():
    assert {type(v).__name__ for v in VALUES} == {n for n in pathways.__all__ if n in KNOWN}


def test_what_an_earlier_file_does_not_say_of_a_population_is_as_it_was():
    data = as_data(lookup.rule("dfc"))
    assert data["populations"][0].pop("activation") == "same"
    assert from_data(data) == lookup.rule("dfc")


def test_trials_optimisers_and_numbers():
    for one in (
        Trial(dt=2 * ms, free=settle(1e-4, dt=10 * ms), feedback=20 * ms),
        SteadyState(1e-3, sleep=Length(250 * ms, dt=5 * ms)),
    ):
        found = again(one)
        assert type(found) is type(one) and vars(found) == vars(one)
    assert again(ADAM.but(beta1=0.1)) == ADAM.but(beta1=0.1)
    for number in (0.1 + 0.2, 1e-300, np.float32(0.1), 3, True, None, "text"):
        assert again(number) == number
    assert again(0.1 * ms**0.5).dim == (ms**0.5).dim and float(again(0.1 * ms)) == float(0.1 * ms)
    assert np.array_equal(again(np.eye(2) > 0), np.eye(2) > 0)


def test_what_is_no_data_is_named():
    @dataclass(frozen=True)
    class own(pathways.Manipulation):
        factor: float = 2.0

    rule = fa.RULE.through(own(3.0))
    assert as_data(own(3.0))["text"].endswith("own(factor=3.0)")
    with pytest.raises(ExperimentError, match="own.*no value of neurofa.pathways.*rule="):
        again(rule)


@pytest.mark.parametrize(
    "data",
    [
        {"@": "os.system"},
        {"@": "Pathway", "command": "ls"},
        {"@": "quantity", "value": "x", "unit": {}},
        {"@": "quantity", "value": 1},
        {"@": "array", "dtype": "object", "values": [1]},
        {"@": "sparse", "p": 7},
        {"@": ["a"]},
        {"@": "Trial"},
        {"@": "SteadyState", "default": 3},
        {"@": "LearningRule", "name": 3},
        {"@": "Moment", "unit": "x", "count": -1},
    ],
    ids=str,
)
def test_what_is_no_description_is_refused(data):
    with pytest.raises(ExperimentError):
        from_data(data)


def test_a_rule_is_checked_as_always():
    data = as_data(fa.RULE)
    data["neuron"] = data["neuron"].replace("tau_v", "nothing")
    with pytest.raises(ExperimentError, match="uses 'nothing'"):
        from_data(data)
    assert from_data(as_data(replace(fa.RULE, advice="ä \n*/ \"'"))).advice == "ä \n*/ \"'"
    assert again(1 * second) == 1 * second


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_descriptions_are_keys_although_they_hold_quantities(value):
    again = from_data(json.loads(json.dumps(as_data(value))))
    assert {value: 1}[again] == 1


def test_rules_that_are_equal_are_one_key():
    one, other = (
        fa.RULE.but(eta=eta).through(delayed(late))
        for eta, late in ((0.1, 20 * ms), (0.1, 0.02 * second))
    )
    assert len({one, other, one.but(eta=0.2)}) == 2
