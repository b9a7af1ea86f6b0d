"""Predicted stability against finite differences of the simulated circuit, closed forms, and what
the simulation then does."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, second
from neurofa.models import dfc, fa
from scipy.optimize import root

from neurofa import (
    LearningRule,
    Length,
    Network,
    NetworkError,
    Pathway,
    Phase,
    Plasticity,
    Population,
    Recorder,
    RuleError,
    analysis,
    lookup,
    settle,
)
from neurofa.rules.activations import ACTIVATIONS
from neurofa.rules.derivatives import differentiated
from neurofa.rules.pathways import constant
from neurofa.rules.text import evaluate

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "science" / "dfc_golden.json"
SIZES, K = (5, 4, 4, 3), 200
BOTH_COSTS = (
    "fa",
    "dfc",
    "dfc_ssa",
    "predictive_coding",
    "equilibrium_propagation",
    "local_losses",
    "strong_dfc",
)
CASES = [(m, "cross_entropy") for m in lookup.model_names()] + [(m, "squared") for m in BOTH_COSTS]


def sample(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(1, SIZES[0])), np.eye(SIZES[-1])[rng.integers(SIZES[-1], size=1)]


def network(rule, sizes=SIZES, trials=K, **options):
    """Return an interpreted network with small weights, so that every rule has one settled state,
    and no noise."""
    net = Network(sizes, rule, trials=trials, target="numpy", seed=3, **options)
    for name in (n for n in net.probeable if n.endswith(".w") and n[0] in "BQR"):
        net[name] *= 0.8
    if "sigma" in net.parameters:
        net.set(sigma=0.0)
    return net


def simulated(net, x, y, phase):
    """Run the phases of the rule up to `phase`, until all have settled, with the same stimulus in
    all trials."""
    net.reset()
    net.stimulus(np.repeat(x, net.trials, axis=0))
    net.target_rates(np.repeat(y, net.trials, axis=0))
    for p in net.rule.phases:
        noisy = p.name in net.noisy_phases  # of noise without strength
        net.run(
            p.name, Length(3 * second, dt=8 * ms) if noisy else settle(1e-13, 30 * second, 2 * ms)
        )
        if p.name == phase:
            return net
    raise AssertionError(phase)


def differences(net, phase, names, dt, reach, refresh=0):
    """Return the derivative of variables `names` after a time step by the same before it, by
    central differences.

    All perturbations are trials of one run, which goes on with the phase: it assigns nothing.
    `refresh` steps of no length make signals follow the perturbed states.
    """
    kept = {
        name: array.copy()
        for name, array in net.arrays.items()
        if not name.endswith((".w", ".bias"))
    }
    units = [(name, k) for name in names for k in range(net[name].shape[1])]
    assert 2 * len(units) <= net.trials
    for trial, (name, k) in enumerate(units):
        net[name][2 * trial, k] += reach
        net[name][2 * trial + 1, k] -= reach
    if refresh:
        net.run(phase, Length(refresh * 1e-18 * second, dt=1e-18 * second), go_on=True)
    before = np.concatenate([net[name] for name in names], axis=1)
    net.run(phase, Length(dt, dt=dt), go_on=True)
    change = np.concatenate([net[name] for name in names], axis=1) - before
    for name, array in kept.items():
        net.arrays[name][...] = array
    n = len(units)
    return (change[: 2 * n : 2] - change[1 : 2 * n : 2]).T / (2 * reach)


@pytest.mark.parametrize("model, cost", CASES)
def test_the_jacobian_is_that_of_the_simulated_circuit(model, cost):
    rule, (x, y) = lookup.rule(model), sample()
    # two trials per state, and there are many helpers
    trials = 450 if model == "product_feedback_alignment" else 200
    net = network(rule, trials=trials, cost=cost)
    s = analysis.stability(net, x, y)
    simulated(net, x, y, s.phase)
    for name, part in s.states.items():
        np.testing.assert_allclose(s.x[0, part], net[name][0], atol=1e-9, err_msg=name)
    names, dt = list(s.states), 1e-6
    short, long = (
        differences(net, s.phase, names, t * second, reach=1e-3, refresh=12) / t
        for t in (dt, 2 * dt)
    )
    # without what a step adds to first order
    np.testing.assert_allclose(s.A[0], 2 * short - long, atol=2e-6 * abs(s.A).max())
    np.testing.assert_allclose(analysis.stability(net).A[0], s.A[0], atol=1e-8 * abs(s.A).max())


@pytest.mark.parametrize(
    "model",
    ["ifa", "dfc", "dfc_ssa", "dendritic_microcircuit", "strong_dfc", "local_losses", "bfa"],
)
def test_the_time_step_is_that_of_the_simulation(model):
    (x, y), dt = sample(), 2e-3
    net = network(lookup.rule(model), trials=300, cost="cross_entropy")
    s = analysis.stability(net, x, y)
    simulated(net, x, y, s.phase)
    S = differences(net, s.phase, list(s.linear.arrays), dt * second, reach=1e-4)
    # without what no step remembers: as many eigenvalues less
    S, predicted = S + np.eye(len(S)), s.linear.step(dt)[0]
    traces = [[np.trace(np.linalg.matrix_power(M, k)) for k in range(1, 8)] for M in (S, predicted)]
    np.testing.assert_allclose(traces[0], traces[1], rtol=1e-6)
    assert s.spectral_radius(dt * second)[0] == pytest.approx(
        abs(np.linalg.eigvals(S)).max(), abs=1e-4
    )


# --- deep feedback control, the published numbers ---
def table(f, *shape):
    return np.fromfunction(f, shape)


def published(**changes):
    """Return the 3-4-3-2 network whose weights are formulas, in units of tau_u = 50 ms, and its
    stimuli."""
    rule, sizes = (
        dfc.RULE.but(tau_u=50 * ms, tau_v=10 * ms, k_p=1.0, alpha=0.01).but(**changes),
        (3, 4, 3, 2),
    )
    net = Network(sizes, rule, target="numpy")
    for i in (1, 2, 3):
        net[f"W{i}"] = table(
            lambda j, k: 0.6 * np.sin(1 + 2 * i + 1.3 * j + 0.7 * k), sizes[i], sizes[i - 1]
        )
        net[f"W{i}.bias"] = table(lambda j: 0.1 * np.cos(i + j), sizes[i])
    net["Q1"], net["Q2"], net["Q3"] = net["W2"].T @ net["W3"].T, net["W3"].T, np.eye(2)
    for i in (1, 2):
        net[f"Q{i}"] += table(lambda j, k: 0.1 * np.cos(3 * i + j + 2 * k), sizes[i], 2)
    return net, table(lambda b, k: np.cos(0.9 * b + 1.1 * k), 2, 3)


def golden(name):
    """Return a number of the published DFC code, as in the file if it is here."""
    known = {"A_PI_max_real": -0.6331034422, "A_instI_max_real": -1.4090767355}
    return json.loads(GOLDEN.read_text())[name] if GOLDEN.exists() else known[name]


def derivatives(net, s):
    """Return the slopes phi'(v) per layer, (trials, units), of tanh layers and a linear output."""
    return [
        np.ones_like(s.x[:, part]) if name == "output.v" else 1 - np.tanh(s.x[:, part]) ** 2
        for name, part in s.states.items()
        if name.endswith(".v")
    ]


