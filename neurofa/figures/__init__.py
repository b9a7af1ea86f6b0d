"""What people look at: figures of results, diagrams of circuits, and what notebooks show."""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = ["diagram", "drawings", "matrices", "notebook", "plot", "shown", "style"]
