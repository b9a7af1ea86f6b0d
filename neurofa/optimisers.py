"""How a change that a rule asks for becomes a change of weight. It lives in
neurofa/learning/optimisers.py."""

from .learning.optimisers import *
