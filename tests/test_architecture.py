"""The arrows: which room may import which, and what else holds the house together."""

import ast
import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "neurofa"

# each may import those before it, and no other
ROOMS = "base rules circuit engine theory simulate data learning figures view runs".split()
INSIDE = [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]
INDEPENDENT = {  # answers that share no code with the simulator: what they may use
    "theory/reference.py": {"numpy", "scipy"},
    "theory/analysis.py": {"numpy", "scipy"},
    "theory/linear.py": {"numpy"},
    "theory/margins.py": {"numpy", "scipy"},
    "theory/order_parameters.py": {"numpy", "scipy"},
    "theory/stability.py": {"numpy", "scipy"},
    "theory/unrolled.py": {"numpy"},
    "theory/transfer.py": {"numpy", "brian2"},  # for the units of time and frequency
    "runs/statistics.py": {"numpy", "scipy"},
    "data/task.py": {"numpy", "brian2"},  # for the unit of a time
    "data/teachers.py": {"numpy"},
    "data/moving.py": {"numpy", "brian2"},
    "data/views.py": {"numpy"},
    "data/idx.py": {"numpy"},
    "data/tasks.py": {"numpy", "scipy", "sklearn"},
}
LONG = {  # files of over 300 lines: each says in its first lines why it is one
    "base/arguments.py",
    "circuit/equations.py",
    "simulate/network.py",
    "simulate/synapses.py",
    "theory/analysis.py",
    "theory/flow.py",
    "theory/reference.py",
}
LONG_BY_DOCSTRINGS = {  # what is public comes with an example, and with what it raises
    "data/curves.py",
    "figures/style.py",
    "learning/training.py",
    "rules/pathways/start.py",
    "rules/pathways/synapses.py",
    "runs/experiment.py",
}
CODE = [
    path for room in ("neurofa", "models", "experiments") for path in (ROOT / room).rglob("*.py")
]


def imports(path):
    """Return the full dotted names of what a file imports, at any depth of the file."""
    package, found = path.relative_to(ROOT).parts[:-1], set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def own(path):
    """Return what a file imports of neurofa, as the parts of dotted names behind `neurofa`."""
    return [name.split(".")[1:] for name in imports(path) if name.startswith("neurofa.")]


def name_of(path):
    return str(path.relative_to(PACKAGE))


def test_every_room_is_here():
    found = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    # neurofa.brian is for users: it leads to the engine
    assert found - {"models", "experiments", "brian"} == set(ROOMS)


@pytest.mark.parametrize("path", INSIDE, ids=name_of)
def test_arrows_go_one_way(path):
    room = ROOMS.index(path.relative_to(PACKAGE).parts[0])
    for name in own(path):
        assert name[0] in ROOMS, (
            f"{name_of(path)} imports neurofa.{'.'.join(name)}, which is for users"
        )
        assert ROOMS.index(name[0]) <= room, f"{name_of(path)} imports {'.'.join(name)}"


@pytest.mark.parametrize("path", INSIDE, ids=name_of)
def test_other_rooms_are_entered_through_what_they_list(path):
    for room, module, *_ in (name for name in own(path) if name[0] != path.parent.name):
        if room not in path.relative_to(PACKAGE).parts:
            listed = importlib.import_module(f"neurofa.{room}").__all__
            assert module in listed, f"{name_of(path)} imports {room}.{module}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_knows_and_what_is_for_others(room):
    module = importlib.import_module(f"neurofa.{room}")
    assert len(module.__doc__.split()) > 8
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        importlib.import_module(f"neurofa.{room}.{name}")


@pytest.mark.parametrize("room", ROOMS)
def test_brian2_enters_every_room_as_a_guest(room):
    """The first that is imported of a room is what imports Brian2 and leaves the process as it was
    found."""
    first = next(
        n
        for n in ast.parse((PACKAGE / room / "__init__.py").read_text()).body
        if not isinstance(n, ast.Expr)
    )
    assert isinstance(first, ast.ImportFrom) and [alias.name for alias in first.names] == ["guest"]
    assert "brian2" not in {
        name.split(".")[0] for path in PACKAGE.glob("*.py") for name in imports(path)
    }


def test_modules_for_users_are_names_of_those_in_the_rooms():
    for path in sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("brian/*.py")]):
        if path.name not in ("__init__.py", "_public.py"):
            statements = [
                n for n in ast.parse(path.read_text()).body if not isinstance(n, ast.Expr)
            ]
            assert all(isinstance(n, ast.ImportFrom) for n in statements), path.name
            everything = [n.module for n in statements if n.names[0].name == "*"]
            assert any(module.endswith(path.stem) for module in everything), path.name
            assert all(name.asname for n in statements for name in n.names if name.name != "*"), (
                f"{path.name}: what is no * is an earlier name"
            )


def length(path):
    """Return how many lines a file has beside the docstrings of its functions and classes."""
    text, documented = path.read_text(), 0
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            documented += node.body[0].end_lineno - node.body[0].lineno + 1
    return len(text.splitlines()) - documented


def test_files_are_short_but_for_those_that_say_why():
    long = {path for path in CODE if len(path.read_text().splitlines()) > 300}
    known = {PACKAGE / name for name in LONG | LONG_BY_DOCSTRINGS}
    assert not long ^ known, "longer without a reason, or no longer long"
    for name in LONG_BY_DOCSTRINGS:
        assert length(PACKAGE / name) <= 300, f"{name} is long without its docstrings, too"


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_are_short(path):
    """Counted is what a function does: its signature and docstring may be as long as they must."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= 40, f"{node.name} has {lines} lines"


def test_the_engine_knows_no_network():
    for path in (PACKAGE / "engine" / "brian").glob("*.py"):
        assert {name[0] for name in own(path)} <= {"base", "engine"}, path.name


@pytest.mark.parametrize("name", sorted(INDEPENDENT))
def test_independent_answers_use_nothing_but_arrays(name):
    found = {n.split(".")[0] for n in imports(PACKAGE / name)} - {"neurofa"}
    assert found - set(sys.stdlib_module_names) <= INDEPENDENT[name]


def test_only_one_file_creates_brian2_groups():
    for path in (p for p in INSIDE if p.parent.name != "brian" and p.stem != "build"):
        names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
        assert not names & {"NeuronGroup", "Synapses", "CodeRunner"}, path.name


def test_the_package_imports_no_model_and_no_experiment():
    for path in INSIDE:
        assert not {name[0] for name in own(path)} & {"models", "experiments"}, name_of(path)


def test_models_import_no_experiment_and_no_network():
    for path in (ROOT / "models").glob("*.py"):
        assert {name[0] for name in own(path)} <= {"rule", "pathways", "LearningRule"}, path.name


def test_golden_checks_judge_from_outside():
    """They simulate as a user does, and ask nothing of what they judge."""
    for path in (ROOT / "models" / "golden").glob("*.py"):
        used = {".".join(name[:-1]) for name in own(path) if len(name) > 1}
        assert used <= {"analysis", "pathways"}, path.name
