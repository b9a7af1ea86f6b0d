"""Trainings that can be interrupted. It lives in neurofa/learning/checkpoint.py."""

from .learning.checkpoint import *
