"""Does depth help without symmetric feedback?

Lillicrap's nonlinear teacher (Nature Communications 2016), 30-20-10-10 tanh with linear output;
students 30-20-10 and 30-20-10-10, fresh samples in batches of 20, eta 0.02, 60,000 updates. The
error is NSE = sum|y* - y|^2 / sum|y*|^2 on 5000 held-out samples; the angle is that between the
rule's and backpropagation's weight change, per layer, mean over minibatches, at the end. Depth
gains log10 of the factor between the two students' errors, taken within a seed. The paper does not
give the distribution of the teacher's weights, and they decide how hard the task is. Here the
teacher's W are normal with 1.5/sqrt(n), its b with 0.1, the student's W start uniform in +-0.1, B
(and a random relay) in +-0.25.

About 25 minutes on 2 cores:  neurofa run depth
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import (
    Learner,
    Network,
    Trial,
    analysis,
    directions,
    lessons,
    lookup,
    reference,
    settle,
    tasks,
)
from neurofa.experiment import Jobs, Out, Run, Seeds, Updates, counted, print_table
from neurofa.pathways import uniform
from neurofa.statistics import POSITIVE, estimate, paired

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

MODELS = ("frozen", "bp", "fa", "dfa", "ifa", "ifa_random", "kolen_pollack")
TEACHER, SHALLOW, DEEP = (30, 20, 10, 10), "30-20-10", "30-20-10-10"
# how they are drawn: beside the place of the rule, and filled
STUDENTS, BLACK = ((SHALLOW, -0.15, "white"), (DEEP, 0.15, "0")), dict(color="0", linestyle="")
BATCH, ETA, TEST, DECAYS = 20, 0.02, 5000, dict(kolen_pollack=dict(decay=1e-4))
ASKED = 50  # minibatches that angles are a mean over
# Means of 3 seeds of an independent NumPy computation, with another draw of the teacher's
# distribution.
NSE = {
    SHALLOW: {
        "frozen": 0.44,
        "BP": 0.055,
        "FA": 0.067,
        "DFA": 0.074,
        "IFA": 0.074,
        "Kolen-Pollack": 0.058,
    },
    DEEP: {
        "frozen": 0.71,
        "BP": 3e-5,
        "FA": 0.054,
        "DFA": 0.071,
        "IFA": 0.21,
        "Kolen-Pollack": 0.003,
    },
}


def learn(student: str, rule: str, seed: int, updates: int, asked: int = ASKED) -> dict:
    """Train one student, and return its final NSE and the angle per layer."""
    sizes = [*map(int, student.split("-"))]
    described = lookup.rule(rule).but(eta=ETA, **DECAYS.get(rule, {}))
    own = [p.name for p in described.pathways if not p.weights]
    described = described.through(uniform(0.1), "W")
    net = Network(
        sizes, described.through(uniform(0.25), *own) if own else described, trials=BATCH, seed=seed
    )
    learner = Learner(net, Trial(dt=10 * ms, default=settle(1e-4)))
    layers, samples = tasks.teacher(TEACHER, seed), np.random.default_rng([seed, 1])
    x = (samples.standard_normal((BATCH, 30)) for _ in range(updates))
    for _ in lessons(learner, ((each, tasks.teach(layers, each)) for each in x)):
        pass
    x_test = np.random.default_rng([seed, 2]).standard_normal((TEST, 30))
    y_test = tasks.teach(layers, x_test)
    answered = reference.forward(x_test, *directions.weights(net))[1][-1]
    batches = zip(*(np.split(array[: asked * BATCH], asked) for array in (x_test, y_test)))
    angles = [directions.to_backprop(learner, x, y) for x, y in batches]
    return dict(nse=analysis.nse(answered, y_test), angle=np.mean(angles, axis=0).tolist())


def plot(data: xarray.Dataset) -> Figure:
    """Draw, by rule, the final NSE (a line per seed) and the angle of every hidden layer; return
    the figure."""
    from neurofa import plot

    figure, (error, angles) = plot.figure(rows=2, width=5.5, height=4.6, share_x=True)
    names, places = data.rule.values, np.arange(data.sizes["rule"])
    looks = plot.looks(names)
    _draw_errors(error, data, names, places, looks)
    _draw_angles(angles, data, places)
    error.set(yscale="log", ylabel="Error (NSE)")
    angles.set(ylabel="Angle between ΔW and\nthat of BP (degrees)", ylim=(-5, 100))
    angles.axhline(90, color="0.4", linewidth=0.8, linestyle=":")
    angles.set_xticks(places, names, rotation=30, ha="right")
    for panel in (error, angles):
        plot.name_lines(panel)
    plot.also(error, plot.sign("independent"), plot.sign("one seed", "-"))
    plot.also(angles, plot.sign("right angle", ":"))
    for label, name in zip(angles.get_xticklabels(), names):
        label.set_color(looks[name]["color"])
    return figure


def _draw_errors(panel, data, names, places, looks):
    """Draw a line per seed from the shallow student's error to the deep one's, both means, and the
    independent errors."""
    from neurofa import plot

    each_seed = np.repeat(places, data.sizes["seed"])
    panel.plot(
        each_seed + [[-0.15], [0.15]], data.nse.values.reshape(2, -1), color="0.7", linewidth=0.8
    )
    for student, shift, fill in STUDENTS:
        panel.plot(
            places + shift,
            data.nse.sel(student=student).mean("seed"),
            "D",
            mfc=fill,
            ms=4,
            label=f"{student}, mean",
            **BLACK,
        )
        for place, name in zip(places, names):
            known = NSE[student].get(name, np.nan)
            plot.crosses(panel, place + 1.9 * shift, known, color=looks[name]["color"])


def _draw_angles(panel, data, places):
    """Draw the angle of every hidden layer of both students, a point per seed."""
    from neurofa.style import MARKERS

    each_seed = np.repeat(places, data.sizes["seed"])
    for student, shift, fill in STUDENTS:
        for k in range(student.count("-") - 1):
            panel.plot(
                each_seed + (0.8 + k) * shift,
                data.angle.sel(student=student).isel(layer=k).values.ravel(),
                MARKERS[k],
                mfc=fill,
                ms=3,
                label=f"{student},\nlayer {k + 1}",
                **BLACK,
            )


def report(data: xarray.Dataset) -> None:
    """Print errors and angles beside the independent errors, what depth gains every rule, and how
    FA and IFA stand."""
    rows = []
    shallow, deep = (data.nse.sel(student=student) for student in (SHALLOW, DEEP))
    for name in data.rule.values:
        gain = paired(np.log10(shallow.sel(rule=name)), np.log10(deep.sel(rule=name)))[0]
        for student, nse in ((SHALLOW, shallow), (DEEP, deep)):
            angles = (
                data.angle.sel(student=student, rule=name)
                .mean("seed")
                .values[: student.count("-") - 1]
            )
            rows.append(
                [
                    name,
                    student,
                    estimate(nse.sel(rule=name), POSITIVE),
                    NSE[student].get(name, ""),
                    " ".join(f"{a:.0f}" for a in angles if np.isfinite(a)),
                    gain if student == DEEP else "",
                ]
            )
    columns = [
        "rule",
        "student",
        "NSE [95 %]",
        "independent",
        "angles to BP (deg)",
        "depth gains [95 %]",
    ]
    print_table(
        f"{counted(data.sizes['seed'], 'seed')}, {counted(data.attrs['updates'], 'update')}",
        columns,
        rows,
    )
    _print_verdict(shallow, deep)


def _print_verdict(shallow, deep):
    """Print how the deep student with FA stands beside the shallow one with BP, and the order of
    the rules."""
    fa, bp = deep.sel(rule="FA"), shallow.sel(rule="BP")
    taught = deep.drop_sel(rule="frozen").mean("seed").to_series()
    print(
        f"FA with {DEEP} at or below BP with {SHALLOW}: {'yes' if fa.mean() <= bp.mean() else 'no'}, {fa.mean():.3g} "
        f"and {bp.mean():.3g}, difference {paired(fa, bp)[0]}; independent: .054 and .055"
    )
    print(
        f"From best to worst with {DEEP}:",
        "; ".join(f"{k} {nse:.2g}" for k, nse in taught.sort_values().items()),
    )


def main(
    seeds: Seeds = 5,
    updates: Updates = 60000,
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 10 updates, angles of 5 batches.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Let shallow and deep students with different feedback learn from a teacher network."""
    seeds, updates = (1, 10) if quick else (seeds, updates)
    fewer = dict(asked=5) if quick else {}
    rules = [lookup.rule(model) for model in MODELS]
    cells = [
        dict(student=student, rule=model, seed=seed, updates=updates) | fewer
        for student in (SHALLOW, DEEP)
        for model in MODELS
        for seed in range(seeds)
    ]
    params = dict(seeds=seeds, updates=updates) | fewer
    run = Run.start_or_resume("depth", params, rules, out)
    data = run.collect(learn, cells, ("student", "rule", "seed"), jobs, progress, angle="layer")
    run.finish(
        data.assign_coords(rule=[rule.name for rule in rules]).assign_attrs(updates=updates),
        report,
        plot,
    )


if __name__ == "__main__":
    typer.run(main)
