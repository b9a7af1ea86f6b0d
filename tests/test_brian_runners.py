"""Dense synapses in a user's own Brian2 scripts, and the other objects that a step consists of.

`python test_brian_runners.py FOLDER` runs the loop below in C++ standalone mode, in a process whose
device it may change.
"""

import json
import subprocess
import sys

import brian2
import numpy as np
import pytest
from brian2 import NeuronGroup, Synapses, ms
from neurofa.models import fa
from scipy.special import softmax

from neurofa import Diverged, Length, Network
from neurofa.base.errors import NetworkError
from neurofa.engine.brian.codeobjects import NumpyCode
from neurofa.engine.brian.dense import DenseSynapses
from neurofa.engine.brian.runners import Residual, Softmax

NP, NQ = 4, 3


def numbers(trials):
    rng = np.random.default_rng(trials)
    return rng.normal(size=(NQ, NP)), rng.normal(size=NQ), rng.normal(size=(trials, NP))


def summed(source, target, signal, into, weights, trials):
    """What DenseSynapses takes the place of: the trials are kept apart by the connection
    condition."""
    post, pre = weights.shape
    synapses = Synapses(source, target, f"w : 1\n{into}_post = w * {signal}_pre : 1 (summed)")
    synapses.connect(condition=f"i // {pre} == j // {post}")
    synapses.w = np.tile(weights.T.ravel(), trials)  # created in the order of i, then j
    return synapses


def loop(trials, dense):
    """A loop from P up to Q, with a bias, and back down through the same synapses: two groups and
    what connects them."""
    w, b, r = numbers(trials)
    P = NeuronGroup(
        trials * NP, "dr/dt = (-r + tanh(back)) / (5*ms) : 1\nback : 1", method="euler", order=0
    )
    drive = "drive" if dense else "drive + b"
    Q = NeuronGroup(
        trials * NQ,
        f"dv/dt = (-v + {drive}) / (3*ms) : 1\ndrive : 1\nb : 1",
        method="euler",
        order=10,
    )
    P.r = r.ravel()
    if dense:
        up = DenseSynapses(P, Q, signal="r", into="drive", weights=w, trials=trials, bias=b)
        down = DenseSynapses(
            Q, P, signal="v", into="back", trials=trials, shares=up, transposed=True
        )
    else:
        Q.b = np.tile(b, trials)
        up, down = summed(P, Q, "r", "drive", w, trials), summed(Q, P, "v", "back", w.T, trials)
    return P, Q, up, down


def states(objects):
    """Return all that moves in a loop."""
    P, Q = objects[:2]
    return np.concatenate([P.r[:], P.back[:], Q.v[:]])


def plain_states(trials):
    """Return where a loop of summed variables is after 20 ms."""
    objects = loop(trials, dense=False)
    run(*objects, duration=20 * ms)
    return states(objects)


@pytest.fixture
def runtime(runtime):
    """As everywhere, with a time step of its own."""
    brian2.defaultclock.dt = 0.1 * ms


def run(*objects, duration=0.1 * ms):
    brian2.Network(*objects).run(duration, namespace={})


# --- dense synapses in a script ---
@pytest.mark.parametrize("trials", [1, 3])
def test_a_loop_is_that_of_summed_variables(runtime, trials):
    objects = loop(trials, dense=True)
    run(*objects, duration=20 * ms)
    np.testing.assert_allclose(states(objects), plain_states(trials), rtol=0, atol=1e-12)
    assert abs(states(objects)).max() > 0.1


@pytest.mark.slow
@pytest.mark.subprocess
def test_a_loop_in_cpp_standalone_is_that_of_summed_variables(runtime, needs_compiler, tmp_path):
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path / "project")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for trials, found in zip((1, 3), json.loads(done.stdout.splitlines()[-1])):
        np.testing.assert_allclose(found, plain_states(trials), rtol=0, atol=1e-12)


