"""Costs by name. It lives in neurofa/rules/costs.py."""

from .rules.costs import *
