"""A circuit that runs: networks, trials, phases, settling, steady states, and synapses."""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = ["network", "phases", "probes", "settling", "state", "steady", "synapses", "trial"]
