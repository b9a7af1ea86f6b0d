"""Where drawn tasks get their numbers from: generators of their own for what is to be learned and
for the samples.
"""

import numpy as np

from ..base.arguments import seed_of
from ..base.errors import TaskError


def streams(kind: str, seed: int, number: int = 3) -> list[np.random.Generator]:
    """Return so many independent generators: for what is to be learned, the samples, the held-out
    samples.

    They are keyed by the task, so a network that is drawn from the same seed does not start with
    the target's numbers. Raises TaskError for what is no seed.
    """
    return np.random.default_rng(
        [seed_of(f"{kind}: the seed", seed, TaskError), *kind.encode()]
    ).spawn(number)
