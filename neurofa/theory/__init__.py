"""What theory says of a circuit, without simulating it.

Closed forms, right-hand sides, linear circuits, stability.
"""

__all__ = ["analysis", "flow", "linear", "reference", "stability"]
