"""How rules of the shelf learn the handwritten digits: trained as `neurofa run digits` does, and kept
as a small table for this site.

About 20 minutes in one process:  make curves
"""

import csv
import io
from pathlib import Path

import numpy as np
import typer
from neurofa.experiments import digits
from neurofa.models.tuned.digits import SETTINGS, SIZES, settings

import neurofa
from neurofa.base.files import write
from neurofa.experiment import Epochs, Jobs, Out, Run, Seeds

KEPT = Path(neurofa.__file__).parents[1] / "experiments" / "curves" / "digits.csv"


def saved() -> dict[str, np.ndarray]:
    """Return `{model: held-out accuracy in percent}`, arrays (seeds, epochs), untrained first; NaN after
    a training that diverged."""
    rows = list(csv.reader(KEPT.read_text().splitlines()))[1:]
    return {
        model: np.array([[float(v or "nan") for v in row[2:]] for row in rows if row[0] == model])
        for model in dict.fromkeys(row[0] for row in rows)
    }


def table(accuracy) -> str:
    """Return an array (model, seed, epoch) of fractions as CSV, in percent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "seed", *accuracy.epoch.values])
    for model in accuracy.model.values:
        for seed in accuracy.seed.values:
            values = 100 * accuracy.sel(model=model, seed=seed).values
            percent = [f"{v:.2f}" if np.isfinite(v) else "" for v in values]
            writer.writerow([model, seed, *percent])
    return text.getvalue()


def main(seeds: Seeds = 3, epochs: Epochs = 60, jobs: Jobs = 2, out: Out = "runs") -> None:
    """Train every rule that has settings for the digits, and keep the learning curves."""
    rules = {model: settings(model)[0] for model in SETTINGS}
    cells = [
        dict(model=m, seed=k, epochs=epochs, rule=str(r), sizes=list(SIZES), activation="tanh")
        for m, r in rules.items()
        for k in range(seeds)
    ]
    run = Run.start_or_resume(
        "curves", dict(models=list(rules), seeds=seeds, epochs=epochs), rules.values(), out
    )
    along = dict.fromkeys(digits.CURVES, "epoch")
    data = run.collect(digits.curves, cells, ("model", "seed"), jobs, **along)
    KEPT.parent.mkdir(exist_ok=True)
    write(KEPT, table(data.test_accuracy).encode())
    print(f"Learning curves: {KEPT}")


if __name__ == "__main__":
    typer.run(main)
