"""The simulated circuit against the trajectories and gradients of the published DFC code (Meulemans
et al. 2021).

The 3-4-3-2 network whose weights are formulas, with tau_u = 50 ms for the time unit of that code.
Its gradients are sums over the T = 400 points of a trajectory, of which the first contributes
nothing, and carry a factor -2.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, dfc_ss

from neurofa import Learner, Length, Network, Recorder, Trial

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "science" / "dfc_golden.json"
SIZES = (3, 4, 3, 2)
TAU_U, TAU_V, DT = 50 * ms, 10 * ms, 1 * ms  # 1, 0.2 and 0.02 in the published units
POINTS, STEPS = 400, 399
# r* = 0.75 r + 0.25 y
RULE = dfc.RULE.but(tau_u=TAU_U, tau_v=TAU_V, k_p=1.0, alpha=0.01, lam=0.25)

Q, W = RULE.pathways[0], RULE.feedforward
# neurons see the control signal of a step ago
REACTIVE = RULE.but(pathways=(replace(Q, reads="old"),))
DELAYED = RULE.but(feedforward=replace(W, reads="old"))  # layers see the rates of a step ago
INSTANT = RULE.but(tau_v=DT, k_p=0.0)  # v = v_basal + Q u, integral control


@pytest.fixture(scope="module")
def golden():
    if not GOLDEN.exists():
        pytest.skip(f"the golden numbers of the published DFC code are not here: {GOLDEN.name}")
    return {
        k: np.array(v)
        for k, v in json.loads(GOLDEN.read_text()).items()
        if isinstance(v, (list, float))
    }


def table(f, *shape):
    return np.fromfunction(f, shape)


def circuit(rule, target, **options):
    """Return the network of the published check, its input and its target rates y, both for two
    trials."""
    net = Network(SIZES, rule, trials=2, target=target, **options)
    for i in (1, 2, 3):
        net[f"W{i}"] = table(
            lambda j, k: 0.6 * np.sin(1 + 2 * i + 1.3 * j + 0.7 * k), SIZES[i], SIZES[i - 1]
        )
        net[f"W{i}.bias"] = table(lambda j: 0.1 * np.cos(i + j), SIZES[i])
    net["Q1"], net["Q2"], net["Q3"] = net["W2"].T @ net["W3"].T, net["W3"].T, np.eye(2)
    for i in (1, 2):
        net[f"Q{i}"] += table(lambda j, k: 0.1 * np.cos(3 * i + j + 2 * k), SIZES[i], 2)
    return (
        net,
        table(lambda b, k: np.cos(0.9 * b + 1.1 * k), 2, 3),
        table(lambda b, k: 0.5 * np.sin(b + k), 2, 2),
    )


def control(rule, target, steps=STEPS, delta=None, **options):
    """Run free and feedback phase; return the network, u (steps + 1, trials, units), and the change
    that each line asks for.

    `delta` (trials, units), if given, is by how much the target is above the free rates.
    """
    net, x, y = circuit(rule, target, **options)
    tau_v = rule.parameters["tau_v"]
    learner = Learner(net, Trial(dt=DT, free=Length(4 * tau_v, dt=tau_v), feedback=steps * DT))
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    net.run("free", learner.trial["free"])
    net.free_rates = net["output.r"].copy()
    if delta is not None:
        net.target_rates(net.free_rates + delta / rule.parameters["lam"])
    recorder = Recorder(["controller.u"])
    net.run("feedback", learner.trial["feedback"], recorder)
    u = recorder.recording()["controller.u"].transpose("time", "trial", ...).values
    changes = {
        name: dw
        for plastic in learner.plastic["feedback"]
        for name, (dw, _) in plastic.change().items()
    }
    return net, np.concatenate([np.zeros((1, 2, 2)), u]), changes


def close(ours, theirs, tolerance=1e-9):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def check_gradients(golden, prefix, changes, scale):
    for i in (1, 2, 3):
        close(scale * changes[f"W{i}.w"], golden[f"{prefix}_gW{i - 1}"])
        close(scale * changes[f"W{i}.bias"], golden[f"{prefix}_gb{i - 1}"])


def continuous_scale(rule, points=POINTS):
    """From eta/tau_u times the integral of the mean over trials, to -2/(B T) times the sum over
    points and trials."""
    return -2 / points * float(TAU_U / DT) / rule.parameters["eta"]


@pytest.mark.parametrize("rule", [RULE, DELAYED], ids=["dfc", "delayed"])
def test_the_free_phase_and_the_setpoint_are_exact(golden, target, rule):
    net, u, _ = control(rule, target, steps=1)
    close(net.free_rates, golden["r_ff"], 1e-12)
    close(net["output.setpoint"], golden["target_neurips"], 1e-12)


def test_without_a_loop_one_sweep_is_enough(golden, target):
    net, x, _ = circuit(RULE, target)
    net.stimulus(x)
    net.run("free", Length(TAU_V, dt=TAU_V))
    close(net["output.r"], golden["r_ff"], 1e-12)


@pytest.mark.parametrize(
    "name, rule",
    [("pi", RULE), ("pi_reactive", REACTIVE), ("pi_delayed", DELAYED), ("i_inst", INSTANT)],
)
def test_trajectories(golden, target, name, rule):
    net, u, _ = control(rule, target)
    for t in (1, 2, 10, STEPS):
        close(u[t], golden[f"{name}_u{t}"])
    close(net["output.r"], golden[f"{name}_rL_last"])
    if f"{name}_vs_last0" in golden:
        close(net["hidden1.v"], golden[f"{name}_vs_last0"])


def test_the_first_step_has_the_proportional_kick_and_the_start_has_none(golden, target):
    net, x, y = circuit(RULE, target)
    net.stimulus(x)
    net.target_rates(y)
    net.run("free", Length(4 * TAU_V, dt=TAU_V))
    assert (net["controller.u"] == 0).all() and (net["controller.U"] == 0).all()
    delta = golden["target_neurips"] - golden["r_ff"]
    net.run("feedback", Length(DT, dt=DT))
    close(net["controller.U"], 0.02 * delta, 1e-12)
    close(net["controller.u"], 1.02 * delta, 1e-12)


def test_the_linear_circuit_follows_the_closed_form(golden, target):
    delta = table(lambda b, k: 0.3 * np.cos(2 * b + k), 2, 2)
    net, u, _ = control(INSTANT, target, delta=delta, activation="linear")
    W1, W2, W3, Q1, Q2, Q3 = (net[name] for name in ("W1", "W2", "W3", "Q1", "Q2", "Q3"))
    M = W3 @ W2 @ Q1 + W3 @ Q2 + Q3 + 0.01 * np.eye(2)
    for t in (1, 2, 10, STEPS):
        decay = np.linalg.matrix_power(np.eye(2) - 0.02 * M, t)
        close(u[t], np.linalg.solve(M, (np.eye(2) - decay) @ delta.T).T, 1e-12)
        close(u[t], golden[f"lin_inst_u{t}"])


@pytest.mark.parametrize("name, rule", [("pi", RULE), ("pi_delayed", DELAYED)])
def test_continuous_plasticity(golden, target, name, rule):
    _, _, changes = control(rule, target)
    check_gradients(golden, f"{name}_cont", changes, continuous_scale(rule))


@pytest.mark.parametrize("threads", [1, 2])
def test_continuous_plasticity_is_made_by_learn(golden, needs_compiler, threads):
    net, x, y = circuit(RULE, "cpp", threads=threads)
    before = {name: net[name].copy() for name in net.probeable if name.startswith("W")}
    learner = Learner(net, Trial(dt=DT, free=Length(4 * TAU_V, dt=TAU_V), feedback=STEPS * DT))
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    for phase in ("free", "feedback"):
        net.run(phase, learner.trial[phase])
        learner.learn(phase)
    check_gradients(
        golden,
        "pi_cont",
        {name: net[name] - before[name] for name in before},
        continuous_scale(RULE),
    )


def test_steady_state_plasticity(golden, target):
    rule = RULE.but(plasticity=dfc_ss.RULE.plasticity)
    _, _, changes = control(rule, target)
    check_gradients(golden, "pi_ss", changes, -2 / rule.parameters["eta"])


def test_steady_state_plasticity_with_delayed_layers(golden, target):
    """There, the published update takes v_basal anew from the last rates, and v as far from it as
    it was."""
    net, _, _ = control(DELAYED, target)
    rates = [net["input.r"], net["hidden1.r"], net["hidden2.r"]]
    for i, (unit, phi) in enumerate(
        [("hidden1", np.tanh), ("hidden2", np.tanh), ("output", lambda v: v)]
    ):
        basal = rates[i] @ net[f"W{i + 1}"].T + net[f"W{i + 1}.bias"]
        post = phi(net[f"{unit}.v"] - net[f"{unit}.v_basal"] + basal) - phi(basal)
        close(-post.T @ rates[i], golden[f"pi_delayed_ss_gW{i}"])  # -2/B is -1
        close(-post.sum(axis=0), golden[f"pi_delayed_ss_gb{i}"])


def test_the_full_squared_error_of_the_successor_code(golden, target):
    net, u, _ = control(RULE.but(lam=0.5), target)
    close(net["output.setpoint"], golden["target_icml"], 1e-12)
    close(u[STEPS], golden["icml_u399"])


def test_a_long_run_ends_in_the_exact_steady_state(golden, target):
    net, u, _ = control(RULE, target, steps=4000)
    close(u[-1], golden["u_ss_exact"])
    close(net["hidden1.v"], golden["v1_ss_exact"])
    close(0.01 * u[-1], net["controller.error"])


def test_settling_finds_the_same_steady_state_at_once(golden, target):
    """dt = tau and no proportional gain change the way there, not the end."""
    net, x, y = circuit(RULE.but(k_p=0.0, tau_u=TAU_U), target)
    net.stimulus(x)
    net.target_rates(y)
    net.run("free", Length(8 * TAU_V, 1e-12, TAU_V))
    result = net.run("feedback", Length(2000 * TAU_V, 1e-11, TAU_V))
    assert result.steps < 200
    close(net["controller.u"], golden["u_ss_exact"])
    close(net["hidden1.v"], golden["v1_ss_exact"])
