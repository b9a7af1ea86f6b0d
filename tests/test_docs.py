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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site, built from a copy of docs/."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs", ignore=LEFT_OUT)
    options = [part for option in LIGHT for part in ("-D", option)]
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", *options]
    built = subprocess.run(
        [*command, "-b", "html", folder / "docs", folder / "html"],
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site):
    """Return `{path within the site: Page}`."""
    return {
        path.relative_to(site).as_posix(): Page(path.read_text())
        for path in site.rglob("*.html")
        if path.relative_to(site).parts[0] != "_static"
    }


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


@pytest.mark.subprocess
def test_every_link_leads_somewhere(site, pages):
    assert len(pages) > 100
    assert not list(broken(site, pages))


@pytest.mark.subprocess
def test_pages_ask_no_other_host(pages):
    """Links may leave the site; what a browser loads by itself may not."""
    for name, page in pages.items():
        assert not [link for link in page.loaded if urlsplit(link).netloc], name


@pytest.mark.subprocess
def test_every_rule_and_every_experiment_has_its_page(pages):
    for folder, names in (
        ("shelf", lookup.model_names()),
        ("experiments", lookup.experiment_names()),
    ):
        assert not [name for name in names if f"generated/{folder}/{name}.html" not in pages]


@pytest.mark.subprocess
def test_every_public_name_is_in_the_reference(pages):
    anchors = set().union(*(page.anchors for name, page in pages.items() if "/reference/" in name))
    for where, imported in LISTS.items():
        names = importlib.import_module(where).__all__
        assert not [name for name in names if f"{imported}.{name}" not in anchors], where
