"""Import Brian2, and leave the process as it was found.

Brian2 is a program to itself when it is imported: it reports every uncaught error as one of its
own, sends all warnings to its log, and handles Ctrl-C. Here it is a part of somebody else's
program. What was there before is there afterwards; where the user imported Brian2 first, its own
switch for that report is used, and nothing else is touched.
"""

import gc
import logging
import os
import signal
import sys
import threading
import warnings
from contextlib import contextmanager, suppress


@contextmanager
def _as_found():
    """Within this context, modules may be imported that set hooks of the process; after it, these
    are as they were."""
    hook, shown, on_interrupt = (
        sys.excepthook,
        warnings.showwarning,
        signal.getsignal(signal.SIGINT),
    )
    log, set_signal = logging.getLogger("py.warnings"), signal.signal
    handlers, collects = list(log.handlers), gc.isenabled()
    gc.disable()  # most of what an import makes is there to stay: not to be searched again and again
    # Python lets the main thread alone handle signals, and Brian2 does not ask which thread imports
    # it.
    signal.signal = lambda *given: set_signal(*given) if _in_main_thread() else None
    try:
        yield
    finally:
        signal.signal = set_signal
        sys.excepthook = hook
        if collects:
            gc.enable()
        if warnings.showwarning is not shown:
            logging.captureWarnings(False)
        for handler in set(log.handlers) - set(handlers):
            log.removeHandler(handler)
        # None: not set from Python, nor can it be
        if on_interrupt is not None and _in_main_thread():
            signal.signal(signal.SIGINT, on_interrupt)


def _in_main_thread():
    return threading.current_thread() is threading.main_thread()


def _let_ctrl_c_be_ignored():
    """Brian2's handler calls the one before it, which is no function where Ctrl-C is ignored, as in
    a shell's background."""
    before = getattr(signal.getsignal(signal.SIGINT), "previous_handler", None)
    if isinstance(before, signal.Handlers) and _in_main_thread():
        signal.signal(signal.SIGINT, before)


def leave_no_log() -> None:
    """Remove Brian2's log, and its copy of the script, from the temporary folder, and write neither
    from here on: Brian2 does so as a process ends, which one that is killed does not."""
    logger = brian2.utils.logger.BrianLogger
    if logger.file_handler is not None:
        for name in ("brian2", "py.warnings"):
            logging.getLogger(name).removeHandler(logger.file_handler)
        logger.file_handler.close()
        logger.file_handler = logging.NullHandler()
    for file in ("tmp_log", "tmp_script"):
        if name := getattr(logger, file):
            with suppress(OSError):
                os.remove(name)
            setattr(logger, file, None)


if "brian2" in sys.modules:
    import brian2

    brian2.prefs.logging.display_brian_error_message = False
    _let_ctrl_c_be_ignored()
else:
    with _as_found():
        import brian2
