"""Which feedback lets a student network learn what a teacher network computes?

Lillicrap's nonlinear teacher, 30-20-10-10 tanh with linear output; students 30-20-10 and 30-20-10-10, fresh samples in batches of
20, eta 0.02, 60,000 updates. The error is NSE = sum|y* - y|^2 / sum|y*|^2 on 5000 held-out samples; the angle is that between the
rule's and backpropagation's weight change, per layer, mean over minibatches, at the end. The same command goes on where an
interrupted one stopped.

The paper does not give the distribution of the teacher's weights, and they decide how hard the task is. Here the teacher's W are
normal with 1.5/sqrt(n), its b with 0.1 (tasks.teacher), the student's W start uniform in +-0.1, B (and the random relay) in +-0.25.

About 25 minutes on 2 cores:  neurofa run student_teacher
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Learner, Network, Trial, analysis, lookup, present, reference, settle, tasks
from neurofa.cells import run_cells
from neurofa.experiment import Run, print_table
from neurofa.pathways import uniform
from neurofa.snapshots import asked

MODELS = "frozen,bp,fa,dfa,ifa,ifa_random,kolen_pollack"
STUDENTS = ((30, 20, 10), (30, 20, 10, 10))
TEACHER, BATCH, ETA, TEST = (30, 20, 10, 10), 20, 0.02, 5000
DECAYS = dict(kolen_pollack=dict(decay=1e-4))
CHECKPOINTS = 25


def learn(model, sizes, seed, updates):
    """Train one student, and return its NSE at the noted updates and the final angle per layer, as plain values."""
    rule = lookup.rule(model).but(eta=ETA, **DECAYS.get(model, {})).through(uniform(0.1), "W")
    own = [p.name for p in rule.pathways if not p.weights]
    rule = rule.through(uniform(0.25), *own) if own else rule
    net, layers, rng = Network(sizes, rule, trials=BATCH, seed=seed), tasks.teacher(TEACHER, seed), np.random.default_rng([seed, 1])
    learner = Learner(net, Trial(dt=10*ms, default=settle(1e-4)))
    x_test = np.random.default_rng([seed, 2]).standard_normal((TEST, sizes[0]))
    y_test, noted, curve = tasks.teach(layers, x_test), _checkpoints(updates), []
    for update in range(updates + 1):
        if update in noted:
            curve.append(analysis.nse(reference.forward(x_test, *_weights(net))[1][-1], y_test))
        if update < updates:
            x = rng.standard_normal((BATCH, sizes[0]))
            present(learner, x, tasks.teach(layers, x))
    return dict(nse=curve, angle=_angles(learner, x_test[:50 * BATCH], y_test[:50 * BATCH]))


def _checkpoints(updates):
    return sorted({0, *np.unique(np.geomspace(1, updates, CHECKPOINTS).round().astype(int)).tolist()})


def _weights(net):
    layers = range(1, len(net.sizes))
    return [net[f"W{k}"].copy() for k in layers], [net[f"W{k}.bias"].copy() for k in layers]


def _angles(learner, x, y):
    """Return the angle in degrees between the rule's change of every W and backpropagation's, mean over minibatches, per layer."""
    (W, b), found = _weights(learner.net), []
    for rows in np.split(np.arange(len(x)), len(x) // BATCH):
        ours = asked(learner, x[rows], y[rows])
        exact = reference.gradients(reference.backprop_deltas(x[rows], y[rows], W, b), reference.forward(x[rows], W, b)[1])[0]
        found.append([analysis.angle(ours[f"W{k}.w"], -g) if f"W{k}.w" in ours else np.nan for k, g in enumerate(exact, start=1)])
    return np.mean(found, axis=0).tolist()


def run(folder, models=MODELS.split(","), seeds=5, updates=60000, jobs=2, progress=True):
    """Train every model in both students with every seed, and return NSE (student, rule, seed, update) and final angles.

    What is in `folder` already is not trained again.
    """
    import xarray
    cells = [dict(model=m, sizes=sizes, seed=seed, updates=updates) for sizes in STUDENTS for m in models for seed in range(seeds)]
    noted, shape = _checkpoints(updates), (len(STUDENTS), len(models), seeds)
    nse, angles = np.full((*shape, len(noted)), np.nan), np.full((*shape, max(map(len, STUDENTS)) - 1), np.nan)
    for place, result in zip(np.ndindex(shape), run_cells(folder, learn, cells, jobs, progress, label="students")):
        nse[place], angles[place][:len(result["angle"])] = result["nse"], result["angle"]
    return xarray.Dataset(
        {"nse": (("student", "rule", "seed", "update"), nse), "angle": (("student", "rule", "seed", "layer"), angles)},
        dict(student=["-".join(map(str, s)) for s in STUDENTS], rule=[lookup.rule(m).name for m in models], seed=np.arange(seeds),
             update=noted, layer=np.arange(1, angles.shape[-1] + 1)))


def plot(data):
    """Draw the error over updates for both students, and return the figure."""
    from neurofa import plot
    figure, axes = plot.figure(columns=2)
    for panel, student in zip(axes, data.student.values):
        plot.learning(data.nse.sel(student=student, drop=True).rename(update="epoch"), panel, label=f"NSE, {student}")
        panel.set_xscale("symlog", linthresh=10)
        panel.set_yscale("log")
        panel.set_xlabel("Update")
    return figure


def report(data):
    """Print the final errors, with their range over seeds, and the angles to backpropagation."""
    for student in data.student.values:
        rows = []
        for name in data.rule.values:
            last = data.sel(student=student, rule=name).isel(update=-1)
            angles = " ".join(f"{a:.0f}" for a in last.angle.mean("seed").values if np.isfinite(a))
            rows.append([name, f"{last.nse.mean():.3g}", f"{last.nse.min():.3g} - {last.nse.max():.3g}", angles])
        print_table(f"Student {student}, {data.sizes['seed']} seeds, {data['update'].values[-1]} updates",
                    ["rule", "NSE", "range", "angle to BP per layer (degrees)"], rows)


def main(models: Annotated[str, typer.Option(help="Names in models/, separated by commas.")] = MODELS,
         seeds: int = 5, updates: int = 60000, jobs: Annotated[int, typer.Option(help="Processes.")] = 2,
         quick: Annotated[bool, typer.Option(help="1 seed, 200 updates.")] = False,
         out: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"), progress: bool = True):
    """Let students with different feedback learn from a teacher network."""
    if quick:
        seeds, updates = 1, 200
    names = models.split(",")
    folder = Run.start_or_resume("student_teacher", dict(models=names, seeds=seeds, updates=updates), map(lookup.rule, names), out)
    data = run(folder.folder / "cells", names, seeds, updates, jobs, progress)
    folder.save(data)
    report(data)
    print(f"Figure: {folder.save_figure(plot(data), 'student_teacher')}")


if __name__ == "__main__":
    typer.run(main)
