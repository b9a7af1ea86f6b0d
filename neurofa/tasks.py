"""Data to learn from. It lives in neurofa/data/tasks.py."""

from .data.tasks import *
