"""
A rule of your own
==================

**Must feedback carry the size of an error, or is its sign enough?** A rule is a value that you
write down: equations, pathways, a line of plasticity, parameters with units. This one is direct
feedback alignment in which the feedback synapses hear no more than the sign of the output's
error.
"""

# %%
# The rule
# --------
#
# Neurons have a potential ``v`` and an error ``delta``, a second potential that feedback drives.
# ``phi`` and ``dphi`` are the activation and its derivative, ``dcost`` is the gradient of the cost
# with respect to the output's rates, and the gate ``feedback_on`` is 1 in the feedback phase.

from brian2 import ms

from neurofa import LearningRule, Pathway, Plasticity

NEURON = """
dv/dt = (-v + v_basal) / tau_v : 1                         # soma: feedforward input only
ddelta/dt = (-delta + dphi(v) * v_apical) / tau_delta : 1  # error, gated by the cell's own slope
r = phi(v) : 1                                             # firing rate
"""
OUTPUT = """
v_apical = feedback_on * dcost : 1                         # the teacher
s = sign(delta) * int(abs(delta) > threshold) : 1          # what is sent down: a sign, or nothing
"""
RULE = LearningRule(
    name="sign feedback",
    reference="this tutorial",
    neuron=NEURON,
    output=OUTPUT,
    pathways=(Pathway("B", source="output", signal="s", into="v_apical"),),
    plasticity=(Plasticity("W", after="feedback", equation="w += -eta * delta_post * r_pre"),),
    parameters=dict(
        tau_v=10 * ms,  # membrane
        tau_delta=10 * ms,  # error
        eta=0.003,  # learning rate
        threshold=0.3,  # smaller errors are not sent
    ),
)

# %%
# Drawn as a circuit, with two hidden layers for an example:

import matplotlib.pyplot as plt

from neurofa import plot

figure, axes = plt.subplots(figsize=(5, 5), layout="constrained")
plot.circuit(RULE, axes)
plt.show()

# %%
# The text is checked when the rule is made. Unknown names, units that do not fit, and plasticity
# that is not local to the synapse are refused:

from neurofa import RuleError

try:
    RULE.but(neuron=NEURON.replace("tau_v", "tau_w"))
except RuleError as error:
    print(error)

# %%
# Does it compute what I think?
# -----------------------------
#
# Before anything is trained, hold the rule against its closed form in NumPy, which shares no code
# with it. One batch of random inputs is presented, and learned from, with plain gradient descent.

import numpy as np

from neurofa import Learner, Network, Trial, present, settle

net = Network(
    [20, 15, 10, 5], RULE, activation="tanh", output_activation="linear", trials=8, seed=1
)
rng = np.random.default_rng(0)
x, y = rng.standard_normal((8, 20)), rng.standard_normal((8, 5))
W1, W2, W3 = (net[name].copy() for name in ("W1", "W2", "W3"))

present(Learner(net, Trial(dt=10 * ms, default=settle(1e-12))), x, y)

v1 = x @ W1.T
v2 = np.tanh(v1) @ W2.T
error = np.tanh(v2) @ W3.T - y  # dcost of a squared cost
sent = np.sign(error) * (abs(error) > 0.3)
delta1 = (1 - np.tanh(v1) ** 2) * (sent @ net["B1"].T)
expected = -0.003 * delta1.T @ x / 8  # a mean over the trials
print(f"largest difference: {abs(net['W1'] - W1 - expected).max():.1e}")

# %%
# Does it learn?
# --------------
#
# Beside it stand direct feedback alignment, which sends the error itself, and a circuit whose
# hidden neurons do not learn. All have the same optimiser, learning rate and seeds.

import xarray

from neurofa import tasks, train
from neurofa.models import dfa, frozen

EPOCHS, SEEDS = 20, 3
task = tasks.digits()


def learning_curve(rule, seed):
    """Return the held-out accuracy in percent, before learning and after each epoch."""
    net = Network([64, 30, 30, 10], rule, trials=32, cost="cross_entropy", seed=seed)
    trial = Trial(dt=10 * ms)
    history = train(net, task, EPOCHS, trial=trial, optimiser="adam", seed=seed, progress=False)
    return 100 * np.array(history.test_accuracy)


rules = [dfa.RULE.but(eta=0.003), RULE, RULE.but(name="any sign", threshold=0.0)]
rules.append(frozen.RULE.but(eta=0.003))
curves = xarray.DataArray(
    [[learning_curve(rule, seed) for seed in range(SEEDS)] for rule in rules],
    dims=("rule", "seed", "epoch"),
    coords=dict(rule=[rule.name for rule in rules], epoch=range(EPOCHS + 1)),
)
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
plot.learning(curves, axes, label="Held-out accuracy (%)")
axes.set_ylim(0, 100)
plt.show()
for name, final in zip(curves.rule.values, curves[..., -1].median("seed").values):
    print(f"{name:14} {final:.1f} %")

# %%
# Signs are nearly enough, if small errors send nothing: after 20 epochs the circuit is about a
# point behind the one that hears errors, and far ahead of the one whose hidden neurons do not
# learn. If every error sends its sign, however small, the hidden neurons never come to rest, and
# the circuit is worse off than without feedback. (The threshold of 0.3 was chosen among several on
# these same held-out digits, which favours it a little.)
#
# A rule as a file
# ----------------
#
# Put the rule into a file, ``sign_feedback.py``, with a docstring that says what it is and where it
# is from, and the commands take it:
#
# .. code-block:: console
#
#    $ neurofa models sign_feedback.py --image circuit.png
#    $ neurofa run digits --rule sign_feedback.py --optimiser adam --eta 0.003
#
# What to try next
# ----------------
#
# - ``RULE.but(threshold=0.1)``: how large must an error be to be worth sending?
# - Leave ``dphi(v) *`` out: does a neuron need to know the slope of its own activation?
# - Let ``B`` learn: add ``Plasticity("B", after="feedback", equation="w += -eta * r_post *
#   s_pre")`` (what makes it align?).
# - :class:`neurofa.LearningRule` lists the fields: further populations, phases of a rule's own,
#   noise, synapses with variables of their own.
