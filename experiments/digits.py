"""Do circuits with separate feedback synapses learn to read handwritten digits?

Backpropagation, feedback alignment, direct feedback alignment and deep feedback control, with frozen hidden weights as the
floor; 64-30-30-10 tanh, softmax cross-entropy, minibatches of 32, a quarter of the digits held out.

About 1 minute:  neurofa run digits
"""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Diverged, History, Network, Trial, lookup, settle, tasks, train
from neurofa.experiment import Run, print_table
from neurofa.pathways.reading import through

MODELS = "bp,fa,dfa,dfc,frozen"
SIZES = (64, 30, 30, 10)

# Without a loop, dt = tau is exact in as many steps as there are layers. The controller's loop needs a finer one.
AT_ONCE = Trial(dt=10*ms)
LOOP = Trial(dt=5*ms, free=settle(1e-4, dt=10*ms), feedback=settle(1e-4))
GRADIENT = dict(eta=0.3, optimiser="gradient", trial=AT_ONCE)
CONTROL = dict(eta=0.003, optimiser="adam", trial=LOOP, alpha=1.0, lam=0.1)
SETTINGS = dict.fromkeys(("bp", "fa", "dfa", "frozen", "ifa", "ifa_random", "kolen_pollack", "bfa", "bdfa", "local_losses",
                          "local_losses_random", "synthetic_gradients_conditioned", "sign_symmetry", "sign_symmetry_uniform",
                          "sign_symmetry_redrawn"), GRADIENT)
SETTINGS |= dict.fromkeys(("dfc", "dfc_ss", "dfc_integral_leak"), CONTROL)
CONTROL_ASLEEP = dict(dt=5*ms, free=settle(1e-4, dt=10*ms), rest=settle(1e-3, dt=10*ms), sleep=250*ms)
SETTINGS |= dict(
    synthetic_gradients=GRADIENT | dict(eta=0.1),
    dfc_ssa=dict(eta=0.003, optimiser="adam", trial=LOOP),
    dfc_learned=dict(eta=2.0, lam=0.3, eta_q=0.01, beta=0.3, optimiser="gradient",
                     trial=Trial(feedback=settle(1e-4), **CONTROL_ASLEEP)),
    strong_dfc=dict(eta=0.002, alpha=0.5, k_p=1.0, optimiser="momentum",
                    trial=Trial(dt=5*ms, free=settle(1e-4, dt=10*ms), feedback=800*ms)),
    strong_dfc_two_phase=dict(eta=1.0, optimiser="gradient", trial=Trial(feedback=settle(1e-3), **CONTROL_ASLEEP)),
    weight_mirror=GRADIENT | dict(trial=Trial(dt=10*ms, mirror=100*ms)),
    target_propagation=dict(eta=0.02, eta_q=0.2, optimiser="gradient", trial=Trial(dt=10*ms, noise=10*ms)),
    difference_target_propagation=GRADIENT | dict(trial=Trial(dt=10*ms, noise=10*ms)),
    sdtp=GRADIENT | dict(trial=Trial(dt=10*ms, noise=10*ms)),
    predictive_coding=GRADIENT | dict(trial=Trial(dt=1*ms, free=settle(1e-3, dt=10*ms), feedback=settle(1e-3, 500*ms))),
    # As an energy needs it: a squared cost, and weights so small that the free state is unique.
    **dict.fromkeys(("equilibrium_propagation", "equilibrium_propagation_centred"), dict(
        eta=0.003, beta=0.5, optimiser="adam", cost="squared", weights="W: normal(0.1)",
        trial=Trial(dt=5*ms, default=settle(1e-4)))),
    dendritic_microcircuit=dict(eta=2.0, optimiser="gradient", trial=Trial(dt=5*ms, default=settle(1e-4))),
)
OTHERS = dict(optimiser="gradient", trial=Trial(dt=1*ms, default=settle(1e-4)))


def settings(model, pathway=""):
    """Return (rule, optimiser, trial, cost) that suit a model here, with what the text `pathway` says done to its pathways."""
    chosen = dict(cost="cross_entropy", weights="") | SETTINGS.get(model, OTHERS)
    optimiser, trial, cost, weights = (chosen.pop(name) for name in ("optimiser", "trial", "cost", "weights"))
    rule = lookup.rule(model).but(**chosen)
    for text in filter(None, (weights, pathway)):
        rule = through(rule, text)
    return rule, optimiser, trial, cost


