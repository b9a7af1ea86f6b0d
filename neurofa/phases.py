"""What a phase needs beside its steps: how late signals come, when silence means that it is over, what is cut meanwhile."""

import math
from dataclasses import replace

import numpy as np

from .trial import Length

FADED = 10
"""After so many of the longest time constants, less than 1e-4 of how a phase began is left in a leaky circuit."""


def length_of(net, phase, length):
    """Return the Length that a phase gets: where noise keeps it from settling, FADED times the longest time constant.

    But no longer than the `length` allows. A Length without a tolerance is taken as it is.
    """
    if length.tolerance is None or phase not in net.noisy_phases:
        return length
    longest = max(tau for _, tau in net.time_constants().values()) + max([0.0, *delays(net).values()])
    from brian2 import second
    return Length(min(float(length.duration), FADED * longest) * second, None, length.dt)


def delays(net):
    """Return `{synapse group: seconds}` of the delayed groups."""
    found = {}
    for group in (g for g in net.circuit.groups if g.name in net.engine.lines):
        found[group.name] = sum(float(net.parameters[name]) for key, m in group.pathway.keyed if m.concerns(group)
                                for name in m.parameters(key) if name.startswith("delay_"))
    return found


def quiet_steps(net, dt):
    """Return for how many steps a settled circuit must stay so, because what reaches a unit may still be on its way."""
    begins = [float(net.parameters[name]) for p in net.rule.all_pathways for name in p.parameters if name.startswith("begin_")]
    longest = max([0.0, *delays(net).values(), *begins])
    return math.ceil(longest / dt) + 1 if longest else 0


def run_in_parts(net, request):
    """Run a phase, cutting and restoring synapses at the times of the trial that the lesions name; return the whole Outcome."""
    start = float(net["clock.t"][0])
    stops = [round((time - start) / request.dt) for time in net.synapses.times()]
    outcomes, total = [], request.steps
    for stop in (*(s for s in stops if 0 < s < total), total):
        net.synapses.cut(seconds=start + request.begin * request.dt)
        outcome = net.engine.run(replace(request, steps=stop))
        outcomes.append(outcome)
        if outcome.steps < stop or outcome.diverged or outcome.interrupted:
            break
        request = replace(request, begin=stop)
    if len(outcomes) == 1:
        return outcome
    return replace(outcome, samples=tuple(np.concatenate(parts) for parts in zip(*(o.samples for o in outcomes))))
