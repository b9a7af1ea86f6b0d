"""What classifiers make of signatures. It lives in neurofa/runs/identification.py."""

from .runs.identification import *
