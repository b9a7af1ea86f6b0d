"""A circuit that runs: networks, trials, phases, settling, steady states, and synapses."""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = [
    "movie",
    "network",
    "pacing",
    "phases",
    "probes",
    "progress",
    "settling",
    "state",
    "steady",
    "synapses",
    "trial",
]