def one(model, seed, epochs, threads=1, progress=True, pathway=""):
    """Train one network and return (name of the rule, History)."""
    rule, optimiser, trial, cost = settings(model, pathway)
    net = Network(SIZES, rule, trials=32, cost=cost, seed=seed, threads=threads)
    history = train(net, tasks.digits(seed=0), epochs, trial=trial, optimiser=optimiser, seed=seed, progress=progress,
                    label=f"{rule.name}, seed {seed}")
    return rule.name, history


def run(models=MODELS.split(","), seeds=3, epochs=60, threads=1, progress=True):
    """Train every model with every seed and return the learning curves as a Dataset (rule, seed, epoch).

    Ctrl-C ends it with the curves so far; what was not run is NaN.
    """
    import xarray
    quantities = ("test_accuracy", "test_cost", "train_cost", "unsettled")
    curves = {q: np.full((len(models), seeds, epochs + 1), np.nan) for q in quantities}
    seconds, names, stopped = np.full((len(models), seeds), np.nan), [lookup.rule(m).name for m in models], False
    for i, seed in [(i, seed) for i in range(len(models)) for seed in range(seeds)]:
        begin = time.perf_counter()
        try:
            _, history = one(models[i], seed, epochs, threads, progress)
        except Diverged as problem:      # the others are still worth running
            typer.echo(f"{names[i]}, seed {seed}: {problem}", err=True)
            history = problem.history
        except KeyboardInterrupt:        # between two trainings
            history = History(interrupted=True)
        seconds[i, seed] = time.perf_counter() - begin
        for q in quantities:
            curves[q][i, seed, :len(history.epoch)] = getattr(history, q)
        stopped = history.interrupted
        if stopped:
            break
    return xarray.Dataset({q: (("rule", "seed", "epoch"), values) for q, values in curves.items()}
                          | {"seconds": (("rule", "seed"), seconds)},
                          dict(rule=names, seed=np.arange(seeds), epoch=np.arange(epochs + 1)),
                          attrs=dict(interrupted=int(stopped), task="digits", sizes="-".join(map(str, SIZES))))


def plot(data):
    """Draw held-out accuracy over epochs, median and range of the seeds, and return the figure."""
    from neurofa import plot
    figure, axes = plot.figure(1)
    plot.learning(data["test_accuracy"] * 100, axes, label="Held-out accuracy (%)")
    axes.set_ylim(80, 100)
    return figure


def report(data):
    """Print the table of the final accuracies."""
    rows = []
    for name in data.rule.values:
        curves = data.sel(rule=name)
        final = [100 * seed[~np.isnan(seed)][-1] for seed in curves.test_accuracy.values if not np.isnan(seed).all()]
        if final:
            spread = f" ± {np.std(final, ddof=1):.1f}" if len(final) > 1 else ""
            rows.append([name, f"{np.mean(final):.1f}{spread}", " ".join(f"{a:.1f}" for a in final),
                         f"{100 * curves.unsettled.mean():.2g}", f"{curves.seconds.mean():.1f}"])
    print_table(f"Digits, {data.sizes['seed']} seeds, {data.sizes['epoch'] - 1} epochs, {data.attrs['sizes']} tanh",
                ["rule", "held-out accuracy (%)", "each seed", "not settled (%)", "seconds"], rows)


def main(models: Annotated[str, typer.Option(help="Names in models/, separated by commas.")] = MODELS,
         rule: Annotated[str, typer.Option(help="A Python file with a RULE of your own, run beside BP and frozen.")] = None,
         seeds: int = 3, epochs: int = 60, threads: int = 1,
         quick: Annotated[bool, typer.Option(help="1 seed, 5 epochs.")] = False,
         out: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"),
         progress: bool = True):
    """Train circuits to read handwritten digits, and compare the rules."""
    names = models.split(",") if rule is None else ["bp", "frozen", rule]
    if quick:
        seeds, epochs = 1, 5
    folder = Run.start("digits", dict(models=names, seeds=seeds, epochs=epochs), [lookup.rule(n) for n in names], out)
    data = run(names, seeds, epochs, threads, progress)
    folder.save(data)
    report(data)
    print(f"Figure: {folder.save_figure(plot(data), 'digits')}")
    if data.attrs["interrupted"]:
        print("Interrupted: the table and the figure hold what was run so far.")


if __name__ == "__main__":
    typer.run(main)
