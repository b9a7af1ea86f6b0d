"""The package as it is installed: the source archive holds what its own tests need, and all of it
is found wherever a script stands."""

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest

import neurofa

pytestmark = [pytest.mark.subprocess, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("neurofa", "models", "experiments", "editable", "tests", "docs")
LEFT_OUT = ("__pycache__", ".pytest_cache", "_build", "generated")  # the last two: of the site
BESIDE = ("README.md", "LICENSE", "Makefile", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md")
SCRIPT = """
import importlib, pickle, pkgutil, sys
from neurofa import Network
import neurofa.experiments, neurofa.models
from neurofa.models import fa
assert pickle.loads(pickle.dumps(Network)) is Network and importlib.import_module("neurofa.models.fa") is fa
assert neurofa.models is sys.modules["neurofa.models"] and neurofa.experiments.__name__ == "neurofa.experiments"
found = [module.name for module in pkgutil.walk_packages(neurofa.__path__, "neurofa.", onerror=print)]
assert len(found) == len(set(found))
print(neurofa.__file__, fa.__file__, *(name for name in found if name.count(".") == 2 and name.split(".")[1] in ("models", "experiments")))
"""


def is_left_out(path):
    """Whether a path of the tree is a cache, or the results of runs; neurofa/runs may be a part of
    the package."""
    return bool({*LEFT_OUT} & {*path.parts}) or "runs" in path.parts and path.parts[0] != "neurofa"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the tree, in a folder that is called as the package is."""
    tree = tmp_path_factory.mktemp("beside") / "neurofa"
    for name in (
        *NEEDED,
        "pyproject.toml",
        "setup.py",
        "MANIFEST.in",
        *BESIDE,
    ):
        tree.mkdir(exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                tree / name,
                ignore=lambda folder, names: [
                    n for n in names if is_left_out((Path(folder) / n).relative_to(ROOT))
                ],
            )
        else:
            shutil.copy(ROOT / name, tree / name)
    return tree


@pytest.fixture(scope="module")
def source(clone, tmp_path_factory):
    """The source archive, unpacked."""
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(build("sdist", clone, folder)) as archive:
        archive.extractall(folder)
    return next(path for path in folder.iterdir() if path.is_dir())


def build(kind, tree, folder):
    """Have setuptools build what is in `tree`, and return the archive that it has made in
    `folder`."""
    pytest.importorskip("setuptools")
    code = f"import setuptools.build_meta as b, sys; print(b.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=tree, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]


def installed(wheel, folder):
    """Unpack a wheel in `folder`, and return how to start a Python that finds it before all else
    that is installed."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    places = [
        str(folder),
        *dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")),
    ]
    return [
        sys.executable,
        "-S",
        "-c",
        f"import runpy, site, sys\nfor place in {places}: site.addsitedir(place)\n"
        "sys.path[0] = str(__import__('pathlib').Path(sys.argv[1]).parent)\nrunpy.run_path(sys.argv[1], run_name='__main__')",
    ]


def test_the_source_archive_is_whole(source):
    packed = {path.relative_to(source) for path in source.rglob("*")}
    files = {
        path.relative_to(ROOT)
        for name in NEEDED
        for path in (ROOT / name).rglob("*")
        if path.is_file() and not is_left_out(path.relative_to(ROOT))
    }
    assert (
        not files - packed
        and {Path(name) for name in (*BESIDE, "setup.py", "pyproject.toml")} <= packed
    )
    assert not [path for path in packed if is_left_out(path)]


@pytest.fixture(scope="module")
def editable(tmp_path_factory):
    """Return a function that installs a tree where it stands, once, and returns how to start
    Python."""

    @cache
    def made(tree):
        folder = tmp_path_factory.mktemp("editable")
        return installed(build("editable", tree, folder), folder / "site")

    return made


@pytest.mark.parametrize("beside", [True, False], ids=["beside the clone", "in the clone"])
@pytest.mark.parametrize("tree", ["clone", "source"])
def test_a_script_finds_an_editable_install(request, tmp_path, editable, tree, beside):
    tree = request.getfixturevalue(tree)
    python = editable(tree)
    script = (tree.parent if beside else tree) / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([*python, str(script)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    package, rule, *names = done.stdout.split()
    assert (
        Path(package) == tree / "neurofa" / "__init__.py"
        and Path(rule) == tree / "models" / "fa.py"
    )
    assert sorted(names) == of_the_tree()


def test_the_folders_beside_the_package_are_no_packages_of_their_own(clone, tmp_path, editable):
    """A script may have folders called models, experiments or tests itself."""
    python = editable(clone)
    for name in ("models", "experiments", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text("")
    (tmp_path / "script.py").write_text(
        "from neurofa import Network\nimport models.mine, experiments.mine, tests.mine"
    )
    done = subprocess.run(
        [*python, str(tmp_path / "script.py")], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr


def test_a_wheel_holds_the_package_and_nothing_else(source, tmp_path):
    with zipfile.ZipFile(build("wheel", source, tmp_path)) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
        [about] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        told = wheel.read(about).decode()
    folders = {"neurofa": ROOT / "neurofa"} | {
        f"neurofa/{name}": ROOT / name for name in ("models", "experiments")
    }
    expected = {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for name, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".md", ".png", ".csv")
        if not is_left_out(path.relative_to(ROOT))
    }
    assert packed == expected
    assert "Author: The neurofa developers" in told and "Classifier: Typing :: Typed" in told


def test_what_is_said_of_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = project["version"]
    assert neurofa.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_a_script_finds_what_a_wheel_installs(source, tmp_path):
    python = installed(build("wheel", source, tmp_path), tmp_path / "site")
    assert (tmp_path / "site" / "neurofa" / "py.typed").is_file()  # its types are for others too
    assert (
        not list((tmp_path / "site").glob("*.pth"))
        and not (tmp_path / "site" / "editable").exists()
    )
    (source.parent / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [*python, str(source.parent / "script.py")], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    package, rule, *names = done.stdout.split()
    assert (
        Path(package).parent == Path(rule).parents[1] == tmp_path / "site" / "neurofa"
        and sorted(names) == of_the_tree()
    )


def of_the_tree():
    """Return the names of all rules and experiments, in order."""
    return sorted(
        f"neurofa.{name}.{path.stem}"
        for name in ("models", "experiments")
        for path in (ROOT / name).iterdir()
        if path.suffix == ".py" and path.stem != "__init__" or (path / "__init__.py").exists()
    )
