"""Can recurrent cells learn in time from random feedback and what every synapse remembers?

Murray (eLife 2019), as in the paper's code: 1-50-1, a sum of three sines in 100 ms, no input, rates
that start at 0.1, R normal with 1.5/sqrt(50), learning rate 0.03 per trial (here also 0.06), W held.
RFLO; the same without traces, whose time constant is then a step; the readout alone, with R held; and
backpropagation through time (BPTT), which is no circuit. The loss is half the mean squared error in a
trial. Angles are those of a change of R to BPTT's, at the same weights: of the rule's own; of the
rule's with B = V^T, where only what goes round through R is missing; and of BPTT's with errors that
come back through B. In the paper's code, the first of 99 steps is held against the second sample of
the target; here, the first of 100 against the first.

About 3 minutes on 2 cores:  neurofa run recurrent
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import (
    Diverged,
    Learner,
    Network,
    Phase,
    Trial,
    analysis,
    lookup,
    predict,
    tasks,
    train,
    unrolled,
)
from neurofa.experiment import Jobs, Out, Run, Seeds, counted, print_table
from neurofa.pathways import normal, uniform
from neurofa.snapshots import requested_changes
from neurofa.statistics import POSITIVE, estimate, shown

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from neurofa import LearningRule

CELLS, START, FRAME, STEP = 50, 0.1, 1 * ms, 0.1  # step: in time constants of 10 ms
RATES = (0.03, 0.06)
# for a mean over the trial, which is ten time constants long
PER_TAU = 0.1
CONDITIONS = ("RFLO", "RFLO, no traces", "readout alone", "BPTT")
NOTED = sorted({round(10 ** (k / 6)) for k in range(25)})  # trials
MEASURES = ("loss", "to_bptt", "by_V", "by_B", "to_B")
ANGLES = dict(to_bptt="ΔR", by_V="through V", by_B="BPTT, B", to_B="V to B")
# after 10,000 trials: of a single circuit, in the paper's code; and medians of 20 of an independent
# NumPy computation of the same
PUBLISHED = {"RFLO": 1.5e-4, "BPTT": 2.3e-4}
INDEPENDENT = {"RFLO": 9.3e-4, "RFLO, no traces": 5.2e-4, "BPTT": 6.4e-4}


def rule_of(condition: str, rate: float) -> LearningRule:
    """Return a condition's rule as the paper's code has it; of BPTT, the circuit that is unrolled."""
    rule = lookup.rule("rflo")
    held = ("W",) if condition != "readout alone" else ("W", "R")
    learned = [p for p in rule.plasticity if p.to == "output" or p.pathway not in held]
    rule = rule.but(
        eta=PER_TAU * rate,
        plasticity=tuple(learned),
        phases=(Phase("online", start={"hidden": "r = r_0"}),),
        parameters=dict(r_0=START),
    )
    if condition == "RFLO, no traces":
        rule = rule.but(tau_p=FRAME)
    return rule.through(normal(1.5 / CELLS**0.5), "R").through(uniform(0.1 / CELLS**0.5), "W")


def learn(rule: str, rate: float, seed: int, trials: int) -> dict:
    """Train one circuit; return the MEASURES at all trials in NOTED, and its output at last."""
    net, task = Network((1, CELLS, 1), rule_of(rule, rate), seed=seed), tasks.sines(tonic=0)
    if rule == "BPTT":
        found = _unrolled(net, task, rate, trials)
    else:
        found = _online(net, task, trials)
    return dict(zip((*MEASURES, "output"), found))


def _online(net, task, trials):
    learner, angles = Learner(net, Trial(dt=FRAME)), []
    x = np.zeros((1, task.frames, 1))

    def note(learner, history):
        if history.epoch[-1] in NOTED:
            to_B = analysis.alignment(net["W2"], net["B1"])
            angles.append((*_to_bptt(learner, x, task.y), to_B))

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The targets of task sines are no classes")
        trial = tasks.Task(task.x, task.y, task.name, frame=FRAME)  # nothing is held out
        try:
            history = train(learner, trial, trials, after_epoch=note, progress=False)
            output = predict(learner, x, frame=FRAME).ravel().tolist()
        except Diverged as error:
            history, output = error.history, []
    loss = [history.train_cost[k] for k in NOTED if k < len(history.train_cost)]
    return loss, *np.transpose(angles).tolist(), output


def _to_bptt(learner, x, y):
    """Return the angles to BPTT's change of R: of what the rule asks for, as it is and through V; and
    of BPTT through B."""
    net = learner.net
    if "R1.g" not in net.probeable:  # R does not learn
        return [np.nan] * 3
    changes, B = [requested_changes(learner, x, y, FRAME)["R1.w"]], net["B1"].copy()
    net["B1"] = net["W2"].T
    changes.append(requested_changes(learner, x, y, FRAME)["R1.w"])
    net["B1"] = B
    changes.append(-unrolled.gradients(x, y, *_weights(net), STEP, START, B=B).R)
    goal = -unrolled.gradients(x, y, *_weights(net), STEP, START).R
    return [analysis.angle(change, goal) for change in changes]


def _unrolled(net, task, rate, trials):
    weights, loss, angles = [w.copy() for w in _weights(net)], [], []
    for trial in range(1, trials + 1):
        found = unrolled.gradients(task.x, task.y, *weights, STEP, START)
        weights[1] -= rate * found.R
        weights[2] -= rate * found.V
        if trial in NOTED:
            loss.append(found.cost)
            angles.append(analysis.alignment(weights[2], net["B1"]))
    output = unrolled.unroll(task.x, *weights, STEP, task.frames, START).y
    unknown = [[np.nan] * len(loss)] * 3
    return loss, *unknown, angles, output.ravel().tolist()


def _weights(net):
    """Return W, R and V."""
    return [net[name] for name in ("W1", "R1", "W2")]


def plot(data: xarray.Dataset) -> Figure:
    """Draw losses and angles over trials at the published rate, and what was learned beside the
    target; return the figure."""
    import xarray

    from neurofa import plot

    figure, axes = plot.figure(rows=2, columns=2, width=plot.PAGE, height=4.4)
    usual = data.sel(rate=RATES[0])
    loss, change, readout, outputs = axes.flat
    plot.learning(usual.loss, loss, "Loss").set_yscale("log")
    for rule, known in INDEPENDENT.items():
        plot.crosses(loss, NOTED[-1:], [known], color=plot.looks([rule])[rule]["color"])
    plot.also(loss, plot.sign("independent"))
    parts = [usual.to_bptt.sel(rule=["RFLO", "RFLO, no traces"])]
    for name, part in (("RFLO, through Vᵀ", "by_V"), ("BPTT, through B", "by_B")):
        parts.append(usual[part].sel(rule=["RFLO"]).assign_coords(rule=[name]))
    parts = xarray.concat([part.rename("to_bptt") for part in parts], "rule")
    plot.learning(parts, change, "Angle between ΔR and\nthat of BPTT (degrees)")
    plot.learning(usual.to_B, readout, "Angle between V\nand Bᵀ (degrees)")
    for panel in (loss, change, readout):
        panel.set_xscale("log")
    for panel in (change, readout):
        panel.axhline(90, color="0.4", linewidth=0.8, linestyle=":")
        plot.also(panel, plot.sign("right angle", ":"))
    _draw_outputs(outputs, usual.output.isel(seed=0))
    return figure


def _draw_outputs(panel, outputs):
    """Draw outputs (rule, frame) of the last trial, beside their target."""
    from neurofa import plot

    looks = plot.looks(outputs.rule.values)
    for name in outputs.rule.values:
        look = looks[name] | dict(marker="")
        panel.plot(outputs.frame + 1, outputs.sel(rule=name), label=name, **look)
    target = tasks.sines().y.ravel()
    panel.plot(outputs.frame + 1, target, color="0.6", linewidth=3, zorder=0, label="target")
    panel.set(xlabel="Time (ms)", ylabel="Output, seed 0")
    plot.name_lines(panel)


def report(data: xarray.Dataset) -> None:
    """Print losses, means with 95 % intervals, beside the published ones; and angles."""
    last = int(data.trial[-1])
    early = int(data.trial.sel(trial=last / 10, method="nearest"))
    conditions = [(name, rate) for rate in data.rate.values for name in data.rule.values]
    columns = [f"trial {early}", f"trial {last}", "diverged", "less", "published", "independent"]
    print_table(
        f"Loss, {counted(data.sizes['seed'], 'seed')}; less: by this factor, in the last trial, than of the readout alone. Published: one "
        "circuit; independent: median of 20",
        ["rule", "rate", *columns],
        [
            [*each, *_losses(data, *each, (early, last)), *_known(*each, last)]
            for each in conditions
        ],
    )
    angles = data[[*ANGLES]].mean("seed")
    places = [(angle, k) for angle in ANGLES for k in (early, last)]
    print_table(
        "Angles in degrees after so many trials, means: to BPTT's change of R, of the rule's, of the rule's through V, and of "
        "BPTT's through B; and of V to B",
        ["rule", "rate", *(f"{ANGLES[angle]}, {k}" for angle, k in places)],
        [
            [
                name,
                rate,
                *(
                    shown(float(angles[angle].sel(rule=name, rate=rate, trial=k)), ".0f")
                    for angle, k in places
                ),
            ]
            for name, rate in conditions
        ],
    )


def _losses(data, name, rate, trials):
    """Return the losses of a rule in some trials, in how many circuits they diverged, and by what
    factor the last is below that of the readout alone."""
    found = data.loss.sel(rule=name, rate=rate)
    alone = data.loss.sel(rule="readout alone", rate=rate)
    factor = np.exp(np.log(alone / found).sel(trial=trials[-1]).mean())
    diverged = int(found.sel(trial=trials[-1]).isnull().sum())
    losses = (f"{estimate(found.sel(trial=k), POSITIVE):.2g}" for k in trials)
    return *losses, diverged or "", f"{factor:.2g}"


def _known(name, rate, last):
    """Return the loss in the paper's code, and that of the independent computation."""
    if (rate, last) != (RATES[0], NOTED[-1]):
        return "", ""
    return (f"{of[name]:.1e}" if name in of else "" for of in (PUBLISHED, INDEPENDENT))


def main(
    seeds: Seeds = 5,
    trials: Annotated[int, typer.Option(min=1, help="How many trials.")] = NOTED[-1],
    jobs: Jobs = 2,
    quick: Annotated[bool, typer.Option(help="1 seed, 10 trials.")] = False,
    out: Out = "runs",
    progress: bool = True,
) -> None:
    """Let recurrent circuits learn to produce a sum of sines, online and by backpropagation through
    time."""
    seeds, trials = (1, 10) if quick else (seeds, trials)
    cells = [
        dict(rule=name, rate=rate, seed=seed, trials=trials)
        for name in CONDITIONS
        for rate in RATES
        for seed in range(seeds)
    ]
    rules = [rule_of(name, rate) for name in CONDITIONS for rate in RATES]
    run = Run.start_or_resume("recurrent", dict(seeds=seeds, trials=trials), rules, out)
    over = dict.fromkeys(MEASURES, "trial") | dict(output="frame")
    data = run.collect(learn, cells, ("rule", "rate", "seed"), jobs, progress, **over)
    run.finish(data.assign_coords(trial=[k for k in NOTED if k <= trials]), report, plot)


if __name__ == "__main__":
    typer.run(main)
