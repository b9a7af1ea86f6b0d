"""Sign symmetry: signs follow the weights, and magnitudes do as they are called."""

import numpy as np
import pytest

from neurofa import Learner, Network, RuleError, lookup, present
from neurofa.rules.pathways import sign_concordant

MODELS = ("sign_symmetry", "sign_symmetry_redrawn", "sign_symmetry_uniform")


@pytest.mark.parametrize("model", MODELS)
def test_signs_follow_the_weights_and_magnitudes_do_as_they_are_called(model):
    rng = np.random.default_rng(0)
    net = Network([5, 8, 6, 3], lookup.rule(model).but(eta=3.0), trials=4, seed=2)
    learner, before = Learner(net), {k: net[f"B{k}"].copy() for k in (2, 3)}
    signs = np.sign(net["W2"]).copy()
    present(learner, rng.normal(size=(4, 5)), rng.normal(size=(4, 3)))
    assert (np.sign(net["W2"]) != signs).any()
    for k in (2, 3):
        np.testing.assert_array_equal(np.sign(net[f"B{k}"]), np.sign(net[f"W{k}"].T))
        same = np.allclose(np.abs(net[f"B{k}"]), np.abs(before[k]))
        assert same == (model == "sign_symmetry")
    if model == "sign_symmetry_uniform":
        np.testing.assert_allclose(np.abs(net["B2"]), np.sqrt((net["W2"] ** 2).mean()))


def test_it_is_declared_not_local():
    assert lookup.rule("sign_symmetry").not_local == ("B",) == lookup.rule("bp").not_local
    assert lookup.rule("fa").not_local == ()
    with pytest.raises(RuleError, match="uniform"):
        sign_concordant(magnitudes="unifrom")
