"""
Saving, loading, going on
=========================

**What is kept of a circuit, and how does a training go on that was stopped?** There are three
files to choose from: a network, a learner (with what its optimiser remembers), and a checkpoint,
from which a training goes on with the very numbers that it would have had. All are HDF5.
"""

# %%
# A training that may be stopped
# ------------------------------
#
# With a :class:`neurofa.checkpoint.Checkpoint`, :func:`neurofa.train` keeps one file, complete at
# any moment. Everything here goes to a folder of its own.

import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())

from brian2 import ms

from neurofa import Network, Trial, tasks, train
from neurofa.checkpoint import Checkpoint
from neurofa.models import fa
from neurofa.pathways import sparse

task = tasks.digits()
rule = fa.RULE.but(eta=0.003).through(sparse(0.5))
sizes, trial = [64, 30, 30, 10], Trial(dt=10 * ms)

net = Network(sizes, rule, trials=32, cost="cross_entropy", seed=1)
train(net, task, 5, trial=trial, optimiser="adam", checkpoint=Checkpoint(folder / "training.h5"))

# %%
# Say the process was killed after five epochs, and ten were wanted. The same script, started again,
# makes a new network, finds the file, and goes on. Beside it, for comparison, a training without
# interruption:

again = Network(sizes, rule, trials=32, cost="cross_entropy", seed=1)
resumed = train(
    again, task, 10, trial=trial, optimiser="adam", checkpoint=Checkpoint(folder / "training.h5")
)

whole = Network(sizes, rule, trials=32, cost="cross_entropy", seed=1)
uninterrupted = train(whole, task, 10, trial=trial, optimiser="adam")

print("the same accuracy in every epoch:", resumed.test_accuracy == uninterrupted.test_accuracy)
print("the same weights:", (again["W1"] == whole["W1"]).all())

# %%
# The two curves are one:

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 2.8), layout="constrained")
axes.plot(
    uninterrupted.epoch, uninterrupted.test_cost, linewidth=4, alpha=0.4, label="in one piece"
)
axes.plot(resumed.epoch, resumed.test_cost, "k--", label="stopped after 5 epochs")
axes.set(xlabel="Epoch", ylabel="Held-out cross-entropy (nats)")
axes.legend()
plt.show()

# %%
# A checkpoint belongs to one training. With another learning rate, it is refused, and the message
# lists what differs:

from neurofa import ExperimentError

other = Network(sizes, rule.but(eta=0.001), trials=32, cost="cross_entropy", seed=1)
try:
    train(
        other,
        task,
        10,
        trial=trial,
        optimiser="adam",
        checkpoint=Checkpoint(folder / "training.h5"),
    )
except ExperimentError as error:
    print(str(error).replace(str(folder), "..."))

# %%
# To go on from its weights all the same, on purpose, say ``Checkpoint(path, resume="weights")``.
#
# A network
# ---------
#
# ``net.save`` writes all there is to a network: rule, weights, which synapses exist, parameters,
# noise. Another process, another version of Python or NumPy reads it.

again.save(folder / "net.h5")
loaded = Network.load(folder / "net.h5")
print(loaded.rule.name, loaded.sizes, (loaded["B2"] == again["B2"]).all())

# %%
# ``copy.deepcopy`` makes a twin. To take over a pathway alone, with its weights and its structure:

wider = Network(sizes, rule, trials=64, seed=7)  # other weights, other synapses, more trials
wider.synapses.take(again, "B")
print((wider["B2"] == again["B2"]).all(), (wider["W2"] == again["W2"]).all())

# %%
# A learner
# ---------
#
# A :class:`neurofa.Learner` knows its network, trial and optimiser. Saved, it keeps the optimiser's
# moments and its counts of updates and epochs, too.

from neurofa import Learner

learner = Learner(again, trial, "adam")
train(learner, task, 2)
learner.save(folder / "learner.h5")
later = Learner.load(folder / "learner.h5")
print(later.epochs, "epochs,", later.updates, "updates,", later.optimiser)
train(later, task, 1)

# %%
# Recordings and results
# ----------------------
#
# Recordings are netCDF files, which xarray reads without neurofa.

import xarray

from neurofa import Recorder, Recording, present

recorder = Recorder(["hidden1.r", "output.r"], trials=4)
present(later, task.x_test[:4], task.y_test[:4], learn=False, record=recorder)
recorder.recording().save(folder / "trial.nc")

print(Recording.load(folder / "trial.nc").names)
with xarray.open_dataset(folder / "trial.nc") as data:
    print(dict(data.sizes))

# %%
# What to try next
# ----------------
#
# - ``Recorder([...], to="long.nc")`` and ``Snapshots(..., to="weights.nc")`` write while they run,
#   so that memory does not grow.
# - ``Checkpoint(path, every=50)``: every 50 batches, where an epoch takes long.
# - ``neurofa run mnist --resume RUN`` goes on with an experiment.