def test_it_comes_just_before_the_target_and_may_come_elsewhere(runtime):
    P, Q = NeuronGroup(NP, "r : 1", order=3), NeuronGroup(NQ, "x : 1", order=7)
    assert DenseSynapses(P, Q, "r", "x").order == 6
    assert DenseSynapses(P, Q, "r", "x", order=-1).order == -1


def test_it_takes_part_without_a_network_object(runtime):
    w, _, r = numbers(1)
    P, Q = NeuronGroup(NP, "r : 1"), NeuronGroup(NQ, "x : 1")
    P.r = r.ravel()
    S = DenseSynapses(P, Q, "r", "x", weights=w)
    brian2.run(0.1 * ms, namespace={})
    np.testing.assert_allclose(Q.x, w @ r[0], atol=1e-14)
    assert S.shape == (NQ, NP)


def test_weights_are_a_view_and_can_be_set(runtime):
    w, b, r = numbers(1)
    P, Q = NeuronGroup(NP, "r : 1"), NeuronGroup(NQ, "x : 1")
    P.r = r.ravel()
    S = DenseSynapses(P, Q, "r", "x", weights=w, bias=b)
    np.testing.assert_array_equal(S.weights, w)
    network = brian2.Network(P, Q, S)
    network.run(0.1 * ms, namespace={})
    S.weights[0] = 0
    network.run(0.1 * ms, namespace={})
    np.testing.assert_allclose(Q.x[:], [b[0], *(w @ r[0] + b)[1:]], atol=1e-14)
    S.set_weights(2 * w)
    network.run(0.1 * ms, namespace={})
    np.testing.assert_allclose(Q.x[:], 2 * w @ r[0] + b, atol=1e-14)


def test_sharing_follows_the_owner(runtime):
    w, _, r = numbers(2)
    P, Q, R = (
        NeuronGroup(2 * NP, "r : 1"),
        NeuronGroup(2 * NQ, "x : 1"),
        NeuronGroup(2 * NQ, "x : 1"),
    )
    P.r = r.ravel()
    S = DenseSynapses(P, Q, "r", "x", weights=w, trials=2)
    T = DenseSynapses(P, R, "r", "x", trials=2, shares=S)
    S.set_weights(3 * w)
    run(P, Q, R, S, T)
    np.testing.assert_array_equal(R.x, Q.x)
    np.testing.assert_allclose(np.reshape(R.x, (2, NQ)), 3 * r @ w.T, atol=1e-14)


def test_transposed_weights_are_read_and_set_as_post_by_pre(runtime):
    w, _, _ = numbers(1)
    P, Q = NeuronGroup(NP, "r : 1"), NeuronGroup(NQ, "x : 1")
    up = DenseSynapses(P, Q, "r", "x", weights=w)
    down = DenseSynapses(Q, P, "x", "r", shares=up, transposed=True)
    assert down.shape == (NP, NQ)
    np.testing.assert_array_equal(down.weights, w.T)
    down.set_weights(2 * w.T)
    np.testing.assert_array_equal(up.weights, 2 * w)


def test_transposed_without_an_owner_means_what_it_says_or_is_refused(runtime):
    w, _, r = numbers(1)
    P, Q = NeuronGroup(NP, "r : 1"), NeuronGroup(NQ, "x : 1")
    P.r = r.ravel()
    try:
        S = DenseSynapses(P, Q, "r", "x", weights=w, transposed=True)
    except NetworkError:
        return
    run(P, Q, S)
    np.testing.assert_allclose(Q.x, w @ r[0], atol=1e-14)


@pytest.mark.parametrize(
    "options, complaint",
    [
        (dict(weights=np.zeros((NP, NQ))), r"weights must have the shape \(3, 4\), not \(4, 3\)"),
        (dict(weights=np.zeros(NP * NQ)), r"weights must have the shape \(3, 4\), not \(12,\)"),
        (dict(bias=np.zeros(NP)), r"bias must have the shape \(3,\), not \(4,\)"),
        (dict(trials=2), "3 neurons, which is no multiple of 2 trials"),
        (dict(trials=0), "trials"),
    ],
)
def test_shapes_that_do_not_fit(runtime, options, complaint):
    P, Q = NeuronGroup(NP, "r : 1"), NeuronGroup(NQ, "x : 1")
    with pytest.raises(NetworkError, match=complaint):
        DenseSynapses(P, Q, "r", "x", **options)


