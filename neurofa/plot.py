"""Figures of recordings, learning curves and weights. It lives in neurofa/figures/plot.py."""

from .figures.plot import *
