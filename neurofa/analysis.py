"""Measures of weights, updates and stability. It lives in neurofa/theory/analysis.py."""

from .theory.analysis import *