@pytest.mark.parametrize("k_p, tau_v", [(1.0, 10 * ms), (0.0, 10 * ms), (0.3, 20 * ms)])
def test_dfc_has_the_matrix_of_the_paper(k_p, tau_v):
    net, x = published(k_p=k_p, tau_v=tau_v)
    s = analysis.stability(net, x)
    W, Q = [net[f"W{i}"] for i in (1, 2, 3)], [net[f"Q{i}"] for i in (1, 2, 3)]
    theirs = analysis.stability_matrix(
        W, derivatives(net, s), Q, alpha=0.01, tau=float(tau_v / (50 * ms)), k_p=k_p
    )
    ours = s.eigenvalues * 0.05
    theirs = np.linalg.eigvals(theirs)
    for k in range(2):
        # two bases, one spectrum
        np.testing.assert_allclose(np.poly(ours[k]), np.poly(theirs[k]), rtol=1e-9)
    if k_p == 1.0:
        assert -0.05 * s.margin[0] == pytest.approx(golden("A_PI_max_real"), abs=1e-9)
        assert analysis.max_real_eigenvalue(s.A)[0] == -s.margin[0]


def test_dfc_with_instantaneous_neurons():
    margins = [
        analysis.stability(*published(k_p=0.0, tau_v=tau)).margin[0]
        for tau in (1e-4 * ms, 2e-4 * ms)
    ]
    assert -0.05 * (2 * margins[0] - margins[1]) == pytest.approx(
        golden("A_instI_max_real"), abs=1e-9
    )


