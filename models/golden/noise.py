"""Feedback that is learned from noise: exactly, given the noise that was drawn, and on average over
it."""

import numpy as np
from brian2 import ms

from neurofa import Learner, Length, Recorder, analysis, lookup, reference, settle

from .common import apart, asked, biases, circuit, golden, layers, weights, worst

# in which Q learns
PHASES = {
    "dfc_learned": "sleep",
    "dfc_ss_learned": "sleep",
    "strong_dfc_two_phase": "sleep",
    "strong_dfc": "feedback",
}
STEPS, DT = 49, 1 * ms


def constants(net):
    """Return the parameters as numbers, with `tau` the time constant of the noise, and `asleep`;
    feedback is slow, too, then."""
    values = {name: float(value) for name, value in net.parameters.items()}
    asleep = "tau_a" in values
    return {
        "tau_f": np.inf,
        **values,
        "tau": values["tau_a" if asleep else "tau_z"],
        "asleep": asleep,
        "dt": float(DT),
    }


def noisy(model, target, trials, activation="tanh"):
    """Return a network of `model`, inputs for it, its learner, and a function that runs the phase
    in which feedback learns.

    The target is what the circuit does by itself.
    """
    noise = dict(tau_z=7 * ms, tau_f=50 * ms) if model == "strong_dfc" else dict(tau_a=7 * ms)
    rule = lookup.rule(model).but(
        tau_u=20 * ms, tau_v=3 * ms, alpha=0.25, k_p=1.0, sigma=0.03, **noise
    )
    net, x, _ = circuit(rule, trials=trials, activation=activation, target=target)

    def learn(record=None):
        net.reset()
        net.stimulus(x)
        # exact: a step per layer
        net.run("free", Length(3 * net.parameters["tau_v"], dt=net.parameters["tau_v"]))
        net.target_rates(net["output.r"])
        net.run(PHASES[model], Length(STEPS * DT, dt=DT), record)

    return net, x, Learner(net), learn


# given the noise that was drawn -------------------------------------------------------------------


def replay(net, x, heard):
    """Return u, slow (steps, trials, outputs), and rates r, r_basal of all layers, in forward
    Euler's steps.

    `heard` lists the apical potential (asleep) or noise of each layer after each step, (steps,
    trials, units). The order is the circuit's: the controller hears the output of a step ago, and
    cells the new u and rates, but the apical potential of a step ago.
    """
    p, W, b, Q = constants(net), weights(net), biases(net), weights(net, "Q")
    v, r = reference.forward(x, W, b)
    goal, now = r[-1], [np.zeros_like(layer) for layer in v]
    U = u = slow = np.zeros_like(goal)
    path = []
    for t in range(STEPS):
        error = goal - r[-1]
        slow = slow + p["dt"] / p["tau_f"] * (u - slow)
        U = U + p["dt"] / p["tau_u"] * (p["k_i"] * error - p["alpha"] * u)
        u = U + p["k_p"] * error
        r, basal = [x], []
        for i, phi in enumerate((np.tanh, np.tanh, np.copy)):
            drive = r[i] @ W[i].T + b[i]
            v[i] = v[i] + p["dt"] / p["tau_v"] * (
                drive + now[i] + (0 if p["asleep"] else u @ Q[i].T) - v[i]
            )
            r.append(phi(v[i]))
            basal.append(phi(drive))
        now = [layer[t] for layer in heard]
        path.append((u, slow, r, basal))
    us, slows, rates, basals = zip(*path)
    return (
        np.array(us),
        np.array(slows),
        list(map(np.array, zip(*rates))),
        list(map(np.array, zip(*basals))),
    )


@golden(*PHASES)
def given_the_noise(model, target):
    """All but the noise itself can be foreseen: what the controller does about it, and what
    synapses make of that."""
    net, x, learner, learn = noisy(model, target, trials=4)
    p, variable = constants(net), "v_slow" if PHASES[model] == "sleep" else "z"
    recorder = Recorder(["controller.u", *(f"{name}.{variable}" for name in layers(net))])
    learn(recorder)
    recorded = recorder.recording()
    ours, *heard = (
        recorded[name].transpose("time", "trial", ...).values for name in recorder.names
    )
    u, slow, r, basal = replay(net, x, heard)
    yield "noise as drawn: u = the steps in NumPy", worst([ours], [u]), 1e-12
    Q, changes, per_step = (
        weights(net, "Q"),
        asked(learner, PHASES[model]),
        p["eta_q"] * p["dt"] / p["tau_u"],
    )
    fast = u if p["asleep"] else u - slow
    apical = heard if p["asleep"] else [z + u @ q.T for z, q in zip(heard, Q)]
    sums = [np.einsum("tbi,tbj->ij", a, fast) / len(x) / p["sigma"] ** 2 for a in apical]
    found = [sum(changes[f"Q{k}.w"]) / per_step for k in (1, 2, 3)]
    yield (
        "noise as drawn: dQ = sum over these steps, relative",
        apart(
            np.concatenate(found),
            np.concatenate([-total - p["beta"] * STEPS * q for total, q in zip(sums, Q)]),
        ),
        1e-10,
    )
    if model == "strong_dfc":
        found = [changes[f"W{k}.w"][0] / p["eta"] * p["tau_u"] / p["dt"] for k in (1, 2, 3)]
        expected = [np.einsum("tbi,tbj->ij", r[k + 1] - basal[k], r[k]) / len(x) for k in range(3)]
        yield "noise as drawn: dW = sum over these steps", worst(found, expected), 1e-10


# on average ---------------------------------------------------------------------------------------


