"""
A pathway, manipulated
======================

**What may biology do to a feedback pathway before learning suffers?** Feedback in cortex is
sparse, late and noisy, its cells obey Dale's law, it can be cut, and it does not know the
transpose of the feedforward weights. Each of these is a value of ``neurofa.pathways`` (:doc:`all
of them </generated/reference/pathways>`), and values compose.
"""

# %%
# Manipulations
# -------------
#
# ``rule.through(value)`` does something to every pathway with synapses of its own but the
# feedforward one; ``rule.through(value, "W")`` to the one that is named. The result is another
# rule, which says what was done:

from brian2 import ms

from neurofa.models import fa
from neurofa.pathways import at_angle, dale, deg, delayed, epoch, lesioned, noisy, sparse

intact = fa.RULE.but(eta=0.003)
print(str(intact.through(sparse(0.3)).through(delayed(20 * ms))).partition("phases")[0])

# %%
# Six hypotheses and two controls. The first three change synapses, then follow two that change the
# signal, a cut at a moment of training, and both together.

from neurofa.models import bp, frozen

hypotheses = {
    "backpropagation": bp.RULE.but(eta=0.003),
    "intact": intact,
    "60° from the transpose": intact.through(at_angle(60 * deg)),
    "3 % of the synapses": intact.through(sparse(0.03)),
    "Dale's law, 80 % excitatory": intact.through(dale(0.8)),
    "slow noise of 0.1": intact.through(noisy(0.1, 100 * ms)),
    "cut after 2 epochs": intact.through(lesioned(at=epoch(2))),
    "3 %, 20 ms late, cut": intact.through(sparse(0.03))
    .through(delayed(20 * ms))
    .through(lesioned(at=epoch(2))),
    "no feedback": frozen.RULE.but(eta=0.003),
}

# %%
# Noise keeps a circuit from settling, so a phase with noise lasts for ten times the longest time
# constant instead. All else is the same for all.

import numpy as np

from neurofa import Network, Trial, tasks, train

task = tasks.digits()
EPOCHS, SEEDS = 10, 3


def held_out_accuracy(rule, seed):
    """Train a circuit, and return its held-out accuracy in percent."""
    net = Network([64, 30, 30, 10], rule, trials=32, cost="cross_entropy", seed=seed)
    trial = Trial(dt=10 * ms)
    history = train(net, task, EPOCHS, trial=trial, optimiser="adam", seed=seed, progress=False)
    return 100 * history.test_accuracy[-1]


accuracy = {
    name: [held_out_accuracy(rule, seed) for seed in range(SEEDS)]
    for name, rule in hypotheses.items()
}

# %%
# Points are seeds, and bars their median.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
for row, (name, values) in enumerate(accuracy.items()):
    axes.plot(values, [row] * SEEDS, "o", color="0.4", markersize=4)
    axes.plot(np.median(values), row, "|", color="black", markersize=16, markeredgewidth=2)
    print(f"{name:28} {np.median(values):.1f} %")
axes.set_yticks(range(len(accuracy)), accuracy)
axes.invert_yaxis()
axes.set_xlabel(f"Held-out accuracy after {EPOCHS} epochs (%)")
axes.grid(axis="x", color="0.9")
plt.show()

# %%
# Any feedback is better than none here, and an angle of 60 degrees costs nothing. What costs most
# is a pathway that is cut early, obeys Dale's law, or is so sparse that many hidden neurons hear
# nothing. Three seeds and ten epochs show large effects, not small ones: ``neurofa compare`` gives
# intervals, and the paired difference to the intact pathway.
#
# One manipulation, in doses
# --------------------------
#
# How far may feedback be from the transpose of the feedforward weights?
# :class:`neurofa.pathways.at_angle` starts ``B`` at an angle; beyond 90 degrees it points away from
# what backpropagation would have. As ``W`` learns, that angle may change, unless it is ``tracked``:
# then ``B`` is made anew after every update, so that the angle stays.

from neurofa import analysis

angles = np.array([0, 45, 90, 135])
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
for tracked, style in ((False, "o-"), (True, "s--")):
    final_accuracy, final_angle = [], []
    for angle in angles:
        rule = intact.through(at_angle(angle * deg, tracked=tracked))
        net = Network([64, 30, 30, 10], rule, trials=32, cost="cross_entropy", seed=0)
        trial = Trial(dt=10 * ms)
        history = train(net, task, EPOCHS, trial=trial, optimiser="adam", progress=False)
        final_accuracy.append(100 * history.test_accuracy[-1])
        final_angle.append(analysis.alignment(net["W3"], net["B3"]))
    name = "angle is kept" if tracked else "B is fixed"
    left.plot(angles, final_accuracy, style, label=name)
    right.plot(angles, final_angle, style, label=name)
    print(f"{name:14}", *(f"{value:6.1f}" for value in final_accuracy))
left.set(xlabel="Initial angle (degrees)", ylabel="Held-out accuracy (%)", ylim=(0, 100))
right.set(xlabel="Initial angle (degrees)", ylabel="Final angle, $W_3^T$ to $B_3$ (degrees)")
left.legend()
plt.show()

# %%
# Where ``B`` is fixed, ``W`` turns towards it from any angle, and the circuit learns. Where the
# angle is kept, it learns below 90 degrees, worse at a right angle, and not beyond: there the
# feedback says the opposite of what it should. Random feedback works because ``W`` can move towards
# ``B``.
#
# What to try next
# ----------------
#
# - :class:`neurofa.pathways.masked` takes the synapses of an array of zeros and ones: receptive
#   fields, a connectome.
# - ``lesioned(at=epoch(2), fraction=0.5)``, and a cut for a time.
# - ``rule.through(sparse(0.1), "W")``: is feedforward sparseness worse?
# - Controllers that stay in the loop notice a delay: :func:`neurofa.analysis.stability` predicts at
#   which one the circuit becomes unstable, and ``neurofa run delays`` compares that with
#   simulations.
