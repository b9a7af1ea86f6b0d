"""neurofa: which feedback pathway could teach a cortical network? Learning circuits as differential equations, on Brian2."""

import os.path as _path

if _path.isdir(_beside := _path.join(_path.dirname(__path__[0]), "editable", "neurofa")):
    __path__.append(_beside)      # a clone, where the shelf and the experiments stand beside the package

from .engine.brian import guest as _guest      # first: it imports Brian2

from .base.errors import (CompileError, Diverged, ExperimentError, NetworkError, NeurofaError, NotSettled, RuleError,
                          TaskError)
from .data.recording import Recorder, Recording
from .learning.learner import Learner, present
from .learning.optimisers import ADAM, GRADIENT, MOMENTUM, Optimiser
from .learning.predict import evaluate, predict
from .learning.snapshots import Snapshots
from .learning.training import History, train
from .rules.rule import LearningRule, Pathway, Phase, Plasticity, Population
from .simulate.network import Network
from .simulate.settling import PhaseResult
from .simulate.steady import SteadyState
from .simulate.trial import Length, Trial, settle

from .figures import shown as _shown      # isort: skip (last: it lets notebooks show what is above)

__version__ = "0.1.0"
__all__ = [
    "ADAM", "CompileError", "Diverged", "ExperimentError", "GRADIENT", "History", "Learner", "LearningRule", "Length",
    "MOMENTUM", "Network", "NetworkError", "NeurofaError", "NotSettled", "Optimiser", "Pathway", "Phase", "PhaseResult",
    "Plasticity", "Population", "Recorder", "Recording", "RuleError", "Snapshots", "SteadyState", "TaskError", "Trial",
    "evaluate", "predict", "present", "settle", "train",
]
