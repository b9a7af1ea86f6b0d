"""Weights while they are learned. It lives in neurofa/learning: snapshots.py, schedules.py,
requested.py."""

from .learning.requested import *
from .learning.requested import requested_changes as asked
from .learning.schedules import *
from .learning.snapshots import *
