"""All that is public, imported: what `neurofa` fetches when the first of it is asked for."""

from .base.errors import (
    CompileError,
    Diverged,
    ExperimentError,
    NetworkError,
    NeurofaError,
    NotSettled,
    RuleError,
    TaskError,
)
from .base.frames import Frame
from .data.recorder import Recorder
from .data.recording import Recording
from .learning.history import History
from .learning.learner import Learner
from .learning.lessons import lessons
from .learning.optimisers import ADAM, GRADIENT, MOMENTUM, Optimiser
from .learning.predict import evaluate, predict
from .learning.presenting import present
from .learning.snapshots import Snapshots
from .learning.training import train
from .rules.rule import LearningRule, Pathway, Phase, Plasticity, Population
from .simulate.network import Network
from .simulate.settling import PhaseResult
from .simulate.steady import SteadyState
from .simulate.trial import Length, Trial, settle

from .figures import shown as _shown  # isort: skip (last: it lets notebooks show what is above)
from .view import shown as _viewed  # isort: skip (and so does this)
