"""Deep feedback control: where controlled circuits settle, how they come there, and what they then
learn."""

import numpy as np
from brian2 import ms, second
from scipy.optimize import root

from neurofa import Length, Recorder, lookup, reference

from .common import COSTS, EXACT, biases, circuit, golden, off_by, play, states, weights, worst

# of noise: nothing beside the signals, and the rule may still divide by its square
QUIET = 1e-30


def controlled(model, target, cost="squared", activation="tanh", **parameters):
    """Return a network whose feedback is not the transposed product of W, x, and soft targets."""
    net, x, y = circuit(
        lookup.rule(model).but(**parameters), cost=cost, activation=activation, target=target
    )
    rng = np.random.default_rng(4)
    net["Q1"], net["Q2"] = net["W2"].T @ net["W3"].T, net["W3"].T
    for k in (1, 2):
        net[f"Q{k}"] += 0.1 * rng.normal(size=net[f"Q{k}"].shape)
    return net, x, 0.05 + 0.85 * y


@golden("dfc", "dfc_ss", "dfc_integral_leak", "dfc_learned", "dfc_ss_learned", "dfc_tracking")
def settled(model, target):
    """Control ends where the output misses its setpoint by the leak alone: at the root of the
    equations."""
    gains = dict(dfc_ss=dict(k_p=0.5), dfc_integral_leak=dict(k_p=0.5, k_i=0.8)).get(model, {})
    for cost in COSTS:
        net, x, y = controlled(model, target, cost, alpha=0.5, **gains)
        play(net, x, y)
        alpha, k_i, k_p = (float(net.parameters[name]) for name in ("alpha", "k_i", "k_p"))
        leak = (
            reference.effective_leak(alpha, k_i, k_p)
            if model == "dfc_integral_leak"
            else alpha / k_i
        )
        W, b, Q, u = weights(net), biases(net), weights(net, "Q"), net["controller.u"]
        pushed = [v - basal for v, basal in zip(states(net, "v"), states(net, "v_basal"))]
        aim = y if model == "dfc_tracking" else net["output.setpoint"]
        state = reference.dfc_steady_state(x, aim, W, b, Q, leak)
        yield f"error = alpha~ u, {cost}", worst([net["controller.error"]], [leak * u]), 1e-9
        yield f"v - v_basal = Q u, {cost}", worst(pushed, [u @ q.T for q in Q]), 1e-9
        yield f"u = root of the equations, {cost}", worst([u], [state.u]), 1e-9
        if model in ("dfc_ss", "dfc_integral_leak", "dfc_ss_learned"):
            yield (
                f"dW = (r - r_basal) r^T at the root, {cost}",
                off_by(net, *reference.dfc_ss_update(state, W, b)),
                1e-9,
            )


@golden("dfc_ss")
def linear(model, target):
    """In a linear circuit the controller inverts J Q + alpha I."""
    net, x, y = controlled(model, target, activation="linear", alpha=0.5)
    play(net, x, y)
    W, b = weights(net), biases(net)
    r = reference.forward(x, W, b, "linear")[1][-1]
    u = reference.dfc_linear_response(
        reference.jacobian(x, W, b, "linear"), weights(net, "Q"), 0.5, net["output.setpoint"] - r
    )
    yield "linear: u = (JQ + alpha I)^-1 delta_L", worst([net["controller.u"]], [u]), 1e-9


@golden("dfc")
def trajectory(model, target, steps=200):
    """On its way there, the circuit takes the steps of the published code, and learns at every one
    of them."""
    net, x, y = controlled(model, target, alpha=0.5, k_p=0.5, tau_u=50 * ms, tau_v=10 * ms)
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    net.run("free", EXACT)
    recorder = Recorder("controller.u")
    net.run("feedback", Length(steps * ms, dt=1 * ms), recorder)
    path = reference.simulate_dfc(
        x,
        net["output.setpoint"],
        weights(net),
        biases(net),
        weights(net, "Q"),
        0.5,
        dt=1 / 50,
        tau=10 / 50,
        steps=steps,
        k_p=0.5,
    )
    u = recorder.recording()["controller.u"].transpose("time", "trial", ...).values
    yield f"trajectory of u = the published code's, {steps} steps", worst([u], [path.u[1:]]), 1e-9
    yield "dW = its sum over these steps", off_by(net, *_learned_on(path, steps)), 1e-9


def _learned_on(path, steps):
    """Return (dW, db) that DFC sums up over a trajectory, in steps of a fiftieth of tau_u."""
    points = reference.DFCState(path.u[1:], *([layer[1:] for layer in part] for part in path[1:]))
    return ([steps / 50 * g for g in part] for part in reference.dfc_continuous_update(points))


