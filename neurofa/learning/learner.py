"""A network that learns, and the training step, readable aloud: stimulus, phases, learning, what
came of it."""

import warnings
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from brian2 import Quantity

from ..base import stored
from ..base.arguments import able, kind
from ..base.errors import Diverged, NotSettled, warn
from ..base.frames import Frame
from ..data.recorder import Recorder
from ..engine.brian.denormals import flushed
from ..simulate.network import Network
from ..simulate.settling import PhaseResult
from ..simulate.state import saved_network
from ..simulate.trial import Trial
from .lengths import lengths_of
from .meanwhile import Meanwhile, paces_of
from .optimisers import Optimiser, by_pathway
from .plasticity import moments, plastic_of
from .silence import Silence
from .state import learner_state, loaded_learner, made_learner
from .taught import Taught


class Learner:
    """A network that learns: what is plastic, after which phase, and through which optimiser.

    `optimiser` is a name in neurofa.optimisers, or an Optimiser; or one for each pathway, `{"W":
    "adam"}`, where others follow the gradient. Raises NetworkError if there is none of that name.
    """

    def __init__(
        self,
        net: Network,
        trial: Trial | None = None,
        optimiser: str | Optimiser | Mapping[str, str | Optimiser] = "gradient",
    ):
        self.net = kind("net", net, Network, "a Network")
        self.text = net.equations
        self.trial = kind(
            "trial", Trial() if trial is None else trial, Trial, "a Trial or a SteadyState"
        ).of(net)
        self.optimisers = by_pathway(
            optimiser, list(dict.fromkeys(line.pathway for line in net.rule.plasticity))
        )
        self.plastic = plastic_of(net, self.optimisers)
        self.updates = self.trials = self.epochs = 0  # that are over
        self.silence = Silence(net)
        self._taught: Taught | None = None  # when something is first learned
        net.synapses.check_all()
        net.attach(self, moments(one for lines in self.plastic.values() for one in lines))

    def save(self, path: str | Path) -> None:
        """Write network, trial, optimisers with their moments, and counts to one file. Raises
        ExperimentError if it cannot be written."""
        stored.write(path, "learner", saved_network(self.net) | dict(learner=learner_state(self)))

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        trial: Trial | None = None,
        optimiser: str | Optimiser | Mapping[str, str | Optimiser] | None = None,
        **given: Any,
    ) -> Self:
        """Return the Learner in a file that `save` wrote, or a Checkpoint; it goes on where that
        one was.

        `trial` and `optimiser` stand in place of those that were saved, all else is as in
        Network.load. Raises ExperimentError.
        """
        tree = stored.read(path, "learner", "checkpoint")
        chosen = {
            name: value
            for name, value in dict(trial=trial, optimiser=optimiser).items()
            if value is not None
        }
        return loaded_learner(cls, path, tree, Network.load(path, **given), chosen)

    def __reduce__(self):
        return made_learner, (
            type(self),
            self.net,
            self.trial,
            self.optimisers,
            learner_state(self),
        )

    def __copy__(self):
        return deepcopy(self)  # two learners of one network would disturb each other

    @property
    def optimiser(self) -> str:
        """What the optimisers are called: "adam", or "W: adam, Q: gradient"."""
        names = {pathway: optimiser.name for pathway, optimiser in self.optimisers.items()}
        first = next(iter(names.values()), "gradient")
        return (
            first
            if {*names.values()} <= {first}
            else ", ".join(f"{pathway}: {name}" for pathway, name in names.items())
        )

    @np.errstate(over="ignore", invalid="ignore")  # what comes of it is refused
    @flushed()
    def learn(self, phase: str, unsettled: np.ndarray | tuple = ()) -> bool:
        """Change the weights of every line that belongs to `phase`, all from the same state of
        circuit and weights.

        Trials that are `unsettled` teach nothing if the trial is `strict`. Returns whether anything
        was learned. Raises Diverged, and changes nothing, if a change is no finite number;
        NetworkError if `phase` was cut into pieces that began it anew.
        """
        self.net.rule.phase(phase)
        if self.trial.strict and np.all(unsettled) and len(unsettled):
            return False
        ignored = unsettled if self.trial.strict and np.any(unsettled) else None
        if not self.plastic[phase]:
            return False
        self.net.learned(phase, any(one.gathers for one in self.plastic[phase]))
        if self.net.target == "cpp":
            self._compiled(phase, ignored)
        else:
            teaching = slice(None) if ignored is None else np.logical_not(ignored)
            self._interpreted(phase, teaching, self.plastic[phase])
        return True

    @np.errstate(over="ignore", invalid="ignore")
    @flushed()
    def learn_within(self, phase: str, every: float | str) -> None:
        """Learn what is learned so often, in seconds or every "dt", while `phase` runs, from what it
        has integrated since. Raises Diverged as `learn` does."""
        lines = [one for one in self.plastic[phase] if one.every == every]
        if self.net.target == "cpp":
            self._note(
                phase, self.taught().learn_within(phase, every), self.taught().paced[phase][every]
            )
        else:
            self._interpreted(phase, slice(None), lines)
        for one in lines:
            one.forget()

    def gather(self, phase: str) -> None:
        """Tell apart what `phase` has integrated while the input was as it is: it will be another.
        Raises Diverged as `learn` does."""
        if self.net.target == "cpp":
            if bad := self.taught().gather(phase):
                self._refuse(phase, bad[1])
        else:
            for one in self.plastic[phase]:
                one.gather()

    def forget(self, phase: str) -> None:
        """Forget what was told apart of `phase`, which begins anew."""
        for one in self.plastic[phase]:
            one.gathered = {}
        if self._taught is not None:
            self._taught.lessons[phase].forget()

    @property
    def has_taught(self) -> bool:
        """Whether learning has been compiled already."""
        return self._taught is not None

    def taught(self) -> Taught:
        """Return what learns, compiled: once, and anew when an optimiser has another text."""
        texts = [one.optimiser.text for lines in self.plastic.values() for one in lines]
        if self._taught is None or self._taught.optimisers != texts:
            self._taught = Taught(self.net, self.plastic)
        return self._taught

    def _compiled(self, phase, unsettled):
        taught = self.taught()
        self._note(phase, taught.learn(phase, unsettled), taught.lessons[phase])

    def _note(self, phase, bad, lesson):
        """Take note of what came of a compiled lesson."""
        if bad:
            self._refuse(phase, bad[1])
        self.updates += 1
        if lesson.by_hand:
            self.net.synapses.updated(self.updates)
        self.net.synapses.unchanged = False

    def _interpreted(self, phase, teaching, lines):
        changes = [plastic.change(teaching) for plastic in lines]
        for name, parts in (found for change in changes for found in change.items()):
            # its square must be a finite number, as a moment of it would be
            if not all(np.isfinite(np.vdot(part, part)) for part in map(np.asarray, parts)):
                self._refuse(phase, name)
        for plastic, change in zip(lines, changes):
            plastic.learn(change)
        self.updates += 1
        self.net.synapses.updated(self.updates)

    def _refuse(self, phase, name):
        raise Diverged(
            f"{phase} phase, update {self.updates + 1}: the change of '{name}' left the finite numbers. It was not "
            f"made: the weights are those after {self.updates} updates. Use a smaller learning rate, and "
            "begin anew with net.randomise(seed)."
        )

    def meanwhile(self, phase: str) -> Meanwhile:
        """Return what learns while a phase runs, for `net.run(phase, ..., meanwhile=...)`."""
        return Meanwhile(self, self.net.rule.phase(phase).name)

    def updates_of_a_trial(self) -> int:
        """Return how many updates a trial makes, or, where phases are to settle, may make."""
        within = 0
        paced = [
            phase
            for phase, lines in self.plastic.items()
            if any(one.every is not None for one in lines)
        ]
        for phase, length in lengths_of(self, paced).items():
            dt = float(length.dt)  # type: ignore[arg-type]  # it is filled in
            steps = float(length.duration) / dt
            within += sum(int(steps / every) for every in paces_of(self, phase, dt).values())
        return within + sum(map(bool, self.plastic.values()))

    def until_a_lesion(self, trials: int) -> int:
        """Return how many batches of so many trials can begin before a lesion is due; at least 1."""
        now = dict(updates=self.updates, trials=self.trials, epochs=self.epochs)
        each = dict(updates=self.updates_of_a_trial(), trials=trials, epochs=0)
        return self.net.synapses.until_a_lesion(now, each)

    def go_on(self, results: list[PhaseResult]) -> None:
        """Learn from the phase that has just ended, the last of `results`, run the phases that are
        left of the trial, and add theirs."""
        _ended(self, results, learn=True, record=None)
        _go_on(self, results)

    def lesion(self) -> None:
        """Cut and restore the synapses that lesions name for this moment of training."""
        self.net.synapses.cut(updates=self.updates, trials=self.trials, epochs=self.epochs)


def present(
    learner: Learner,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    learn: bool = True,
    record: Recorder | None = None,
    frame: Frame | Quantity | None = None,
) -> list[PhaseResult]:
    """Run one trial per row of `x` (trials, inputs) and `y` (trials, outputs), and return the
    PhaseResult of each phase.

    `record` is a neurofa.recording.Recorder, or None. With a `frame`, such as 5*ms, both may be
    (trials, frames, units), as `Network.stimulus` takes them. Raises Diverged; weights are then those after
    the last update.
    """
    kind("learn", learn, (bool, np.bool_), "True or False")
    net = kind("learner", learner, Learner, "a Learner, such as Learner(net, trial)").net
    if record is not None:
        able("record", record, "begin", "a Recorder, or None")
    if learn:
        learner.lesion()
    net.reset()
    net.stimulus(x, frame)
    net.target_rates(y, frame)
    results: list[PhaseResult] = []
    _go_on(learner, results, learn, record)
    learner.trials += net.active * learn
    return results


def _go_on(learner, results, learn=True, record=None):
    """Run the phases that are left of a trial, learn from them, and add what came of them to the
    `results` of those before."""
    net = learner.net
    with net.synapses.undisturbed():
        for phase in net.rule.phases[len(results) :]:
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
