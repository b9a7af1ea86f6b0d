"""How close a time step comes to its matrix products alone, how soon the first phase has ended, what
recording, an update, an epoch and a cell of a run cost.

The limit is what any simulator must do: the same matrix products with the same BLAS, threads and
memory, and nothing else. Both are timed in turns, in one process, so that a busy machine slows them
alike: trust the ratio more than the milliseconds.

Every function returns a dict of plain values. How anything is timed is in timing.py; what is timed,
in a file for each.
"""

from .epochs import EPOCHS, epoch
from .overhead import cells
from .recordings import record
from .startup import start
from .steps import noise, step
from .updates import update
