"""The source archive holds what its own tests need."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("neurofa", "models", "experiments", "tests")
LEFT_OUT = ("__pycache__", ".pytest_cache", "runs")


def test_the_source_archive_is_whole(tmp_path):
    pytest.importorskip("setuptools")
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in (*NEEDED, "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "Makefile"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tree / name)
    build = "import setuptools.build_meta as b, sys; print(b.build_sdist(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / done.stdout.splitlines()[-1]) as archive:
        packed = {Path(*Path(name).parts[1:]) for name in archive.getnames()}
    files = {path.relative_to(ROOT) for name in NEEDED for path in (ROOT / name).rglob("*")
             if path.is_file() and not {*LEFT_OUT} & {*path.relative_to(ROOT).parts}}
    assert not files - packed and {Path("README.md"), Path("LICENSE"), Path("Makefile")} <= packed
    assert not [path for path in packed if {*LEFT_OUT} & {*path.parts}]