# --- loops of one unit: closed forms ---
INSTANT = LearningRule(
    name="instantaneous",
    reference="closed form",
    # a neuron without a membrane
    neuron="drest/dt = -rest / tau : 1\nv = v_basal + v_apical : 1\nr = phi(v) : 1",
    populations=(
        Population(
            "controller", "du/dt = (-r_out - alpha*u) / tau_u : 1", links={"r_out": "output.r"}
        ),
    ),
    pathways=(
        Pathway(
            "Q", source="controller", signal="u", into="v_apical", to="layers", init=constant(1.0)
        ),
    ),
    plasticity=(Plasticity("W", after="free", equation="w += 0*r_post*r_pre"),),
    phases=(Phase("free"),),
    parameters=dict(tau=1 * ms, tau_u=50 * ms, alpha=0.5),
)


def one_loop(rule, gain, **parameters):
    net = Network((1, 1), rule.but(**parameters), target="numpy")
    net["Q1"], net["W1"] = gain, 0.3
    return net


@pytest.mark.parametrize("lam, alpha", [(2.0, 0.0), (3.0, 0.5), (1.5, 1.2)])
def test_the_critical_delay_of_integral_control(lam, alpha):
    s = analysis.stability(one_loop(INSTANT, lam, alpha=alpha), [0.7])
    assert s.margin[0] == pytest.approx((lam + alpha) / 0.05)
    closed = 0.05 * np.arccos(-alpha / lam) / np.sqrt(lam**2 - alpha**2)
    assert s.critical_delay("Q")[0] == pytest.approx(closed, rel=1e-10)
    assert s.critical_delay("Q1")[0] == pytest.approx(closed, rel=1e-10)
    assert s.critical_gain("Q")[0] == np.inf


def test_a_weak_loop_stands_every_delay():
    assert (
        analysis.stability(one_loop(INSTANT, 0.9, alpha=1.0), [0.7]).critical_delay("Q")[0]
        == np.inf
    )


def test_complex_gains():
    """JQ with the eigenvalues |l| exp(+- i th), no leak: d* = tau_u (pi/2 - th) / |l|."""
    net, size, th = Network((2, 2), INSTANT.but(alpha=0.0), target="numpy"), 1.7, 0.6
    net["Q1"] = size * np.array([[np.cos(th), -np.sin(th)], [np.sin(th), np.cos(th)]])
    s = analysis.stability(net, [0.3, 0.1])
    assert s.critical_delay("Q")[0] == pytest.approx(0.05 * (np.pi / 2 - th) / size, rel=1e-10)
    assert s.frequency[0] == pytest.approx(size * np.sin(th) / 0.05 / (2 * np.pi))