@golden("dfc_tracking")
def following(model, target, steps=200):
    """The circuit takes the steps of the published code, with another target at every one of them,
    and learns as that code would."""
    net, x, y = controlled(model, target, alpha=0.5, k_p=0.5, tau_u=50 * ms, tau_v=10 * ms)
    aims = y[:, None] + 0.3 * np.sin(0.1 * np.arange(steps))[:, None] * [1, -1, 0.5]
    net.reset()
    net.stimulus(x)
    net.target_rates(aims, frame=1 * ms)
    net.run("free", EXACT)
    rates = net.run("feedback", Length(steps * ms, dt=1 * ms)).trajectory.swapaxes(0, 1)
    W, b, Q = weights(net), biases(net), weights(net, "Q")
    path = reference.simulate_dfc(
        x, aims.swapaxes(0, 1), W, b, Q, 0.5, dt=1 / 50, tau=10 / 50, steps=steps, k_p=0.5
    )
    yield (
        f"moving target: r = the published code's, {steps} steps",
        worst([rates], [path.r[-1][1:]]),
        1e-9,
    )
    yield "dW = its sum over these steps", off_by(net, *_learned_on(path, steps)), 1e-9


@golden("dfc_tracking")
def oscillating(model, target, period=200, periods=20):
    """In a linear circuit, gain and lag are those of the loop's transfer function in steps of time,
    z = exp(i w dt)."""
    net, x, y = controlled(
        model, target, activation="linear", alpha=0.5, k_p=0.3, tau_u=50 * ms, tau_v=10 * ms
    )
    wave = np.exp(2j * np.pi * np.arange(periods * period) / period)
    swing = np.array([0.3, -0.2, 0.1])  # of the three outputs
    net.reset()
    net.stimulus(x)
    net.target_rates(y[:, None] + wave.imag[:, None] * swing, frame=1 * ms)
    net.run("free", EXACT)
    length = Length(len(wave) * ms, dt=1 * ms)
    rates = net.run("feedback", length).trajectory[:, -period:]
    found = np.einsum("tki,k->ti", rates, wave[-period:].conj()) * 2j / period
    z = wave[1]
    low = 1 / 10 / (1 - (1 - 1 / 10) / z)  # a membrane
    W, Q = weights(net), weights(net, "Q")
    v = low * Q[0]  # the potentials' response to u, layer after layer
    for w, q in zip(W[1:], Q[1:]):
        v = low * (w @ v + q)
    controller = (1 / 50 + 0.3 * (1 - 1 / z)) / (1 - (1 - 0.5 / 50) / z)  # of u to the error
    loop = v * controller
    expected = np.linalg.solve(np.eye(len(swing)) + loop / z, loop @ swing)
    yield "linear, sinusoidal target: gain and lag", worst([found], [[expected] * len(x)]), 1e-9


@golden("dfc_ssa")
def analytic(model, target):
    """A linear circuit beside the neurons computes the analytic update, and neurons do not move."""
    for cost in COSTS:
        net, x, y = controlled(model, target, cost, alpha=0.2, lam=0.5, k_p=0.3)
        play(net, x, y)
        W, b, Q = weights(net), biases(net), weights(net, "Q")
        r = reference.forward(x, W, b)[1][-1]
        delta_L = -0.5 * reference.cost_gradient(r, y, cost)
        u = reference.dfc_linear_response(reference.jacobian(x, W, b), Q, 0.2, delta_L)
        yield f"u = (JQ + alpha I)^-1 delta_L, {cost}", worst([net["controller.u"]], [u]), 1e-9
        yield (
            f"dW = the analytic update, {cost}",
            off_by(net, *reference.dfc_ssa_update(x, delta_L, W, b, Q, 0.2)),
            1e-9,
        )
        yield f"neurons stay, {cost}", worst([net["output.r"]], [r]), 1e-11


@golden("strong_dfc", "strong_dfc_two_phase")
def strong(model, target, alpha=0.3):
    """Without noise, the label is reached but for the leak: alpha u = label - softmax(r), or label
    - r."""
    quiet = dict(sigma=QUIET) if model == "strong_dfc" else {}
    for cost in COSTS:
        net, x, y = controlled(model, target, cost, alpha=alpha, k_p=0.2, **quiet)
        # a phase with noise is not asked to settle
        play(net, x, y, length=Length(5 * second, dt=5 * ms) if quiet else EXACT)
        W, b, Q = weights(net), biases(net), weights(net, "Q")

        def driven(u):
            r, posts = [x], []
            for w, bias, q, phi in zip(W, b, Q, (np.tanh, np.tanh, np.copy)):
                basal = r[-1] @ w.T + bias
                r.append(phi(basal + u.reshape(y.shape) @ q.T))
                posts.append(r[-1] - phi(basal))
            return r, posts

        def missing(u):
            return (
                alpha * u.reshape(y.shape) + reference.cost_gradient(driven(u)[0][-1], y, cost)
            ).ravel()

        u = root(missing, np.zeros(y.size), tol=1e-13).x
        yield (
            f"u = root of the equations, {cost}",
            worst([net["controller.u"]], [u.reshape(y.shape)]),
            1e-9,
        )
        if model == "strong_dfc_two_phase":
            r, posts = driven(u)
            yield (
                f"dW = (r - r_basal) r^T at the root, {cost}",
                off_by(net, *reference.gradients(posts, r)),
                1e-9,
            )
