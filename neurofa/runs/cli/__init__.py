"""The command line: neurofa models, run, compare, show, bench."""

from .main import app
