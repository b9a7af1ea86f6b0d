"""What a network answers without learning: rates, cost, accuracy."""

import numpy as np


def respond(learner, x):
    """Return the output's rates at the end of the first phase, shape (samples, outputs), for inputs (samples, inputs)."""
    net, first = learner.net, learner.net.rule.phases[0].name
    rates = []
    for batch in np.array_split(x, range(net.trials, len(x), net.trials)):
        net.reset()
        net.stimulus(batch)
        rates.append(net.run(first, learner.trial.length(net, first)).output)
    learner.trial.over(net)
    return np.concatenate(rates)


def evaluate(learner, x, y):
    """Return (mean cost, accuracy) of the output's rates; the accuracy is that of the largest rate against the largest target."""
    r = respond(learner, x)
    return float(learner.net.cost.value(r, y).mean()), float((r.argmax(axis=1) == y.argmax(axis=1)).mean())
