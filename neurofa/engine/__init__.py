"""Runs a planned circuit.

Brian2 objects, the compiled and the interpreted loop. Knows no rule's name and no network.
"""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = ["brian", "build", "functions", "resources"]
