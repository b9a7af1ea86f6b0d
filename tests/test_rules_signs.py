"""Sign symmetry: the angles that agreeing signs alone give, and that the signs follow the weights."""

import numpy as np
import pytest

from neurofa import Learner, Network, RuleError, lookup, present
from neurofa.analysis import alignment, sign_agreement
from neurofa.pathways import sign_of

# cos(angle) of two independent normal vectors with the same signs, and of one and its signs: (E|x|)^2 and E|x| for unit variance.
ANGLES = {"sign_symmetry": np.degrees(np.arccos(2 / np.pi)), "sign_symmetry_redrawn": np.degrees(np.arccos(2 / np.pi)),
          "sign_symmetry_uniform": np.degrees(np.arccos(np.sqrt(2 / np.pi)))}


@pytest.mark.parametrize("model", ANGLES)
def test_the_angle_to_the_transpose_is_that_of_equal_signs(model):
    net = Network([2, 1500, 1500, 2], lookup.rule(model), target="numpy")
    assert sign_agreement(net["W2"], net["B2"]) == 1
    assert alignment(net["W2"], net["B2"]) == pytest.approx(ANGLES[model], abs=0.2)


@pytest.mark.parametrize("model", ANGLES)
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
        np.testing.assert_allclose(np.abs(net["B2"]), np.sqrt((net["W2"]**2).mean()))


def test_it_is_declared_not_local():
    assert lookup.rule("sign_symmetry").not_local == ("B",) == lookup.rule("bp").not_local
    assert lookup.rule("fa").not_local == ()
    with pytest.raises(RuleError, match="uniform"):
        sign_of("W", "unifrom")
