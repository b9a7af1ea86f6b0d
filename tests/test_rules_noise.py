"""Deep feedback control that learns its feedback, or controls strongly, against the numbers of the
published code."""

import numpy as np
import pytest
from brian2 import ms
from neurofa.models import dfc, dfc_learned, dfc_ssa, strong_dfc, strong_dfc_two_phase
from neurofa.models.golden.common import asked
from neurofa.models.golden.mirrors import follows
from neurofa.models.golden.noise import second_moments, upward
from test_golden_dfc import circuit, close, golden, table  # noqa: F401 (a fixture)

from neurofa import Learner, Length, Pathway, Phase, Population, Recorder, Trial, present, settle

LAYERS = ("hidden1", "hidden2", "output")


# DFC with learned feedback ------------------------------------------------------------------------

UNIT = 50 * ms  # the time unit of the published code
DT, TAU_V, TAU_A, ALPHA, K_P, SIGMA, STEPS = 0.002, 0.01, 0.3, 0.25, 0.1, 0.02, 49
SLEEP = dfc_learned.RULE.but(
    tau_u=UNIT,
    tau_v=TAU_V * UNIT,
    tau_a=TAU_A * UNIT,
    alpha=ALPHA,
    k_p=K_P,
    sigma=SIGMA / (2 * TAU_A) ** 0.5,
)


def waves(layer, t, trials, units):
    """Return the numbers that stand in for noise in the published check."""
    return table(
        lambda b, j: 2**0.5 * np.cos(37 * t * (1 + 0.11 * j) + 1.1 * layer + 0.5 * b + 0.9 * j),
        trials,
        units,
    )


def test_sleep_follows_the_published_trajectory_under_prescribed_noise(golden, target):
    """Noise is silent, and every step is preceded by a kick; u of each step is paired with the
    apical potential before it.

    There, v hears the new apical potential, which hears the old u. Here it is the other way round,
    so that the same numbers come a step earlier: the first kick falls into the state at the start.
    """
    quiet = SLEEP.but(
        sigma=0.0,
        plasticity=dfc.RULE.plasticity,
        phases=(*dfc.RULE.phases, Phase("sleep", on=("feedback_on", "sleep_on"))),
    )
    net, x, y = circuit(quiet, target)
    dt = DT * UNIT
    net.stimulus(x)
    net.run("free", Length(3 * TAU_V * UNIT, dt=TAU_V * UNIT))
    net["output.setpoint"] = net["output.r"]
    found, before = [0.0, 0.0, 0.0], [np.zeros_like(net[f"{layer}.a"]) for layer in LAYERS]
    for t in range(STEPS):
        for i, layer in enumerate(LAYERS):
            size = 2 * SIGMA if layer == "output" else SIGMA  # as in the published check
            net[f"{layer}.a"] += size * DT**0.5 / TAU_A * waves(i, t, *before[i].shape)
        apical = [net[f"{layer}.a"].copy() for layer in LAYERS]
        net.run("sleep", Length(dt, dt=dt))
        found = [total + a.T @ net["controller.u"] for total, a in zip(found, before)]
        before = apical
    for i in range(3):
        close(found[i] / (SIGMA**2 * 2 * STEPS), golden[f"fb_det_gQ{i}"], 1e-12)


def test_the_closed_form_expectation_is_the_published_one(golden):
    """The recursion that models/golden/noise.py compares the circuit with, in the published order
    of updates: v hears the new apical potential, which hears the old u; and the apical potential of
    a step is paired with the next u."""
    net, _, _ = circuit(SLEEP, "numpy")
    Q, (up, out) = (
        np.concatenate([net[f"Q{i}"] for i in (1, 2, 3)]),
        upward([net[f"W{i}"] for i in (1, 2, 3)]),
    )
    n, m = Q.shape
    a, w, U, u, xi = np.split(np.eye(3 * n + 2 * m), np.cumsum([n, n, m, m]))
    integral = U - DT * (ALPHA * u + out @ w)
    apical = (1 - DT / TAU_A) * a + DT / TAU_A * Q @ u + SIGMA * DT**0.5 / TAU_A * xi
    soma = np.linalg.solve(np.eye(n) - DT / TAU_V * up, (1 - DT / TAU_V) * w + DT / TAU_V * apical)
    both = np.concatenate([apical, soma, integral, integral - K_P * out @ w])
    step, a, u = both[:, :-n], a[:, :-n], u[:, :-n]
    found = second_moments(step, both[:, -n:], a, u @ step, STEPS - 1)
    close(found / (SIGMA**2 * STEPS), golden["fb_expect_pi"], 1e-14)


# weight mirror ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "a, k, wanted, off", [(1 / 20, 1 / 10, 2 / 3, 0.05), (1e-6, 3e-6, 3 / 4, 1e-5)]
)
def test_a_cell_follows_noise_by_the_ratio_of_the_time_constants(a, k, wanted, off):
    """tau_z / (tau_z + tau_v), but for the time step."""
    assert follows(a, k)[0] == pytest.approx(wanted, abs=off)


# analytic DFC -------------------------------------------------------------------------------------


