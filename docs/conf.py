"""How Sphinx builds this site; `make docs` calls it."""

import gc
import sys
from pathlib import Path

import matplotlib

import neurofa

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))
matplotlib.use("agg")
gc.set_threshold(20_000)  # pages are large trees that stay: not searched again and again

project = "neurofa"
author = "The neurofa developers"
copyright = author
version = release = neurofa.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "shelf",
    "gallery",
    "reference",
]
exclude_patterns = ["_build", "_extensions", "tutorials", "array.slurm"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Equations are MathML, which browsers show by themselves: no script, and no other host is asked.
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "neurofa"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = {"start": []}  # one page has no pages beside it
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 8,
    "footer_start": ["copyright"],
    "footer_end": [],
}

sphinx_gallery_conf = {
    "examples_dirs": "tutorials",
    "gallery_dirs": "generated/tutorials",
    "filename_pattern": r"\.py$",  # every script is run
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib",),
    "download_all_examples": False,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 1,
    "remove_config_comments": True,
}

numpydoc_show_class_members = False
autodoc_typehints = "none"  # docstrings say it
autodoc_member_order = "bysource"
autosummary_generate = False  # a page is for many names
default_role = "code"
nitpicky = True
