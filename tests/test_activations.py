"""Activations: the derivative by finite differences, extreme potentials, and the same numbers in C++ as in NumPy."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms

from neurofa import Learner, Network, NetworkError, Trial, present
from neurofa.rules.activations import ACTIVATIONS, Activation, activation
from neurofa.models import fa

V = np.array([-30.0, -7.0, -2.0, -0.7, -0.1, 0.05, 0.4, 1.3, 3.0, 9.0, 30.0])      # no kink among them
EXTREME = np.array([-1000.0, -750.0, -100.0, -20.0, 0.0, 20.0, 100.0, 750.0, 1000.0])
LIMITS = dict(linear=(-1000, 1000, 1, 1), tanh=(-1, 1, 0, 0), logistic=(0, 1, 0, 0), relu=(0, 1000, 0, 1), softplus=(0, 1000, 0, 1))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dphi_is_the_slope_of_phi(name):
    phi, dphi, step = activation(name).phi, activation(name).dphi, 1e-5
    np.testing.assert_allclose(dphi(V), (phi(V + step) - phi(V - step)) / (2 * step), atol=1e-9)


@pytest.mark.parametrize("name, definition", [
    ("linear", lambda v: v), ("tanh", lambda v: (np.exp(v) - np.exp(-v)) / (np.exp(v) + np.exp(-v))),
    ("logistic", lambda v: 1 / (1 + np.exp(-v))), ("relu", lambda v: np.where(v > 0, v, 0)), ("softplus", lambda v: np.log(1 + np.exp(v)))])
def test_phi_by_definition(name, definition):
    np.testing.assert_allclose(activation(name).phi(V), definition(V), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_extreme_potentials(name, dtype):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        phi, dphi = activation(name).phi(EXTREME.astype(dtype)), activation(name).dphi(EXTREME.astype(dtype))
    assert phi.dtype == dphi.dtype == dtype
    assert (phi[0], phi[-1], dphi[0], dphi[-1]) == LIMITS[name]
    assert np.isfinite(phi).all() and (np.diff(phi) >= 0).all() and (dphi >= 0).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_circuit_evaluates_the_same_function(name, dtype, target):
    v = np.concatenate([V, EXTREME])
    rule = replace(fa.RULE, neuron=fa.NEURON + "slope = dphi(v) : 1")
    net = Network([len(v)] * 3, rule, activation=name, dtype=dtype, target=target)
    net["hidden1.v"] = net["output.v"] = v[None]
    net.set(tau_v=1e9*ms)                        # potentials stay where they are
    net.run("free", Trial(dt=1*ms, free=1*ms)["free"])
    found = net["hidden1.v"][0]
    np.testing.assert_allclose(found, v, rtol=1e-6)
    close = dict(rtol=1e-14, atol=1e-300) if dtype == "float64" else dict(rtol=1e-6, atol=1e-37)
    if name == "tanh":                           # 1 - tanh^2 has no digits left where tanh is near 1
        slope = dict(rtol=close["rtol"], atol=np.finfo(dtype).eps)
    else:
        slope = close
    np.testing.assert_allclose(net["hidden1.r"][0], activation(name).phi(found), **close)
    np.testing.assert_allclose(net["hidden1.slope"][0], activation(name).dphi(found), **slope)
    np.testing.assert_array_equal(net["output.r"][0], net["output.v"][0])        # the output is linear unless told otherwise


def test_hidden_and_output_have_their_own(target):
    net = Network((3, 3, 3), fa.RULE, activation="relu", output_activation="logistic", target=target)
    net.stimulus(np.ones((1, 3)))
    net.run("free", Trial(dt=1*ms, free=30*ms)["free"])
    np.testing.assert_allclose(net["hidden1.r"], np.maximum(net["hidden1.v"], 0), rtol=1e-14)
    np.testing.assert_allclose(net["output.r"], 1 / (1 + np.exp(-net["output.v"])), rtol=1e-14)
    assert np.ptp(net["output.v"]) > 1e-3


@pytest.mark.parametrize("options", [dict(activation="tahn"), dict(output_activation="tahn")])
def test_unknown_activation(options):
    with pytest.raises(NetworkError, match=r"'tahn'.*linear, logistic, relu, softplus, tanh.*Did you mean 'tanh'\?"):
        Network((1, 1), fa.RULE, target="numpy", **options)


# one of a user's own -------------------------------------------------------------------------------------------------

LEAKY = Activation("leaky", lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1.0, 0.1), lambda x: np.zeros_like(x),
                   "x > T(0) ? x : T(0.1) * x", "x > T(0) ? T(1) : T(0.1)")
SOFT = replace(ACTIVATIONS["tanh"], name="soft")


def trained(activation, target, dtype="float64"):
    net = Network((4, 5, 3), fa.RULE, 2, seed=1, activation=activation, target=target, dtype=dtype)
    x = np.random.default_rng(0).normal(size=(2, 4))
    present(Learner(net, Trial(dt=10*ms, default=50*ms)), x, np.eye(3)[:2])
    return net, x


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_activation_of_ones_own_is_what_it_says(target, dtype):
    (own, _), (known, _) = trained(SOFT, target, dtype), trained("tanh", target, dtype)
    np.testing.assert_array_equal(own["W1"], known["W1"])
    net, x = trained(LEAKY, target, dtype)
    fresh = Network((4, 5, 3), fa.RULE, 2, seed=1, target="numpy")
    np.testing.assert_allclose(net["hidden1.r"], LEAKY.phi(x @ fresh["W1"].T), rtol=1e-5 if dtype == "float32" else 1e-12)
    np.testing.assert_allclose(net["hidden1.delta"], LEAKY.dphi(net["hidden1.v"]) * net["hidden1.v_apical"], rtol=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_built_in_activation_may_be_given_itself(name):
    assert activation(ACTIVATIONS[name]) is ACTIVATIONS[name]


def test_two_of_one_name_do_not_share_a_library(needs_compiler):
    other = replace(LEAKY, phi=lambda x: np.where(x > 0, x, 0.5 * x), dphi=lambda x: np.where(x > 0, 1.0, 0.5),
                    cpp_phi="x > T(0) ? x : T(0.5) * x", cpp_dphi="x > T(0) ? T(1) : T(0.5)")
    rates = [trained(activation, "cpp")[0]["hidden1.r"] for activation in (LEAKY, other)]
    assert (rates[0] < 0).any() and not np.allclose(*rates)


@pytest.mark.parametrize("wrong, message", [
    (replace(LEAKY, dphi=lambda x: np.ones_like(x)), "dphi is not the derivative: at -4 it is 1 in place of 0.1"),
    (replace(SOFT, ddphi=lambda x: 0 * x), "ddphi is not the derivative"),
    (replace(LEAKY, phi=lambda x: x if x > 0 else 0.1 * x), "cannot be evaluated for an array"),
    (replace(LEAKY, phi=lambda x: 1.0), "must return an array of the shape"),
    (replace(LEAKY, dphi=None), "cannot be evaluated"),
    (replace(LEAKY, name="tanh"), "'tanh': that is the name of another one"),
    (replace(SOFT, name="relu"), "'relu': that is the name of another one"),
    (replace(LEAKY, cpp_phi=None), "cpp_phi and cpp_dphi are texts")])
def test_what_is_wrong_with_ones_own_is_said(wrong, message):
    with pytest.raises(NetworkError, match=message):
        activation(wrong)


@pytest.mark.parametrize("name, meant", [("sigmoid", "'logistic'"), ("Identity", "'linear'"), ("softmax", "cost='cross_entropy'"),
                                         ("tahn", "Did you mean 'tanh'"), (3, "Valid activations"), (["relu"], "Valid activations")])
def test_other_names_are_understood_and_refused(name, meant):
    with pytest.raises(NetworkError, match=meant):
        activation(name)
