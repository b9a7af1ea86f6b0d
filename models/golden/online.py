"""Rules without phases: the coupled equations of activity and weights, step by step in NumPy; the
rules with phases that they come to; and what is left of a change when its error is late."""

from dataclasses import replace

import numpy as np
from brian2 import ms, second

from neurofa import Learner, Length, Trial, lookup, pathways, present, reference

from .common import (
    COSTS,
    DTANH,
    TANH,
    apart,
    asked,
    biases,
    circuit,
    golden,
    weights,
    worst,
)

DIRECT = ("online_dfa", "online_dfa_trace", "online_dfa_eligibility")
MODELS = ("online_fa", "online_fa_trace", "online_kp", *DIRECT)
DT = 1e-3  # s


class Euler:
    """Hidden layers 1 and 2 (tanh) and an output (linear) in forward Euler. Lists have an entry per
    layer: potentials v, rates r, errors delta, what brings them (`heard`), all (trials, units)."""

    def __init__(self, model, net, late=0):
        """Begin at rest, with the weights of `net`; what B brings is `late` so many steps."""
        self.model, self.cost = model, net.cost.name
        self.W, self.B = weights(net), [net[g].copy() for g in net.groups if g.startswith("B")]
        self.b = [np.zeros(len(W)) for W in self.W] if _eligible(model) else biases(net)
        self.rate = {n: DT / float(p) for n, p in net.parameters.items() if n.startswith("tau")}
        self.rest = [np.zeros((net.trials, len(W))) for W in self.W]
        self.begin(late)

    def begin(self, late):
        """Bring all but the weights to rest."""
        self.v, self.r, self.delta, self.heard = ([*self.rest] for _ in range(4))
        self.trace, self.sent = [0.0] * 3, [self.rest] * (late + 1)

    def move(self, x, y):
        """Make one step of the cells, layer by layer from below."""
        before, below = [x, *self.r], x
        for layer, (W, b) in enumerate(zip(self.W, self.b)):
            self.heard[layer] = self._heard(layer, y)
            gain = np.ones_like(below @ W.T) if layer == 2 else DTANH(self.v[layer])
            keeps = gain[:, :, None] * below[:, None] if _eligible(self.model) else before[layer]
            self._relax(self.trace, layer, keeps, "tau_e")
            self._relax(self.delta, layer, gain * self.heard[layer], "tau_delta")
            self._relax(self.v, layer, below @ W.T + b, "tau_v")
            below = self.r[layer] = self.v[layer] if layer == 2 else TANH(self.v[layer])
        self.x, self.sent = x, [*self.sent[1:], [*self.delta]]

    def _heard(self, layer, y):
        if layer == 2:
            return reference.cost_gradient(self.r[2], y, self.cost)
        source = 2 if self.model in DIRECT else layer + 1
        return self.sent[0][source] @ self.B[layer].T

    def _relax(self, state, layer, goal, tau):
        state[layer] = state[layer] + self.rate.get(tau, 0.0) * (goal - state[layer])

    def asked(self):
        """Return what this step asks of W, its biases, and B, for eta = tau_w = 1 s: means over the
        trials."""
        n, pre = len(self.x), [self.x, *self.r[:2]]
        if "trace" in self.model:
            pre[:2] = self.trace[:2]
        dW = [-DT * delta.T @ r / n for delta, r in zip(self.delta, pre)]
        db = [-DT * delta.mean(axis=0) for delta in self.delta]
        dB = [-DT * r.T @ delta / n for r, delta in zip(self.r, self.delta[1:])]
        if _eligible(self.model):
            both = zip(self.heard[:2], self.trace)
            dW[:2] = [-DT * (heard[:, :, None] * trace).mean(axis=0) for heard, trace in both]
            db = [np.zeros(len(W)) for W in self.W]
        return dW, db, dB if self.model == "online_kp" else [0.0, 0.0]

    def learn(self, eta):
        """Change all weights by what this step asks for, and let those of Kolen-Pollack decay."""
        left, scale = 1 - self.rate.get("tau_decay", 0.0), eta * self.rate["tau_w"] / DT
        for weights_of, changes in zip((self.W, self.b, self.B), self.asked()):
            weights_of[:] = [left * w + scale * dw for w, dw in zip(weights_of, changes)]


