"""Feedback alignment whose synapses learn while activity flows: the rule, and a loop in NumPy, synapse
by synapse and step by step, which shares nothing with the simulator."""

import numpy as np
from in_steps import SIZES, shown
from neurofa.models import fa

from neurofa import Plasticity

DECAY, ETA = 0.03, 2.0


def rule(forward=None, backward=None):
    """Return FA in which W learns, with a decay, and B, each every so often."""
    lines = (
        Plasticity(
            "W",
            during="feedback",
            equation="dw/dt = (-eta * delta_post * r_pre - decay * w) / tau_v",
            every=forward,
        ),
        Plasticity(
            "B",
            during="feedback",
            equation="dw/dt = -eta * r_post * delta_pre / tau_v",
            every=backward,
        ),
    )
    return fa.RULE.but(plasticity=lines, parameters=dict(decay=DECAY), eta=ETA)


class Loop:
    """The same circuit: `paces` are those of W and B in time steps, None for the end of the phase."""

    def __init__(self, net, paces, steps_per_tau=10, adam=False):
        names = ("W1", "W1.bias", "W2", "W2.bias", "B2")
        self.w = {name: net[name].copy() for name in names}
        self.paces = {name: paces[name == "B2"] for name in names}
        self.tau, self.adam, self.updates = steps_per_tau, adam, 0
        self.moments = {name: [0.0, 0.0, 0] for name in names}

    def present(self, x, y, free, feedback, of_frame=1, interpolated=False):
        """One trial: so many time steps of each phase; x and y may have frames of some of them."""
        trials, self.traces = len(x), []
        v, delta = ([np.zeros((trials, n)) for n in SIZES[1:]] for _ in range(2))
        for steps, on in ((free, 0), (feedback, 1)):
            self.sums, self.time = dict.fromkeys(self.w, 0.0), dict.fromkeys(self.w, 0.0)
            seen = [shown(one, steps, of_frame, interpolated) for one in (x, y)]
            for step, (now, wanted) in enumerate(zip(*seen), 1):
                self.step(now, wanted, on, v, delta)
                self.traces.append((v[0], v[1], self.w["W1"], self.w["B2"]))
                if not on:
                    continue
                self.integrate(now, v, delta)
                due = [n for n, pace in self.paces.items() if pace and step % pace == 0]
                self.learn(due if step < steps else self.w)

    def step(self, now, wanted, on, v, delta):
        w, slope = self.w, 1 - np.tanh(v[0]) ** 2
        delta[0] = delta[0] + (slope * (delta[1] @ w["B2"].T) - delta[0]) / self.tau
        v[0] = v[0] + (now @ w["W1"].T + w["W1.bias"] - v[0]) / self.tau
        error = on * (v[1] - wanted)
        v1 = v[1] + (np.tanh(v[0]) @ w["W2"].T + w["W2.bias"] - v[1]) / self.tau
        delta[1] = delta[1] + (error - delta[1]) / self.tau
        v[1] = v1

    def integrate(self, now, v, delta):
        r, n = np.tanh(v[0]), len(now)
        products = {
            "W1": -delta[0].T @ now / n,
            "W1.bias": -delta[0].mean(axis=0),
            "W2": -delta[1].T @ r / n,
            "W2.bias": -delta[1].mean(axis=0),
            "B2": -r.T @ delta[1] / n,
        }
        for name, product in products.items():
            self.sums[name] = self.sums[name] + ETA * product / self.tau
            self.time[name] += 1 / self.tau

    def learn(self, due):
        """Of lines of one pace, weights and biases learn together."""
        self.updates += len({self.paces[name] for name in due}) if len(due) < 5 else 1
        for name in due:
            decay = -DECAY * self.time[name] * self.w[name] * (name != "B2")
            self.w[name] = self.w[name] + self.asked(name) + decay
            self.sums[name], self.time[name] = 0.0, 0.0

    def asked(self, name):
        """Return the change itself; or that of Kingma & Ba 2015, of a gradient of which it is -eta
        times."""
        if not self.adam:
            return self.sums[name]
        gradient, (mean, square, n) = -self.sums[name] / ETA, self.moments[name]
        mean, square, n = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2, n + 1
        self.moments[name] = [mean, square, n]
        return -ETA * mean / (1 - 0.9**n) / (np.sqrt(square / (1 - 0.999**n)) + 1e-8)
