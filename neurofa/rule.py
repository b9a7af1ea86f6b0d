"""Learning rules and what they are made of. It lives in neurofa/rules/rule.py."""

from .rules.rule import *
