"""
A recurrent circuit
===================

**Can recurrent neurons learn to move by themselves, from an error that comes back through random
synapses?** Random-feedback local online learning (RFLO) gives every synapse a trace of how its
weight has moved the rate of its neuron. With that trace, and an error through fixed random
feedback, fifty neurons learn to draw a sum of three sines from an input that stands still.
"""

# %%
# The rule and the task
# ---------------------
#
# A pathway from the ``"same"`` layer is all that makes a circuit recurrent: here ``R``. Synapses of
# ``R`` and ``W`` have an equation of their own, for the trace ``p``.

from neurofa import tasks
from neurofa.models import rflo

print(rflo.RULE)
sines = tasks.sines()
print(sines)

# %%
# The task is a single sample, and an epoch is one pass through the samples. For epochs of a hundred
# trials, the sample is repeated.

import numpy as np

REPEATS = 100
task = tasks.Task(
    np.repeat(sines.x, REPEATS, axis=0),
    np.repeat(sines.y, REPEATS, axis=0),
    name="sines, repeated",
    frame=sines.frame,
)

# %%
# :class:`neurofa.pathways.spectral` starts ``R`` with a largest eigenvalue of modulus 1.5 here, so
# that the circuit has a rich repertoire before it has learned anything. A trial lasts as long as
# its frames, and weights change as it ends.

from brian2 import ms

from neurofa import Learner, Network, Trial, predict
from neurofa.pathways import spectral

rule = rflo.RULE.through(spectral(1.5), "R")
net = Network([1, 50, 1], rule, activation="tanh", seed=1)
learner = Learner(net, Trial(dt=1 * ms))


def output():
    """Return what the output does in a trial, shape (frames,)."""
    still = np.repeat(sines.x[:, None], sines.frames, axis=1)  # (1 trial, frames, 1 input)
    return predict(learner, still, frame=sines.frame)[0, :, 0]


# %%
# Against the gradient
# --------------------
#
# RFLO leaves two things out of the gradient: what has gone round through ``R``, and the transpose
# of the readout ``V`` (``W2`` here), for which it has the random ``B``. ``neurofa.unrolled``, in
# plain NumPy, unrolls the circuit in time and backpropagates through it. How far apart are the two?

from neurofa import analysis, unrolled
from neurofa.snapshots import requested_changes


def compare_with_gradient():
    """Print the angle of the change of R to that of backpropagation through time, in degrees."""
    change = requested_changes(learner, sines.x, sines.y, frame=sines.frame)["R1.w"]
    weights = (net["W1"], net["R1"], net["W2"])
    exact = unrolled.gradients(sines.x, sines.y, *weights, step=0.1)  # dt / tau
    through_B = unrolled.gradients(sines.x, sines.y, *weights, step=0.1, B=net["B1"])
    print(f"to the gradient: {analysis.angle(change, -exact.R):.0f} degrees")
    print(f"to the gradient with B in place of V^T: {analysis.angle(change, -through_B.R):.0f}")
    print(f"V^T to B: {analysis.alignment(net['W2'], net['B1']):.0f}")


compare_with_gradient()

# %%
# Learning
# --------
#
# First a hundred trials, then the rest. :func:`neurofa.train` says that there is no accuracy where
# targets are no classes, which is known here.

import warnings

from neurofa import train

warnings.filterwarnings("ignore", "The targets of task")
before = output()
history = train(learner, task, epochs=1, progress=False)
compare_with_gradient()

# %%
# With a Learner, ``train`` goes on where it was.

history = train(learner, task, epochs=99, progress=False)
compare_with_gradient()

# %%
# Losses are squared errors, averaged over the frames of a trial.

import matplotlib.pyplot as plt

time = np.arange(1, sines.frames + 1)  # ms, as each frame ends
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
left.semilogy(REPEATS * (1 + np.array(history.epoch[1:])), history.train_cost[1:])
left.set(xlabel="Trial", ylabel="Loss, mean of 100 trials")
right.plot(time, sines.y[0, :, 0], "--", color="0.5", label="target")
right.plot(time, before, ":", label="before")
right.plot(time, output(), label="after")
right.set(xlabel="Time (ms)", ylabel="Output rate")
right.legend()
plt.show()
print(
    f"loss {history.train_cost[1]:.2g} in the second 100 trials, "
    f"{history.train_cost[-1]:.2g} in the last"
)

# %%
# The output has learned to follow the target. After a hundred trials, weights change at 48 degrees
# to the gradient, since ``V`` has turned towards ``B``; in the end at right angles to it. That is
# not due to ``B``, as the second angle says: it is what has gone round through ``R``, of which the
# traces know nothing. Does what recurrent synapses learn help at all? A control tells, in which the
# readout learns alone.

readout = rule.but(plasticity=tuple(p for p in rule.plasticity if p.to == "output"))
control = Network([1, 50, 1], readout, activation="tanh", seed=1)
alone = train(control, task, epochs=100, trial=Trial(dt=1 * ms), progress=False)
print(
    f"loss in the last 100 trials: {history.train_cost[-1]:.2g}; "
    f"readout alone {alone.train_cost[-1]:.2g}"
)

# %%
# What the neurons do
# -------------------
#
# Trials that move are recorded as others are; ``learn=False`` leaves the weights as they are.

from neurofa import Recorder, plot, present

recorder = Recorder(["hidden1.r", "hidden1.v_apical"])
present(learner, sines.x, sines.y, frame=sines.frame, learn=False, record=recorder)
recording = recorder.recording()

figure, axes = plt.subplots(2, figsize=(7, 4), sharex=True, layout="constrained")
plot.traces(recording, "hidden1.r", axes[0])
plot.traces(recording, "hidden1.v_apical", axes[1])
plt.show()

# %%
# What to try next
# ----------------
#
# - ``spectral(0.9)``: what does a circuit learn that has little to say by itself?
# - ``tasks.reaching(rotation=30)``: eight reaches under a visuomotor rotation.
# - ``neurofa run recurrent`` sets the rule beside backpropagation through time, with many seeds;
#   ``neurofa run adaptation`` lets a recurrent circuit adapt under feedback control.
