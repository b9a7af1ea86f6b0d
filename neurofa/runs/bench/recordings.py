"""Recording all rates: what it adds to a time step, and how fast a recording streams to a file."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ...base.errors import CompileError, NetworkError
from .circuit import DT, SIZES, controlled, steps_of
from .timing import fresh_process, in_turns, last_words, peak_bytes, rounds_of, run, spread

RECORD_EVERY = 10  # steps between two samples of all rates


def record(
    layers: Sequence[int] = SIZES,
    trials: int = 128,
    dtype: str = "float64",
    threads: int = 1,
    steps: int = 2000,
    gigabytes: float = 2.0,
) -> dict:
    """Time steps that record all rates after every tenth one, in turns with steps that record
    nothing, and stream a recording of `gigabytes` to a file in a fresh process; return what it cost
    as a dict.

    `ratio` is a step with recording over one without, both in rounds of at least one sample.
    `stream_` is of the fresh process: its peak memory, the size of its file, which is deleted, and
    megabytes recorded per second, simulation included.

    Raises NetworkError, CompileError, Diverged, KeyboardInterrupt.
    """
    if not 0 < gigabytes < math.inf:
        raise NetworkError(
            f"gigabytes = {gigabytes!r}: give how much is to be streamed, such as 2."
        )
    rounds = [max(n, RECORD_EVERY) for n in rounds_of(steps)]
    net, drives = controlled(layers, trials, dtype, threads)

    def calls(n):
        request = steps_of(net, n, drives)
        recorded = replace(request, **_rates(net).begin(net, "feedback", DT))
        return partial(run, net.engine, recorded), partial(run, net.engine, request)

    ours, plain = in_turns(rounds, calls)
    found = dict(
        layers=list(net.sizes),
        trials=net.trials,
        dtype=net.dtype.name,
        threads=net.threads,
        steps=sum(rounds),
        rounds=len(rounds),
        record_every=RECORD_EVERY,
        mb_per_sample=_sample_bytes(net) / 1e6,
        ms_per_step=float(np.median(ours) * 1e3),
        plain_ms_per_step=float(np.median(plain) * 1e3),
        **spread("ratio", ours / plain),
    )
    return found | _streamed(net, gigabytes)


def _rates(net, every=RECORD_EVERY, to=None):
    """Return a Recorder of the rates of all populations."""
    from ...data.recorder import Recorder

    return Recorder([name for name in net.probeable if name.endswith(".r")], every=every, to=to)


def _sample_bytes(net):
    return sum(net[name].nbytes for name in net.probeable if name.endswith(".r"))


def _streamed(net, gigabytes):
    """Return what a fresh process says of a recording that it has streamed to a file, and how large
    the file is."""
    with tempfile.TemporaryDirectory(prefix="neurofa-bench-") as folder:
        path, steps = Path(folder) / "recording.nc", math.ceil(gigabytes * 1e9 / _sample_bytes(net))
        arguments = ", ".join(
            map(repr, (str(path), net.sizes, net.trials, net.dtype.name, net.threads, steps))
        )
        with fresh_process("recordings", f"stream({arguments})") as process:
            answer, complaints = process.communicate()
        if process.returncode:
            raise CompileError(
                f"A fresh process did not complete its recording. {last_words(process, complaints)}"
            )
        return json.loads(answer) | dict(stream_file_mb=path.stat().st_size / 1e6)


def stream(
    path: str, layers: Sequence[int], trials: int, dtype: str, threads: int, steps: int
) -> None:
    """Record all rates after each of so many steps to the file `path`, and print what that took:
    what `record` waits for."""
    from brian2 import ms, second

    from ...simulate.trial import Length

    net, _ = controlled(layers, trials, dtype, threads)
    begin, before = time.perf_counter(), peak_bytes()
    with _rates(net, every=1, to=path) as recorder:
        net.run("feedback", Length(steps * DT * second, dt=1 * ms), recorder)
    seconds, mb = time.perf_counter() - begin, steps * _sample_bytes(net) / 1e6
    print(
        json.dumps(
            dict(
                stream_samples=steps,
                stream_mb=mb,
                stream_seconds=seconds,
                stream_mb_per_s=mb / seconds,
                stream_peak_rss_mb=peak_bytes() / 1e6,
                stream_peak_before_mb=before / 1e6,
            )
        ),
        flush=True,
    )
