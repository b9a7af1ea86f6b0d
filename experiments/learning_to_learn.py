"""Do fixed random feedback synapses become useful, and why?

Lillicrap's linear task: 30-20-10 without biases learns y = T x, one sample at a time; feedforward weights start between -0.01 and
0.01, feedback weights between -0.5 and 0.5, eta 0.001. What the feedback synapses deliver (B e) is compared with what
backpropagation would deliver (W^T e) and with the pseudoinverse's direction (W^+ e): W turns until B is useful to it.

About 2 minutes:  neurofa run learning_to_learn
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from brian2 import ms
from tqdm import tqdm

from neurofa import Learner, Network, Pathway, Trial, analysis, lookup, present, settle, tasks
from neurofa.experiment import Run, print_table
from neurofa.pathways import uniform

SIZES, ETA, UPDATES = (30, 20, 10), 1e-3, 4000
STEPS = (0, 100, 200, 300, 500, 1000, 1500, 2000, 4000)
# Median of 20 seeds of an independent NumPy computation, at STEPS.
REFERENCE = dict(nse=(1, .97, .83, .62, .28, .032, .0044, 6.7e-4, 7e-6), to_bp=(90, 35, 31, 28, 28, 28, 37, 32, 30),
                 to_pbp=(93, 63, 59, 48, 46, 23, 19, 18, 9))


def rule_of(model):
    """Return the rule called `model` as the task has it: no biases, weights uniform."""
    rule = lookup.rule(model).but(eta=ETA)
    feedback = tuple(p if p.weights else Pathway(p.name, p.source, p.signal, p.into, init=uniform(0.5)) for p in rule.pathways)
    return rule.but(feedforward=Pathway("W", "below", "r", "v_basal", to="layers", init=uniform(0.01)), pathways=feedback)


def one(model, seed, updates, label=None, progress=True):
    """Train one network and return (NSE, angle to W^T e, angle to W^+ e) at every step in STEPS up to `updates`, (steps, 3)."""
    net, rng = Network(SIZES, rule_of(model), activation="linear", seed=seed), np.random.default_rng([seed, 1])
    T, learner, found = tasks.linear_target((SIZES[0], SIZES[-1]), seed), Learner(net, Trial(dt=10*ms, default=settle(1e-6))), []
    B = None if model == "bp" else net["B2"]
    for update in tqdm(range(updates + 1), desc=label, unit="update", leave=False, disable=None if progress else True):
        if update in STEPS:
            W0, W = net["W1"], net["W2"]
            left = T - W @ W0
            e = np.random.default_rng([seed, 2]).standard_normal((200, SIZES[0])) @ left.T
            sent = e @ (W if B is None else B.T)
            found.append((float((left**2).sum() / (T**2).sum()), float(analysis.trial_angles(sent, e @ W).mean()),
                          float(analysis.trial_angles(sent, e @ np.linalg.pinv(W).T).mean())))
        x = rng.standard_normal((1, SIZES[0]))
        present(learner, x, x @ T.T)
    return np.array(found)


def run(models=("fa", "bp"), seeds=20, updates=UPDATES, progress=True):
    """Train every model with every seed; return NSE and angles as a Dataset (rule, seed, update)."""
    import xarray
    steps = [step for step in STEPS if step <= updates]
    values = np.array([[one(m, seed, updates, f"{m}, seed {seed}", progress) for seed in range(seeds)] for m in models])
    names = dict(nse="1", to_bp="degrees", to_pbp="degrees")
    return xarray.Dataset({name: (("rule", "seed", "update"), values[..., k], {"units": unit})
                           for k, (name, unit) in enumerate(names.items())},
                          dict(rule=[lookup.rule(m).name for m in models], seed=np.arange(seeds), update=steps))


def plot(data):
    """Draw error and angles over updates with the independent computation beside them, and return the figure."""
    from neurofa import plot
    figure, axes = plot.figure(columns=2)
    plot.learning(data.nse.rename(update="epoch"), axes[0], label="NSE")
    axes[0].set_yscale("log")
    fa = data.sel(rule=["FA"])
    angles = fa.to_bp.assign_coords(rule=["to W$^T$e"]), fa.to_pbp.assign_coords(rule=["to W$^+$e"])
    import xarray
    plot.learning(xarray.concat(angles, "rule").rename(update="epoch"), axes[1], label="Angle of B e (degrees)")
    steps = data["update"].values
    axes[0].plot(steps, REFERENCE["nse"][:len(steps)], "x", color="0.4", zorder=4)
    for name in ("to_bp", "to_pbp"):
        axes[1].plot(steps, REFERENCE[name][:len(steps)], "x", color="0.4", zorder=4)
    axes[1].axhline(90, color="0.6", linewidth=0.8, linestyle=":")
    for panel in axes:
        panel.set_xlabel("Update (x: independent computation)")
    return figure


def report(data):
    """Print medians of feedback alignment beside the independent computation, with the range over seeds."""
    fa, rows = data.sel(rule="FA"), []
    for k, step in enumerate(data["update"].values):
        cells = [f"{float(fa[n].isel(update=k).median()):.2g} ({REFERENCE[n][k]:.2g}; {float(fa[n].isel(update=k).min()):.2g} - "
                 f"{float(fa[n].isel(update=k).max()):.2g})" for n in REFERENCE]
        rows.append([step, *cells])
    print_table(f"FA, linear 30-20-10, {data.sizes['seed']} seeds: median (independent computation; range over seeds)",
                ["update", "NSE", "angle to W^T e (degrees)", "angle to W^+ e (degrees)"], rows)


def main(seeds: int = 20, updates: int = UPDATES, quick: Annotated[bool, typer.Option(help="2 seeds, 300 updates.")] = False,
         out: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"), progress: bool = True):
    """Watch random feedback synapses become useful in the linear task."""
    if quick:
        seeds, updates = 2, 300
    folder = Run.start("learning_to_learn", dict(seeds=seeds, updates=updates), [rule_of(m) for m in ("fa", "bp")], out)
    data = run(seeds=seeds, updates=updates, progress=progress)
    folder.save(data)
    report(data)
    print(f"Figure: {folder.save_figure(plot(data), 'learning_to_learn')}")


if __name__ == "__main__":
    typer.run(main)
