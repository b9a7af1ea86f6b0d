"""Is the teaching signal a vector, or one number for all cells?

A brain-machine interface: a fixed decoder reads the hidden layer (20-60-1): ten cells with weight
0.3, ten with -0.3, and the other forty not at all. Only synapses onto hidden cells learn, so that
what is read follows a target (tasks.teacher, squared cost, minibatches of 20). A cell hears that it
should fire more in its apical potential, or against it where a rule sends the cost's gradient.
Measured after the teacher's phase, over held-out trials: the share of the twenty cells in which
this goes with the error as the decoder says, + or -, and the share that goes the same way as most.
Expected: feedback that is tied or learned knows each cell's part (1); feedback that is random and
fixed half of the parts, for a decoder that does not learn cannot align to it; a reward says the same
to all cells (same way 1, half of the parts). Published: signs of apical signals follow the causal
role, and to perturb them disrupts learning (Francioni et al., Nature 2026: not read, as noted by
others).

About 2 minutes on 2 cores:  neurofa run decoder
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer
from brian2 import ms

from neurofa import (
    Learner,
    LearningRule,
    Length,
    Network,
    Recorder,
    Trial,
    analysis,
    lessons,
    lookup,
    present,
    settle,
    tasks,
)
from neurofa.experiment import Jobs, Out, Run, Seeds, Updates, counted, print_table
from neurofa.learning.predict import respond
from neurofa.pathways import gain
from neurofa.statistics import POSITIVE, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

SIZES, BATCH = (20, 60, 1), 20
DECODER = np.repeat([0.3, -0.3, 0], (10, 10, 40))
READ = np.flatnonzero(DECODER)
AT_ONCE = dict(dt=10 * ms)
LOOP = dict(dt=5 * ms, free=settle(1e-4, dt=10 * ms), feedback=settle(1e-4))


class Circuit(NamedTuple):
    """A rule, how long its phases last, and what its cells hear of a teacher."""

    rule: LearningRule
    trial: dict
    pathway: str = "B"
    heard: str = "v_apical"
    phase: str = "feedback"
    way: int = -1  # -1: what is heard is the gradient, which cells should go against
    tied: bool = False  # feedback synapses are the decoder's transpose


def rule(model: str, eta: float, **parameters: float) -> LearningRule:
    """Return a rule whose decoder is fixed."""
    given = lookup.rule(model).but(eta=eta, **parameters)
    lines = (replace(p, to="hidden1") if p.pathway == "W" else p for p in given.plasticity)
    return given.but(plasticity=tuple(lines))


DFC = dict(pathway="Q", way=1)
CIRCUITS = {
    "BP, tied": Circuit(rule("bp", 0.3), AT_ONCE),
    "weight mirror, learned": Circuit(
        rule("weight_mirror", 0.3), AT_ONCE | dict(mirror=Length(100 * ms, dt=1 * ms))
    ),
    "FA, random": Circuit(rule("fa", 0.3), AT_ONCE),
    "DFC, tied": Circuit(rule("dfc_ss", 1.0), LOOP, tied=True, **DFC),
    "DFC, learned": Circuit(
        rule("dfc_ss_learned", 1.0, eta_q=0.1, beta=0.1),
        LOOP | dict(rest=settle(1e-3, dt=10 * ms), sleep=250 * ms),
        **DFC,
    ),
    "DFC, random": Circuit(rule("dfc_ss", 1.0), LOOP, **DFC),
    "reward": Circuit(
        rule("node_perturbation", 0.03),
        AT_ONCE | dict(noise=50 * ms),
        heard="heard",
        phase="reward",
    ),
}
NOTED = (0, *(k * 10**n for n in range(1, 5) for k in (1, 2, 5)))


def learned(circuit: str, feedback: str, seed: int, updates: int) -> dict:
    """Train a circuit whose feedback is intact or silenced; return NSE and both shares of cells, at
    first and in between."""
    made, rng = CIRCUITS[circuit], np.random.default_rng([seed, 1])
    silent = (gain(0),) if feedback == "silenced" else ()
    through = made.rule.through(*silent, made.pathway) if silent else made.rule
    net = Network(SIZES, through, trials=BATCH, seed=seed)
    net["W2"] = DECODER[None]
    if made.pathway == "Q" and "learned" not in circuit:
        net["Q1"] = DECODER[:, None] if made.tied else 0.3 * rng.standard_normal((SIZES[1], 1))
        net["Q2"] = 1
    learner, layers = Learner(net, Trial(**made.trial)), tasks.teacher((20, 10, 1), seed)
    x_test = np.random.default_rng([seed, 2]).standard_normal((500, 20))
    y_test = 0.3 * tasks.teach(layers, x_test)

    def batches():
        for _ in range(updates):
            x = rng.standard_normal((BATCH, 20))
            yield x, 0.3 * tasks.teach(layers, x)

    found = []
    for update, _ in lessons(learner, batches()):
        if update in NOTED:
            y = respond(learner, x_test)
            heard = told(learner, made, x_test[:BATCH], y_test[:BATCH])
            ways = np.sign((y_test - y)[:BATCH, 0] @ heard)[READ]
            same = max(np.mean(ways > 0), np.mean(ways < 0))
            parts = np.mean(ways == np.sign(DECODER[READ]))
            found.append((analysis.nse(y, y_test), parts, same))
    return dict(zip(("nse", "parts", "same"), map(list, zip(*found))))


def told(learner: Learner, circuit: Circuit, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return what each hidden cell is told at the end of the teacher's phase, positive where it
    should fire more, (trials, cells)."""
    recorder = Recorder([f"hidden1.{circuit.heard}"], every="phase")
    present(learner, x, y, learn=False, record=recorder)
    number = [phase.name for phase in learner.net.rule.phases].index(circuit.phase)
    return circuit.way * recorder.recording()[f"hidden1.{circuit.heard}"].values[:, number]


