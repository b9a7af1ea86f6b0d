"""The site: its generated pages are built without a warning, and every link in it leads somewhere."""

import importlib
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from neurofa import lookup

pytest.importorskip("sphinx", reason="the site needs: pip install '.[docs]'")
DOCS = Path(__file__).resolve().parents[1] / "docs"
LEFT_OUT = shutil.ignore_patterns("_build", "generated", "__pycache__")
LIGHT = ("shelf_computes=0", "plot_gallery=0")  # no golden checks, no drawings, no tutorials run
pytestmark = pytest.mark.slow


# where a list of public names is written, and how users import what is in it
LISTS = {
    "neurofa": "neurofa",
    "neurofa.rules.pathways": "neurofa.pathways",
    "neurofa.figures.plot": "neurofa.plot",
    "neurofa.data.tasks": "neurofa.tasks",
    "neurofa.theory.analysis": "neurofa.analysis",
    "neurofa.theory.order_parameters": "neurofa.order_parameters",
}


class Page(HTMLParser):
    """What a page links to, what a browser loads with it, and the anchors that others can lead
    to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loaded, self.anchors = [], [], {""}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        self.links += [given[name] for name in ("href", "src") if given.get(name)]
        loads = given.get("src") or (given.get("href") if tag == "link" else None)
        self.loaded += [loads] if loads else []


def built(folder):
    """Return the folder of the site, built from a copy of docs/ without a warning."""
    shutil.copytree(DOCS, folder / "docs", ignore=LEFT_OUT)
    options = [part for option in LIGHT for part in ("-D", option)]
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", *options]
    done = subprocess.run(
        [*command, "-b", "html", folder / "docs", folder / "html"],
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def broken(site, pages):
    """Yield (page, link) of links within the site that lead nowhere."""
    for name, page in pages.items():
        for link in page.links:
            there = urlsplit(link)
            if there.scheme or there.netloc:
                continue
            path = os.path.normpath(Path(name).parent / unquote(there.path)) if there.path else name
            if not (site / path).exists():
                yield name, link
            elif path in pages and unquote(there.fragment) not in pages[path].anchors:
                yield name, link


def loaded_from_elsewhere(pages):
    """Yield (page, address) of what a browser would fetch from another host by itself."""
    for name, page in pages.items():
        yield from ((name, address) for address in page.loaded if urlsplit(address).netloc)


def without_a_page(pages):
    """Yield the rules and experiments that have no page."""
    named = {"shelf": lookup.model_names(), "experiments": lookup.experiment_names()}
    for folder, names in named.items():
        yield from (name for name in names if f"generated/{folder}/{name}.html" not in pages)


def not_in_the_reference(pages):
    """Yield the public names, as users import them, that the reference does not have."""
    anchors = set().union(*(p.anchors for name, p in pages.items() if "/reference/" in name))
    for where, imported in LISTS.items():
        names = importlib.import_module(where).__all__
        yield from (f"{imported}.{n}" for n in names if f"{imported}.{n}" not in anchors)


@pytest.mark.subprocess
def test_the_site_is_whole(tmp_path):
    """One test, so that the site is built once, however many processes share the tests."""
    site = built(tmp_path)
    paths = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    pages = {path.relative_to(site).as_posix(): Page(path.read_text()) for path in paths}
    assert not list(broken(site, pages))
    assert not list(loaded_from_elsewhere(pages))
    assert not list(without_a_page(pages))
    assert not list(not_in_the_reference(pages))
