"""Recurrent pathways, from the same layer: against a loop in NumPy, finite differences of the closed
loop, and closed forms of linear circuits."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import rflo
from scipy.optimize import root

from neurofa import (
    Learner,
    LearningRule,
    Length,
    Network,
    NetworkError,
    Pathway,
    Phase,
    Plasticity,
    Recorder,
    RuleError,
    Trial,
    analysis,
    present,
    tasks,
    train,
)
from neurofa.circuit.topology import topology
from neurofa.rules.pathways import spectral
from neurofa.theory import reference

SIZES, K = (4, 6, 5, 3), 3
RECURRENT = LearningRule(
    name="recurrent",
    reference="a loop in NumPy",
    neuron="dv/dt = (-v + v_basal + v_lateral) / tau_v : 1\nr = phi(v) : 1",
    pathways=(
        Pathway("C", source="same", signal="r", into="v_lateral", to="layers", init=spectral(0.9)),
    ),
    phases=(Phase("free"),),
    plasticity=(
        Plasticity("W", after="free", equation="w += eta * r_post * r_pre"),
        Plasticity("C", during="free", equation="dw/dt = eta * v_post * r_pre / tau_v"),
    ),
    parameters=dict(tau_v=10 * ms, eta=0.1),
)


def sample(trials=K):
    return np.random.default_rng(0).normal(size=(trials, SIZES[0])), np.zeros((trials, SIZES[-1]))


@pytest.mark.parametrize("to", ["layers", "hidden", "output", "hidden2"])
@pytest.mark.parametrize("reads", ["new", "old", "end"])
def test_a_recurrent_circuit_is_that_of_a_loop(target, to, reads):
    """What a layer hears of itself is the state of the step before, with every way of reading."""
    (x, y), layers = sample(), dict(layers=(1, 2, 3), hidden=(1, 2), output=(3,), hidden2=(2,))[to]
    lateral = replace(RECURRENT.pathways[0], to=to, reads=reads)
    line = "dv/dt = (-v + v_basal + v_lateral) / tau_v : 1"
    texts = dict(
        neuron=RECURRENT.neuron if to != "output" else RECURRENT.neuron.replace(" + v_lateral", ""),
        output=line if 3 in layers else "v_lateral = 0 : 1",
    )
    rule = RECURRENT.but(pathways=(lateral,), **texts)
    net = Network(SIZES, rule, K, seed=1, target=target)
    assert [name for name in net.groups if name[0] == "C"] == [f"C{k}" for k in layers]
    before = {name: net[name].copy() for name in net.groups}
    recorder = Recorder([f"{name}.v" for name in ("hidden1", "hidden2", "output")])
    present(Learner(net, Trial(dt=2 * ms, free=80 * ms)), x, y, record=recorder)

    v, r = [np.zeros((K, n)) for n in SIZES[1:]], [x, *(np.zeros((K, n)) for n in SIZES[1:])]
    traces, dC = [[], [], []], {k: 0.0 for k in layers}
    for _ in range(40):
        for k in (1, 2, 3):
            drive = r[k - 1] @ before[f"W{k}"].T
            if k in layers:
                drive = drive + r[k] @ before[f"C{k}"].T
            v[k - 1] = v[k - 1] + 2 / 10 * (drive - v[k - 1])
            r[k] = v[k - 1] if k == 3 else np.tanh(v[k - 1])
            traces[k - 1].append(v[k - 1])
        for k in layers:
            dC[k] = dC[k] + 2 / 10 * 0.1 * v[k - 1].T @ r[k] / K
    recording = recorder.recording()
    for name, trace in zip(recording.names, traces):
        found = recording[name].values.swapaxes(0, 1)
        np.testing.assert_allclose(found, trace, rtol=1e-12, atol=1e-14, err_msg=name)
    for k in layers:
        np.testing.assert_allclose(net[f"C{k}"] - before[f"C{k}"], dC[k], rtol=1e-11, atol=1e-14)
        assert np.abs(dC[k]).max() > 0.05


def test_batches_in_one_call_learn_the_same_as_interpreted(needs_compiler):
    rng = np.random.default_rng(0)
    task = tasks.Task(rng.normal(size=(24, SIZES[0])), rng.integers(3, size=24))
    nets = [
        Network(SIZES, RECURRENT.but(eta=0.01), 4, seed=1, target=target)
        for target in ("cpp", "numpy")
    ]
    before = nets[0]["C1"].copy()
    for net in nets:
        train(net, task, 2, trial=Trial(dt=2 * ms, free=60 * ms), seed=1)
    for name in ("W1", "W2", "W3", "C1", "C2", "C3"):
        np.testing.assert_allclose(nets[0][name], nets[1][name], rtol=1e-12, err_msg=name)
    assert np.abs(nets[0]["C1"] - before).max() > 0.01


# --- what theory says of it ---
@pytest.mark.parametrize("reads", ["new", "old", "end"])
def test_eigenvalues_are_those_of_finite_differences_of_the_closed_loop(reads):
    (x, _), ends = sample(), np.cumsum(SIZES[1:])
    rule = RECURRENT.but(pathways=(replace(RECURRENT.pathways[0], reads=reads),))
    net = Network(SIZES, rule, K, seed=1, target="numpy")
    s = analysis.stability(net, x)

    def rate(v, trial):
        r = [x[trial], *np.split(v, ends[:-1])]
        r[1:3] = np.tanh(r[1]), np.tanh(r[2])
        drives = [net[f"W{k}"] @ r[k - 1] + net[f"C{k}"] @ r[k] for k in (1, 2, 3)]
        return (np.concatenate(drives) - v) / 0.01

    for trial in range(K):
        settled = root(rate, np.zeros(ends[-1]), args=(trial,), tol=1e-13).x
        np.testing.assert_allclose(s.x[trial], settled, atol=1e-9)
        A = reference.numerical_gradient(lambda v: rate(v, trial), settled).T
        np.testing.assert_allclose(s.A[trial], A, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(
            np.sort_complex(s.eigenvalues[trial]), np.sort_complex(np.linalg.eigvals(A)), rtol=1e-6
        )


@pytest.fixture
def linear():
    """A linear layer with recurrent synapses, and no stimulus."""
    lateral = replace(RECURRENT.pathways[0], to="hidden")
    rule = RECURRENT.but(pathways=(lateral,), output="v_lateral = 0 : 1")
    return Network((1, 20, 1), rule, activation="linear", seed=2, target="numpy")


def test_a_linear_layer_is_stable_as_long_as_its_eigenvalues_let_it(linear):
    values = np.linalg.eigvals(linear["C1"])
    assert abs(values).max() == pytest.approx(0.9, rel=1e-12)
    s = analysis.stability(linear, [0.0])
    assert s.margin[0] == pytest.approx((1 - max(values.real.max(), 0)) / 0.01, rel=1e-9)
    assert s.critical_gain("C")[0] == pytest.approx(1 / values.real.max(), rel=1e-9)
    for dt in (1e-3, 5e-3):  # and the same step by step
        steps = abs(1 + dt / 0.01 * (np.append(values, 0) - 1)).max()
        assert s.spectral_radius(dt * 1000 * ms)[0] == pytest.approx(steps, rel=1e-9)


def test_perturbations_fade_as_the_spectrum_says(linear):
    rate = analysis.stability(linear, [0.0]).spectral_radius(2 * ms)[0]
    linear.stimulus([[0.0]])
    linear["hidden1.v"] = np.random.default_rng(0).normal(size=(1, 20))
    linear["hidden1.r"] = linear["hidden1.v"]
    linear.run("free", Length(400 * ms, dt=2 * ms))
    sizes = [np.linalg.norm(linear["hidden1.v"])]
    for _ in range(3):
        linear.run("free", Length(400 * ms, dt=2 * ms), go_on=True)
        sizes.append(np.linalg.norm(linear["hidden1.v"]))
    slope = np.polyfit(200 * np.arange(4), np.log(sizes), 1)[0]
    assert slope == pytest.approx(np.log(rate), rel=0.02)


# --- feedback that only plasticity hears, and a readout that follows at once ---
@pytest.mark.parametrize("reads, late", [("end", 0), ("new", 1)])
def test_what_is_read_as_a_step_ends_is_of_that_step(target, reads, late):
    feedback = replace(rflo.RULE.pathways[1], reads=reads)
    rule = rflo.RULE.but(pathways=(rflo.RULE.pathways[0], feedback))
    net, (x, y) = Network((4, 6, 3), rule, K, seed=1, target=target), sample()
    recorder = Recorder(["hidden1.v_apical", "output.delta"])
    present(Learner(net, Trial(dt=1 * ms, online=20 * ms)), x, y, learn=False, record=recorder)
    recording = recorder.recording()
    brought, sent = (recording[name].values for name in recording.names)
    before = sent[:, : 20 - late] @ net["B1"].T
    np.testing.assert_allclose(brought[:, late:], before, rtol=1e-12, atol=1e-14)
    assert np.ptp(sent, axis=1).min() > 1e-3


def test_a_readout_follows_at_once_and_hidden_cells_do_not(target):
    net, (x, y) = Network((4, 6, 3), rflo.RULE, K, seed=1, target=target), sample()
    recorder = Recorder(["hidden1.r", "output.r"])
    present(Learner(net, Trial(dt=1 * ms, online=20 * ms)), x, y, learn=False, record=recorder)
    hidden, output = (recorder.recording()[name].values for name in ("hidden1.r", "output.r"))
    np.testing.assert_allclose(output, hidden @ net["W2"].T, rtol=1e-12, atol=1e-14)
    with pytest.raises(RuleError, match="hidden has no differential equation"):
        rflo.RULE.but(neuron="r = phi(v) : 1\nv = v_basal + v_lateral : 1")


def test_where_nothing_moves_there_is_no_circuit():
    with pytest.raises(
        NetworkError, match=r"RFLO: .*without hidden layers nothing moves.*\(4, 10, 3\)"
    ):
        Network((4, 3), rflo.RULE, target="numpy")


def test_what_stands_in_phi_is_not_kept_for_synapses():
    """It is evaluated where the cell hears it, not as it was when the step before had ended."""
    assert "v" not in topology((4, 6, 3), rflo.RULE).stored["hidden1"]
