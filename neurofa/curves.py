"""Curves made from the files of a training. It lives in neurofa/data/curves.py."""

from .data.curves import *
