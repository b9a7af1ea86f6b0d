"""How anything is timed: in rounds, in turns, and in fresh processes; and how much memory was held."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...base.errors import Diverged, NetworkError

if TYPE_CHECKING:
    from ...engine.brian.engine import Engine, Request


ROUND = 3e-3  # seconds that a round should last at least


def rounds_of(steps: int) -> list[int]:
    """Return the steps of each round: about 50 each, and at least nine rounds if there are as many
    steps."""
    if steps < 1:
        raise NetworkError(f"steps = {steps!r}: give a whole number of at least 1.")
    rounds = min(steps, max(9, steps // 50))
    return [steps // rounds + (k < steps % rounds) for k in range(rounds)]


def long_enough(rounds: list[int], call: Callable[[int], Callable]) -> list[int]:
    """Return the steps of each round, more of them where a round would be over before what it costs
    to begin one is a small part of it.

    `call(n)` returns a function that takes n steps.
    """
    once = min(_seconds(call(rounds[0])) for _ in range(3)) / rounds[0]
    return [max(n, int(ROUND / once)) for n in rounds]


def in_turns(rounds: list[int], calls: Callable[[int], Iterable[Callable]]) -> np.ndarray:
    """Return the seconds per step of several ways to take steps, one after the other in each round,
    shape (ways, rounds).

    `calls(n)` returns the functions that take n steps. A round that comes first warms up.
    """
    seconds = [[_seconds(call) / n for call in calls(n)] for n in (rounds[0], *rounds)]
    return np.array(seconds[1:]).T


def run(engine: Engine, request: Request) -> None:
    """Take the steps of a request. Raises KeyboardInterrupt and Diverged if they ended early."""
    outcome = engine.run(request)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.diverged:
        raise Diverged(
            f"The benchmark's circuit became NaN or infinite after {outcome.steps} steps. Try other layers."
        )


def _seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def spread(name: str, values: np.ndarray) -> dict[str, float]:
    """Return median, mean, least and largest of the values, under names that begin with `name`."""
    return {
        name: float(np.median(values)),
        f"{name}_mean": float(np.mean(values)),
        f"{name}_min": float(np.min(values)),
        f"{name}_max": float(np.max(values)),
    }


def peak_bytes() -> int:
    """Return the most memory that this process has ever held."""
    # the kernel's own account of this program; getrusage starts with the size of the process that
    # launched it
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    except (OSError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )


def fresh_process(module: str, call: str, **environment: str) -> subprocess.Popen:
    """Return a fresh process that makes the `call` of a function in a module beside this one."""
    return subprocess.Popen(
        [sys.executable, "-c", f"from neurofa.runs.bench import {module}; {module}.{call}"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def last_words(process: subprocess.Popen, complaints: str) -> str:
    """Return what a process that failed said last, of its `complaints`."""
    last = next(
        (line for line in reversed(complaints.split("\n")) if line),
        f"exit code {process.returncode}",
    )
    return f"Its last words: {last}"
