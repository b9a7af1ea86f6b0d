"""Networks that learn.

Plasticity, optimisers, training, checkpoints, snapshots, and directions of updates.
"""

__all__ = ["checkpoint", "directions", "learner", "optimisers", "plasticity", "predict",
           "snapshots", "state", "training"]
