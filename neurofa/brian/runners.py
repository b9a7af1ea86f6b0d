"""Dense synapses for scripts of your own. It lives in neurofa/engine/brian: dense.py, runners.py."""

from ..engine.brian.dense import *
from ..engine.brian.runners import *
