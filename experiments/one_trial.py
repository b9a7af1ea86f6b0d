"""What happens in a trial?

A 15-10-10-5 tanh circuit sees one input. In the free phase the rates settle, layer after layer; in
the feedback phase the teaching signal arrives. Under deep feedback control a controller drives the
output to its setpoint, and hidden cells fire at another rate (r) than their feedforward input alone
would give (r_basal): the synapses learn that difference. Under feedback alignment errors settle,
from the output downwards, and the rates stay where they are.

About 5 seconds:  neurofa run one_trial
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from brian2 import ms

from neurofa import Learner, Network, Recorder, Recording, Trial, lookup, present, settle
from neurofa.experiment import Run, print_table

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from neurofa import LearningRule

SIZES = (15, 10, 10, 5)
# The published ratio of the time constants (0.2), with less proportional gain: what is left of it
# is over soon, and one sees
# the integral at work. Halfway to the target, and with a leak that lets one see that the output
# stops short of it by alpha*u.
CONTROL = dict(k_p=0.3, alpha=0.1, lam=0.5)
SETTINGS = dict(dfc=CONTROL, dfc_ss=CONTROL, dfc_integral_leak=CONTROL)
RECORDED = (
    "output.r",
    "output.setpoint",
    "output.target",
    "hidden1.r",
    "hidden1.r_basal",
    "hidden1.v_apical",
    "controller.u",
    "output.delta",
)


def rule_of(model: str) -> LearningRule:
    """Return the rule called `model`, with the settings that it has here."""
    return lookup.rule(model).but(**SETTINGS.get(model, {}))


def run(model: str = "dfc", seed: int = 0, tolerance: float = 1e-3) -> Recording:
    """Present one sample to a new circuit, each phase until it has settled to `tolerance`, and
    return the Recording."""
    rule, rng = rule_of(model), np.random.default_rng(seed)
    net = Network(SIZES, rule, seed=seed)
    x, y = rng.standard_normal((1, SIZES[0])), rng.uniform(-1, 1, (1, SIZES[-1]))
    trial = Trial(dt=1 * ms, default=settle(tolerance, at_most=1000 * ms))
    recorder = Recorder(
        [name for name in net.probeable if name in RECORDED or name.endswith(".residual")]
    )
    present(Learner(net, trial), x, y, learn=False, record=recorder)
    recording = recorder.recording()
    recording.dataset.attrs["tolerance"] = tolerance
    return recording


def plot(trial: Recording | xarray.Dataset) -> Figure:
    """Draw output, hidden cells, teaching signal and residuals over time, and return the figure.

    `trial` is the Recording, or the Dataset in trial.nc.
    """
    from neurofa import plot

    recording = trial if isinstance(trial, Recording) else Recording(trial)
    # the output has an aim once there is feedback
    taught = [name for name, _, _ in recording.phases[1:]]
    basal = _first(recording, "hidden1.r_basal")
    panels = [
        ("output.r", _first(recording, "output.setpoint", "output.target"), taught),
        ("hidden1.r" if basal else _first(recording, "hidden1.v_apical", "hidden1.r"), basal, None),
        (_first(recording, "controller.u", "output.delta"), None, None),
    ]
    panels = [panel for panel in panels if panel[0]]
    figure, axes = plot.figure(
        len(panels) + 1, height=1.6 * (len(panels) + 1), width=plot.PAGE, share_x=True
    )
    for (name, target, phases), panel in zip(panels, axes):
        plot.traces(recording, name, panel, target=target, target_phases=phases)
    plot.residuals(recording, axes[-1], tolerance=recording.dataset.attrs["tolerance"])
    return figure


def report(recording: Recording) -> None:
    """Print how long each phase took, how far from rest the circuit was at its end, and how far the
    output from its target."""
    tolerance, rows = recording.dataset.attrs["tolerance"], []
    for name, start, end in recording.phases:
        last = recording.dataset.isel(trial=0).sel(time=end, method="nearest")
        residuals = {
            n.split(".")[0]: float(last[n]) for n in recording.names if n.endswith(".residual")
        }
        slowest = max(residuals, key=residuals.get)
        distance = float(np.linalg.norm(last["output.r"].values - last["output.target"].values))
        rows.append(
            [
                name,
                f"{end - start:g}",
                f"{residuals[slowest]:.1e} ({slowest})",
                "yes" if residuals[slowest] <= tolerance else "no",
                f"{distance:.3f}",
            ]
        )
    rule = recording.dataset.attrs["rule"].splitlines()[0]
    print_table(
        f"One trial of {rule}",
        [
            "phase",
            "length (ms)",
            "largest residual",
            f"settled to {tolerance:g}",
            "|output - target|",
        ],
        rows,
    )


def _first(recording, *names):
    """Return the first of the names that was recorded, or None."""
    return next((name for name in names if name in recording.names), None)


def main(
    model: Annotated[
        str, typer.Option(help="A name in models/, or a Python file with a RULE of your own.")
    ] = "dfc",
    seed: Annotated[int, typer.Option(help="Of weights, input and target.")] = 0,
    quick: Annotated[bool, typer.Option(help="Settle to 1e-2 instead of 1e-3.")] = False,
    out: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"),
) -> None:
    """Watch a circuit through the phases of one trial."""
    tolerance = 1e-2 if quick else 1e-3
    folder = Run.start(
        "one_trial", dict(model=model, seed=seed, tolerance=tolerance), [rule_of(model)], out
    )
    recording = run(model, seed, tolerance)
    folder.save(recording, "trial.nc")
    report(recording)
    print(f"Figure: {folder.save_figure(plot(recording), 'one_trial')}")


if __name__ == "__main__":
    typer.run(main)
