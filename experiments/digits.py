"""Do circuits with separate feedback synapses learn to read handwritten digits?

Backpropagation, feedback alignment, direct feedback alignment and deep feedback control, with frozen hidden weights as
the floor; 64-30-30-10 tanh, softmax cross-entropy, minibatches of 32, a quarter of the digits held out.

About 1 minute:  neurofa run digits
"""

import time
from typing import Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Diverged, Network, Trial, lookup, settle, tasks, train
from neurofa.experiment import Jobs, Out, Run, print_table
from neurofa.pathways.reading import through
from neurofa.statistics import PERCENT, estimate

MODELS, SIZES = "bp,fa,dfa,dfc,frozen", (64, 30, 30, 10)
CURVES = ("test_accuracy", "test_cost", "train_cost", "unsettled")
# Without a loop, dt = tau is exact in as many steps as there are layers. The controller's loop needs a finer one.
AT_ONCE, LOOPED = Trial(dt=10*ms), dict(dt=5*ms, free=settle(1e-4, dt=10*ms))
LOOP, ASLEEP = Trial(**LOOPED, feedback=settle(1e-4)), LOOPED | dict(rest=settle(1e-3, dt=10*ms), sleep=250*ms)
NOISY, AT_REST = Trial(dt=10*ms, noise=10*ms), Trial(dt=5*ms, default=settle(1e-4))
GRADIENT, CONTROL = dict(eta=0.3, optimiser="gradient", trial=AT_ONCE), dict(eta=0.003, optimiser="adam", trial=LOOP)
# As an energy needs it: a squared cost, and weights so small that the free state is unique.
ENERGY = dict(eta=0.003, beta=0.5, optimiser="adam", cost="squared", weights="W: normal(0.1)", trial=AT_REST)
SETTINGS = dict.fromkeys((
    "bp", "fa", "dfa", "frozen", "ifa", "ifa_random", "kolen_pollack", "bfa", "bdfa", "local_losses",
    "local_losses_random", "synthetic_gradients_conditioned", "sign_symmetry", "sign_symmetry_uniform",
    "sign_symmetry_redrawn"), GRADIENT)
SETTINGS |= dict.fromkeys(("dfc", "dfc_ss", "dfc_integral_leak"), CONTROL | dict(alpha=1.0, lam=0.1))
SETTINGS |= dict.fromkeys(("difference_target_propagation", "sdtp"), GRADIENT | dict(trial=NOISY))
SETTINGS |= dict.fromkeys(("equilibrium_propagation", "equilibrium_propagation_centred"), ENERGY) | dict(
    synthetic_gradients=GRADIENT | dict(eta=0.1),
    dfc_ssa=CONTROL,
    dfc_learned=dict(eta=2.0, lam=0.3, eta_q=0.01, beta=0.3, optimiser="gradient",
                     trial=Trial(feedback=settle(1e-4), **ASLEEP)),
    dfc_ss_learned=CONTROL | dict(optimiser={"W": "adam"}, trial=Trial(feedback=settle(1e-4), **ASLEEP)),
    strong_dfc=dict(eta=0.002, alpha=0.5, k_p=1.0, optimiser="momentum", trial=Trial(**LOOPED, feedback=800*ms)),
    strong_dfc_two_phase=dict(eta=1.0, optimiser="gradient", trial=Trial(feedback=settle(1e-3), **ASLEEP)),
    weight_mirror=GRADIENT | dict(trial=Trial(dt=10*ms, mirror=100*ms)),
    target_propagation=dict(eta=0.02, eta_q=0.2, optimiser="gradient", trial=NOISY),
    predictive_coding=GRADIENT | dict(trial=Trial(dt=1*ms, free=settle(1e-3, dt=10*ms), feedback=settle(1e-3, 500*ms))),
    dendritic_microcircuit=dict(eta=2.0, optimiser="gradient", trial=AT_REST),
)
OTHERS = dict(optimiser="gradient", trial=Trial(dt=1*ms, default=settle(1e-4)))