def plot(data: xarray.Dataset) -> Figure:
    """Draw the share of cells that are told their part, and the error, over training; return the
    figure."""
    from neurofa import plot

    figure, axes = plot.figure(columns=2, width=plot.PAGE, height=3.2)
    intact = data.sel(feedback="intact", drop=True).rename(circuit="rule")
    for panel, key, label in (
        (axes[0], "parts", "Cells that are told\ntheir part (share)"),
        (axes[1], "nse", "Error of what is read (NSE)"),
    ):
        plot.learning(
            intact[key], panel, label=label, estimate=estimate if key == "parts" else None
        )
        panel.set_xscale("symlog", linthresh=10)
    axes[1].set_yscale("log")
    axes[0].axhline(0.5, color="0.4", linewidth=0.8, linestyle=":")
    return figure


def report(data: xarray.Dataset) -> None:
    """Print what cells are told, and what it costs to silence them, with 95 % intervals."""
    share, rows = (0, 1), []
    for circuit in data.circuit.values:
        mine = data.sel(circuit=circuit)
        intact = mine.sel(feedback="intact")
        silenced = mine.nse.sel(feedback="silenced")[:, -1]
        shares = (f"{estimate(intact.parts[:, k], share):.2f}" for k in (0, -1))
        same = f"{estimate(intact.same[:, -1], share):.2f}"
        lost = paired(silenced, intact.nse[:, -1])[0]
        nse = f"{estimate(intact.nse[:, -1], POSITIVE):.2f}"
        rows.append([str(circuit), *shares, same, nse, f"{lost:.2f}"])
    columns = ["circuit", "told their part, at first", "at the end", "told the same", "NSE"]
    title = (
        f"Cells that the decoder reads, share [95 %], {counted(data.sizes['seed'], 'paired seed')}"
    )
    print_table(title, [*columns, "NSE silenced - intact"], rows)


def main(
    seeds: Seeds = 10,
    updates: Updates = 1000,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 20 updates.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Look at what cells are told that a fixed decoder reads, by rule, and silence it."""
    seeds, updates = (1, 20) if quick else (seeds, updates)
    rules = [circuit.rule for circuit in CIRCUITS.values()]
    run = Run.start_or_resume("decoder", dict(seeds=seeds, updates=updates), rules, out)
    along = ("circuit", "feedback", "seed")
    cells = [
        dict(circuit=name, feedback=feedback, seed=seed, updates=updates)
        for name in CIRCUITS
        for feedback in ("intact", "silenced")
        for seed in range(seeds)
    ]
    over = dict.fromkeys(("nse", "parts", "same"), "update")
    data = run.collect(learned, cells, along, jobs, progress, **over)
    data = data.assign_coords(update=[n for n in NOTED if n <= updates])
    run.finish(data, report, plot)


if __name__ == "__main__":
    typer.run(main)
