"""What theory says of a circuit, without simulating it.

Closed forms, right-hand sides, linear circuits, stability.
"""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = ["analysis", "flow", "linear", "order_parameters", "reference", "stability", "unrolled"]
