"""What came of a training, epoch by epoch."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class History:
    """Learning curves: one entry per epoch, the first of them before learning.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> task = tasks.Task(np.ones((4, 4)), [0, 1, 0, 1])
    >>> history = train(net, task, epochs=1, trial=Trial(dt=10*ms), progress=False)
    >>> history.epoch, len(history.train_cost)
    ([0, 1], 2)
    """

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
