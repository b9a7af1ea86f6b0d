"""Runs a planned circuit.

Brian2 objects, the compiled and the interpreted loop. Knows no rule's name and no network.
"""

__all__ = ["brian", "build", "resources"]
