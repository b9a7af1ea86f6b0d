"""What came of a batch, whoever presented it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..simulate.settling import PhaseResult


@dataclass(frozen=True)
class Answer:
    """What came of a batch."""

    # its rates when the first phase has ended, (trials, units); or as every frame of it did, (trials,
    # frames, units)
    output: np.ndarray
    unsettled: np.ndarray | None  # (trials,): in some phase; None, where none was to settle
    steps: int  # of all phases


def answer_of(results: Sequence[PhaseResult]) -> Answer:
    """Return the Answer that the results of all phases are."""
    judged = any(result.judged for result in results)
    unsettled = np.any([result.unsettled for result in results], axis=0)
    steps = sum(result.steps for result in results)
    first = results[0]
    output = first.output if first.trajectory is None else first.trajectory
    return Answer(output, unsettled if judged else None, steps)
