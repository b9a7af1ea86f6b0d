"""
Training and its curves
=======================

**Do fixed random feedback synapses become useful, and why?** In feedback alignment the feedback
synapses ``B`` are drawn once and never change. If it learns nevertheless, something else must
change: the feedforward weights ``W`` come to fit ``B``. Here a circuit is trained while we watch
the angle between the two.
"""

# %%
# Training
# --------
#
# :func:`neurofa.train` passes through the task in batches of ``net.trials`` samples.
# :class:`neurofa.Snapshots` keeps the weights of some updates, ten per decade here.

from brian2 import ms

from neurofa import Network, Snapshots, Trial, tasks, train
from neurofa.models import fa
from neurofa.snapshots import log_spaced

task = tasks.digits()
net = Network([64, 30, 30, 10], fa.RULE.but(eta=0.003), trials=32, cost="cross_entropy", seed=1)
snapshots = Snapshots(log_spaced(10))
trial = Trial(dt=10 * ms)
history = train(net, task, epochs=30, trial=trial, optimiser="adam", snapshots=snapshots)

# %%
# The :class:`neurofa.History` has one entry per epoch, the first of them before learning, when
# nothing is known of training yet.

import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
left.plot(history.epoch, history.train_cost, label="training")
left.plot(history.epoch, history.test_cost, "--", label="held out")
left.set(xlabel="Epoch", ylabel="Cross-entropy (nats)", yscale="log")
left.legend()
right.plot(history.epoch, [100 * accuracy for accuracy in history.test_accuracy])
right.set(xlabel="Epoch", ylabel="Held-out accuracy (%)")
plt.show()
print(f"held-out accuracy {history.test_accuracy[-1]:.1%}, unsettled {history.unsettled[-1]:.0%}")

# %%
# Why it learns
# -------------
#
# Backpropagation would have the transpose of ``W`` in the place of ``B``. The angle between the two
# begins near a right angle, as between any two random vectors; it shrinks as the circuit learns.
# Since ``B`` is fixed, it is ``W`` that has moved.

from neurofa import curves, plot

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
plot.alignment(curves.alignment(snapshots.dataset), axes)
plt.show()

# %%
# The last of these angles, computed once more from the matrices, whose shape is (post, pre):

from neurofa import analysis

for layer in (2, 3):
    W, B = net[f"W{layer}"], net[f"B{layer}"]
    print(f"W{layer} {W.shape}, B{layer} {B.shape}: {analysis.alignment(W, B):.0f} degrees")

# %%
# Is that enough for useful teaching? The angle between the change of weights that the rule asks
# for, and that of backpropagation, tells. Both are computed for the same weights, on the held-out
# digits, without learning from them.

import numpy as np

from neurofa import Learner
from neurofa.models import bp
from neurofa.snapshots import requested_changes

backprop = Network([64, 30, 30, 10], bp.RULE, trials=32, cost="cross_entropy")
for name in ("W1", "W2", "W3"):
    backprop[name] = net[name]
    backprop[f"{name}.bias"] = net[f"{name}.bias"]

probe = task.x_test, task.y_test
asked = requested_changes(Learner(net, trial), *probe)
gradient = requested_changes(Learner(backprop, trial), *probe)
for name in ("W1.w", "W2.w", "W3.w"):
    print(f"{name}: {analysis.angle(asked[name], gradient[name]):.0f} degrees from backpropagation")

# %%
# Which digits are confused?
# --------------------------
#
# :func:`neurofa.predict` returns the output's rates, and :func:`neurofa.classes.confusion` counts:
# rows are digits, columns what the circuit takes them for.

from neurofa import classes, predict

rates = predict(net, task.x_test, trial)
counts = np.asarray(classes.confusion(rates, task.y_test, net.cost.name))
mistakes = np.where(np.eye(10, dtype=bool), 0, counts)

figure, axes = plt.subplots(figsize=(4, 3.4), layout="constrained")
image = axes.imshow(mistakes, cmap="Greys")
axes.set(xlabel="Taken for", ylabel="Digit", xticks=range(10), yticks=range(10))
figure.colorbar(image, label="Mistakes")
plt.show()
print(f"{mistakes.sum():.0f} mistakes in {len(rates)} digits")

# %%
# What to try next
# ----------------
#
# - ``from neurofa.models import dfa``: does an error that reaches every hidden layer directly
#   align, too?
# - ``optimiser="gradient"`` with ``eta=0.3``: how smooth is learning without Adam?
# - ``Snapshots(every(100), to="weights.nc")`` writes to a file, which ``neurofa view`` shows in the
#   browser.
# - :class:`neurofa.SteadyState` in place of ``Trial`` finds the steady states in as few steps as
#   can be.
