"""Activations: the derivative by finite differences, extreme potentials, and the same numbers in C++ as in NumPy."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms

from neurofa import Network, NetworkError, Trial
from neurofa.activations import ACTIVATIONS, activation
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
