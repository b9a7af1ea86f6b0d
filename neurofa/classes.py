"""Classes as targets, and back. It lives in neurofa/data/classes.py."""

from .data.classes import *
