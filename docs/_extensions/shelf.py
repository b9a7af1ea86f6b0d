"""The shelf of learning rules as pages: one per rule, from the rule itself, its golden checks and how
it learns."""

import hashlib
import inspect
import re
import warnings
from pathlib import Path

import learning_curves
import loky
import numpy as np
import rule_page
import xarray
from families import FAMILIES
from markdown import linked, page, prose, section, table, toctree
from matplotlib import pyplot

import neurofa
from neurofa import lookup, plot
from neurofa.figures import diagram
from neurofa.runs.cells import run_cells
from neurofa.statistics import PERCENT, estimate

ROOT = Path(neurofa.__file__).parents[1]
ABOUT = (
    "A page per rule, made from the rule itself: what it says is what runs. Each is held against answers that share "
    "no code with the simulator."
)
BESIDE = "bp", "frozen"  # what every rule's learning curve is drawn with


def generate(app):
    """Write all pages of the shelf into the folder `generated/shelf` beside conf.py."""
    folder = Path(app.srcdir) / "generated" / "shelf"
    (folder / "circuits").mkdir(parents=True, exist_ok=True)
    names = lookup.model_names()
    checks = checked(names, folder.parent / "checks") if app.config.shelf_computes else {}
    curves = learning_curves.saved()
    for model in names:
        circuit = learned = ""
        if app.config.shelf_computes:
            circuit, learned = draw(model, curves, folder)
        golden = section("Golden checks", *golden_checks(model, checks.get(model)))
        digits = section("Learning the digits", digits_learned(model, curves), learned)
        page(folder, model, *rule_page.whole(model, circuit, golden, digits))
    page(folder, "table", *side_by_side())
    page(folder, "index", *overview(curves))


def overview(curves):
    """Return the first page of the shelf: its families, and the table of models/README.md."""
    readme = (ROOT / "models" / "README.md").read_text()
    rest = readme.partition(lookup.shelf())[2]
    seeds, epochs = curves["bp"].shape
    measured = (
        f"*Digits, %* is the held-out accuracy on handwritten digits after {epochs - 1} epochs, mean over {seeds} seeds "
        "[95 % interval], of circuits of 64-30-30-10 cells with settings of each rule's own. "
        "[All rules, side by side](table.md): feedback, phases, what is plastic, what is not local, and checks."
    )
    pieces = ["# The shelf of learning rules", ABOUT, measured]
    for name, (about, members) in FAMILIES.items():
        models = members.split()
        rows = [
            (
                f"[{lookup.rule(m).name}]({m}.md)",
                _in_short(m),
                accuracy(curves[m]) if m in curves else "-",
            )
            for m in models
        ]
        pieces += [
            f"## {name}",
            about,
            table(("rule", "in short", "digits, %"), rows),
            toctree(models, name),
        ]
    return [*pieces, toctree(["table"]), rest]


def side_by_side():
    """Return the page with the table of models/README.md."""
    about = "Not local are pathways that no synapse could make by itself: tied to a transpose, or made from other weights."
    rules = re.sub(r"\]\((\w+)\.py\)", r"](\1.md)", lookup.shelf())
    wide = "---\nhtml_theme.sidebar_secondary.remove: true\n---"
    return [wide, "# All rules, side by side", about, f":::{{div}} wide\n\n{rules}\n:::"]


def accuracy(curves):
    """Return the mean final accuracy over the seeds with its 95 % interval, as text."""
    return f"{estimate(curves[:, -1], PERCENT):.1f}"


def golden_checks(model, found):
    """Return what a model is held against, and how far off it was when this site was built."""
    against, _ = neurofa.models.GOLDEN[model]
    yield f"It is held against answers that share no code with the simulator: {prose(against)}."
    if found is None:
        return
    rows = [
        (
            prose(what),
            f"{off:.1e}",
            f"{limit:.0e}".replace("e-0", "e-"),
            "yes" if off <= limit else "**no**",
        )
        for what, off, limit in found
    ]
    yield "Computed when this site was built; `neurofa run steady_state` computes them all."
    yield table(("what is compared", "largest difference", "limit", "holds"), rows)


def digits_learned(model, curves):
    """Return how well a model learns the digits, in words."""
    if model not in curves:
        return "There are no settings for the digits: this rule is for other tasks."
    seeds, epochs = curves[model].shape
    final = curves[model][:, -1]
    each = ", ".join(f"{v:.1f}" if np.isfinite(v) else "diverged" for v in final)
    return (
        f"Held-out accuracy after {epochs - 1} epochs, {seeds} seeds: **{accuracy(curves[model])}** percent "
        f"[95 % interval of the mean]; each seed: {each}. Circuits of 64-30-30-10 tanh cells, with the settings of "
        f"`models/tuned/digits.py`, which are each rule's own: that is no race between rules. "
        f"`neurofa run digits --models {model}` trains it."
    )


def draw(model, curves, folder):
    """Draw a model's circuit, and its learning curve beside those of the controls; return both as
    Markdown, the second empty where there is none."""
    rule, learned = lookup.rule(model), ""
    name = _save(diagram.circuit(rule).figure, folder, f"circuits/{model}.svg")
    if model in curves:
        names = [model, *(control for control in BESIDE if control != model)]
        along = dict(rule=[lookup.rule(one).name for one in names])
        data = xarray.DataArray(
            [curves[one] for one in names], dims=("rule", "seed", "epoch"), coords=along
        )
        axes = plot.learning(data, label="Held-out accuracy (%)")
        axes.set_ylim(0, 100)
        learned = _save(axes.figure, folder, f"circuits/{model}-digits.svg")
        learned = f"![How {rule.name} learns the digits]({learned})"
    return f"![The circuit of {rule.name}]({name})", learned


def checked(names, folder):
    """Return `{model: [(what, largest difference, limit)]}` of all golden checks, as they come out now.

    What has been computed for this very code is kept in `folder`. Raises ValueError if one does
    not hold.
    """
    state = hashlib.sha256()
    for path in sorted([*ROOT.glob("neurofa/**/*.*"), *ROOT.glob("models/**/*.py")]):
        state.update(path.read_bytes() if path.suffix != ".pyc" else b"")
    cells = [dict(model=model, code=state.hexdigest()) for model in names]
    found = run_cells(folder, check, cells, jobs=loky.cpu_count(), label="golden checks")
    for model, result in zip(names, found):
        for what, off, limit in result["checks"]:
            if not off <= limit:
                raise ValueError(f"{model}: {what}: off by {off:.1e}, more than {limit:.0e}.")
    return {model: result["checks"] for model, result in zip(names, found)}


def check(model, code):
    """Compute the golden checks of one model; `code` says of which state of the sources."""
    from neurofa.models import golden

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is said of noise and dt is known to these checks
        found = [c for one in golden.comparisons() if one.rule == model for c in one.checks()]
    return dict(checks=[(c.what, c.difference, c.limit) for c in found])


def _in_short(model):
    return linked(inspect.getdoc(lookup.module(model)).partition("\n\n")[0])


def _save(figure, folder, name):
    figure.savefig(folder / name, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    return name


def setup(app):
    app.add_config_value("shelf_computes", True, "env", bool)
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
