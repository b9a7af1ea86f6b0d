"""Recurrent circuits that learn while the trial goes on: traces and changes step by step in NumPy, the
gradient of what such a rule still takes into account, and how it comes out of the one that takes all
into account."""

import numpy as np
from brian2 import ms

from neurofa import Learner, Recorder, Trial, lookup, present, reference, unrolled

from .common import COSTS, DTANH, TANH, circuit, golden, gradient, worst

STEPS, STEP = 30, 0.1  # of 1 ms; in time constants


def moving(net, trials=3, seed=1):
    """Return inputs and one-hot targets that move in every step, (trials, STEPS, units)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(net.sizes[-1], size=(trials, STEPS))
    return rng.normal(size=(trials, STEPS, net.sizes[0])), np.eye(net.sizes[-1])[labels]


def strong(model, target, sizes=(4, 5, 3), cost="squared"):
    """Return a circuit with a strong recurrence and the learning rate 1, and what it is shown."""
    net, *_ = circuit(lookup.rule(model).but(eta=1.0), sizes, trials=3, cost=cost, target=target)
    for name in (group for group in net.groups if group.startswith("R")):
        net[name] *= 2
    return net, *moving(net)


def asked(net, x, y, record=None):
    """Return by how much a trial changes the synapse groups, per time constant, and leave them as they
    were."""
    before = {name: net[name].copy() for name in net.groups}
    present(Learner(net, Trial(dt=1 * ms)), x, y, record=record, frame=1 * ms)
    found = {name: (net[name] - w) / STEP for name, w in before.items()}
    for name, w in before.items():
        net[name] = w
    return found


def rates(x, W, R):
    """Return the potentials (trials, STEPS, n) and rates (trials, STEPS + 1, n) of a layer, from
    rest."""
    r, v = [np.zeros((len(x), len(W)))], []
    for t in range(x.shape[1]):
        v.append(x[:, t] @ W.T + r[-1] @ R.T)
        r.append(r[-1] + STEP * (TANH(v[-1]) - r[-1]))
    return np.stack(v, axis=1), np.stack(r, axis=1)


def layer_by_layer(net, x):
    """Yield (number of the layer, what it hears from below, potentials, rates) of every hidden
    layer."""
    for k in range(1, len(net.sizes) - 1):
        v, r = rates(x, net[f"W{k}"], net[f"R{k}"])
        yield k, x, v, r
        x = r[:, 1:]


def errors(net, r, y):
    """Return the gradient of the cost by the output (trials, STEPS, n_out), of the rates r that its
    cells hear."""
    return reference.cost_gradient(r @ net[f"W{len(net.sizes) - 1}"].T, y, net.cost.name)


def influence(slope, pre, through=None):
    """Return how the rates of n cells follow their weights, (trials, STEPS, n, n, inputs): [i, j, l]
    is that of rate i by the weight of input l to cell j.

    `slope` (trials, STEPS, n) is dphi of the cells, `pre` (trials, STEPS, inputs) what they hear;
    `through` is R, by way of which the influence goes round; None leaves that out.
    """
    P, found = 0.0, []
    for t in range(slope.shape[1]):
        gain = slope[:, t]
        own = gain[:, :, None, None] * np.eye(gain.shape[1])[:, :, None] * pre[:, t, None, None]
        if through is not None:
            own = own + np.einsum("ki,im,kmjl->kijl", gain, through, P + 0 * own)
        P = (1 - STEP) * P + STEP * own
        found.append(P)
    return np.stack(found, axis=1)


def trace(slope, pre):
    """Return what every synapse keeps of how it moved its cell, (trials, STEPS, post, pre)."""
    kept, found = 0.0, []
    for t in range(STEPS):
        kept = kept + STEP * (slope[:, t, :, None] * pre[:, t, None] - kept)
        found.append(kept)
    return np.stack(found, axis=1)


@golden("rflo")
def traces(model, target):
    """Traces of all synapses, in two layers, follow their recursion; so do the changes."""
    for cost in COSTS:
        net, x, y = strong(model, target, (6, 5, 4, 3), cost)
        record = Recorder(["R1.p", "W1.p", "R2.p", "W2.p"])
        found, layers = asked(net, x, y, record), [*layer_by_layer(net, x)]
        last = layers[-1][-1][:, 1:]
        error, p = errors(net, last, y), {}
        expected = {"W3": np.einsum("kti,ktj->ij", error, last), "B1": 0.0, "B2": 0.0}
        for k, below, v, r in layers:
            for name, pre in ((f"W{k}", below), (f"R{k}", r[:, :-1])):
                p[name] = trace(DTANH(v), pre)
                fed = error @ net[f"B{k}"].T
                expected[name] = np.einsum("kti,ktij->ij", fed, p[name])
        recorded = record.recording()
        off = worst([recorded[f"{n}.p"].values for n in p], p.values())
        yield f"traces = recursion, {cost}", off, 1e-12
        off = worst([found[n] for n in expected], [-dw / len(x) for dw in expected.values()])
        yield f"dw = errors times traces, {cost}", off, 1e-12


@golden("rflo")
def truncated(model, target):
    """The change is the gradient of what B e makes of the rates, if what goes round in a layer stands
    still: rates are followed from their weights by finite differences."""
    net, x, y = strong(model, target, (6, 5, 4, 3))
    layers, found = [*layer_by_layer(net, x)], asked(net, x, y)
    error = errors(net, layers[-1][-1][:, 1:], y)
    for k, below, _, r in layers:
        W, R, fed = net[f"W{k}"].copy(), net[f"R{k}"].copy(), error @ net[f"B{k}"].T

        def reached(W, R):
            heard, moved, total = below @ W.T + r[:, :-1] @ R.T, 0.0, 0.0
            for t in range(STEPS):
                moved = moved + STEP * (TANH(heard[:, t]) - moved)
                total += (fed[:, t] * moved).sum() / len(x)
            return total

        slopes = gradient(lambda w: reached(w, R), W), gradient(lambda w: reached(W, w), R)
        off = worst([found[f"W{k}"], found[f"R{k}"]], [-slope for slope in slopes])
        yield f"layer {k}: dW and dR = gradient of truncated dynamics", off, 1e-9


@golden("rflo")
def all_that_goes_round(model, target):
    """Real-time recurrent learning is backpropagation through time, to rounding; this rule is that
    recursion without what goes round through R, and B in place of the transpose."""
    for cost in COSTS:
        net, x, y = strong(model, target, cost=cost)
        W, R, V, B = (net[name].copy() for name in ("W1", "R1", "W2", "B1"))
        [(_, _, v, r)], found = layer_by_layer(net, x), asked(net, x, y)
        error, slope = errors(net, r[:, 1:], y), DTANH(v)
        bptt = unrolled.gradients(x, y, W, R, V, STEP, kind=cost)
        for name, pre, bptt_gradient in (("W1", x, bptt.W), ("R1", r[:, :-1], bptt.R)):
            whole, part = (influence(slope, pre, through) for through in (R, None))
            real_time = np.einsum("kti,ktijl->jl", error @ V, whole) / error[..., 0].size
            yield (
                f"{name}: full recursion = BPTT, {cost}",
                worst([real_time], [bptt_gradient]),
                1e-13,
            )
            ours = -np.einsum("kti,ktijl->jl", error @ B.T, part) / len(x)
            off = worst([found[name]], [ours])
            yield f"{name}: the recursion without R, and with B = dw, {cost}", off, 1e-12


@golden("rflo")
def nothing_goes_round(model, target):
    """With R = 0 and B = V^T, nothing is left out: it is backpropagation through time."""
    for cost in COSTS:
        net, x, y = strong(model, target, cost=cost)
        net["R1"], net["B1"] = 0, net["W2"].T
        bptt = unrolled.gradients(x, y, net["W1"], net["R1"], net["W2"], STEP, kind=cost)
        found = asked(net, x, y)
        expected = [-STEPS * slope for slope in (bptt.W, bptt.R, bptt.V)]
        off = worst([found[name] for name in ("W1", "R1", "W2")], expected)
        yield f"R = 0, B = V^T: dW, dR and dV = minus the gradient, {cost}", off, 1e-12