@pytest.mark.parametrize(
    "lam, alpha, k_p, tau_v",
    [(4.0, 1.0, 0.0, 10 * ms), (3.0, 0.5, 0.0, 50 * ms), (6.0, 0.2, 0.5, 20 * ms)],
)
def test_the_critical_delay_with_a_membrane(lam, alpha, k_p, tau_v):
    """By a root of the characteristic equation, (tau_v s + 1)(tau_u s + alpha) + lam (1 + k_p tau_u
    s) exp(-s d) = 0."""
    s = analysis.stability(one_loop(dfc.RULE, lam, alpha=alpha, k_p=k_p, tau_v=tau_v), [0.7])
    d, T, U = s.critical_delay("Q")[0], float(tau_v), 0.05

    def characteristic(z):
        w, d = z[0] / U, z[1] * U
        p = 1j * w
        f = (T * p + 1) * (U * p + alpha) + lam * (1 + k_p * U * p) * np.exp(-p * d)
        return f.real, f.imag

    solutions = [
        root(characteristic, (w, t), tol=1e-13)
        for w in (0.5, 2, 5, 10, 20)
        for t in (0.05, 0.2, 0.5, 1, 3)
    ]
    delays = [U * z.x[1] for z in solutions if z.success and z.x[0] > 0 and z.x[1] > 0]
    assert d == pytest.approx(min(delays), rel=1e-9)


