"""What a learning rule says.

Its text, the check of it, plasticity lines, activations, costs, and what can be done to pathways.
Knows no network.
"""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = [
    "activations",
    "check",
    "costs",
    "cpp",
    "derivatives",
    "expressions",
    "limits",
    "lines",
    "noise",
    "own_activations",
    "pathways",
    "places",
    "rule",
    "synapse",
    "text",
    "words",
]
