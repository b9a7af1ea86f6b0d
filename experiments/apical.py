"""Do apical dendrites carry the error, and what if interneurons are out of balance?

Dendritic microcircuits (Sacramento et al., NeurIPS 2018). Learning: the paper's 30-50-10 student of
a 30-20-10 teacher, B random and fixed; with hidden W held; without a teacher, from random lateral
synapses, which alone learn. Nudge: in 30-20-20-10, B = W^T, ever weaker teachers. Imbalance:
synapses from interneurons weaker by eps. To first order, a layer that sends s leaves v_A = eps B s
below it; its own v_A, not foreseen, adds (1 - lambda_I) lambda_A B phi' v_A to that. Not as in the
paper: tanh, linear output, normal inputs, tasks.teacher, batches of 20 that settle, then learn; no
noise.

About 4 minutes on 2 cores:  neurofa run apical
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Learner, Network, Trial, analysis, directions, lessons, lookup, settle, tasks
from neurofa.experiment import Jobs, Out, Run, Seeds, Updates, counted, print_table
from neurofa.learning.predict import respond
from neurofa.pathways import at_angle, uniform
from neurofa.snapshots import requested_changes
from neurofa.statistics import DEGREES, POSITIVE, estimate

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

RULE, TEACHER = lookup.rule("dendritic_microcircuit"), (30, 20, 10)
FULL, (W, *SIDE) = RULE.but(eta=0.5).through(uniform(0.1), "W", "B"), RULE.plasticity
ALONE = RULE.but(plasticity=tuple(SIDE), eta=0.5, k_IP=0.8, k_PI=0.8).through(
    uniform(0.3), "B", "IP", "PI"
)
RULES = {
    "taught": FULL,
    "hidden W held": FULL.but(plasticity=(replace(W, to="output"), *SIDE)),
    "no teacher": ALONE,
}
CURVES = dict(
    silence="|v_A|", mismatch="|v_I - v_above|", to_B="W2 to B^T", to_bp="ΔW1 to BP", nse="NSE"
)
WITHIN = {name: DEGREES if name.startswith("to_") else POSITIVE for name in CURVES}
KNOWN = {
    ("taught", "to_B"): "about 45: section 3.3",
    ("no teacher", "silence"): "0",
    ("no teacher", "mismatch"): "0",
}
# g_som, eps
PROBES = [(g, 0) for g in (0.8, 0.08, 0.008)] + [
    (0.8, eps) for eps in (0.001, 0.01, 0.03, 0.1, 0.3)
]
# how far somata follow dendrites, interneurons partners
BASAL, LAMBDA_A, LAMBDA_I = 1 / 1.9, 0.8 / 1.9, 0.8 / 1.9
NOTED, PROBED = (
    (0, *(k * 10**n for n in range(5) for k in (1, 2, 5))),
    ("angle", "apical", "theory", "change"),
)


def train(synapses: str, seed: int, updates: int) -> dict:
    """Train a student, and return the CURVES: the first two without the teacher."""
    net, found = Network((30, 50, 10), RULES[synapses], trials=20, seed=seed), []
    learner = Learner(net, Trial(dt=5 * ms, default=settle(1e-5)))
    layers, rng = tasks.teacher(TEACHER, seed), np.random.default_rng([seed, 1])
    x_test = np.random.default_rng([seed, 2]).normal(size=(500, 30))
    y_test = tasks.teach(layers, x_test)

    def batches():
        for _ in range(updates):
            x = rng.standard_normal((20, 30))
            # no teacher: the target is what the circuit answers
            yield x, respond(learner, x) if synapses == "no teacher" else tasks.teach(layers, x)

    for update, _ in lessons(learner, batches()):
        if update in NOTED:
            nse = analysis.nse(respond(learner, x_test), y_test)
            to_B = analysis.alignment(net["W2"], net["B2"])
            apart = net["interneuron1.v"] - net["output.v"]
            rest = [float(np.abs(v).mean()) for v in (net["hidden1.v_apical"], apart)]
            to_bp = directions.to_backprop(learner, x_test, y_test, BASAL)[0]
            found.append((*rest, to_B, to_bp, nse))
    return dict(zip(CURVES, map(list, zip(*found))))


def probe(seed: int, g_som: float, eps: float) -> dict:
    """Return the angles of ΔW1 and ΔW2; without the teacher |v_A|, as it is and by theory, and |ΔW|
    / |taught ΔW|."""
    net = Network(
        (30, 20, 20, 10), RULE.but(g_som=g_som).through(at_angle(0), "B"), trials=100, seed=seed
    )
    learner, rng = (
        Learner(net, Trial(dt=5 * ms, default=1000 * ms)),
        np.random.default_rng([seed, 1]),
    )
    y, target = (
        respond(learner, x := rng.standard_normal((100, 30))),
        tasks.teach(tasks.teacher(TEACHER, seed), x),
    )
    r, taught, above, B = (
        net["hidden2.r"].copy(),
        requested_changes(learner, x, target),
        eps * y @ net["B3"].T,
        net["B2"].T,
    )
    theory = eps * r @ B + (1 - LAMBDA_I) * LAMBDA_A * ((1 - r**2) * above) @ B, above
    net["PI1"], net["PI2"] = (1 - eps) * net["PI1"], (1 - eps) * net["PI2"]
    still = requested_changes(learner, x, respond(learner, x))
    return dict(
        angle=directions.to_backprop(learner, x, target, BASAL)[:2].tolist(),
        direct=float(np.abs(eps * r @ B).mean()),
        apical=[float(np.abs(net[f"hidden{k}.v_apical"]).mean()) for k in (1, 2)],
        theory=[float(np.abs(v).mean()) for v in theory],
        change=[analysis.norm_ratio(still[f"W{k}.w"], taught[f"W{k}.w"]) for k in (1, 2)],
    )


def plot(data: xarray.Dataset) -> Figure:
    """Draw learning, angles under ever weaker teachers, and what imbalance does; return the
    figure."""
    from neurofa import plot

    figure, axes = plot.figure(rows=3, columns=2, width=plot.PAGE, height=6)
    probes, curves = data.rename(layer="rule"), data[list(CURVES)].rename(CURVES).to_array("rule")
    (taught, _, alone), still = (
        (curves.sel(synapses=s) for s in RULES),
        probes.sel(g_som=0.8)[{"eps": slice(1, None)}],
    )
    panels = {
        "Mean, without a teacher": alone[:2],
        "Angle between ΔW and that\nof BP, B = Wᵀ (degrees)": probes.angle.sel(eps=0),
        "Angle (degrees)": taught[2:4],
        "Error (NSE)": data.nse[:2].rename(synapses="rule"),
        "Apical potential |v_A|,\nwithout a teacher": still.apical,
        "ΔW without a teacher\n(part of the taught ΔW)": still.change,
    }
    for panel, (label, chosen) in zip(axes.flat, panels.items()):
        plot.learning(chosen.drop_vars(set(chosen.coords) - set(chosen.dims)), panel, label=label)
        panel.set(
            xscale="symlog" if "update" in chosen.dims else "log",
            yscale="linear" if label == "Angle (degrees)" else "log",
        )
    axes[1, 0].axhline(45, color="0.4", linewidth=0.8, linestyle=":")
    plot.also(axes[1, 0], plot.sign("published, W2 to B^T", ":"))
    for layer, known in zip(
        still.rule.values, np.atleast_2d(still.theory.median("seed").transpose("rule", "eps"))
    ):
        plot.crosses(
            axes[2, 0], still.eps, known, color=plot.looks(still.rule.values)[layer]["color"]
        )
    plot.also(axes[2, 0], plot.sign("theory"))
    return figure


def report(data: xarray.Dataset) -> None:
    """Print means over seeds with 95 % intervals, beside what was published or follows from
    theory."""
    _print_learning(data)
    _print_imbalance(data)


def _print_learning(data):
    print_table(
        f"{counted(data.sizes['seed'], 'seed')}; angles in degrees",
        ["", "at first", "at the end", "published, theory"],
        [
            [
                f"{s}: {name}",
                *(f"{estimate(data[key].sel(synapses=s)[:, k], WITHIN[key]):.2g}" for k in (0, -1)),
                KNOWN.get((s, key), ""),
            ]
            for s in RULES
            for key, name in CURVES.items()
            if data[key].sel(synapses=s).notnull().any()
        ],
    )


def _print_imbalance(data):
    print_table(
        "Synapses from interneurons weaker by eps; layers 1, 2: ΔW to BP with a teacher, all else without",
        [
            "g_som",
            "eps",
            "ΔW to BP",
            "|v_A|, 1",
            "2",
            "theory, 1",
            "2",
            "eps B s",
            "ΔW / taught, 1",
            "2",
        ],
        [
            [
                g,
                eps,
                f"{estimate(at.angle.max('layer'), DEGREES):.2g}",
                *(
                    f"{v:.2g}"
                    for key in (*PROBED[1:3], "direct", "change")
                    for v in np.atleast_1d(at[key].mean("seed"))
                ),
            ]
            for g, eps in PROBES
            for at in (data.sel(g_som=g, eps=eps),)
        ],
    )


def main(
    seeds: Seeds = 5,
    updates: Updates = 20000,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 20 updates.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Silence apical dendrites, teach through them, and put their interneurons out of balance."""
    seeds, updates = (1, 20) if quick else (seeds, updates)
    run = Run.start_or_resume("apical", dict(seeds=seeds, updates=updates), RULES.values(), out)
    cells = [
        dict(synapses=name, seed=seed, updates=updates) for name in RULES for seed in range(seeds)
    ]
    probed = [dict(seed=seed, g_som=g, eps=eps) for seed in range(seeds) for g, eps in PROBES]
    later, lists = [(probe, probed)], dict.fromkeys(CURVES, "update")
    data = run.collect(train, cells, ("synapses", "seed"), jobs, progress, besides=later, **lists)
    probes = run.collect(
        probe, probed, ("seed", "g_som", "eps"), jobs, progress, **dict.fromkeys(PROBED, "layer")
    )
    data = data.merge(probes).assign_coords(
        update=[n for n in NOTED if n <= updates], layer=["layer 1", "layer 2"]
    )
    data.g_som.attrs["long_name"], data.eps.attrs["long_name"] = (
        "teacher's conductance",
        "imbalance ε",
    )
    run.finish(data, report, plot)


if __name__ == "__main__":
    typer.run(main)
