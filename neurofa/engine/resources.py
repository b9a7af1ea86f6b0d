"""What this machine can do: compile circuits or only interpret them, and how many threads may share
the trials."""

import math
import os
import threading
from collections.abc import Iterable

import numpy as np
import psutil

from ..base.arguments import one_of, whole
from ..base.errors import NetworkError, warn
from ..circuit.slots import Role, Slot
from .brian.toolchain import compiler

BUFFER = 2**25  # bytes that OpenBLAS takes for every thread at its first matrix product


def choose_target(target: str | None) -> str:
    """Return "cpp" or "numpy": what was asked for, or what this machine can do.

    Warns where NumPy takes over for want of a compiler; raises NetworkError if "cpp" was asked for
    by name.
    """
    if target is not None:
        one_of("target", target, ("cpp", "numpy"), noun="target")
    if target == "numpy" or compiler():
        return target or "cpp"
    message = (
        "No C++ compiler was found (g++, c++ or clang++ on the path, or the one that CXX names)."
    )
    if target == "cpp":
        raise NetworkError(
            f"{message} Install one, for example the package 'g++', or leave out target='cpp'."
        )
    warn(f"{message} The circuit is interpreted by NumPy, which is correct but many times slower.")
    return "numpy"


def check_memory(slots: Iterable[Slot], trials: int, itemsize: int) -> None:
    """Raise NetworkError if there is no memory for what every synapse has of its own in every
    trial."""
    needed = {
        slot.label: math.prod(slot.shape(trials)) * itemsize
        for slot in slots
        if slot.role == Role.TRACE
    }
    there = psutil.virtual_memory().available if needed else 0
    if sum(needed.values()) > there:
        largest = max(needed, key=needed.__getitem__)
        raise NetworkError(
            f"Variables of synapses need {_in_gb(sum(needed.values()))}, {_in_gb(needed[largest])} of it '{largest}' ({itemsize} bytes per "
            f"synapse and trial, of which there are {trials}), and {_in_gb(there)} of memory are free. Use fewer trials, smaller "
            "layers, or dtype='float32'."
        )


def _in_gb(n):
    return f"{n / 2**30:.3g} GB"


def choose_threads(threads: int) -> int:
    """Return how many threads may share the trials: as many as asked for, or, with a warning, as
    this process can have.

    More than there are cores would wait for each other; and where one cannot be started, OpenMP
    would end the process, as OpenBLAS would where it finds no memory. Raises NetworkError where
    there is not enough for one.
    """
    wanted = whole("threads", threads)
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    able = startable(min(wanted, cores))
    if not able:
        raise NetworkError(
            f"This process can have no {BUFFER // 2**20} MB of memory more, which matrix products need. Free some, or raise the "
            "limit (ulimit -v)."
        )
    if able < wanted:
        why = (
            f"there are {cores} cores for this process"
            if able == cores
            else f"this process can start no more than {able}"
        )
        warn(f"threads = {wanted}, but {why}: {able} will share the trials.")
    return able


def startable(threads: int) -> int:
    """Return how many of so many threads, with this one, the system lets us have, and memory for
    the matrix products of each."""
    over, buffers = threading.Event(), []
    team: list[threading.Thread] = []
    try:
        buffers.append(np.empty(BUFFER, np.uint8))
        while len(team) < threads - 1:
            buffers.append(np.empty(BUFFER, np.uint8))
            one = threading.Thread(target=over.wait, daemon=True)
            one.start()
            team.append(one)
    except (RuntimeError, MemoryError):
        pass  # too many in this process or of this user, or no memory for its stack or its buffer
    over.set()
    for one in team:
        one.join()
    return min(len(buffers), 1 + len(team))
