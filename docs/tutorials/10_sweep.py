"""
A sweep, here or on many machines
=================================

**How sparse may feedback be, for every rule, with enough seeds to be sure?** A sweep is a
function of plain values, and a list of them. Each result is kept as it comes, so that a sweep
that was stopped goes on. Who does the work, this process, a few others, or a cluster, is said in
one argument.
"""

# %%
# A function of plain values
# --------------------------
#
# A cell of the sweep is one training. It takes numbers and texts, and returns a dict of numbers;
# what the result depends on must be among its arguments.

from brian2 import ms

from neurofa import Network, Trial, lookup, tasks, train
from neurofa.pathways import sparse


def learned(model, density, seed, epochs):
    """Train with a part of the feedback synapses; return the held-out accuracy, in percent."""
    rule = lookup.rule(model).but(eta=0.003).through(sparse(density))
    net = Network([64, 30, 30, 10], rule, trials=32, cost="cross_entropy", seed=seed)
    task, trial = tasks.digits(), Trial(dt=10 * ms)
    history = train(net, task, epochs, trial=trial, optimiser="adam", seed=seed, progress=False)
    return dict(accuracy=100 * history.test_accuracy[-1])


print(learned("fa", density=0.1, seed=0, epochs=5))

# %%
# The cells
# ---------
#
# Two rules, four densities, three seeds. ``start_or_resume`` of :class:`neurofa.experiment.Run`
# makes a folder whose name depends on what is asked, so that the same script finds it again;
# ``collect`` does the cells that are missing, and returns all results as an xarray dataset. Here
# ``jobs=1``: one process beside this one.

import tempfile

from neurofa.experiment import Run
from neurofa.models import dfa, fa

cells = [
    dict(model=model, density=density, seed=seed, epochs=10)
    for model in ("fa", "dfa")
    for density in (1, 0.1, 0.03, 0.01)
    for seed in range(3)
]
asked = dict(epochs=10, seeds=3)
runs = tempfile.mkdtemp()  # in a script of yours: leave `out` away, and runs are kept in ./runs
run = Run.start_or_resume("sparse_feedback", asked, [fa.RULE, dfa.RULE], out=runs)
data = run.collect(learned, cells, along=("model", "density", "seed"), jobs=1, progress=False)
print(data.accuracy.median("seed").round(1).to_pandas())

# %%
# Asked again, nothing is computed: every result is a file of the run's folder.

import time

began = time.perf_counter()
again = run.collect(learned, cells, along=("model", "density", "seed"), jobs=1, progress=False)
print(f"the same: {again.equals(data)}, in {time.perf_counter() - began:.1f} s")

# %%
# The figure
# ----------

import matplotlib.pyplot as plt

from neurofa import plot

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
curves = data.accuracy.rename(model="rule").assign_coords(rule=["FA", "DFA"])
curves.density.attrs = dict(long_name="Share of feedback synapses")
plot.learning(curves.transpose("rule", "seed", "density"), axes, label="Held-out accuracy (%)")
axes.set_xscale("log")
plt.show()

# %%
# Accuracy falls with density, and for both rules alike: with a hundredth of the synapses (three, of
# the 300 between output and second hidden layer) it is about that of a circuit without feedback
# (:ref:`sphx_glr_generated_tutorials_04_pathways.py`).
#
# An executor of your own
# -----------------------
#
# Any executor of ``concurrent.futures`` takes the place of the number. A pool of threads does here,
# since a network may be made and run in any thread:

from concurrent.futures import ThreadPoolExecutor

more = [dict(model="dfa", density=density, seed=0, epochs=5) for density in (1, 0.1)]
with ThreadPoolExecutor(1) as pool:
    found = run.collect(learned, more, along=("density",), jobs=pool, progress=False)
print(found.accuracy.round(1).to_series())

# %%
# On a cluster, `dask <https://distributed.dask.org>`_ gives one. The rest of the script stays as it
# is:
#
# .. code-block:: python
#
#    from distributed import Client
#
#    client = Client("tcp://host:8786")
#    executor = client.get_executor(pure=False)
#    data = run.collect(learned, cells, along=("model", "density", "seed"), jobs=executor)
#
# The function travels to the workers by itself; what it imports must be installed there. With a
# cluster of one worker on this machine, the two numbers above were the same.
#
# From the command line
# ---------------------
#
# Experiments that come with neurofa have all this as flags: processes, a cluster, or the jobs of a
# queue, each of which does a part.
#
# .. code-block:: console
#
#    $ neurofa compare --models fa,dfa --pathway 'sparse(0.1)' --jobs 4
#    $ neurofa compare --models fa,dfa --pathway 'sparse(0.1)' --scheduler tcp://host:8786
#    $ neurofa compare --models fa,dfa --pathway 'sparse(0.1)' --part 3/10
#    $ neurofa compare --models fa,dfa --pathway 'sparse(0.1)' --collect
#
# :doc:`/cluster` says what each needs, has a script for Slurm, and what was measured.
#
# What to try next
# ----------------
#
# - :func:`neurofa.statistics.estimate`: means with intervals, in the figure with
#   ``plot.learning(..., estimate=estimate)``.
# - ``run.collect(..., keep=".h5")`` gives each cell a file for a checkpoint, ``kept``, so that long
#   cells go on, too.
