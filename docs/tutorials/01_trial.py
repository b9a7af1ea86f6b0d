"""
A trial and its traces
======================

**What happens in a circuit while it is taught?** Under deep feedback control a controller hears
how far the output is from its target, and drives all layers until it is there. Synapses learn
what the control had to add. Here one trial of such a circuit is recorded and looked at.
"""

# %%
# A circuit
# ---------
#
# Three layers of tanh neurons, one stimulus and one target. ``but`` gives parameters other values:
# a target halfway between what the output does and what it should do (``lam``), and a leak of the
# controller (``alpha``) that lets one see how far the output stays from its target.

import numpy as np

from neurofa import Network
from neurofa.models import dfc

rule = dfc.RULE.but(lam=0.5, alpha=0.1)
net = Network([15, 10, 10, 5], rule, activation="tanh", seed=0)
print(net.equations)

# %%
# The drawing of a circuit shows its populations and pathways. Solid arrows learn, dashed ones are
# fixed.

import matplotlib.pyplot as plt

from neurofa import plot

figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
plot.circuit(net, axes)
plt.show()

# %%
# A recording
# -----------
#
# ``net.probeable`` lists everything that can be recorded: variables of populations, what each
# pathway brings, residuals, weights.

print(len(net.probeable), "names:", ", ".join(net.probeable[:12]), "...")

# %%
# A trial says how long its phases last, and with what time step they are integrated. This one looks
# at the circuit for 60 ms without feedback and for 440 ms with it. :func:`neurofa.present` runs it;
# with ``learn=False`` the weights stay.

from brian2 import ms

from neurofa import Learner, Recorder, Trial, present

recorder = Recorder(
    [
        "output.r",
        "output.setpoint",
        "hidden1.r",
        "hidden1.r_basal",
        "controller.u",
        *(name for name in net.probeable if name.endswith(".residual")),
    ]
)
rng = np.random.default_rng(0)
x = rng.standard_normal((1, 15))  # (trials, inputs)
y = rng.uniform(-1, 1, (1, 5))  # (trials, outputs)

trial = Trial(dt=1 * ms, free=60 * ms, feedback=440 * ms)
free, feedback = present(Learner(net, trial), x, y, learn=False, record=recorder)
recording = recorder.recording()
print(recording)

# %%
# Output and controller
# ---------------------
#
# Phases are shaded, and the dashed lines are the setpoints of the outputs, noted as feedback sets
# in.

figure, axes = plt.subplots(2, figsize=(7, 4.5), sharex=True, layout="constrained")
plot.traces(recording, "output.r", axes[0], target="output.setpoint", target_phases=["feedback"])
plot.traces(recording, "controller.u", axes[1])
plt.show()

# %%
# The output settles where the feedforward input alone brings it; then the control signal ``u``
# grows until the output is near its setpoint. It stops short of it by ``alpha * u``, the leak's
# share, which the last samples show (once it has settled, the two are equal):

last = recording.dataset.isel(trial=0, time=-1)
print("setpoint - output:", (last["output.setpoint"] - last["output.r"]).values.round(4))
print("alpha * u:        ", (0.1 * last["controller.u"]).values.round(4))

# %%
# What synapses can learn from
# ----------------------------
#
# A hidden neuron compares its rate ``r`` with ``r_basal``, the rate that its feedforward input
# alone would give. Without feedback the two are the same. With it, they differ, and the plasticity
# of ``W`` is proportional to that difference.

figure, axes = plt.subplots(figsize=(7, 2.8), layout="constrained")
plot.traces(recording, "hidden1.r", axes, units=[0, 4, 9], target="hidden1.r_basal")
plt.show()

# %%
# Has it settled?
# ---------------
#
# The residual is the largest ``|tau dx/dt|`` of a population, computed from the right-hand side of
# its equations: how far it is from rest. Each phase returns its own, per trial.

figure, axes = plt.subplots(figsize=(7, 2.8), layout="constrained")
plot.residuals(recording, axes, tolerance=1e-3)
plt.show()
print(f"free: {free.residual[0]:.1e}, feedback: {feedback.residual[0]:.1e}")

# %%
# Instead of a length, a phase may have a tolerance: ``Trial(dt=1*ms, free=settle(1e-4),
# feedback=settle(1e-4))`` ends each phase when all trials have settled, and warns of those that
# have not (:func:`neurofa.settle`).
#
# As data
# -------
#
# A recording is an xarray dataset with named dimensions, and time in milliseconds.

print(recording["controller.u"].sel(trial=0, time=[61, 100, 500]).round(3))

# %%
# It goes to a netCDF file with ``recording.save("trial.nc")``, to a tidy table with
# ``recording.to_dataframe()``, and to Neurodata Without Borders with
# ``recording.to_nwb("trial.nwb")``.

print(recording.to_dataframe("controller.u").head(3))

# %%
# What to try next
# ----------------
#
# - ``alpha=1.0``: how far does the output stay from its setpoint?
# - ``k_p=2.0``, a proportional gain: does control become faster?
# - ``Network(..., trials=8)`` and eight stimuli: all run at once, and ``plot.traces(..., trial=3)``
#   shows one of them.
# - :class:`neurofa.Recorder` takes ``every=10`` for every tenth time step, and names such as
#   ``"hidden1.v[:5]"`` or ``"W1.w[0, :5]"`` for some units or synapses.
