"""
Your own training loop
======================

**What if training is no sequence of epochs?** Samples may be drawn anew for each batch, something
may be measured in between, or what comes next may depend on what was found.
:func:`neurofa.lessons` learns from one batch after the other and hands over in between;
:func:`neurofa.present` is a single trial.
"""

# %%
# Batches that are drawn
# ----------------------
#
# A student learns from a teacher, a network of the same kind, whose inputs are drawn anew for each
# batch. There are no epochs, and no sample is seen twice.

import numpy as np
from brian2 import ms

from neurofa import Learner, Network, Trial, analysis, lessons, tasks
from neurofa.models import fa

rng = np.random.default_rng(0)
teacher = tasks.teacher((30, 20, 10), seed=0)
net = Network([30, 20, 10], fa.RULE.but(eta=0.1), activation="tanh", trials=10, seed=1)
learner = Learner(net, Trial(dt=10 * ms))


def batches(count):
    """Yield inputs (10 trials, 30 units) and what the teacher makes of them (10, 10)."""
    for _ in range(count):
        x = rng.standard_normal((10, 30))
        yield x, tasks.teach(teacher, x)


# %%
# What is to be measured, on inputs that are not learned from: the squared error in shares of how
# much the teacher's outputs vary, and the angle between feedback synapses and the transpose.

from neurofa import predict

x_test = rng.standard_normal((200, 30))
y_test = tasks.teach(teacher, x_test)
updates, errors, angles = [], [], []


def measure():
    """Note how good the student is, and how far B2 is from the transpose of W2."""
    updates.append(learner.updates)
    errors.append(analysis.nse(predict(learner, x_test), y_test))
    angles.append(analysis.alignment(net["W2"], net["B2"]))


# %%
# The loop gets ``done``, how many batches there were, and the :class:`neurofa.PhaseResult` of each
# phase of the last one; the first time before anything is learned. What happens in between is the
# loop's own: here it stops when the student is good.

for done, results in lessons(learner, batches(20_000)):
    if done % 100 == 0:
        measure()
        if errors[-1] < 0.05:
            break
print(f"after {done} batches: error {errors[-1]:.3f}, angle {angles[-1]:.0f} degrees")

# %%
# A schedule that depends on what is found
# ----------------------------------------
#
# Parameters are yours to set between two batches. The learner goes on where it was, now with a
# learning rate that is halved whenever the error has not fallen.

for done, results in lessons(learner, batches(4000)):
    if done and done % 200 == 0:
        measure()
        if errors[-1] > errors[-2]:
            net.set(eta=net.parameters["eta"] / 2)
            print(f"after {updates[-1]} batches: eta {net.parameters['eta']:g}")
print(f"after {updates[-1]} batches: error {errors[-1]:.3f}, angle {angles[-1]:.0f} degrees")

import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
left.semilogy(updates, errors)
left.set(xlabel="Batch", ylabel="Normalised squared error")
right.plot(updates, angles)
right.set(xlabel="Batch", ylabel="Angle of $W_2^T$ to $B_2$ (degrees)")
plt.show()

# %%
# The angle falls fast, below 50 degrees, and then grows a little while the error goes on falling:
# the student needs no more alignment than that.
#
# A trial at a time
# -----------------
#
# :func:`neurofa.present` runs one batch and tells how each phase ended. With it, a loop decides by
# what a trial did whether it is learned from: here, only batches that go worse than usual.

from neurofa import present

learned, usual = 0, errors[-1]
for x, y in batches(500):
    free, feedback = present(learner, x, y, learn=False)
    error = analysis.nse(free.output, y)
    if error > usual:
        present(learner, x, y)
        learned += 1
    usual += 0.05 * (error - usual)  # a running mean
print(f"learned from {learned} of 500 batches")

# %%
# Below that
# ----------
#
# What ``present`` does can be written out, phase by phase: clamp, run, read, learn.

from neurofa import settle

x, y = next(batches(1))
net.reset()
net.stimulus(x)
net.target_rates(y)
for phase in net.rule.phases:
    result = net.run(phase.name, settle(1e-6, dt=10 * ms))
    learner.learn(phase.name, result.unsettled)
    print(f"{phase.name}: {result.steps} steps, residual {result.residual.max():.1e}")

# %%
# What to try next
# ----------------
#
# - A curriculum: batches whose inputs grow with ``done``.
# - Silence the feedback when the angle is small, ``net["B2"] = 0 * net["B2"]``. Is it still needed?
# - ``lessons(..., record=Recorder(["W2.w"], every="phase"))`` records every update.
# - ``learner.save("learner.h5")`` in the loop, and ``Learner.load`` in the next session.
