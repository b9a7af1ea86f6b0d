"""Recurrent circuits unrolled in time: backpropagation through time. It lives in
neurofa/theory/unrolled.py."""

from .theory.unrolled import *
