"""The reference: every public name, on a page per thing that a user does."""

import importlib
import inspect
import re
from pathlib import Path

import public

# title: (what it is about, names of neurofa, modules for users)
PAGES = {
    "Rules and circuits": (
        "A hypothesis as a value, and the network that runs it.",
        "LearningRule Pathway Population Phase Plasticity Network",
        "rule activations costs",
    ),
    "Trials": (
        "When things happen: phases, how long they take, and when they have settled.",
        "Trial SteadyState settle Length Frame PhaseResult",
        "",
    ),
    "Learning": (
        "Training, a loop of one's own, optimisers, and trainings that go on after they were stopped.",
        "train Learner lessons present predict evaluate History Optimiser GRADIENT MOMENTUM ADAM",
        "optimisers checkpoint classes",
    ),
    "Tasks": ("Data to learn from.", "", "tasks"),
    "Pathways": ("What can be done to a pathway; values that compose.", "", "pathways"),
    "Recordings": (
        "Activity over time, and weights over training.",
        "Recorder Recording Snapshots",
        "snapshots curves",
    ),
    "Observations": (
        "What an experimenter could have measured, as files and as statistics, and what classifiers make of them.",
        "",
        "observe identification",
    ),
    "Figures": ("Recordings, learning curves, weights and circuits, drawn.", "", "plot style"),
    "Measures": (
        "What is measured of weights, updates and settled circuits, and over seeds.",
        "",
        "analysis directions statistics",
    ),
    "Independent answers": (
        "Theory that shares no code with the simulator, against which circuits are held.",
        "",
        "reference unrolled order_parameters",
    ),
    "Experiments and runs": ("Rules and experiments by name; runs as folders.", "", "lookup experiment"),
    "Parts for Brian2": ("What a Brian2 script of your own can use.", "", "brian.runners"),
    "Errors": (
        "What neurofa raises on purpose. Each message says what is wrong, where, what was allowed, and what to do.",
        "NeurofaError RuleError NetworkError TaskError CompileError Diverged NotSettled ExperimentError",
        "",
    ),
}  # fmt: skip
ABOUT = """Reference
=========

Examples begin with these lines; what they print is tested.

.. code-block:: python

   import numpy as np
   from brian2 import ms
   from neurofa import *
   from neurofa import analysis, plot, tasks
   from neurofa.models import fa
   from neurofa.pathways import *

"""


def generate(app):
    """Write all pages of the reference into the folder `generated/reference` beside conf.py."""
    folder = Path(app.srcdir) / "generated" / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    seen: set[int] = set()
    for title, (about, names, modules) in PAGES.items():
        parts = [_heading(title, "="), about]
        if names:
            parts += _entries("neurofa", names.split(), seen)
        for module in modules.split():
            found = public.names(module)
            if module_parts := _entries(f"neurofa.{module}", found, seen):
                about = f".. py:module:: neurofa.{module}\n\n{_doc(module)}"
                parts += [_heading(f"neurofa.{module}", "-"), about, *module_parts]
        _write(folder / f"{_file(title)}.rst", "\n\n".join(parts) + "\n")
    rows = [f"   {_file(title)}" for title in PAGES]
    about = [f":doc:`{title} <{_file(title)}>`\n   {row[0]}\n" for title, row in PAGES.items()]
    tree = ".. toctree::\n   :hidden:\n\n" + "\n".join(rows) + "\n"
    _write(folder / "index.rst", ABOUT + "\n".join(about) + "\n" + tree)


def _entries(module, names, seen):
    """Return a table of names of a module, and what is said of each; without those that are `seen`."""
    here = importlib.import_module(module)
    new = [name for name in names if id(getattr(here, name)) not in seen]
    seen |= {id(getattr(here, name)) for name in new}
    if not new:
        return []
    # below its own heading, a module goes without saying
    shown = [name if module != "neurofa" else f"neurofa.{name}" for name in new]
    described = [name for name, full in zip(shown, new) if not _plain(getattr(here, full))]
    table = ".. autosummary::\n   :nosignatures:\n\n" + "\n".join(f"   {n}" for n in described)
    return [table, *(_entry(module, name, getattr(here, name)) for name in new)]


def _plain(one):
    """Whether a value is a number, a text, or a table of such: what has no docstring of its own."""
    return isinstance(one, (bool, int, float, str, tuple, list, dict))


def _entry(module, name, one):
    if _plain(one):
        return f".. py:data:: {name}\n   :module: {module}\n\n   {_comment(name)}"
    if inspect.isclass(one):
        return f".. autoclass:: {module}.{name}\n   :members:"
    kind = "function" if inspect.isroutine(one) else "data"
    return f".. auto{kind}:: {module}.{name}" + "\n   :no-value:" * (kind == "data")


def _comment(name):
    """Return what `#:` comments above the definition of a value say. Raises ValueError if there are
    none."""
    for path in sorted(public.PACKAGE.rglob("*.py")):
        if said := re.search(rf"((?:^#: .*\n)+){name} = ", path.read_text(), re.M):
            return " ".join(said[1].replace("#: ", "").split())
    raise ValueError(f"{name} is public: say above its definition, behind '#:', what it is.")


def _doc(module):
    """Return what a module is for, without the sentence on where it lives."""
    return inspect.getdoc(importlib.import_module(f"neurofa.{module}")).partition(" It lives")[0]


def plain(app, what, name, one, options, lines):
    """Let reStructuredText take docstrings as what they are: plain text with `code`, and numpydoc's
    sections."""
    example = False
    for k, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or example and bool(line.strip())
        if not example:
            parts = line.split("`")
            parts[::2] = [re.sub(r"([*|]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
            lines[k] = "`".join(parts)


def skip(app, what, name, one, skipped, options):
    """Leave out fields of named tuples, whose number is all that is said of them."""
    return True if "Alias for field number" in (getattr(one, "__doc__", None) or "") else None


def _heading(title, line):
    return f"{title}\n{line * len(title)}"


def _file(title):
    return title.lower().replace(" ", "-")


def _write(path, text):
    """Write a page, if it is not there already as it is: Sphinx reads again what is newer."""
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


def setup(app):
    app.connect("builder-inited", generate)
    app.connect("autodoc-process-docstring", plain, priority=400)  # before numpydoc
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
