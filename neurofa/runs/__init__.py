"""Whole experiments.

Runs and their folders, worker processes, statistics, the command line, and the benchmark.
"""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = [
    "bench",
    "cells",
    "cli",
    "executors",
    "experiment",
    "identification",
    "lookup",
    "statistics",
]
