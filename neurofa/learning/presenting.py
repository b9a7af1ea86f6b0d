"""The training step, readable aloud: stimulus, phases, learning, what came of it."""

import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from brian2 import Quantity

from ..base.arguments import able, kind
from ..base.errors import Diverged, NetworkError, NotSettled, warn
from ..base.fixed import Fixed
from ..base.frames import Frame
from ..data.recorder import Recorder
from ..simulate.settling import PhaseResult
from .learner import Learner


def present(
    learner: Learner,
    x: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    y: npt.ArrayLike,
    learn: bool = True,
    record: Recorder | None = None,
    frame: Frame | Quantity | None = None,
) -> list[PhaseResult]:
    """Run one trial per row of `x` (trials, inputs) and `y` (trials, outputs), and return the
    PhaseResult of each phase.

    `x` may also be what is shown from the beginning of some phases on, the first among them,
    `{"free": (trials, inputs), "saccade": (trials, inputs)}`. `record` is a
    neurofa.recording.Recorder, or None. With a `frame`, such as 5*ms, both may be
    (trials, frames, units), as `Network.stimulus` takes them. Raises NetworkError, RuleError for a
    phase that there is not, and Diverged: weights are then those after the last update.

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms))
    >>> free, feedback = present(learner, x, y, learn=False)
    >>> feedback.phase, feedback.output.shape
    ('feedback', (2, 2))
    >>> bool(feedback.unsettled.any())
    False
    """
    kind("learn", learn, (bool, np.bool_), "True or False")
    net = kind("learner", learner, Learner, "a Learner, such as Learner(net, trial)").net
    if record is not None:
        able("record", record, "begin", "a Recorder, or None")
    first, later = _by_phase(net, x, frame)
    if learn:
        learner.lesion()
    net.reset()
    net.stimulus(first, frame)
    net.target_rates(y, frame)
    results: list[PhaseResult] = []
    _go_on(learner, results, learn, record, later)
    learner.trials += net.active * learn
    return results


def _by_phase(net, x, frame):
    """Return what is shown first, and {phase: what is shown from then on} of later ones."""
    if not isinstance(x, Mapping):
        return x, {}
    first, *_ = (phase.name for phase in net.rule.phases)
    later = {net.rule.phase(name).name: np.asarray(shown) for name, shown in x.items()}
    if first not in later:
        raise NetworkError(f"The inputs say nothing of the first phase: give '{first}', too.")
    if frame is not None:
        raise NetworkError("Inputs phase by phase have no frames: leave frame out.")
    counts = {name: len(shown) for name, shown in later.items() if shown.ndim}
    if len({*counts.values()}) > 1:
        raise NetworkError(f"Give as many trials in every phase, not {counts}.")
    return later.pop(first), later


def go_on(learner: Learner, results: list[PhaseResult]) -> None:
    """Learn from the phase that has just ended, the last of `results`, run the phases that are left
    of the trial, and add theirs."""
    _ended(learner, results, learn=True, record=None)
    _go_on(learner, results)


def _go_on(learner, results, learn=True, record=None, later=Fixed()):
    """Run the phases that are left of a trial, learn from them, and add what came of them to the
    `results` of those before; `later` is what some of them show."""
    net = learner.net
    with net.synapses.undisturbed():
        for phase in net.rule.phases[len(results) :]:
            if phase.name in later:
                net.stimulus(later[phase.name])
                net.synapses.unchanged = False  # what the input drives is to be made anew
            length = learner.trial.length(net, phase.name)
            meanwhile = learner.meanwhile(phase.name) if learn else None
            results.append(net.run(phase.name, length, record, meanwhile=meanwhile))
            _ended(learner, results, learn, record)


def _ended(learner, results, learn, record):
    learner.trial.phase_ended(learner.net, results[-1])
    if learn:
        _learn(learner, results[-1].phase, results, record)


def _learn(learner, phase, results, record):
    """Learn what a phase has taught, from the trials that have settled so far."""
    if phase == learner.silence.phase:
        learner.silence.look()
    try:
        learner.learn(phase, np.any([result.unsettled for result in results], axis=0))
    except Diverged:
        if record is not None:
            record.flush()  # what led there is in its file
        raise


def look_beneath_noise(
    learner: Learner, x: np.ndarray, y: np.ndarray, frame: Frame | None = None
) -> None:
    """Run a trial once more without its noise, if that keeps phases from being judged; warn
    NotSettled where they do not settle even so.

    Nothing is learned, and the sequence of the noise stays as it was: an instability, from a gain
    or a delay that is too large, looks like noise.
    """
    net, phases = (
        learner.net,
        [phase for phase in learner.net.noisy_phases if learner.trial[phase].tolerance is not None],
    )
    if not phases:
        return
    net.reset()
    net.stimulus(x, frame)
    net.target_rates(y, frame)
    with net.without_noise(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotSettled)
        results = [
            net.run(phase.name, learner.trial.length(net, phase.name)) for phase in net.rule.phases
        ]
    for result in (found for found in results if found.phase in phases and found.unsettled.any()):
        warn(
            f"{result.phase} phase: noise keeps it from being judged, but it does not settle without the noise either: {result.unsettled.sum()} of "
            f"{len(result.unsettled)} trials, residual {np.nanmax(result.residual):.1g} after {result.duration * 1e3:g} ms. What looks like noise is "
            "an instability, or is slow: shorten delays, lower gains, and see analysis.stability(net, x), or lengthen the phase: "
            f"Trial({result.phase}=settle(at_most=...)).{f' {net.rule.advice}' if net.rule.advice else ''}",
            NotSettled,
        )
        return
