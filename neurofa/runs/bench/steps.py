"""Time steps: beside their matrix products alone, and with noise drawn in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from .. import lookup
from .circuit import DT, SIZES, controlled, steps_of
from .timing import in_turns, long_enough, peak_bytes, rounds_of, run, spread


def step(
    layers: Sequence[int] = SIZES,
    trials: int = 128,
    dtype: str = "float64",
    threads: int = 1,
    steps: int = 500,
) -> dict:
    """Time Euler steps of DFC and the matrix products of as many steps, and return medians over
    rounds as a dict.

    The input is constant: its drive is evaluated once, before the rounds, and is no part of a step.
    Rounds that would be over in a moment are longer, so that there are more than the `steps` asked
    for. `synapses` are those that a step evaluates; the weights in memory include the input's.
    `ns_per_synapse` is per step and trial.

    Raises NetworkError, CompileError, Diverged, KeyboardInterrupt.
    """
    rounds = rounds_of(steps)
    net, drives = controlled(layers, trials, dtype, threads)

    def calls(n):
        request = steps_of(net, n, drives)
        return partial(run, net.engine, request), partial(net.engine.products, request)

    rounds = long_enough(rounds, lambda n: calls(n)[0])
    ours, limit = in_turns(rounds, calls)
    return dict(
        layers=list(net.sizes),
        trials=net.trials,
        dtype=net.dtype.name,
        threads=net.threads,
        steps=sum(rounds),
        rounds=len(rounds),
        **_synapses(net, drives, np.median(ours)),
        ms_per_step=float(np.median(ours) * 1e3),
        limit_ms_per_step=float(np.median(limit) * 1e3),
        **spread("ratio", ours / limit),
        peak_rss_mb=peak_bytes() / 1e6,
    )


def _synapses(net, drives, seconds):
    """Return how many synapses a step of so many seconds evaluates, what each costs, and what they
    take in memory."""
    weights = [net[group.name] for group in net.circuit.groups if group.owner == group.name]
    in_step = sum(
        group.shape[0] * group.shape[1] for group in net.circuit.groups if group.name not in drives
    )
    nbytes = sum(w.nbytes for w in weights)
    return dict(
        synapses=in_step,
        ns_per_synapse=float(seconds * 1e9 / (in_step * net.trials)),
        bytes_per_synapse=nbytes / sum(w.size for w in weights),
        weights_mb=nbytes / 1e6,
    )


def noise(units: int = 2000, trials: int = 8, dtype: str = "float64", steps: int = 5000) -> dict:
    """Time steps of a population that hears noise of its own, in turns with steps in which none is
    drawn; return a dict.

    `ns_per_sample` is the difference per unit, trial and step, on one thread. Raises NetworkError,
    CompileError, KeyboardInterrupt.
    """
    from brian2 import ms

    from ...engine.brian.engine import Request
    from ...rules.pathways import noisy
    from ...simulate.network import Network

    net = Network(
        (1, units, 1),
        lookup.rule("fa").through(noisy(0.1, 10 * ms)),
        trials,
        dtype=dtype,
        target="cpp",
    )
    rounds = rounds_of(steps)

    def calls(n):
        request = Request(n, net.trials, DT, measure_every=n, silent=net.groups)
        silent = replace(request, silent=(*net.groups, "hidden1.xi_B"))
        return partial(run, net.engine, request), partial(run, net.engine, silent)

    drawn, none = in_turns(rounds, calls)
    return dict(
        units=units,
        trials=net.trials,
        dtype=net.dtype.name,
        steps=steps,
        rounds=len(rounds),
        ms_per_step=float(np.median(drawn) * 1e3),
        **spread("ns_per_sample", (drawn - none) * 1e9 / (units * trials)),
    )
