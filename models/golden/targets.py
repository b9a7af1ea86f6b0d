"""Target propagation: targets in closed form, Gauss-Newton where inverses are exact, and the
inverses that are learned."""

import numpy as np
from brian2 import ms

from neurofa import Learner, Trial, lookup, reference

from .common import COSTS, DTANH, TANH, apart, biases, circuit, golden, off_by, play, weights, worst

MODELS = ("target_propagation", "difference_target_propagation", "sdtp")


@golden(*MODELS)
def descending(model, target, step=0.3):
    """Targets descend through the inverses; W learns to reach them."""
    for cost in COSTS:
        rule = lookup.rule(model) if model == "sdtp" else lookup.rule(model).but(step=step)
        net, x, y = circuit(rule, cost=cost, target=target)
        play(net, x, y)
        v, r = reference.forward(x, weights(net), biases(net))
        error = reference.cost_gradient(r[-1], y, cost)
        seen, goal = r[-1], r[-1] - step * error
        if model == "sdtp":  # the output's target is the label itself
            seen, goal = y + error, y
        goals, posts = [], [goal - seen]
        for k in (2, 1):
            recalled = (
                0.0 if model == "target_propagation" else r[k] - TANH(seen @ net[f"Q{k + 1}"].T)
            )
            seen, goal = r[k], TANH(goal @ net[f"Q{k + 1}"].T) + recalled
            goals.insert(0, goal)
            posts.insert(0, (goal - seen) * DTANH(v[k - 1]))
        yield (
            f"targets = closed form, {cost}",
            worst([net["hidden1.goal"], net["hidden2.goal"]], goals),
            1e-10,
        )
        yield f"dW = closed form, {cost}", off_by(net, *reference.gradients(posts, r)), 1e-10


@golden(*MODELS)
def exact_inverses(model, target, n=4):
    """In a linear circuit, each layer's change is the inverse Jacobian times the output's, which is
    what the cost asks for."""
    rng = np.random.default_rng(2)
    net, x, _ = circuit(model, (n, n, n, n), trials=2, seed=2, activation="linear", target=target)
    y = rng.normal(size=(2, n))
    for k in (2, 3):
        net[f"W{k}"] = np.eye(n) + 0.3 * rng.normal(size=(n, n))
        net[f"Q{k}"] = np.linalg.inv(net[f"W{k}"])
        if model == "target_propagation":  # only differences do not need to undo them
            net[f"W{k}.bias"] = 0.0
    play(net, x, y)
    change, J, ours, expected = y - net["output.r"], np.eye(n), [], []
    for k in (2, 1):
        J = J @ net[f"W{k + 1}"]
        ours.append(net[f"hidden{k}.goal"] - net[f"hidden{k}.r"])
        expected.append(change @ np.linalg.inv(J).T)
    yield "exact inverses: targets = Gauss-Newton", worst(ours, expected), 1e-10


@golden("difference_target_propagation", slow=True)
def learned_inverses(model, target):
    """Q ends as S W^T (W S W^T)^-1, S the second moment of the noisy rates: 300 updates of 1000
    samples, the last 200 averaged."""
    rng, sigma, trials = np.random.default_rng(3), 0.7, 1000
    rule = lookup.rule(model).but(sigma=sigma, eta_q=0.2)
    net, x, _ = circuit(
        rule, (3, 5, 3, 2), trials=trials, seed=3, activation="linear", target=target
    )
    for k in (1, 2, 3):
        n, m = net[f"W{k}"].shape
        # no slow directions
        net[f"W{k}"] = np.linalg.qr(rng.normal(size=(max(n, m),) * 2))[0][:n, :m]
    x = x * [1.5, 1, 0.5]
    net.stimulus(x)
    learner = Learner(net, Trial(dt=10 * ms, noise=50 * ms))
    W, b, mean = weights(net), biases(net), [0.0, 0.0]
    for update in range(300):
        for phase in ("noise", "inverse"):
            net.run(phase, learner.trial[phase])
        learner.learn("inverse")
        if update >= 100:
            mean = [m + Q / 200 for m, Q in zip(mean, weights(net, "Q"))]
    drive = np.hstack([x, np.ones((trials, 1))])
    # second moment of what a layer receives, and of the bias's 1
    moment = drive.T @ drive / trials
    for k in range(3):
        up = np.vstack([np.hstack([W[k], b[k][:, None]]), np.eye(W[k].shape[1] + 1)[-1]])
        if k:
            best = (moment @ up.T)[:-1, :-1] @ np.linalg.inv((up @ moment @ up.T)[:-1, :-1])
            yield f"Q{k + 1} = best linear reconstruction, relative", apart(mean[k - 1], best), 0.01
        moment = up @ moment @ up.T
        moment[:-1, :-1] += sigma**2 * np.eye(len(moment) - 1)