@pytest.mark.parametrize("n, limit", [(1, np.inf), (2, 2), (3, 0.889), (4, 0.569)])
def test_the_critical_gain_of_control_through_several_membranes(n, limit):
    """Pure integral control through n lags of tau_v: lambda tau_v / tau_u < tan(pi/2n)
    sec(pi/2n)^n."""
    net = Network(
        (1,) * (n + 1),
        dfc.RULE.but(alpha=0.0, tau_u=50 * ms, tau_v=20 * ms),
        activation="linear",
        target="numpy",
    )
    for k in range(1, n + 1):
        net[f"W{k}"], net[f"Q{k}"] = 1.0, 0.2 * (k == 1)
    gain = analysis.stability(net, [0.7]).critical_gain("Q")[0]
    exact = np.inf if n == 1 else np.tan(np.pi / 2 / n) / np.cos(np.pi / 2 / n) ** n
    assert gain * 0.2 * 20 / 50 == pytest.approx(exact, rel=1e-9)
    assert exact == pytest.approx(limit, abs=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_the_critical_delay_by_another_way(seed):
    """Eigenvalues of A_0 + A_1 exp(-i theta) on the imaginary axis, theta all around the circle;
    A_0 is a circuit without Q."""
    rng = np.random.default_rng(seed)
    net = Network(
        (3, 5, 4, 3), dfc.RULE.but(k_p=0.3), activation="linear", target="numpy", seed=seed
    )
    for k in (1, 2, 3):
        net[f"Q{k}"] += 0.3 * rng.normal(size=net[f"Q{k}"].shape)
    x = rng.normal(size=3)
    s = analysis.stability(net, x)
    for k in (1, 2, 3):
        net[f"Q{k}"] = 0.0
    A_0 = analysis.stability(net, x).A[0]
    A_1 = s.A[0] - A_0
    thetas = np.linspace(0, 2 * np.pi, 2001)[1:-1]
    values = np.linalg.eigvals(A_0 + A_1 * np.exp(-1j * thetas)[:, None, None])
    values = np.take_along_axis(values, np.argsort(values.real, axis=1), axis=1)
    crossed, k = np.nonzero((values.real[1:] > 0) != (values.real[:-1] > 0))
    here, there = values[crossed, k], values[crossed + 1, k]
    share = here.real / (here.real - there.real)  # of the way to the next theta
    w = (here + share * (there - here)).imag
    crossing = thetas[crossed] + share * (thetas[1] - thetas[0])
    assert s.margin[0] > 0
    assert s.critical_delay("Q")[0] == pytest.approx((crossing / w)[w > 0].min(), rel=1e-4)


def test_deep_feedback_without_a_loop():
    """Ten layers of errors in a row, each amplified: a matrix far from normal, whose powers grow
    before they vanish."""
    net = Network((3,) * 11, fa.RULE, target="numpy")
    for k in range(2, 11):
        net[f"B{k}"] *= 30
    s = analysis.stability(net, [0.3, -0.2, 0.5], [1.0, 0.0, 0.0])
    np.testing.assert_allclose(s.margin, 100)
    assert (
        s.critical_delay("B")[0] == s.critical_gain("B")[0] == s.critical_delay("B4")[0] == np.inf
    )


def test_feedback_that_does_not_move_the_soma_has_no_loop():
    s = analysis.stability(Network(SIZES, fa.RULE, target="numpy"), sample()[0])
    np.testing.assert_allclose(s.margin, 100)
    assert s.critical_delay("B")[0] == s.critical_gain("B")[0] == np.inf


def chain(rule=INSTANT, size=3):
    """Return a chain of single units without membranes, whose first one is controlled: the loop
    passes W twice, and Q once."""
    net = Network((1,) * (size + 1), rule, activation="linear", target="numpy")
    for k in range(1, size + 1):
        net[f"W{k}"], net[f"Q{k}"] = 1.0, 2.0 * (k == 1)
    return analysis.stability(net, [0.7])


def test_a_pathway_that_the_loop_passes_twice():
    s = chain(INSTANT.but(alpha=0.0))
    closed = np.pi * 0.05 / (2 * 2.0)
    assert s.critical_delay("Q")[0] == pytest.approx(closed, rel=1e-10)
    assert s.critical_delay("W3")[0] == pytest.approx(closed, rel=1e-10)
    assert s.critical_delay("W")[0] == pytest.approx(closed / 2, rel=1e-10)


INSIDE = INSTANT.but(
    name="signals in a loop",
    phases=(Phase("free", on=("open",)),),
    populations=(
        Population(
            "controller",
            "du/dt = open * (-sum_r - alpha*u) / tau_u : 1\nsum_r = r_out - echo * sum_r_other : 1",
            links={"r_out": "output.r", "sum_r_other": "mirror.sent"},
        ),
        Population("mirror", "sent = heard : 1", links={"heard": "controller.sum_r"}),
    ),
    parameters=dict(echo=0.25),
)


def test_signals_that_depend_on_each_other_at_once_are_solved_for():
    """sum_r = r_out - echo * sum_r, so that the loop's gain is lam / (1 + echo)."""
    net = Network((1, 1), INSIDE, target="numpy")
    net["Q1"], net["W1"] = 2.0, 0.3
    s = analysis.stability(net, [0.7])
    assert s.margin[0] == pytest.approx((2.0 / 1.25 + 0.5) / 0.05, rel=1e-12)
    assert s.x[0, s.states["controller.u"]][0] == pytest.approx(
        -0.3 * 0.7 / 1.25 / (0.5 + 2.0 / 1.25)
    )
    lam = 2.0 / 1.25
    assert s.critical_delay("Q")[0] == pytest.approx(
        0.05 * np.arccos(-0.5 / lam) / np.sqrt(lam**2 - 0.25), rel=1e-10
    )
    net.set(echo=-1.0)
    with pytest.raises(NetworkError, match="no solution|no settled state"):
        analysis.stability(net, [0.7])


def test_a_loop_without_a_state_that_amplifies_stands_no_delay():
    rule = INSTANT.but(
        pathways=(
            *INSTANT.pathways,
            Pathway("L", source="same", signal="r", into="v_lateral", to="layers"),
        ),
        neuron=INSTANT.neuron.replace("v_apical", "v_apical + v_lateral"),
    )
    net = Network((1, 1), rule, target="numpy")
    net["Q1"], net["W1"], net["L1"] = 1.0, 0.3, -1.1
    s = analysis.stability(net, [0.7])
    assert s.margin[0] == pytest.approx((1 / 2.1 + 0.5) / 0.05)
    assert s.critical_delay("L")[0] == 0 and s.critical_delay("Q")[0] == np.inf
    net["L1"] = -0.9
    assert analysis.stability(net, [0.7]).critical_delay("L")[0] > 0
    assert s.max_dt[0] == 0  # the simulation passes the loop once a time step


# --- what is done to pathways ---
def test_a_gain_is_a_stronger_pathway():
    from neurofa.rules.pathways import gain

    stronger, x = published(k_p=0.0)
    stronger["Q1"] *= 2.5
    s = analysis.stability(stronger, x)
    net, _ = published(k_p=0.0)
    through = Network(net.sizes, net.rule.through(gain(1.0), "Q"), target="numpy")
    for name in (n for n in net.probeable if n.endswith((".w", ".bias"))):
        through[name] = net[name]
    through.set(gain_Q=2.5)
    through["Q2"] /= 2.5
    through["Q3"] /= 2.5
    np.testing.assert_allclose(analysis.stability(through, x).A, s.A, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        analysis.stability(through, x).critical_delay("Q"), s.critical_delay("Q")
    )


def test_what_pathways_do_to_signals_is_in_the_jacobian():
    from neurofa.rules.pathways import noisy, saturating

    rule, (x, y) = (
        fa.RULE.through(saturating(0.5)).through(noisy(0.0, 20 * ms)).through(noisy(0 * ms**0.5)),
        sample(),
    )
    net = network(rule)
    s = analysis.stability(net, x, y)
    # white noise is no state
    assert "hidden1.noise_B" in s.states and "hidden1.noise_B_2" not in s.states
    np.testing.assert_allclose(s.margin, 50)
    delta2, delta1 = s.states["hidden2.delta"], s.states["hidden1.delta"]
    v, delta = s.x[0, s.states["hidden1.v"]], s.x[0, delta2]
    slope = (
        (1 - np.tanh(v) ** 2)[:, None]
        * (1 - np.tanh(net["B2"] @ delta / 0.5) ** 2)[:, None]
        * net["B2"]
        / 0.01
    )
    np.testing.assert_allclose(s.A[0, delta1, delta2], slope, rtol=1e-10)


# --- what the simulation then does ---
def controlled(**parameters):
    """Return a circuit under control, settled in simulation, and its Stability."""
    net, x = published(k_p=0.0, **parameters)
    x, y = x[:1], np.array([[0.2, -0.3]])
    return simulated(net, x, y, "feedback"), analysis.stability(net, x, y)


def follow(net, s, dt, steps, runs, direction=None):
    """Perturb the settled circuit a little, run it on, and return how far it is from where it was
    after each run, (runs,)."""
    settled = {name: net[name].copy() for name in s.states}
    direction = (
        np.random.default_rng(0).normal(size=s.A.shape[-1]) if direction is None else direction
    )
    for name, part in s.states.items():
        net[name] += 1e-6 * direction[part]
    sizes = []
    for _ in range(runs):
        net.run("feedback", Length(steps * dt * second, dt=dt * second), go_on=True)
        sizes.append(
            np.linalg.norm(np.concatenate([net[name] - settled[name] for name in s.states], axis=1))
        )
    return np.array(sizes)


def swing(net, length, dt):
    """Run the feedback phase, and return by how much the controller swings in its last fifth, over
    that in its second."""
    recorder = Recorder(["controller.U"])
    net.run("feedback", Length(length * second, dt=dt * second), recorder)
    fifths = np.array_split(
        recorder.recording()["controller.U"].values.reshape(-1, net["controller.U"].size), 5
    )
    return np.ptp(fifths[4], axis=0).max() / np.ptp(fifths[1], axis=0).max()


def test_a_perturbation_decays_as_predicted():
    net, s = controlled(alpha=0.3, k_i=0.05)
    values, vectors = np.linalg.eig(s.A[0])
    assert s.eigenvalues[0, 0].imag == 0 and s.margin[0] > 2
    dt, steps = 1e-3, 100
    sizes = follow(net, s, dt, steps, 4, vectors[:, values.real.argmax()].real)
    rate = -np.log(sizes[-1] / sizes[-2]) / (steps * dt)
    # within the error of forward Euler
    assert rate == pytest.approx(s.margin[0], rel=s.margin[0] * dt)
    assert rate == pytest.approx(-np.log(s.spectral_radius(dt * second)[0]) / dt, rel=1e-5)


def test_an_oscillation_decays_and_turns_as_predicted():
    net, s = controlled(k_i=10.0)
    values, vectors = np.linalg.eig(s.A[0])
    leading = np.argmax(values.real)
    period = 1 / s.frequency[0]
    assert s.frequency[0] > 20
    dt = period / 2000
    sizes = follow(net, s, dt, 1000, 4, vectors[:, leading].real)  # after half periods
    np.testing.assert_allclose(sizes[1:] / sizes[:-1], np.exp(-s.margin[0] * period / 2), rtol=0.02)


@pytest.mark.parametrize("k_i", [10.0, 30.0])
def test_the_largest_time_step(k_i):
    net, s = controlled(k_i=k_i)
    assert s.max_dt[0] < 10e-3  # else the network refuses it
    assert follow(net, s, 0.98 * s.max_dt[0], 500, 1)[0] < 1e-12
    assert follow(net, s, 1.02 * s.max_dt[0], 500, 1)[0] > 1


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_the_critical_gain(factor):
    """Of W2, in a linear circuit that the output's own rates are the target of: its state does not
    depend on the gain."""
    net, x = published(k_p=0.0, k_i=3.0)
    linear = Network(net.sizes, net.rule, activation="linear", target="numpy")
    for name in (n for n in net.probeable if n.endswith((".w", ".bias"))):
        linear[name] = net[name]
    s = analysis.stability(linear, x[:1])
    gain = s.critical_gain("W2")[0]
    assert 1 < gain < np.inf
    linear["W2"] *= factor * gain
    again = analysis.stability(linear, x[:1])  # an unstable state is found as well
    assert (again.margin[0] > 0) == (factor < 1) and abs(again.margin[0]) < 20
    linear.reset()
    linear.stimulus(x[:1])
    linear.run("free", settle(1e-13, 10 * second, 1 * ms))
    linear.target_rates(linear["output.r"])
    linear["controller.U"] = 1e-6
    assert (swing(linear, 1.0, 0.5e-3) < 1) == (factor < 1)


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_the_critical_delay(factor):
    from neurofa.rules.pathways import delayed

    limit = analysis.stability(one_loop(dfc.RULE, 4.0, alpha=1.0), [0.7]).critical_delay("Q")[0]
    net = one_loop(dfc.RULE.through(delayed(factor * limit * second), "Q"), 4.0, alpha=1.0)
    # whatever it is in the rule
    assert analysis.stability(net, [0.7]).critical_delay("Q")[0] == pytest.approx(limit)
    net.stimulus([[0.7]])
    net.run("free", settle(1e-13, 10 * second, 1 * ms))
    net.target_rates(net["output.r"] + 0.1)
    assert (swing(net, 2.0, 0.2e-3) < 1) == (factor < 1)


# --- what it is asked, and what it answers ---
def test_any_number_of_stimuli_and_nothing_changes_in_the_network():
    net, x = published()
    before = {name: array.copy() for name, array in net.arrays.items()}
    x = np.random.default_rng(0).normal(size=(5, 3))
    s = analysis.stability(net, x)
    assert (
        s.A.shape == (5, 11, 11)
        and s.eigenvalues.shape == (5, 11)
        and s.margin.shape == s.max_dt.shape == (5,)
    )
    np.testing.assert_allclose(analysis.stability(net, x[3]).A[0], s.A[3])
    assert list(s.states) == ["controller.U", "hidden1.v", "hidden2.v", "output.v"]
    assert all(np.array_equal(net.arrays[name], before[name]) for name in before)
    assert (
        str(s).startswith("feedback: 11 states (controller.U, hidden1.v")
        and len(str(s).splitlines()) == 7
    )


def test_a_phase_can_be_chosen_and_states_that_it_keeps_still_are_no_part():
    net, x = published()
    assert list(analysis.stability(net, x, phase="free").states) == [
        "hidden1.v",
        "hidden2.v",
        "output.v",
    ]
    np.testing.assert_allclose(analysis.stability(net, x, phase="free").margin, 100)


def test_the_present_state():
    net, x = published()
    net2 = Network(net.sizes, net.rule, trials=2, target="numpy")
    for name in (n for n in net.probeable if n.endswith((".w", ".bias"))):
        net2[name] = net[name]
    net2.stimulus(x)
    with pytest.raises(NetworkError, match="not settled"):
        analysis.stability(net2)
    net2.run("free", settle(1e-12, dt=1 * ms))
    s = analysis.stability(net2)
    assert s.phase == "as it is" and list(s.states) == ["hidden1.v", "hidden2.v", "output.v"]
    net2.target_rates(net2["output.r"])
    net2.run("feedback", settle(1e-12, dt=1 * ms))
    np.testing.assert_allclose(analysis.stability(net2).A, analysis.stability(net2, x).A, atol=1e-9)


def test_mistakes_are_named():
    net, x = published()
    s = analysis.stability(net, x)
    with pytest.raises(NetworkError, match="Did you mean 'Q1'|Valid pathways: .*Q.*W"):
        s.critical_delay("Z")
    with pytest.raises(NetworkError, match="carries"):
        s.critical_gain("W1")  # from a stimulus that is clamped
    with pytest.raises(RuleError, match="no phase 'sleep'"):
        analysis.stability(net, x, phase="sleep")
    for wrong in (x[:, :2], [[np.nan] * 3], "x", x[None]):
        with pytest.raises(NetworkError, match=r"\(trials, 3\)"):
            analysis.stability(net, wrong)
    with pytest.raises(NetworkError, match=r"target must be finite numbers of shape \(2, 2\)"):
        analysis.stability(net, x, np.zeros((3, 2)))


def test_a_circuit_that_has_no_settled_state():
    net = one_loop(
        INSTANT.but(
            populations=(
                replace(
                    INSTANT.populations[0],
                    equations="du/dt = (1 + u**2 + 0*r_out) * alpha / tau_u : 1",
                ),
            )
        ),
        1.0,
    )
    with pytest.raises(
        NetworkError, match="no settled state was found; 'controller.u' still moves"
    ):
        analysis.stability(net, [0.7])


# --- derivatives ---
# no kink and no jump among them
V = np.array([-7.2, -2.1, -0.7, -0.1, 0.05, 0.4, 1.3, 3.1, 9.3])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_ddphi_is_the_slope_of_dphi(name):
    dphi, step = ACTIVATIONS[name].dphi, 1e-5
    np.testing.assert_allclose(
        ACTIVATIONS[name].ddphi(V), (dphi(V + step) - dphi(V - step)) / (2 * step), atol=1e-9
    )


@pytest.mark.parametrize(
    "code",
    [
        "dphi(a*v) * phi(v)**2",
        "abs(phi(v)) * a",
        "clip(a*v, -1, 2*a)",
        "sqrt(1 + v**2)",
        "int(a*v > 0.3 and v < 2) * v**2",
        "sign(v) * v + floor(v) * v",
        "(a*v) % 1.1",
        "exprel(v)",
        "log(2 + tanh(v)) / a",
        "arctan(v) * ceil(a)",
        "gate_on * v + a * xi_1",
    ],
)
def test_text_is_differentiated(code):
    phi = ACTIVATIONS["tanh"]
    names = dict(phi=phi.phi, dphi=phi.dphi, _ddphi=phi.ddphi, a=0.7, gate_on=0.0, xi_1=0.0)
    value, slopes = differentiated(code, (("gate_on", 0),))
    slope = np.broadcast_to(evaluate(slopes.get("v", "0"), names | dict(v=V)), V.shape)
    f = lambda v: evaluate(code, names | dict(v=v))
    np.testing.assert_allclose(slope, (f(V + 1e-6) - f(V - 1e-6)) / 2e-6, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        np.broadcast_to(evaluate(value, names | dict(v=V)), V.shape), f(V), atol=1e-14
    )
