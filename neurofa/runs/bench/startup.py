"""A fresh process, until its first phase has ended."""

from __future__ import annotations

import tempfile
import time

import numpy as np

from ...base.errors import CompileError
from .. import lookup
from .timing import fresh_process, last_words

SIZES = (64, 30, 30, 10)
TRIALS = 32


def start(repeats: int = 3) -> dict:
    """Time a fresh process until its first phase has ended, and return the results as a dict.

    Cold: nothing is in the cache, and the circuit is compiled. Warm: the median of `repeats`
    further processes. Raises CompileError if the process fails.
    """
    with tempfile.TemporaryDirectory(prefix="neurofa-bench-") as cache:
        cold = _seconds_to_first_phase(cache)
        warm = [_seconds_to_first_phase(cache) for _ in range(repeats)]
    return dict(
        cold_s=cold,
        warm_s=float(np.median(warm)),
        warm_min_s=min(warm),
        warm_max_s=max(warm),
        warm_repeats=repeats,
        layers=list(SIZES),
        trials=TRIALS,
    )


def _seconds_to_first_phase(cache):
    begin = time.perf_counter()
    with fresh_process("startup", "first_phase()", NEUROFA_CACHE=cache) as process:
        answer = process.stdout.readline()
        seconds = time.perf_counter() - begin
        complaints = process.stderr.read()
    if answer != "done\n":
        raise CompileError(
            f"A fresh process did not complete its first phase. {last_words(process, complaints)}"
        )
    return seconds


def first_phase() -> None:
    """Build a small circuit with feedback alignment, run its free phase, and say so: what `start`
    waits for."""
    from brian2 import ms

    from ...simulate.network import Network
    from ...simulate.trial import settle

    net = Network(SIZES, lookup.rule("fa"), TRIALS, cost="cross_entropy", target="cpp")
    net.stimulus(np.random.default_rng(0).normal(0, 0.3, (TRIALS, SIZES[0])))
    net.run("free", settle(dt=10 * ms))
    print("done", flush=True)
