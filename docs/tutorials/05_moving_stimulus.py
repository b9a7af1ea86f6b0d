"""
A moving stimulus
=================

**How fast may a target move before control falls behind? And how late may an error be when
nothing waits for it?** Stimuli and targets may be functions of time. The first half lets a
controlled circuit follow a target that oscillates, and compares gain and lag with what theory
predicts. The second half learns from a stream of digits without a pause between them, while the
error is late.
"""

# %%
# Functions of time
# -----------------
#
# What moves is an array (samples, frames, units), with a frame length.
# :func:`neurofa.tasks.in_time` makes such arrays from text in ``t``, or from a Python function of
# seconds.

from brian2 import Hz, ms
from neurofa import tasks

wave = tasks.in_time("0.05 * sin(2*pi*2*Hz*t)", duration=1000 * ms, frame=1 * ms)
print(wave.shape)

# %%
# Control that follows
# --------------------
#
# Eight trials of one circuit see the same stimulus, which stands still (no axis of frames). Their
# targets oscillate around what the output does by itself, each at another frequency.

import numpy as np

from neurofa import Learner, Network, Trial, predict, present
from neurofa.models import dfc_tracking

frequencies = np.array([0.5, 1, 2, 3, 5, 8, 12, 20])
rule = dfc_tracking.RULE.but(tau_u=100 * ms, alpha=0.5)
net = Network([10, 20, 20, 1], rule, activation="tanh", trials=8, seed=0)

x = np.repeat(np.random.default_rng(0).standard_normal((1, 10)), 8, axis=0)
rest = predict(net, x)  # (8, 1): the output without a controller
swing = np.concatenate(
    [tasks.in_time(f"0.05 * sin(2*pi*{f}*Hz*t)", 4000 * ms, 1 * ms) for f in frequencies]
)
y = rest[:, None] + swing  # (8 trials, 4000 frames, 1 unit)

learner = Learner(net, Trial(dt=1 * ms, free=200 * ms))
free, feedback = present(learner, x, y, learn=False, frame=1 * ms)
output = feedback.trajectory[:, :, 0]  # the rates as every frame ends
print(output.shape)

# %%
# At 0.5 Hz the output follows, to the fraction that the controller's leak leaves; at 5 Hz it is
# late and too small.

import matplotlib.pyplot as plt

time = np.arange(4000)  # ms
figure, axes = plt.subplots(2, figsize=(7, 3.6), sharex=True, layout="constrained")
for panel, trial in zip(axes, (0, 4)):
    panel.plot(time, y[trial, :, 0], "--", color="0.5", label="target")
    panel.plot(time, output[trial], color="black", label="output")
    panel.set_ylabel(f"Rate, {frequencies[trial]:g} Hz")
axes[0].legend(loc="upper right")
axes[1].set(xlabel="Time since feedback set in (ms)", xlim=(0, 2000))
plt.show()

# %%
# Gain and lag are read off by projecting the last two seconds on sine and cosine. The prediction,
# :func:`neurofa.analysis.transfer`, linearises the rule's own equations and simulates nothing.

from neurofa import analysis

last = time >= 2000
carrier = np.exp(2j * np.pi * frequencies[:, None] * time[last] / 1000)
measured = 2j * ((output - rest)[:, last] * carrier.conj()).mean(axis=1) / 0.05
predicted = analysis.transfer(net, x[0], frequencies * Hz, dt=1 * ms)[0, :, 0, 0]

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
left.semilogx(frequencies, abs(predicted), label="theory")
left.semilogx(frequencies, abs(measured), "o", label="simulation")
left.set(xlabel="Frequency (Hz)", ylabel="Gain")
left.legend()
right.semilogx(frequencies, -np.degrees(np.unwrap(np.angle(predicted))))
right.semilogx(frequencies, -np.degrees(np.unwrap(np.angle(measured))), "o")
right.set(xlabel="Frequency (Hz)", ylabel="Lag (degrees)")
plt.show()
print(f"largest deviation: {abs(measured / predicted - 1).max():.2%}")

# %%
# An error that comes too late
# ----------------------------
#
# :func:`neurofa.tasks.stream` shows the digits one after the other, each for 100 ms: 32 streams
# side by side. ``online_dfa`` is a rule without phases: input, error and plasticity run all the
# time, and weights move in every time step. With feedback that is 100 ms late, the error of a digit
# arrives when the next digit is there. In ``online_dfa_trace`` each cell keeps a trace of its rate,
# so that a synapse still knows what was there before.

from neurofa import train
from neurofa.models import online_dfa, online_dfa_trace
from neurofa.pathways import delayed

stream = tasks.stream(tasks.digits(), shown=100 * ms, streams=32)
print(stream)

for rule in (online_dfa.RULE, online_dfa_trace.RULE):
    for late in (0, 100):
        delay = delayed(late * ms)
        net = Network(
            [64, 30, 30, 10], rule.through(delay), trials=32, cost="cross_entropy", seed=1
        )
        history = train(net, stream, epochs=10, trial=Trial(dt=5 * ms), progress=False)
        print(f"{rule.name:28} {late:3} ms late: {history.test_accuracy[-1]:.1%}")

# %%
# An error that is late by as long as a digit is shown costs a rule without traces 40 points: it
# pairs the error of one digit with the rates of the next. With traces, most of that comes back, at
# the price of a point where the error is not late.
#
# What to try next
# ----------------
#
# - ``rule.through(delayed(20*ms), "Q")`` makes control late: at which frequency does it hurt, and
#   when does the circuit oscillate by itself? :func:`neurofa.analysis.stability` predicts it.
# - ``Frame(5*ms, interpolated=True)``: a movement that is no staircase.
# - A task of your own that moves: ``tasks.Task(x, y, "mine", frame=5*ms, settling=100*ms)``
#   (:class:`neurofa.tasks.Task`).
# - ``neurofa run tracking`` and ``neurofa run delays_without_phases`` ask the same at length.