def test_shared_weights_of_another_shape(runtime):
    P, Q = NeuronGroup(NP, "r : 1"), NeuronGroup(NQ, "x : 1")
    S = DenseSynapses(P, Q, "r", "x")
    with pytest.raises(NetworkError, match=r"must have the shape \(4, 3\), not \(3, 4\)"):
        DenseSynapses(Q, P, "x", "r", shares=S)


@pytest.mark.parametrize(
    "signal, into", [("doubled", "x"), ("r", "copied"), ("r", "gain"), ("rr", "x"), ("r", "xx")]
)
def test_variables_that_are_no_arrays(runtime, signal, into):
    P = NeuronGroup(NP, "r : 1\ndoubled = 2*r : 1")
    Q = NeuronGroup(NQ, "x : 1\ncopied = x : 1\ngain : 1 (shared)")
    with pytest.raises(NetworkError, match=f"'{signal if into == 'x' else into}'"):
        DenseSynapses(P, Q, signal, into)


def test_a_linked_signal_keeps_its_index_or_is_refused(runtime):
    w, _, r = numbers(1)
    P, Q = NeuronGroup(NP, "r : 1"), NeuronGroup(NQ, "x : 1")
    P.r = r.ravel()
    reversed_P = NeuronGroup(NP, "r : 1 (linked)")
    reversed_P.r = brian2.linked_var(P, "r", index=np.arange(NP)[::-1])
    try:
        S = DenseSynapses(reversed_P, Q, "r", "x", weights=w)
    except NetworkError:
        return
    run(P, Q, reversed_P, S)
    np.testing.assert_allclose(Q.x, w @ r[0, ::-1], atol=1e-14)


@pytest.mark.parametrize("side", ["source", "target"])
def test_subgroups_are_refused(runtime, side):
    """Their arrays are those of the whole group: in C++, the product would run over the wrong
    neurons."""
    P, Q = NeuronGroup(2 * NP, "r : 1"), NeuronGroup(2 * NQ, "x : 1")
    with pytest.raises(NetworkError):
        DenseSynapses(
            P[NP:] if side == "source" else P, Q[NQ:] if side == "target" else Q, "r", "x"
        )


# --- softmax ---
def test_softmax_interpreted(runtime):
    x = np.random.default_rng(0).normal(size=(3, 5)) * 10
    x[1] = 1e4 * np.arange(5)  # too large for exp
    group = NeuronGroup(15, "x : 1\np : 1")
    group.x = x.ravel()
    run(group, Softmax(group, "x", "p", 3, 0, NumpyCode))
    np.testing.assert_allclose(
        np.reshape(group.p, (3, 5)), softmax(x, axis=1), rtol=1e-13, atol=1e-300
    )


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-14), ("float32", 1e-6)])
def test_softmax_in_a_circuit(target, dtype, tolerance):
    net = one_layer(target, dtype, cost="cross_entropy")
    net["W1"] = np.diag([1.0, 200.0, 3.0])
    net.stimulus([[1, -1, 2], [0, 500, -500]])
    net.run("free", Length(10 * ms, dt=10 * ms))
    net.run("free", Length(10 * ms, dt=10 * ms))
    np.testing.assert_allclose(net["output.r"], [[1, -200, 6], [0, 1e5, -1500]], rtol=1e-6)
    np.testing.assert_allclose(
        net.arrays["output.softmax_r"],
        softmax(net["output.r"].astype(float), axis=1),
        atol=tolerance,
    )


# --- residual ---
def one_layer(target, dtype="float64", **options):
    return Network(
        [3, 3],
        fa.RULE.but(tau_v=10 * ms, tau_delta=20 * ms),
        trials=2,
        target=target,
        dtype=dtype,
        **options,
    )


