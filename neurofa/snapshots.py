"""Weights while they are learned. It lives in neurofa/learning/snapshots.py."""

from .learning.snapshots import *
