"""Import Brian2, and leave the process as it was found.

Brian2 is a program to itself when it is imported: it reports every uncaught error as one of its own, sends all warnings to its log,
and handles Ctrl-C. Here it is a part of somebody else's program. What was there before is there afterwards; where the user imported
Brian2 first, its own switch for that report is used, and nothing else is touched.
"""

import logging
import signal
import sys
import threading
import warnings

_hook, _shown = sys.excepthook, warnings.showwarning

import brian2      # noqa: E402 (what it changes was noted before)

if sys.excepthook is _hook:      # imported before
    brian2.prefs.logging.display_brian_error_message = False
sys.excepthook = _hook
if warnings.showwarning is not _shown:
    logging.captureWarnings(False)

# Brian2's handler calls the one before it, which cannot be called where Ctrl-C is ignored, as in the background of a shell script.
_before = getattr(signal.getsignal(signal.SIGINT), "previous_handler", None)
if isinstance(_before, signal.Handlers) and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, _before)
