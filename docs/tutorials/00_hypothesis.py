"""
A hypothesis, tested in ten minutes
===================================

**How much feedback does a circuit need to learn?** In feedback alignment, errors descend through
synapses of their own, which are random and stay as they are. Cortical feedback is also sparse,
and late. This script asks whether a circuit still learns handwritten digits if nine in ten
feedback synapses are missing, and errors come 20 ms late. Everything else in these pages is more
of the same.
"""

# %%
# A task, a rule, a circuit
# -------------------------
#
# The digits come with scikit-learn: 1797 images of 8 x 8 pixels. A quarter is held out.

from neurofa import tasks

task = tasks.digits()
print(task)

# %%
# A learning rule is text: differential equations for the neurons, pathways for the feedback, and a
# line of plasticity. This text is what Brian2 compiles and integrates.

from neurofa.models import fa

print(fa.RULE)

# %%
# Each neuron has a potential ``v``, which hears feedforward input ``v_basal``, and a second
# potential ``delta``, which hears feedback ``v_apical``. The synapses ``B`` carry ``delta`` of the
# layer above, and the feedforward synapses ``W`` change when the feedback phase has ended.
#
# A network is a rule with layer sizes. It has 32 trials in parallel, which is also the size of a
# batch.

from brian2 import ms

from neurofa import Network, Trial, train

rule = fa.RULE.but(eta=0.003)  # another learning rate
net = Network([64, 30, 30, 10], rule, trials=32, cost="cross_entropy", seed=1)
history = train(net, task, epochs=20, trial=Trial(dt=10 * ms), optimiser="adam")
print(f"held-out accuracy: {history.test_accuracy[0]:.1%} before learning")
print(f"                   {history.test_accuracy[-1]:.1%} after {history.epoch[-1]} epochs")

# %%
# The hypotheses
# --------------
#
# A hypothesis is a value, too: ``rule.through(...)`` says what is done to the feedback pathway. The
# last one is the control, in which hidden neurons do not learn: the output alone does.

from neurofa.models import frozen
from neurofa.pathways import delayed, sparse

intact = fa.RULE.but(eta=0.003)
hypotheses = {
    "intact": intact,
    "a tenth of the synapses": intact.through(sparse(0.1)),
    "a tenth, and 20 ms late": intact.through(sparse(0.1)).through(delayed(20 * ms)),
    "no feedback": frozen.RULE.but(eta=0.003),
}

# %%
# Initial weights and the order of the samples are drawn, so each hypothesis is tried with several
# seeds. The same seed gives all of them the same feedforward weights, and the same numbers again
# when you run this.

import numpy as np

EPOCHS, SEEDS = 20, 5


def learning_curve(rule, seed):
    """Return the held-out accuracy in percent, before learning and after each epoch."""
    net = Network([64, 30, 30, 10], rule, trials=32, cost="cross_entropy", seed=seed)
    trial = Trial(dt=10 * ms)
    history = train(net, task, EPOCHS, trial=trial, optimiser="adam", seed=seed, progress=False)
    return 100 * np.array(history.test_accuracy)


accuracy = np.array(
    [[learning_curve(rule, seed) for seed in range(SEEDS)] for rule in hypotheses.values()]
)
for name, final in zip(hypotheses, accuracy[..., -1]):
    print(f"{name:24} {np.median(final):5.1f} %  ({final.min():.1f} to {final.max():.1f})")

# %%
# The figure
# ----------
#
# Lines are medians over seeds, and bands their range.

import matplotlib.pyplot as plt
import xarray

from neurofa import plot

curves = xarray.DataArray(
    accuracy,
    dims=("rule", "seed", "epoch"),
    coords=dict(rule=list(hypotheses), epoch=range(EPOCHS + 1)),
)
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
plot.learning(curves, axes, label="Held-out accuracy (%)")
axes.set_ylim(50, 100)
plt.show()

# %%
# A tenth of the synapses does nearly as well as all of them, and much better than no feedback at
# all: sparse random feedback still teaches the hidden neurons.
#
# The delay changes nothing: the two curves are one. It cannot change anything here, because a trial
# lasts until the circuit has settled, so that a late error arrives before the weights change. What
# it does to a circuit that does not wait is asked in
# :ref:`sphx_glr_generated_tutorials_05_moving_stimulus.py`.
#
# What to try next
# ----------------
#
# - Another rule: ``from neurofa.models import dfa, dfc``; ``neurofa models`` in a terminal lists
#   all.
# - Another manipulation: ``noisy``, ``dale``, ``at_angle``, ``lesioned``
#   (:ref:`sphx_glr_generated_tutorials_04_pathways.py`).
# - A rule of your own (:ref:`sphx_glr_generated_tutorials_03_own_rule.py`).
# - The same on the command line, with intervals and the paired difference to the intact pathway:
#   ``neurofa compare --models fa --pathway 'sparse(0.1)' --pathway 'delayed(20*ms)' --seeds 5``.
