"""neurofa: which feedback pathway could teach a cortical network? Learning circuits as differential equations, on Brian2."""

import logging
import sys

import brian2

from .errors import (CompileError, Diverged, ExperimentError, NetworkError, NeurofaError, NotSettled, RuleError, TaskError)
from .learner import Learner, present
from .network import Network
from .optimisers import ADAM, GRADIENT, MOMENTUM, Optimiser
from .predict import evaluate, predict
from .recording import Recorder, Recording
from .rule import LearningRule, Pathway, Phase, Plasticity, Population
from .settling import PhaseResult
from .snapshots import Snapshots
from .steady import SteadyState
from .training import History, train
from .trial import Length, Trial, settle

__version__ = "0.1.0"

logging.captureWarnings(False)     # Brian2 sends warnings to its log; a warning of ours is meant for the user's eyes


def _hook(kind, error, traceback, brian_hook=sys.excepthook):
    """An error of ours is no bug in Brian2: show it plainly."""
    (sys.__excepthook__ if issubclass(kind, NeurofaError) else brian_hook)(kind, error, traceback)


sys.excepthook = _hook