def settings(model, pathway=""):
    """Return (rule, optimiser, trial, cost) that suit a model here, with what `pathway` says done to its pathways."""
    chosen = dict(cost="cross_entropy", weights="") | SETTINGS.get(model, OTHERS)
    optimiser, trial, cost, weights = (chosen.pop(name) for name in ("optimiser", "trial", "cost", "weights"))
    rule = lookup.rule(model).but(**chosen)
    for text in filter(None, (weights, pathway)):
        rule = through(rule, text)
    return rule, optimiser, trial, cost


def one(model, seed, epochs, progress=True, pathway=""):
    """Train one network and return (name of the rule, History)."""
    rule, optimiser, trial, cost = settings(model, pathway)
    net = Network(SIZES, rule, trials=32, cost=cost, seed=seed)
    task, options = tasks.digits(seed=0), dict(trial=trial, optimiser=optimiser, seed=seed, progress=progress)
    return rule.name, train(net, task, epochs, **options)


def curves(model, seed, epochs, rule):
    """Train one network; return its learning curves and how long it took. `rule` is the text that they depend on."""
    begin = time.perf_counter()
    try:
        _, history = one(model, seed, epochs, progress=False)
    except Diverged as problem:      # the others are still worth running
        typer.echo(f"{model}, seed {seed}: {problem}", err=True)
        history = problem.history
    if history.interrupted:
        raise KeyboardInterrupt
    return {name: getattr(history, name) for name in CURVES} | dict(seconds=time.perf_counter() - begin)


def plot(data):
    """Draw held-out accuracy over epochs, median and range of the seeds, and return the figure."""
    from neurofa import plot
    axes = plot.learning(data.test_accuracy * 100, label="Held-out accuracy (%)")
    axes.set_ylim(80, 100)
    return axes.figure


def report(data):
    """Print the table of the final accuracies; one that diverged has none."""
    rows, epochs = [], data.attrs["epochs"]
    for name in data.rule.values:
        mine = data.sel(rule=name)
        final = 100 * mine.test_accuracy.reindex(epoch=[epochs]).values[:, 0]
        each = " ".join(f"{accuracy:.1f}" if np.isfinite(accuracy) else "diverged" for accuracy in final)
        unsettled, seconds = 100 * float(mine.unsettled.mean()), float(mine.seconds.mean())
        rows.append([name, f"{estimate(final, PERCENT):.1f}", each, f"{unsettled:.2g}", f"{seconds:.1f}"])
    print_table(f"Digits, {data.sizes['seed']} seeds, {epochs} epochs, 64-30-30-10 tanh",
                ["rule", "held-out accuracy (%) [95 %]", "each seed", "not settled (%)", "seconds"], rows)


def main(models: Annotated[str, typer.Option(help="Names in models/, separated by commas.")] = MODELS,
         rule: Annotated[str, typer.Option(help="A file with a RULE of your own, run beside BP and frozen.")] = None,
         seeds: int = 3, epochs: int = 60, jobs: Jobs = 2,
         quick: Annotated[bool, typer.Option(help="1 seed, 5 epochs.")] = False,
         out: Out = "runs", progress: bool = True):
    """Train circuits to read handwritten digits, and compare the rules."""
    names, (seeds, epochs) = ["bp", "frozen", rule] if rule else models.split(","), (1, 5) if quick else (seeds, epochs)
    rules = [settings(name)[0] for name in names]
    cells = [dict(model=m, seed=k, epochs=epochs, rule=str(r)) for m, r in zip(names, rules) for k in range(seeds)]
    run = Run.start_or_resume("digits", dict(models=names, seeds=seeds, epochs=epochs), rules, out)
    data = run.collect(curves, cells, ("model", "seed"), jobs, progress, **dict.fromkeys(CURVES, "epoch"))
    data = data.rename(model="rule").assign_coords(rule=[made.name for made in rules]).assign_attrs(epochs=epochs)
    run.finish(data, report, plot)


if __name__ == "__main__":
    typer.run(main)
