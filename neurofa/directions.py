"""Where updates point, compared with those of backpropagation. It lives in
neurofa/learning/directions.py."""

from .learning.directions import *
