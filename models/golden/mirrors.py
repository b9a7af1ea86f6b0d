"""The weight mirror: what noise writes into B, and with how large an error after so many
samples."""

import numpy as np
from brian2 import ms

from neurofa import Learner, Length, analysis, lookup

from .common import DTANH, TANH, apart, asked, biases, circuit, golden, weights


def mirrored(learner, length):
    """Return how a mirror phase changes the feedback weights without their decay, in units of
    eta_b, for one tau_z."""
    net = learner.net
    net.run("mirror", length)
    scale = float(net.parameters["eta_b"] * length.duration / net.parameters["tau_z"])
    return [asked(learner, "mirror")[f"B{k}.w"][0] / scale for k in range(2, len(net.sizes))]


def follows(a, k):
    """Return E[z v] and E[v^2] of noise z and a cell v that hears it, var(z) = 1; a and k are
    dt/tau_z and dt/tau_v.

    Noise is exact, the cell takes steps of forward Euler. For a and k to 0, E[z v] is tau_z /
    (tau_z + tau_v).
    """
    kept = np.exp(-a)
    both = k / (1 - (1 - k) * kept)
    return both, (2 * k * (1 - k) * kept * both + k**2) / (1 - (1 - k) ** 2)


@golden("weight_mirror", slow=True)
def samples(model, target, n=40, m=50, trials=500):
    """With dt = tau_v = 20 tau_z every step is an independent sample, and tan(angle) = sqrt((n + 1)
    / N), its spread 1/sqrt(2 n m) of it."""
    for steps in (1, 10):
        net, _, _ = circuit(
            lookup.rule(model).but(tau_z=0.5 * ms),
            (3, n, m),
            trials=trials,
            activation="linear",
            target=target,
        )
        net["W1.bias"] = net["W2.bias"] = 0.0  # they would add to the error, not to the mean
        net.stimulus(np.ones((trials, 3)))
        net.run("mirror", Length(10 * ms, dt=10 * ms))
        [change] = mirrored(Learner(net), Length(steps * 10 * ms, dt=10 * ms))
        tangent, expected = (
            np.tan(np.radians(analysis.alignment(net["W2"], change))),
            ((n + 1) / (trials * steps)) ** 0.5,
        )
        yield (
            f"tan(angle(dB, W^T)) = sqrt((n + 1)/N), N = {trials * steps}; relative, limit 5 sd",
            abs(tangent / expected - 1),
            5 / (2 * n * m) ** 0.5,
        )


@golden("weight_mirror", slow=True)
def all_at_once(model, target, trials=400, repeats=20):
    """E[dB] = var(z) tau_z/(tau_z + tau_v) W^T E[dphi], here for finite dt; noise of other layers
    and biases do not matter."""
    rule = lookup.rule(model).but(tau_z=20 * ms, sigma=0.8)
    net, _, _ = circuit(rule, (3, 5, 4, 3), trials=trials, seed=2, target=target)
    net.stimulus(np.ones((trials, 3)))
    net.run("mirror", Length(200 * ms, dt=1 * ms))
    learner = Learner(net)
    found = [mirrored(learner, Length(100 * ms, dt=1 * ms)) for _ in range(repeats)]
    both, filtered = follows(1 / 20, 1 / 10)
    (_, W2, W3), (b1, b2, _) = weights(net), biases(net)
    points, masses = np.polynomial.hermite_e.hermegauss(40)
    v = (W2 @ TANH(b1) + b2) + np.multiply.outer(
        points, 0.8 * np.sqrt(filtered * (W2**2).sum(axis=1))
    )
    slope = masses @ DTANH(v) / masses.sum()
    for k, expected in enumerate([both * W2.T * slope, both * W3.T]):
        samples = np.array([sample[k] for sample in found])
        spread = np.sqrt((samples.var(axis=0, ddof=1) / repeats).sum()) / np.linalg.norm(expected)
        yield (
            f"E[dB{k + 2}] = closed form; relative, limit 2 sd",
            apart(samples.mean(axis=0), expected),
            min(2 * spread, 0.08),
        )
