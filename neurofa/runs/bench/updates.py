"""What an update of the weights costs, beside the discrete rule written out in NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...base.arguments import one_of
from .. import lookup
from .timing import in_turns, rounds_of, spread

if TYPE_CHECKING:
    from ...simulate.network import Network

LAYERS, TRIALS = (64, 30, 30, 10), 32
TRIAL_KINDS = ("settle", "steady")
ETA = 1e-3


def update(
    model: str = "fa",
    layers: Sequence[int] = LAYERS,
    trials: int = TRIALS,
    dtype: str = "float64",
    threads: int = 1,
    updates: int = 900,
    trial: str = "settle",
    tuned: bool = False,
) -> dict:
    """Time updates of a model, in turns with a hand-written NumPy loop, and return microseconds per
    update as a dict.

    The loop is feedback alignment, backpropagation for the model `bp`, as a discrete rule on the
    same samples: squared cost, gradient descent. `trial` is "settle", Trial(dt=10*ms), or "steady",
    SteadyState(1e-3). `tuned` takes rule, optimiser, cost and, with "settle", the trial from
    models/tuned/digits.py; else the rule has its own parameters and follows its gradient. `steps`
    are those of the median trial, over all phases.

    Raises NetworkError, RuleError, CompileError, Diverged, KeyboardInterrupt.
    """
    from threadpoolctl import threadpool_limits

    from ...learning.batches import Batches
    from ...learning.learner import Learner

    rounds = rounds_of(updates)
    rule, optimiser, schedule, cost = _setting(model, trial, tuned)
    net = _network(rule, layers, trials, cost, dtype, threads)
    x, y, batches = _samples(net)
    learner = Learner(net, schedule, optimiser)
    presented, ours_next, theirs_next = Batches(learner, x, y), *map(itertools.cycle, [batches] * 2)
    loop = DiscreteRule(_network(lookup.rule("fa"), layers, trials, "squared", dtype, 1), model)
    steps = []

    def ours(n):
        steps.extend(answer.steps for answer in presented.all(itertools.islice(ours_next, n)))

    def theirs(n):
        for batch in itertools.islice(theirs_next, n):
            loop.update(x[batch], y[batch])

    with threadpool_limits(limits=1, user_api="blas"):
        seconds = in_turns(rounds, lambda n: (lambda: ours(n), lambda: theirs(n)))
    return dict(
        model=model,
        layers=list(net.sizes),
        trials=net.trials,
        dtype=dtype,
        threads=net.threads,
        trial=trial,
        tuned=tuned,
        updates=updates,
        rounds=len(rounds),
        steps=float(np.median(steps)),
        **spread("us_per_update", seconds[0] * 1e6),
        **spread("numpy_us_per_update", seconds[1] * 1e6),
        ratio=float(np.median(seconds[0] / seconds[1])),
    )


def _setting(model, trial, tuned):
    """Return (rule, optimiser, trial, cost)."""
    from brian2 import ms

    from ...simulate.steady import SteadyState
    from ...simulate.trial import Trial

    one_of("trial", trial, TRIAL_KINDS, noun="trial")
    rule, optimiser, schedule, cost = (
        lookup.tuned("digits", model)
        if tuned
        else (lookup.rule(model), "gradient", Trial(dt=10 * ms), "squared")
    )
    return rule, optimiser, SteadyState(1e-3) if trial == "steady" else schedule, cost


def _network(rule, layers, trials, cost, dtype, threads):
    from ...simulate.network import Network

    if "eta" in rule.parameters and cost == "squared":
        rule = rule.but(eta=ETA)
    return Network(layers, rule, trials, cost=cost, dtype=dtype, threads=threads, target="cpp")


def _samples(net):
    """Return inputs, targets, and batches of them: of the digits, where the layers fit them, random
    ones elsewhere."""
    from ...data import tasks

    rng, n = np.random.default_rng(0), net.trials
    task = tasks.digits()
    if task.sizes == (net.sizes[0], net.sizes[-1]):
        whole = [rows for rows in task.batches(n, rng) if len(rows) == n]
        return task.x, task.y, whole or [np.arange(n) % len(task.x)]
    outputs, samples = np.eye(net.sizes[-1]), 20 * n
    return (
        rng.normal(0, 0.3, (samples, net.sizes[0])),
        outputs[rng.integers(net.sizes[-1], size=samples)],
        np.arange(samples).reshape(20, n),
    )


class DiscreteRule:
    """Feedback alignment of a tanh network with linear outputs as one writes it in NumPy, from the
    weights of a Network; with `model` "bp", backpropagation.

    Lillicrap et al. 2016: delta_L = y - r_L, delta_i = phi'(v_i) * (B delta_{i+1}), and after every
    batch W_i += eta * mean of delta_i r_{i-1}^T.
    """

    def __init__(self, net: Network, model: str = "fa"):
        layers = range(1, len(net.sizes))
        self.W = [net[f"W{k}"].copy() for k in layers]
        self.b = [net[f"W{k}.bias"].copy() for k in layers]
        self.eta, self.transport = ETA, model == "bp"
        self.B = [] if self.transport else [net[f"B{k}"].copy() for k in layers[1:]]

    def update(self, x: np.ndarray, y: np.ndarray) -> None:
        """Learn from one batch: x (trials, n_in), y (trials, n_out)."""
        W, rates = self.W, [x.astype(self.W[0].dtype, copy=False)]
        for w, b in zip(W[:-1], self.b[:-1]):
            rates.append(np.tanh(rates[-1] @ w.T + b))
        delta = y - (rates[-1] @ W[-1].T + self.b[-1])
        deltas = [delta]
        for k in range(len(W) - 1, 0, -1):
            back = W[k] if self.transport else self.B[k - 1].T
            deltas.insert(0, (deltas[0] @ back) * (1 - rates[k] ** 2))
        for w, b, delta, r in zip(W, self.b, deltas, rates):
            w += self.eta / len(x) * (delta.T @ r)
            b += self.eta / len(x) * delta.sum(axis=0)
