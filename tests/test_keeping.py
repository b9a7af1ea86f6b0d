"""Interpreted circuits that are kept: what is found in the cache is what Brian2 would make anew."""

import os

import numpy as np
import pytest
from brian2 import ms
from compiling import made
from neurofa.models import dfc, fa, weight_mirror

from neurofa import Learner, Length, Network, Trial, present
from neurofa.activations import Activation
from neurofa.engine.brian import keeping

SHORT = Trial(dt=1 * ms, default=20 * ms)
CLIPPED = fa.RULE.but(neuron=fa.RULE.neuron + "near = clip(v, -0.5, 0.1) : 1\n", name="clipped")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A folder of the test's own; nothing is kept in the process, before or after."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("NEUROFA_CACHE", str(folder))
    monkeypatch.setattr(keeping, "_kinds", type(keeping._kinds)())
    return folder


@pytest.fixture
def in_another_process(monkeypatch):
    """Return a function that forgets what is kept in the process, and lets nothing be made."""

    def begin():
        keeping._kinds.clear()
        monkeypatch.delattr(keeping, "Kind")

    return begin


def network(rule=fa.RULE, sizes=(2, 3, 2), **options):
    return Network(sizes, rule, 2, dtype="float64", target="numpy", seed=1, **options)


def presented(rule, sizes=(2, 3, 2)):
    """Return all that a network holds after a trial from which it has learned."""
    net = network(rule, sizes)
    present(Learner(net, SHORT), np.linspace(-1, 1, 2 * sizes[0]).reshape(2, -1), np.eye(2))
    return {name: net[name].copy() for name in net.probeable}


@pytest.mark.parametrize(
    "rule", [fa.RULE, dfc.RULE, weight_mirror.RULE, CLIPPED], ids=lambda rule: rule.name
)
def test_another_process_computes_the_same(rule, in_another_process):
    first, larger = presented(rule), presented(rule, (4, 5, 2))
    in_another_process()
    for found, expected in ((presented(rule), first), (presented(rule, (4, 5, 2)), larger)):
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def output(*factors):
    """Return the rates of a linear output whose layers have activations of one name, and of different
    functions."""
    own = [
        Activation(
            "own", lambda x, f=f: f * x, lambda x, f=f: f + 0 * x, lambda x: 0 * x, "x", "T(1)"
        )
        for f in factors
    ]
    net = network(sizes=(2, 3, 3, 2), activation=own)
    net.stimulus(np.ones((2, 2)))
    net.run("free", Length(300 * ms, dt=5 * ms))
    hidden = factors[1] * net["W2"] @ (factors[0] * net["W1"] @ np.ones(2))
    np.testing.assert_allclose(net["output.r"][0], net["W3"] @ hidden, rtol=1e-9)


def test_what_is_computed_is_the_activation_and_not_what_it_is_called(in_another_process):
    output(1.0, 1.0)
    output(2.0, 3.0)
    in_another_process()
    output(5.0, 7.0)


def test_what_is_damaged_is_made_anew(cache):
    assert made(target="numpy")[1] == []
    [file] = cache.glob("*.kind")
    file.write_bytes(file.read_bytes()[:-10])
    keeping._kinds.clear()
    [said] = made(target="numpy")[1]
    assert f"{file} is damaged; it is compiled anew" in said
    keeping._kinds.clear()
    assert made(target="numpy")[1] == []


@pytest.mark.parametrize("what", ["others may write", "full"])
def test_where_nothing_can_be_kept_nothing_is_lost_or_said(cache, monkeypatch, what):
    def full(*_):
        raise OSError(28, "No space left on device")

    if what == "full":
        monkeypatch.setattr(os, "replace", full)
    else:
        cache.chmod(0o777)
    assert made(target="numpy")[1] == []
    assert not [*cache.glob("*.kind")]
