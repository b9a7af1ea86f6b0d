"""What people look at: figures of results, diagrams of circuits, and what notebooks show."""

__all__ = ["diagram", "drawings", "matrices", "notebook", "plot", "shown", "style"]