def _eligible(model):
    return model.endswith("eligibility")


def moving(trials=8, frames=3, seed=1):
    """Return inputs (trials, frames, 6) and one-hot targets (trials, frames, 3) that move."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=(trials, frames))
    return rng.normal(size=(trials, frames, 6)), np.eye(3)[labels]


def quick(model):
    """Return the rule with weights that move as fast as inputs do, and hardly last longer."""
    own = dict(tau_decay=1 * second) if model == "online_kp" else {}
    return lookup.rule(model).but(tau_w=100 * ms, **own)


def unhurried(rule):
    """Return the rule with weights that wait for the phase to end: the limit of slow weights."""
    return rule.but(plasticity=tuple(replace(line, every=None) for line in rule.plasticity))


@golden(*MODELS)
def coupled(model, target, late=7, frame=20):
    """Activity and weights move at once, as the coupled equations do in forward Euler; feedback may
    be late."""
    for cost in COSTS:
        rule = quick(model).through(pathways.delayed(late * DT * second))
        net, *_ = circuit(rule, cost=cost, target=target)
        ours, learner = Euler(model, net, late), Learner(net, Trial(dt=DT * second))
        (x, y), start = moving(), _all(net)
        for _ in range(2):
            present(learner, x, y, frame=frame * ms)
            ours.begin(late)
            for step in range(x.shape[1] * frame):
                ours.move(x[:, step // frame], y[:, step // frame])
                ours.learn(float(net.parameters["eta"]))
        expected = [*ours.W, *ours.B, *([] if _eligible(model) else ours.b)]
        off, moved = worst(_all(net), expected), worst(_all(net), start)
        yield f"weights = coupled equations, {cost}; in units of what moved", off / moved, 1e-9
        yield f"rates = coupled equations, {cost}", worst([net["output.r"]], [ours.r[2]]), 1e-9


def _all(net):
    """Return copies of all weights and biases."""
    return [*weights(net), *weights(net, "B"), *(biases(net) if "W1.bias" in net.probeable else [])]


@golden(*MODELS)
def phase_wise(model, target, long=4.0):
    """Where weights are slow, a second of an input that has arrived teaches what a trial of the rule
    with phases does, whatever traces there are."""
    for cost in COSTS:
        net, x, y = circuit(unhurried(lookup.rule(model)), cost=cost, target=target)
        once, twice = (_integrated(net, x, y, seconds) for seconds in (long, 2 * long))
        dW, db = _gradients(net, model, x, y, "tanh")
        expected = {f"W{k}.w": g for k, g in enumerate(dW, 1)}
        expected |= {f"W{k}.bias": g for k, g in enumerate(db, 1) if not _eligible(model)}
        if model == "online_kp":
            expected |= {f"B{k}.w": dW[k - 1].T for k in (2, 3)}
        found = [(twice[name] - once[name]) / long for name in sorted(once)]
        off = worst(found, [-expected[name] for name in sorted(expected)])
        yield f"dW/dt = -delta r^T, {cost}", off, 1e-10


def _integrated(net, x, y, seconds):
    """Return what a phase of so many seconds asks of all that learns, from rest, in units of eta /
    tau_w."""
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    net.run("online", Length(seconds * second, dt=10 * ms))
    scale = float(net.parameters["eta"] / net.parameters["tau_w"])
    return {name: change / scale for name, (change, _) in asked(Learner(net), "online").items()}


def _gradients(net, model, x, y, activation):
    """Return (dW, db) of the rule with phases, by closed forms."""
    W, b = weights(net), None if _eligible(model) else biases(net)
    B = [net[group] for group in net.groups if group.startswith("B")]
    closed = reference.dfa_deltas if model in DIRECT else reference.fa_deltas
    deltas = closed(x, y, W, b, B, activation, kind=net.cost.name)
    return reference.gradients(deltas, reference.forward(x, W, b, activation)[1])


@golden(*MODELS)
def slowly(model, target):
    """The faster weights are, the more they disturb what is taught: to first order in 1/tau_w (and
    1/tau_decay)."""
    off, rule = [], lookup.rule(model)
    for tau in (10, 100):
        slow = {n: tau * second for n in ("tau_w", "tau_decay") if n in rule.parameters}
        rule, moved = rule.but(**slow), []
        for one in (rule, unhurried(rule)):
            net, x, y = circuit(one, target=target)
            start = weights(net)
            present(Learner(net, Trial(dt=1 * ms, online=100 * ms)), x, y)
            moved.append(np.concatenate([np.ravel(a - b) for a, b in zip(weights(net), start)]))
        off.append(apart(*moved))
    yield "off the limit of slow weights by O(1/tau_w)", abs(off[0] / off[1] / 10 - 1), 0.1


@golden(*(model for model in MODELS if model != "online_kp"))  # whose weights decay meanwhile
def late(model, target, shown=10):
    """Of an input that comes and goes, only those errors teach that find it, or its trace: the later
    feedback is, the fewer. With dt = tau, for the first layer of a linear circuit."""
    tau_e = 3.0 if "tau_e" in lookup.rule(model).parameters else 0.0  # in steps
    hops = 1 if model in DIRECT else 2  # of the error, on its way to the first layer
    for steps in (0, 3, 8, 12):
        rule = unhurried(lookup.rule(model)).through(pathways.delayed(steps * 10 * ms))
        rule = rule.but(**{name: tau_e * 10 * ms for name in ("tau_e",) if tau_e})
        net, x, _ = circuit(rule, target=target, activation="linear")
        for name in (n for n in net.probeable if n.endswith(".bias")):
            net[name] = 0.0  # where nothing is shown, nothing is wrong
        frames, y = np.stack([x, *[0 * x] * 4], axis=1), np.zeros((len(x), 3))
        asks, start = -_gradients(net, model, x, y, "linear")[0][0], net["W1"].copy()
        present(Learner(net, Trial(dt=10 * ms)), frames, y, frame=shown * 10 * ms)
        first = 2 + hops * (1 + steps)  # step in which the error of the first one arrives
        share = sum(_there(first + k, shown, tau_e) for k in range(shown))
        scale = float(net.parameters["eta"] / net.parameters["tau_w"]) * 0.01
        found = (net["W1"] - start) / scale
        yield f"{steps} steps late: {share:.2g} of {shown}", worst([found], [share * asks]), 1e-10


def _there(step, shown, tau_e):
    """Return what is left in a step of an input that was there in the first ones, `shown` of them."""
    if not tau_e:
        return float(step <= shown)
    kept = 1 - 1 / tau_e
    return kept ** max(0, step - shown) * (1 - kept ** min(step, shown))


@golden("online_kp")
def forgetting(model, target):
    """W and B^T get the same changes, whatever is shown and however late: decay makes them forget how
    they differed."""
    net, *_ = circuit(quick(model).through(pathways.delayed(30 * ms)), target=target)
    before = {k: (net[f"W{k}"].copy(), net[f"B{k}"].T.copy()) for k in (2, 3)}
    x, y = moving()
    for _ in range(3):
        present(Learner(net, Trial(dt=2 * ms)), x, y, frame=50 * ms)
    left = (1 - 2e-3) ** (3 * x.shape[1] * 25)  # tau_decay is 1 s
    found = [net[f"W{k}"] - net[f"B{k}"].T for k in before]
    off = worst(found, [left * (W - B) for W, B in before.values()])
    yield "W - B^T = (1 - dt/tau_decay)^n (W_0 - B_0^T)", off, 1e-12
