"""Statistics over seeds. It lives in neurofa/runs/statistics.py."""

from .runs.statistics import *
