"""Networks that learn.

Plasticity, optimisers, training, checkpoints, snapshots, and directions of updates.
"""

from ..base import guest  # noqa: F401 (first: it imports Brian2)

__all__ = [
    "batches",
    "checkpoint",
    "directions",
    "history",
    "learner",
    "lessons",
    "observe",
    "once",
    "optimisers",
    "plasticity",
    "predict",
    "presenting",
    "requested",
    "schedules",
    "snapshots",
    "state",
    "training",
]
