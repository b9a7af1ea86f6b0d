"""A network that learns, and the training step, readable aloud: stimulus, phases, learning, what came of it."""

import numpy as np

from .brian.denormals import flushed
from .optimisers import by_pathway
from .plasticity import moments, plastic_of
from .trial import Trial


class Learner:
    """A network that learns: what is plastic, after which phase, and through which optimiser.

    `optimiser` is a name in neurofa.optimisers, or an Optimiser; or one for each pathway, `{"W": "adam"}`, where others follow the
    gradient. Raises NetworkError if there is none of that name.
    """

    def __init__(self, net, trial=None, optimiser="gradient"):
        self.net, self.text = net, net.equations
        self.trial = (trial or Trial()).of(net)
        self.optimisers = by_pathway(optimiser, list(dict.fromkeys(line.pathway for line in net.rule.plasticity)))
        self.plastic = plastic_of(net, self.optimisers)
        self.updates = self.trials = self.epochs = 0       # that are over
        net.attach(moments(one for lines in self.plastic.values() for one in lines))

    @property
    def optimiser(self):
        """What the optimisers are called: "adam", or "W: adam, Q: gradient"."""
        names = {pathway: optimiser.name for pathway, optimiser in self.optimisers.items()}
        first = next(iter(names.values()), "gradient")
        return first if {*names.values()} <= {first} else ", ".join(f"{pathway}: {name}" for pathway, name in names.items())

    @flushed()
    def learn(self, phase, unsettled=()):
        """Change the weights of every line that belongs to `phase`, all from the same state of circuit and weights.

        Trials that are `unsettled` teach nothing if the trial is `strict`. Returns whether anything was learned.
        """
        if self.trial.strict and np.all(unsettled) and len(unsettled):
            return False
        teaching = np.logical_not(unsettled) if self.trial.strict and np.any(unsettled) else slice(None)
        changes = [plastic.change(teaching) for plastic in self.plastic[phase]]
        for plastic, change in zip(self.plastic[phase], changes):
            plastic.learn(change)
        if changes:
            self.updates += 1
            self.net.synapses.updated(self.updates)
        return bool(changes)

    def lesion(self):
        """Cut and restore the synapses that lesions name for this moment of training."""
        self.net.synapses.cut(updates=self.updates, trials=self.trials, epochs=self.epochs)


def present(learner, x, y, learn=True, record=None):
    """Run one trial per row of `x` (trials, inputs) and `y` (trials, outputs), and return the PhaseResult of each phase.

    `record` is a neurofa.recording.Recorder, or None.
    """
    net, results = learner.net, []
    if learn:
        learner.lesion()
    net.reset()
    net.stimulus(x)
    net.target_rates(y)
    held = False
    try:
        for phase in net.rule.phases:
            results.append(net.run(phase.name, learner.trial.length(net, phase.name), record, held))
            learner.trial.noted(results[-1])
            held = not (learn and learner.learn(phase.name, np.any([result.unsettled for result in results], axis=0)))
    finally:
        learner.trial.over(net)
    learner.trials += net.active * learn
    return results
