"""The parts of a rule are what they can be, or are refused in words when they are made."""

from dataclasses import replace

import numpy as np
import pytest

from neurofa import LearningRule, Pathway, Phase, Plasticity, Population, RuleError
from neurofa.models import dfc
from neurofa.pathways import normal, sparse

PARTS = dict(pathways=dfc.RULE.pathways[0], populations=dfc.RULE.populations[0], phases=dfc.RULE.phases[0], plasticity=dfc.RULE.plasticity[0])
FIELDS = {Pathway: ("name", "source", "signal", "into", "to", "init", "bias", "weights", "reads", "through"),
          Population: ("name", "equations", "size", "along", "links"), Phase: ("name", "on", "start"),
          Plasticity: ("pathway", "equation", "after", "during", "to", "rate"),
          LearningRule: ("name", "reference", "neuron", "plasticity", "parameters", "output", "input", "pathways", "feedforward", "populations", "phases", "advice")}
WRONG = [3, 0.5, b"x", np.ones(2), [1], {1: 2}, {"x": 1}, (3,), ({},), object, 1j]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize("where", [*PARTS, "rule"])
def test_what_a_field_cannot_be_is_refused_in_words(where, wrong):
    whole = dfc.RULE
    for name in FIELDS[type(PARTS.get(where, whole))]:
        if name == "size" and wrong is WRONG[0] or name == "parameters" and wrong is WRONG[6]:
            continue      # that it can be
        with pytest.raises(RuleError, match=name.removesuffix("s")):
            if where == "rule":
                replace(whole, **{name: wrong})
            else:
                replace(whole, **{where: (replace(PARTS[where], **{name: wrong}),)})


@pytest.mark.parametrize("through", [sparse, (sparse,), [sparse(0.5)], sparse(0.5), (normal(),)], ids=str)
def test_what_is_done_to_a_pathway_is_a_tuple_of_manipulations(through):
    with pytest.raises(RuleError, match="through .* such as .sparse"):
        replace(PARTS["pathways"], through=through)


def test_weights_start_from_a_value_and_no_class():
    with pytest.raises(RuleError, match=r"init .* normal\(\)"):
        replace(PARTS["pathways"], init=normal)
