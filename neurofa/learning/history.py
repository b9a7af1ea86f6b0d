"""What came of a training, epoch by epoch."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class History:
    """Learning curves: one entry per epoch, the first of them before learning."""

    epoch: list[int] = field(default_factory=list)
    train_cost: list[float] = field(default_factory=list)
    test_cost: list[float] = field(default_factory=list)
    # NaN where the task is no classification
    test_accuracy: list[float] = field(default_factory=list)
    # fraction of an epoch's trials in which a phase had not settled; NaN where none was to
    unsettled: list[float] = field(default_factory=list)
    measured: list = field(default_factory=list)  # what `measure` found
    # where the task moves: the output's rates as every frame of the last test ended, (test samples,
    # frames, outputs)
    trajectory: np.ndarray | None = None
    interrupted: bool = False
    stopped: bool = False  # by `after_epoch`
    warned: bool = False
