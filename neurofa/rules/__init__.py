"""What a learning rule says.

Its text, the check of it, plasticity lines, activations, costs, and what can be done to pathways.
Knows no network.
"""

__all__ = ["activations", "check", "costs", "derivatives", "lines", "noise", "pathways", "places", "rule", "text", "words"]
