"""Experiments: a script, its runs, and their folders. It lives in neurofa/runs/experiment.py."""

from .runs.experiment import *
