"""neurofa: which feedback pathway could teach a cortical network? Learning circuits as differential
equations, on Brian2.

To import it takes no time. What is public is imported, and Brian2 with it, when the first of it is
asked for.
"""

import importlib
import importlib.util
import os.path as _path
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from ._public import *

if _path.isdir(_beside := _path.join(_path.dirname(__path__[0]), "editable", "neurofa")):
    # a clone, where the shelf and the experiments stand beside the package
    __path__.append(_beside)

if "brian2" in sys.modules:  # from here on, it reports no mistake of the user's as its own
    from .base import guest as _guest

__version__ = "0.1.0"
__all__ = [
    "ADAM",
    "CompileError",
    "Diverged",
    "ExperimentError",
    "Frame",
    "GRADIENT",
    "History",
    "Learner",
    "LearningRule",
    "Length",
    "MOMENTUM",
    "Network",
    "NetworkError",
    "NeurofaError",
    "NotSettled",
    "Optimiser",
    "Pathway",
    "Phase",
    "PhaseResult",
    "Plasticity",
    "Population",
    "Recorder",
    "Recording",
    "RuleError",
    "Snapshots",
    "SteadyState",
    "TaskError",
    "Trial",
    "evaluate",
    "lessons",
    "predict",
    "present",
    "settle",
    "train",
]


def __getattr__(name: str) -> "ModuleType":
    """Return what is public under this name, or the module of this name: `neurofa.Network`,
    `neurofa.tasks`."""
    if name in __all__:
        public = importlib.import_module("._public", __name__)
        globals().update({one: getattr(public, one) for one in __all__})
        return globals()[name]
    if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__():
    return sorted({*globals(), *__all__})
