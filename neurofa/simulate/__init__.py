"""A circuit that runs: networks, trials, phases, settling, steady states, and synapses."""

__all__ = ["network", "phases", "probes", "settling", "state", "steady", "synapses", "trial"]