def test_residual_interpreted(runtime):
    rng = np.random.default_rng(0)
    v, u = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    v[1], u[2] = 0, 0
    group = NeuronGroup(12, "v : 1\nu : 1")
    group.v, group.u = v.ravel(), u.ravel()
    residual = Residual(group, ["-v + 0.5", "2*u"], 3, 0, NumpyCode)
    run(group, residual)
    expected = np.maximum(abs(0.5 - v).max(axis=1), abs(2 * u).max(axis=1))
    np.testing.assert_allclose(residual.variables["residual"].get_value(), expected, rtol=1e-14)


def test_a_residual_without_units_in_it(runtime):
    group = NeuronGroup(6, "v : 1")
    residual = Residual(group, ["-0.25"], 3, 0, NumpyCode)
    run(group, residual)
    np.testing.assert_array_equal(residual.variables["residual"].get_value(), [0.25] * 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_residual_interpreted_sees_what_is_not_finite(runtime, value):
    group = NeuronGroup(6, "v : 1")
    group.v[3] = value
    residual = Residual(group, ["-v"], 3, 0, NumpyCode)
    run(group, residual)
    np.testing.assert_array_equal(
        np.isfinite(residual.variables["residual"].get_value()), [True, False, True]
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_residual_in_a_circuit(target, dtype):
    """It is that of the state which the last step started from."""
    net = one_layer(target, dtype)
    net["W1"] = np.arange(9.0).reshape(3, 3) / 4
    net["output.v"] = [[1, 2, 3], [-4, 0, 1]]
    net["output.delta"] = [[9, 1, 1], [0, 0, 1]]
    net.stimulus([[1, 0, 2], [0, 1, -1]])
    state = {name: net[f"output.{name}"].astype(float) for name in ("v", "delta")}
    result = net.run("free", Length(10 * ms, dt=10 * ms))
    basal = net["input.r"] @ net["W1"].T
    expected = np.maximum(abs(basal - state["v"]).max(axis=1), abs(state["delta"]).max(axis=1))
    np.testing.assert_allclose(
        result.residual, expected, rtol=1e-6 if dtype == "float32" else 1e-14
    )
    np.testing.assert_array_equal(result.residual, net["output.residual"])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["v", "delta"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen_in_a_circuit(target, dtype, name, value):
    net = one_layer(target, dtype)
    net.stimulus(np.ones((2, 3)))
    net[f"output.{name}"][1, 2] = value
    with pytest.raises(Diverged, match="trial 1: 'output'"):
        net.run("free", Length(10 * ms, dt=10 * ms))
    np.testing.assert_array_equal(np.isfinite(net["output.residual"]), [True, False])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_overflow_is_seen_in_a_circuit(target, dtype):
    net = one_layer(target, dtype)
    large = np.finfo(dtype).max * 0.9
    net["W1"] = -np.eye(3)
    net.stimulus([[1, 1, 1], [1, large, 1]])
    net["output.v"][1, 1] = large  # -v + v_basal is too large for the type
    with pytest.raises(Diverged, match="trial 1: 'output'"):
        net.run("free", Length(10 * ms, dt=10 * ms))
    assert np.isinf(net["output.residual"][1]) and np.isfinite(net["output.residual"][0])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_large_but_finite_is_no_divergence(target, dtype):
    """A residual is a maximum: that the sum over the units would be too large for the type is no
    matter."""
    net = one_layer(target, dtype)
    large = np.finfo(dtype).max / 2
    net.stimulus(np.zeros((2, 3)))
    net["output.v"] = large
    assert (net.run("free", Length(10 * ms, dt=10 * ms)).residual == large).all()


if __name__ == "__main__":
    brian2.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
    brian2.prefs.codegen.cpp.extra_compile_args = ["-w", "-O0", "-std=c++11"]
    brian2.set_device("cpp_standalone", directory=sys.argv[1], build_on_run=False)
    made = [loop(trials, dense=True) for trials in (1, 3)]
    brian2.Network(*sum(made, ())).run(20 * ms, namespace={})
    brian2.device.build(directory=sys.argv[1])
    print(json.dumps([states(objects).tolist() for objects in made]))
