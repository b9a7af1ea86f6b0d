"""The gallery: a page per experiment, from its docstring, its figure, what experiments/README.md says was
found, and its code."""

import inspect
import re
import shutil
from pathlib import Path

from markdown import block, linked, page, prose, section, toctree

import neurofa
from neurofa import lookup

EXPERIMENTS = Path(neurofa.__file__).parents[1] / "experiments"
ABOUT = (
    "One question per script. Each page says what is asked and expected, shows what was found, and how to run it "
    "again; a run that was stopped goes on from there."
)


def generate(app):
    """Write all pages of the gallery into the folder `generated/experiments` beside conf.py."""
    folder = Path(app.srcdir) / "generated" / "experiments"
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    found = findings((EXPERIMENTS / "README.md").read_text())
    names = list(found)
    if missing := {*lookup.experiment_names()} ^ {*names}:
        raise ValueError(f"experiments/README.md and the scripts differ: {sorted(missing)}")
    for name in names:
        shutil.copy2(EXPERIMENTS / "figures" / f"{name}.png", folder / "figures")
        page(folder, name, *experiment(name, found[name]))
    page(folder, "index", *overview(names))


def findings(readme: str) -> dict[str, str]:
    """Return `{experiment: what was found}` as Markdown, in the order of experiments/README.md."""
    text = readme.partition("## What was found\n")[2]
    pieces = re.split(r"^\*\*`(\w+)`\*\*", text, flags=re.M)
    return {name: f"**`{name}`**{found}".strip() for name, found in zip(pieces[1::2], pieces[2::2])}


def experiment(name: str, found: str) -> list[str]:
    """Return the page of an experiment as pieces of Markdown."""
    module = lookup.experiment(name)
    question, *about, command = inspect.getdoc(module).split("\n\n")
    picture = f"![{name}](figures/{name}.png)"
    return [
        f"# {prose(question)}",
        "\n\n".join(linked(part, "../shelf/") for part in about),
        section("To run it", block(_commands(command), "text")),
        section("What was found", picture, found.replace(picture, "").strip()),
        section("Code", f"`experiments/{name}.py`", block(inspect.getsource(module), "python")),
    ]


def overview(names: list[str]) -> list[str]:
    """Return the first page of the gallery: a grid of figures, each under its question."""
    cards = [
        f":::{{grid-item-card}} {name}\n:link: {name}\n:link-type: doc\n:img-top: figures/{name}.png\n\n"
        f"{prose(_question(name))}\n:::"
        for name in names
    ]
    grid = "::::{grid} 1 2 2 3\n:gutter: 3\n:class-container: gallery\n\n"
    return [
        "# Gallery of experiments",
        ABOUT,
        grid + "\n\n".join(cards) + "\n::::",
        toctree(f"{name} <{name}>" for name in names),
    ]


def _question(name):
    return inspect.getdoc(lookup.experiment(name)).split("\n\n")[0]


def _commands(text):
    """Return the last lines of a docstring, "About 1 minute:  neurofa run digits", as two lines."""
    minutes, _, command = " ".join(text.split("\n")).partition(":")
    return f"$ {command.strip()}     # {minutes.strip().lower()}"


def setup(app):
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
