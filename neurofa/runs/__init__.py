"""Whole experiments.

Runs and their folders, worker processes, statistics, the command line, and the benchmark.
"""

__all__ = ["bench", "cells", "cli", "experiment", "lookup", "statistics"]
