"""Closed forms: what other ways of computing say of a circuit. It lives in
neurofa/theory/reference.py."""

from .theory.reference import *
