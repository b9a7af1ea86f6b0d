"""neurofa: which feedback pathway could teach a cortical network? Learning circuits as differential equations, on Brian2."""

import os.path as _path

if _path.isdir(_beside := _path.join(_path.dirname(__path__[0]), "editable", "neurofa")):
    __path__.append(_beside)      # a clone, where the shelf and the experiments stand beside the package

from .brian import guest as _guest      # first: it imports Brian2
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
__all__ = [
    "ADAM", "CompileError", "Diverged", "ExperimentError", "GRADIENT", "History", "Learner", "LearningRule", "Length",
    "MOMENTUM", "Network", "NetworkError", "NeurofaError", "NotSettled", "Optimiser", "Pathway", "Phase", "PhaseResult",
    "Plasticity", "Population", "Recorder", "Recording", "RuleError", "Snapshots", "SteadyState", "TaskError", "Trial",
    "evaluate", "predict", "present", "settle", "train",
]
