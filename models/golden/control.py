"""Deep feedback control: where controlled circuits settle, how they come there, and what they then
learn."""

import numpy as np
from brian2 import ms, second
from scipy.optimize import root

from neurofa import Learner, Length, Recorder, Trial, lookup, present, reference
from neurofa.pathways import delayed

from .common import COSTS, EXACT, biases, circuit, golden, off_by, play, states, weights, worst

# of noise: nothing beside the signals, and the rule may still divide by its square
QUIET = 1e-30
# of what moves in a recurrent circuit: rates and traces of two layers
SHAPES = ((5,), (4,)), ((5, 5), (4, 4))


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


@golden("feedback_control")
def recurrent_at_rest(model, target, alpha=0.3):
    """A controlled recurrent circuit settles at the root of its equations, and its traces at what every
    synapse does to its cell there."""
    for cost in COSTS:
        net, x, y = circuit(lookup.rule(model).but(alpha=alpha), cost=cost, target=target)
        play(net, x, y)
        W, R, Q = weights(net), weights(net, "R"), weights(net, "Q")

        def heard(found):
            r1, r2, u = np.split(found.reshape(len(x), -1), np.cumsum([5, 4]), axis=1)
            v1 = x @ W[0].T + r1 @ R[0].T + u @ Q[0].T
            v2 = r1 @ W[1].T + r2 @ R[1].T + u @ Q[1].T
            return v1, v2, -reference.cost_gradient(r2 @ W[2].T, y, cost) / alpha

        def missing(found):
            v1, v2, u = heard(found)
            return np.hstack([np.tanh(v1), np.tanh(v2), u]).ravel() - found

        found = root(missing, np.zeros(len(x) * 12), tol=1e-14).x
        r1, r2, u = np.split(found.reshape(len(x), -1), np.cumsum([5, 4]), axis=1)
        ours = [net[name] for name in ("hidden1.r", "hidden2.r", "controller.u")]
        yield f"r and u = root of the equations, {cost}", worst(ours, [r1, r2, u]), 1e-9
        traces = [
            (1 - np.tanh(v) ** 2)[:, :, None] * r[:, None] for v, r in zip(heard(found), (r1, r2))
        ]
        off = worst([net["R1.p"], net["R2.p"]], traces)
        yield f"p = dphi(v) r^T at the root, {cost}", off, 1e-9


@golden("feedback_control")
def recurrent(model, target, steps=120, late=7, k_p=0.4, alpha=0.3):
    """Beside a loop in NumPy, while stimulus and target move and feedback is late: every step of the
    output, and what R has learned after two trials."""
    rule = lookup.rule(model).but(k_p=k_p, alpha=alpha, tau_u=20 * ms, tau_r=10 * ms, eta=1.0)
    for cost in COSTS:
        net, x, y = circuit(rule.through(delayed(late * ms), "Q"), cost=cost, target=target)
        phase = np.arange(steps // 2)[:, None] / 4
        x = x[:, None] * np.cos(phase + np.arange(6))
        y = np.eye(3)[(phase[:, 0].astype(int) + np.arange(len(x))[:, None]) % 3]
        W, R, Q = weights(net), weights(net, "R"), weights(net, "Q")
        learner, off = Learner(net, Trial(dt=1 * ms)), []
        for _ in range(2):
            rates = present(learner, x, y, frame=2 * ms)[-1].trajectory
            r, p = ([np.zeros((len(x), *n)) for n in shapes] for shapes in SHAPES)
            U, sent, dR = 0 * y[:, 0], [0 * y[:, 0]] * (late + 1), [0, 0]
            for step in range(2 * steps):  # without feedback, and with it
                on, shown, below = step >= steps, step % steps // 2, x[:, step % steps // 2]
                for k in range(2):
                    fed = sent[-late - 1] @ Q[k].T
                    v = below @ W[k].T + r[k] @ R[k].T + fed
                    p[k] = p[k] + ((1 - np.tanh(v) ** 2)[:, :, None] * r[k][:, None] - p[k]) / 10
                    below = r[k] = r[k] + (np.tanh(v) - r[k]) / 10
                    dR[k] = dR[k] + on / 10 * (fed[:, :, None] * p[k]).mean(axis=0)
                error = -on * reference.cost_gradient(below @ W[2].T, y[:, shown], cost)
                U = U + on * (error - alpha * sent[-1]) / 20
                sent.append(U + k_p * error)
                if on and step % 2:
                    off.append(worst([rates[:, shown]], [below @ W[2].T]))
            R = [w + dw for w, dw in zip(R, dR)]
        what = f"moving target, late feedback: r = steps in NumPy, {len(off)} frames, {cost}"
        yield what, max(off), 1e-11
        off = worst(weights(net, "R"), R)
        yield f"dR = its sum over these steps, {cost}", off, 1e-11
