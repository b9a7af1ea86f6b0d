"""What an experimenter could have measured of a training. It lives in neurofa/learning/observe.py,
neurofa/data/observation.py and neurofa/data/signature.py."""

from .learning.observe import *
