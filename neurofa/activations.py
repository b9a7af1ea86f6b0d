"""Activations by name, and of your own. It lives in neurofa/rules/activations.py."""

from .rules.activations import *
