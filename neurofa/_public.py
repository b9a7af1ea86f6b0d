"""All that is public, imported: what `neurofa` fetches when the first of it is asked for.

Each is imported under its own name, which tells checkers of types that it is for others.
"""

from .base.errors import CompileError as CompileError
from .base.errors import Diverged as Diverged
from .base.errors import ExperimentError as ExperimentError
from .base.errors import NetworkError as NetworkError
from .base.errors import NeurofaError as NeurofaError
from .base.errors import NotSettled as NotSettled
from .base.errors import RuleError as RuleError
from .base.errors import TaskError as TaskError
from .base.frames import Frame as Frame
from .data.recorder import Recorder as Recorder
from .data.recording import Recording as Recording
from .learning.history import History as History
from .learning.learner import Learner as Learner
from .learning.lessons import lessons as lessons
from .learning.optimisers import ADAM as ADAM
from .learning.optimisers import GRADIENT as GRADIENT
from .learning.optimisers import MOMENTUM as MOMENTUM
from .learning.optimisers import Optimiser as Optimiser
from .learning.predict import evaluate as evaluate
from .learning.predict import predict as predict
from .learning.presenting import present as present
from .learning.snapshots import Snapshots as Snapshots
from .learning.training import train as train
from .rules.rule import LearningRule as LearningRule
from .rules.rule import Pathway as Pathway
from .rules.rule import Phase as Phase
from .rules.rule import Plasticity as Plasticity
from .rules.rule import Population as Population
from .simulate.network import Network as Network
from .simulate.settling import PhaseResult as PhaseResult
from .simulate.steady import SteadyState as SteadyState
from .simulate.trial import Length as Length
from .simulate.trial import Trial as Trial
from .simulate.trial import settle as settle

from .figures import shown as _shown  # isort: skip (last: it lets notebooks show what is above)
from .view import shown as _viewed  # isort: skip (and so does this)
