"""Dense synapses for scripts of your own. It lives in neurofa/engine/brian/runners.py."""

from ..engine.brian.runners import *