def second_moments(step, noise, post, pre, steps):
    """Return the sum over steps of E[p q^T], p = post s, q = pre s, of deviations s that start at 0
    and follow s = step s + noise.

    `step` is (states, states), `noise` (states, sources) of unit variance, `post` and `pre` (units,
    states).
    """
    S, total = np.zeros_like(step), 0.0
    for _ in range(steps):
        S = step @ S @ step.T + noise @ noise.T
        total = total + post @ S @ pre.T
    return total


def upward(W):
    """Return what every unit of a linear circuit hears of all units, (units, units), and what the
    outputs are of them."""
    starts = np.cumsum([0, *map(len, W)])
    up = np.zeros((starts[-1], starts[-1]))
    for i in range(1, len(W)):
        up[starts[i] : starts[i + 1], starts[i - 1] : starts[i]] = W[i]
    return up, np.eye(starts[-1])[-len(W[-1]) :]


def deviations(net):
    """Return (step, noise, post, pre) of the deviations (noise, apical potential without it, v, U,
    u, slow) of a linear circuit.

    Noise takes exact steps, all else those of forward Euler.
    """
    p, Q, (up, out) = constants(net), np.concatenate(weights(net, "Q")), upward(weights(net))
    n, m = Q.shape
    kappa, decay = p["dt"] / p["tau_v"], p["dt"] / p["tau"]
    z, a, v, U, u, slow, noise = np.split(np.eye(4 * n + 3 * m), np.cumsum([n, n, n, m, m, m]))
    integral = U + p["dt"] / p["tau_u"] * (-p["k_i"] * out @ v - p["alpha"] * u)
    control = integral - p["k_p"] * out @ v
    push = Q @ control
    soma = np.linalg.solve(
        np.eye(n) - kappa * up, (1 - kappa) * v + kappa * (z + (a if p["asleep"] else push))
    )
    apical = (1 - decay) * a + decay * push
    noisy = np.exp(-decay) * z + p["sigma"] * (1 - np.exp(-2 * decay)) ** 0.5 * noise
    step = np.concatenate(
        [noisy, apical, soma, integral, control, slow + p["dt"] / p["tau_f"] * (u - slow)]
    )
    z, a, u, slow = (rows[:, :-n] for rows in (z, a, u, slow))
    return step[:, :-n], step[:, -n:], z + (a if p["asleep"] else Q @ u), u - slow


@golden(*PHASES, slow=True)
def average(model, target, trials=2000, repeats=40):
    """In a linear circuit, the mean change of Q follows from a recursion of covariances; 80,000
    samples leave 0.6 %."""
    net, _, learner, learn = noisy(model, target, trials, "linear")
    p, samples = constants(net), []
    for _ in range(repeats):
        learn()
        changes = asked(learner, PHASES[model])
        samples.append(np.concatenate([changes[f"Q{k}.w"][0] for k in (1, 2, 3)]))
    expected = (
        -p["eta_q"]
        * p["dt"]
        / p["tau_u"]
        / p["sigma"] ** 2
        * second_moments(*deviations(net), STEPS)
    )
    spread = np.sqrt((np.var(samples, axis=0, ddof=1) / repeats).sum()) / np.linalg.norm(expected)
    difference = apart(np.mean(samples, axis=0), expected)
    yield (
        "linear: E[dQ] = covariance recursion; relative, limit 2 sd",
        difference,
        min(2 * spread, 0.02),
    )


# what comes of it ---------------------------------------------------------------------------------


def row_space(model, target, updates, phase, length, push, **parameters):
    """Let feedback learn in the paper's 15-10-10-5 circuit, W held; return Q (list), J, and
    condition 2 before and after.

    `push` says by how much the target is off what the circuit does by itself; each of `updates` is
    made of 64 trials.
    """
    net, _, _ = circuit(
        lookup.rule(model).but(**parameters), (15, 10, 10, 5), trials=64, target=target
    )
    learner, rng = Learner(net), np.random.default_rng(0)
    J = reference.jacobian(rng.uniform(-1, 1, (200, 15)), weights(net), biases(net))
    before = analysis.condition_2(J, weights(net, "Q"))
    for _ in range(updates):
        net.reset()
        net.stimulus(rng.uniform(-1, 1, (64, 15)))
        net.run("free", settle(1e-4, dt=10 * ms))
        net.target_rates(net["output.r"] + push * rng.normal(size=(64, 5)))
        net.run(phase, length)
        for plastic in learner.plastic[phase]:
            if plastic.line.pathway == "Q":
                plastic.learn(plastic.change())
    return weights(net, "Q"), J, before, analysis.condition_2(J, weights(net, "Q"))


@golden("dfc_learned", slow=True)
def nights(model, target):
    """50 nights of 64 trials turn random feedback into the row space of the Jacobian; 200 of them
    end at 0.99."""
    Q, J, before, after = row_space(model, target, 50, "sleep", Length(250 * ms, dt=5 * ms), 0.0)
    yield "50 nights: 1 - condition 2", 1 - after, 0.05
    yield "50 nights: part that is left of what it was", (1 - after) / (1 - before), 0.125
    yield (
        "50 nights: angle(Q, J^T), degrees",
        analysis.angle(np.concatenate(Q), J.mean(axis=0).T),
        20,
    )


@golden("strong_dfc", slow=True)
def days(model, target):
    """Also while the output is being driven: 100 updates of 64 trials."""
    length = Length(500 * ms, dt=5 * ms)
    *_, before, after = row_space(
        model, target, 100, "feedback", length, 0.1, alpha=0.1, eta_q=0.005, beta=0.3
    )
    yield "100 updates: 1 - condition 2", 1 - after, 0.05
    yield "100 updates: part that is left of what it was", (1 - after) / (1 - before), 0.125
