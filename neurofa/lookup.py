"""Rules and experiments by name. It lives in neurofa/runs/lookup.py."""

from .runs.lookup import *
