"""The changes of weights that a rule asks for, on samples that nothing is learned from."""

from collections.abc import Mapping
from copy import copy, deepcopy

import numpy as np
import numpy.typing as npt
from brian2 import Quantity

from ..base.arguments import kind, samples
from ..base.frames import Frame
from .learner import Learner
from .presenting import present
from .silence import Silence


def requested_changes(
    learner: Learner,
    x: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    y: npt.ArrayLike,
    frame: Frame | Quantity | None = None,
) -> dict[str, np.ndarray]:
    """Return the change of every plastic array that the rule asks for, `{"W1.w": (post, pre),
    ...}`: a mean over the samples.

    `x` (samples, inputs) and `y` (samples, outputs), or, with a `frame`, (samples, frames, ...),
    are presented from rest; `x` may also be what some phases show, `{phase: (samples, inputs)}`,
    as in `present`. It is what activity asks for, before the optimiser and without decay. Weights,
    states, time and noise of the network stay as they are.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> from neurofa.snapshots import requested_changes
    >>> sorted(requested_changes(learner, x, y))
    ['W1.bias', 'W1.w', 'W2.bias', 'W2.w']
    """
    net = kind("learner", learner, Learner, "a Learner, such as Learner(net, trial)").net
    width, moves = net.sizes[0], frame is not None
    y = samples("targets", y, net.sizes[-1], frames=moves)
    shown: np.ndarray | dict[str, np.ndarray]
    if isinstance(x, Mapping):
        shown = {phase: samples("inputs", one, width, len(y)) for phase, one in x.items()}
    else:
        shown = samples("inputs", x, width, len(y), frames=moves)
    noise, active = net.noise, net["input.r"][: net.active].copy()
    movie, progress = net.movie, net.progress
    before = {name: array.copy() for name, array in net.arrays.items()}
    # signals on their way
    late = [(line, line.ring.copy(), line.dt) for line in net.engine.lines.values()]
    requests = _Requests(learner)
    try:
        for rows in np.array_split(np.arange(len(y)), range(net.trials, len(y), net.trials)):
            requests.share = len(rows) / len(y)
            present(requests, _of(shown, rows), y[rows], frame=frame)
    finally:
        net.stimulus(active)
        net.movie, net.progress = movie, progress
        for name, array in before.items():
            net.arrays[name][...] = array
        for line, ring, dt in late:
            line.ring, line.dt = ring, dt
        net.noise = noise
    return requests.changes


def _of(shown, rows):
    """Return some rows of inputs, or of those of every phase."""
    if isinstance(shown, dict):
        return {phase: one[rows] for phase, one in shown.items()}
    return shown[rows]


class _Requests(Learner):
    """A Learner that keeps the changes its rule asks for instead of making them."""

    share: float  # of a batch in all samples

    def __init__(self, learner):
        self.net, self.trials, self.changes, self._taught = learner.net, 0, {}, None
        # what these tell apart is no part of a trial that goes on
        self.plastic = {phase: [*map(copy, lines)] for phase, lines in learner.plastic.items()}
        # what it finds out here is no part of the training
        self.trial = deepcopy(learner.trial)
        self.silence = Silence(self.net)
        self.silence.mentioned = True  # the training says it

    def lesion(self):
        pass  # those that are due now wait for the next trial that counts

    def learn(self, phase, unsettled):
        self._take(self.plastic[phase])

    def learn_within(self, phase, every):
        for one in (one for one in self.plastic[phase] if one.every == every):
            self._take([one])
            one.forget()

    def gather(self, phase):
        for one in self.plastic[phase]:
            one.gather()

    def _take(self, lines):
        for plastic in lines:
            for name, (of_activity, _) in plastic.change().items():
                self.changes[name] = (
                    self.changes.get(name, np.zeros_like(self.net[name])) + self.share * of_activity
                )
            plastic.gathered = {}
