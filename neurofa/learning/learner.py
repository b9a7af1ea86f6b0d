"""A network that learns: what is plastic, when, and what is made of it."""

from collections.abc import Mapping
from copy import deepcopy
from math import ceil
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..base import stored
from ..base.arguments import kind
from ..base.errors import Diverged
from ..engine.brian.denormals import flushed
from ..simulate.network import Network
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

    Examples
    --------
    >>> net = Network([4, 3, 2], fa.RULE, trials=2, seed=1)
    >>> x, y = np.ones((2, 4)), np.eye(2)
    >>> learner = Learner(net, Trial(dt=10*ms), "adam")
    >>> results = present(learner, x, y)
    >>> learner.optimiser
    'adam'
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
        self.updates = self.trials = self.epochs = 0  # completed so far
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
            f"{phase} phase, update {self.updates + 1}: the change of '{name}' became NaN or infinite. It was not "
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
            steps = ceil(float(length.duration) / dt - 1e-9)
            # what is due after the last of them is learned as the phase ends
            within += sum((steps - 1) // every for every in paces_of(self, phase, dt).values())
        return within + sum(map(bool, self.plastic.values()))

    def until_a_lesion(self, trials: int) -> int:
        """Return how many batches of so many trials can begin before a lesion is due; at least 1."""
        now = dict(updates=self.updates, trials=self.trials, epochs=self.epochs)
        each = dict(updates=self.updates_of_a_trial(), trials=trials, epochs=0)
        return self.net.synapses.until_a_lesion(now, each)

    def lesion(self) -> None:
        """Cut and restore the synapses that lesions name for this moment of training."""
        self.net.synapses.cut(updates=self.updates, trials=self.trials, epochs=self.epochs)
