"""What does a sparse, low-rank or lesioned pathway cost?

Handwritten digits (as digits.py, but by gradient descent: Adam would make up for feedback that is
weak), paired seeds; errors: held-out, last ten epochs. Sparse: FA with a fraction of the synapses
of B; 0.05 is one per cell, on average. Rank: DFA; cells hear a random k-dimensional part of the
error. Cut: FA whose B is lesioned after so many epochs; at 0, hidden weights are frozen (dotted).
Published, on MNIST: Lillicrap et al. 2016, half of W and B removed, and shallow learning;
Sacramento et al. 2018, only W between hidden layers frozen.

Linear: 30-20-10 learns y = T x from zero weights, with B of rank k. It stops where B E = 0 and E
W1^T = 0, E = T - W2 W1: at E = T (1 - P), P the projection on the row space of B T. That is a floor
unless k is the number of outputs.

About 6 minutes on 2 cores:  neurofa run lesions
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from neurofa.models.tuned import digits

from neurofa import Network, analysis, lookup, tasks, train
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds, counted, print_table
from neurofa.pathways import constant, low_rank
from neurofa.snapshots import Snapshots, every
from neurofa.statistics import PERCENT, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

FRACTIONS, RANKS, CUTS, LAST = (
    (1, 0.5, 0.2, 0.1, 0.05, 0.02),
    tuple(range(1, 11)),
    (0, 1, 3, 10),
    10,
)
ONE_EACH = "sparse(1/30, layer=1) | sparse(1/10, layer=2)"  # 60 of 1200 synapses
MODELS = dict(
    sparse=("fa", "sparse({})"), rank=("dfa", "low_rank({})"), cut=("fa", "lesioned(at=epoch({}))")
)
LINEAR, ETA, BATCH, EPOCHS = (30, 20, 10), 0.02, 20, 12  # of the linear task
PANELS = dict(
    sparse=(
        "fraction of the synapses of B",
        "Error (%), FA",
        dict(xscale="log", xlim=(0.017, 1.2)),
    ),
    rank=("rank of B", "Error (%), DFA", dict(xticks=RANKS)),
    linear=("rank of B", "Error (NSE), linear task", dict(xticks=RANKS)),
    cut=("epoch of the cut", "Error (%), FA", dict(xscale="symlog", xlim=(-0.2, 80))),
)
PUBLISHED = {
    ("sparse", 0.5): "+0.3 (Lillicrap)",
    ("cut", 0): "+5.1 (Lillicrap), +0.15 (Sacramento)",
}


def one(rule: str, amount: float, seed: int, epochs: int) -> dict:
    """Train one network and return error, accuracies, cost, and how far hidden and output weights
    moved per epoch."""
    if rule == "linear":
        return linear(amount, seed)
    model, text = (
        MODELS[rule][0],
        ONE_EACH if (rule, amount) == ("sparse", 0.05) else MODELS[rule][1].format(amount),
    )
    made, optimiser, trial, cost = digits.settings(model, text, **digits.GRADIENT)
    net, task = Network(digits.SIZES, made, trials=32, cost=cost, seed=seed), tasks.digits(seed=0)
    taken = Snapshots(every(-(-len(task.x) // 32)), pathways="W")  # one per epoch
    history = train(
        net,
        task,
        epochs,
        trial=trial,
        optimiser=optimiser,
        seed=seed,
        progress=False,
        snapshots=taken,
    )
    moved = [
        np.linalg.norm(np.diff(taken.dataset[f"W{k}.w"], axis=0), axis=(1, 2)) for k in (1, 2, 3)
    ]
    return dict(
        error=100 - 100 * float(np.mean(history.test_accuracy[-LAST:])),
        cost=history.train_cost[-1],
        accuracy=history.test_accuracy,
        hidden=[None, *np.hypot(*moved[:2])],
        output=[None, *moved[2]],
    )


def linear(rank: int, seed: int) -> dict:
    """Train a linear network with direct feedback of that rank, and return its NSE, from its
    weights, and the floor."""
    task, T = tasks.linear_map(LINEAR[::2], seed=seed), tasks.linear_target(LINEAR[::2], seed)
    rule = lookup.rule("dfa").but(eta=ETA).through(constant(0), "W").through(low_rank(rank))
    net = Network(LINEAR, rule, activation="linear", trials=BATCH, seed=seed)
    rows = np.linalg.svd(net["B1"] @ T)[2][:rank]
    train(net, task, EPOCHS, trial=digits.AT_ONCE, seed=seed, progress=False)
    return dict(
        error=analysis.nse(net["W2"] @ net["W1"], T), floor=analysis.nse(T @ rows.T @ rows, T)
    )


def plot(data: xarray.Dataset) -> Figure:
    """Draw errors against sparsity, rank and the time of the cut, and what the cut does; return the
    figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=2, columns=3, height=5.0)
    epochs, frozen = int(data.epoch[-1]), float(data.error.sel(rule="cut", amount=0).median())
    for panel, (rule, (along, label, axis)) in zip((*axes[0], axes[1][2]), PANELS.items()):
        mine = (
            data[["error", "floor"]].sel(rule=[rule]).dropna("amount", how="all").sortby("amount")
        )
        mine.amount.attrs["long_name"] = along
        model = MODELS[rule][0].upper() if rule in MODELS else "DFA"
        plot.learning(mine.error.assign_coords(rule=[model]), panel, label=label).set(**axis)
        known = [*panel.get_legend().legend_handles]
        if rule == "linear":
            plot.crosses(panel, mine.amount, mine.floor[0].median("seed"))
        else:
            panel.axhline(frozen, color="0.4", linewidth=0.8, linestyle=":")
        known.append(
            plot.sign("floor, by theory")
            if rule == "linear"
            else plot.sign("hidden weights frozen", ":")
        )
        plot.name_lines(panel, "lower left", handles=known, bbox_to_anchor=(0, 1.06))
    cut = (
        data.sel(rule="cut", amount=[epochs, epochs // 2, 0], drop=True)
        .rename(amount="rule")
        .assign_coords(rule=["intact", f"cut at {epochs // 2}", "cut at 0"], epoch=data.epoch)
    )
    for panel, curves, label in (
        (axes[1][0], 100 * cut.accuracy, "Held-out accuracy (%)"),
        (axes[1][1], cut.hidden, "Change of hidden weights\nper epoch (norm)"),
    ):
        known = plot.learning(curves, panel, label=label).get_legend().legend_handles
        plot.name_lines(
            panel, "lower left", handles=known, bbox_to_anchor=(0, 1.06), ncols=2, columnspacing=1
        )
    axes[1][0].set_ylim(80 if epochs > 9 else None, 100)
    axes[1][1].set_yscale("symlog", linthresh=0.01)
    return figure


def report(data: xarray.Dataset) -> None:
    """Print errors and paired differences to the intact pathway beside published ones, the floor,
    and the cut."""
    epochs = int(data.epoch[-1])
    _print_digits(data, epochs)
    _print_linear(data)
    _print_cut(data, epochs)


def _print_digits(data, epochs):
    rows = []
    for rule, intact in dict(sparse=1, rank=10, cut=epochs).items():
        cells = data[["error", "cost"]].sel(rule=rule).dropna("amount", how="all").sortby("amount")
        for amount in cells.amount.values:
            error, cost = (cells[name].sel(amount=amount) for name in ("error", "cost"))
            mean, (more, _) = (
                estimate(error, PERCENT),
                paired(error, cells.error.sel(amount=intact), PERCENT),
            )
            rows.append(
                [
                    f"{rule} {amount:g}",
                    f"{mean:.1f}",
                    f"{more:.1f}",
                    PUBLISHED.get((rule, amount), ""),
                    f"{estimate(cost).mean:.3f}",
                ]
            )
    print_table(
        f"Digits, {counted(data.sizes['seed'], 'paired seed')}",
        ["B", "error (%) [95 %]", "more than intact", "published", "training cost"],
        rows,
    )


def _print_linear(data):
    found = (
        data[["error", "floor"]]
        .sel(rule="linear", drop=True)
        .dropna("amount", how="all")
        .mean("seed")
    )
    print_table(
        "Linear task, mean NSE",
        ["rank of B", "here", "floor"],
        [
            [f"{rank:g}", f"{nse:.3g}", f"{floor:.3g}"]
            for rank, nse, floor in found.to_dataframe().itertuples()
        ],
    )


def _print_cut(data, epochs):
    """Print whether the network that is cut was the same until then, and what moves afterwards."""
    half = epochs // 2
    cut, never = (data.sel(rule="cut", amount=a, drop=True) for a in (half, epochs))
    same = all(
        cut[n][:, : half + 1].equals(never[n][:, : half + 1])
        for n in ("accuracy", "hidden", "output")
    )
    hidden, output = (float(cut[n][:, half + 1 :].max()) for n in ("hidden", "output"))
    print(
        f"Same accuracies and weight changes up to the cut at {half}: {same}. Largest change of hidden weights in an "
        f"epoch afterwards: {hidden:g}, of the output's: {output:.2g}."
    )


def main(
    seeds: Seeds = 5,
    epochs: Epochs = 60,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 2 epochs, fewer conditions.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Train with less and less of a feedback pathway."""
    seeds, epochs, ranks = (1, 2, RANKS[::9]) if quick else (seeds, epochs, RANKS)
    fractions = FRACTIONS[::5] if quick else FRACTIONS
    amounts = dict(
        sparse=fractions, rank=ranks, cut=sorted({*CUTS, epochs // 2, epochs}), linear=ranks
    )
    cells = [
        dict(rule=r, amount=a, seed=s, epochs=epochs)
        for r in amounts
        for a in amounts[r]
        for s in range(seeds)
    ]
    rules = [
        digits.settings(model, text.format(1), **digits.GRADIENT)[0]
        for model, text in MODELS.values()
    ]
    run = Run.start_or_resume(
        "lesions", dict(seeds=seeds, epochs=epochs, amounts=amounts), rules, out
    )
    lists = dict(accuracy="epoch", hidden="epoch", output="epoch")
    run.finish(
        run.collect(one, cells, ("rule", "amount", "seed"), jobs, progress, **lists), report, plot
    )


if __name__ == "__main__":
    typer.run(main)