def test_the_analytic_update_is_the_published_one(golden, target):
    net, x, y = circuit(dfc_ssa.RULE.but(alpha=0.01, lam=0.25), target)
    learner = Learner(net, Trial(dt=5 * ms, default=settle(1e-13)))
    present(learner, x, y, learn=False)
    close(net["controller.u"], golden["ndi_u"], 1e-10)
    changes = asked(learner, "feedback")
    for i in (1, 2, 3):
        close(-2 / 0.1 * changes[f"W{i}.w"][0], golden[f"ndi_gW{i - 1}"], 1e-10)
        close(-2 / 0.1 * changes[f"W{i}.bias"][0], golden[f"ndi_gb{i - 1}"], 1e-10)


# Strong-DFC ---------------------------------------------------------------------------------------


def pooled(rule, text, **parameters):
    """Return `rule` with its error computed in the controller, from rates of this very time step,
    as the published code does.

    softmax(r) = exp(r) / pool, the pool being what synapses of weight 1 bring.
    """
    return rule.but(
        output="odds = exp(r) : 1",
        populations=(
            Population(
                "controller",
                text + "error = feedback_on * (target - exp(r_out) / clip(pool, 1e-9, 1e9)) : 1",
                links={"target": "output.target", "r_out": "output.r"},
            ),
        ),
        pathways=(
            *rule.pathways,
            Pathway(
                "pool",
                source="output",
                signal="odds",
                into="pool",
                to="controller",
                init=lambda net, group, rng: np.ones(group.shape),
            ),
        ),
        phases=(
            Phase("free"),
            Phase("feedback", on=("feedback_on",)),
            Phase("sleep", on=("feedback_on", "sleep_on")),
        )[: 3 if "sleep_on" in rule.gates else 2],
        plasticity=rule.plasticity[:1],
        parameters=parameters,
    )


def at_rest(rule, target, golden):
    """Return the published network after its free phase."""
    net, x, _ = circuit(rule, target)
    net.reset()
    net.stimulus(x)
    net.target_rates(golden["strong_target"])
    net.run("free", Length(3 * rule.parameters["tau_v"], dt=rule.parameters["tau_v"]))
    return net


def test_strong_control_follows_the_published_trajectory(golden, target):
    rule = pooled(
        strong_dfc_two_phase.RULE,
        strong_dfc_two_phase.CONTROLLER,
        tau_u=UNIT,
        tau_v=0.2 * UNIT,
        alpha=0.01,
        k_p=1.0,
    )
    net = at_rest(rule, target, golden)
    recorder = Recorder(["controller.u"])
    net.run("feedback", Length(399 * 0.02 * UNIT, dt=0.02 * UNIT), recorder)
    u = recorder.recording()["controller.u"].transpose("time", "trial", ...).values
    for t in (1, 2, 10, 399):
        close(u[t - 1], golden[f"strong_u{t}"], 1e-12)
    close(net["output.r"], golden["strong_rL_last"], 1e-12)


def test_the_single_phase_makes_the_published_updates_under_prescribed_noise(golden, target):
    """As in sleep above: noise is prescribed before every step, and numbers come one step earlier
    than published."""
    dt, tau_v, tau_z, tau_f, steps, sigmas = 0.001, 0.0093, 0.07, 0.5, 199, (0.02, 0.02, 0.03)
    rule = pooled(
        strong_dfc.RULE,
        strong_dfc.CONTROLLER,
        tau_u=UNIT,
        tau_v=tau_v * UNIT,
        tau_z=tau_z * UNIT,
        tau_f=tau_f * UNIT,
        alpha=0.001,
        k_p=2.0,
        sigma=0.0,
    )
    net = at_rest(rule, target, golden)
    learner, noise = Learner(net), [np.zeros_like(net[f"{layer}.z"]) for layer in LAYERS]
    forward, feedback = {}, [0.0, 0.0, 0.0]
    for t in range(steps):
        apical = [net[f"{layer}.v_feedback"] + z for layer, z in zip(LAYERS, noise)]
        # steps of Euler-Maruyama, where the circuit's own are exact
        for i, layer in enumerate(LAYERS):
            noise[i] = (1 - dt / tau_z) * noise[i] + sigmas[i] * dt**0.5 / tau_z * waves(
                i, t, *noise[i].shape
            )
            net[f"{layer}.z"] = noise[i]
        net.run("feedback", Length(dt * UNIT, dt=dt * UNIT))
        if t == 0:
            net["controller.slow"] = net["controller.u"]
        # published: minus the slow part of a step later
        fast = (1 - dt / tau_f) * (net["controller.u"] - net["controller.slow"])
        feedback = [total + a.T @ fast for total, a in zip(feedback, apical)]
        forward = {
            name: forward.get(name, 0.0) + dw
            for name, (dw, _) in asked(learner, "feedback").items()
        }
    for i in range(3):
        for name, key in ((f"W{i + 1}.w", "gW"), (f"W{i + 1}.bias", "gb")):
            close(
                -2 / (steps + 1) / dt / rule.parameters["eta"] * forward[name],
                golden[f"sp_{key}{i}"],
                1e-12,
            )
        scale = (1 + tau_v / tau_z) ** (2 - i) / sigmas[i] ** 2
        close(scale / (2 * steps) * feedback[i], golden[f"sp_gQ{i}"], 1e-9)
