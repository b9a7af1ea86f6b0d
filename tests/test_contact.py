"""A guest in somebody else's process: what `import neurofa` leaves as it was, and which Network is meant."""

import os
import signal
import subprocess
import sys

import brian2
import pytest

import neurofa
from neurofa import LearningRule, Network, NetworkError, RuleError
from neurofa.models import fa


def script(text, **options):
    """Run a script in a process of its own, and return it when it has ended."""
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=os.environ, **options)


ORDERS = ("import neurofa", "import brian2, neurofa", "import neurofa, brian2", "from brian2 import ms\nfrom neurofa import tasks")


@pytest.mark.parametrize("imports", ORDERS)
def test_a_mistake_in_a_script_is_the_script_s(imports):
    done = script(f"{imports}\n{{}}['no such key']")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Traceback") and done.stderr.endswith("KeyError: 'no such key'\n")
    assert "Brian" not in done.stderr


@pytest.mark.parametrize("imports", ORDERS)
def test_an_error_of_ours_is_shown_plainly(imports):
    done = script(f"{imports}\nimport neurofa\nneurofa.Trial(dt=3)")
    assert "NetworkError" in done.stderr.splitlines()[-1] and "Brian 2" not in done.stderr


def test_the_hook_of_the_process_is_left_as_it_was():
    done = script("import sys\nsys.excepthook = mine = lambda kind, error, where: print('mine:', error)\nimport neurofa\n"
                  "assert sys.excepthook is mine\n1/0")
    assert done.stdout == "mine: division by zero\n"
    assert script("import sys\nimport neurofa\nassert sys.excepthook is sys.__excepthook__").returncode == 0


@pytest.mark.parametrize("before", [True, False])
def test_warnings_go_where_the_user_sends_them(before):
    done = script(f"import logging, warnings\nlogging.captureWarnings({before})\nshown = warnings.showwarning\nimport neurofa\n"
                  "assert warnings.showwarning is shown")
    assert done.returncode == 0, done.stderr


HOOKS = """
import logging, signal, sys, threading, warnings
def hooks():
    logs = {name: list(logging.getLogger(name).handlers) for name in (None, "py.warnings")}
    return sys.excepthook, threading.excepthook, sys.unraisablehook, sys.displayhook, warnings.showwarning, warnings.formatwarning, \
        signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), logs, logging.getLoggerClass(), logging.root.level
"""


@pytest.mark.parametrize("given", ["", "signal.signal(signal.SIGINT, lambda *which: None)", "logging.basicConfig(level=logging.INFO)",
                                   "logging.captureWarnings(True)", "logging.getLogger('py.warnings').addHandler(logging.NullHandler())"])
def test_no_hook_of_the_process_is_changed(given):
    done = script(f"{HOOKS}{given}\nbefore = hooks()\nimport neurofa\nfrom neurofa import Network\nassert hooks() == before")
    assert done.returncode == 0, done.stderr


def test_hooks_that_brian2_set_for_the_user_stay():
    heard = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"      # where Ctrl-C is ignored: see below
    done = script(f"{heard}import brian2{HOOKS}before = hooks()\nfrom neurofa import Network\nassert hooks() == before")
    assert done.returncode == 0, done.stderr


def test_a_thread_can_be_the_first_to_import():
    """Only the main thread may handle signals, which Brian2 does when it is imported."""
    done = script("import signal, threading\nbefore = signal.getsignal(signal.SIGINT)\nfound = []\n"
                  "def use():\n    from neurofa import Network\n    found.append(Network)\n"
                  "thread = threading.Thread(target=use)\nthread.start()\nthread.join()\n"
                  "assert found and signal.getsignal(signal.SIGINT) is before")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("imports", ORDERS)
@pytest.mark.parametrize("target", ["cpp", "numpy"])
def test_where_ctrl_c_is_ignored_it_stays_so(imports, target):
    """As in the background of a shell script. Brian2's handler calls the one before, which is no function."""
    done = script(f"{imports}\nimport os, signal\nassert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
                  "from brian2 import ms\nfrom neurofa import Length, Network\nfrom neurofa.models import fa\nimport threading\n"
                  f"net = Network((3, 4, 2), fa.RULE, target='{target}')\n"
                  "threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
                  f"net.run('free', Length({10**6 if target == 'cpp' else 4000}*ms, dt=1*ms))\nprint('done')",
                  preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    assert done.stdout == "done\n", done.stderr


def test_all_that_is_public_is_exported_and_nothing_else():
    public = {name for name, value in vars(neurofa).items() if getattr(value, "__module__", "").startswith("neurofa")
              and not name.startswith("_")}
    assert public <= set(neurofa.__all__) and len(set(neurofa.__all__)) == len(neurofa.__all__)
    space = {}
    exec("from brian2 import *\nfrom neurofa import *", space)
    assert space["Network"] is Network and space["LearningRule"] is LearningRule
    of_brian2 = {}
    exec("from brian2 import *", of_brian2)
    assert {name for name in of_brian2 if space[name] is not of_brian2[name]} - {"__builtins__"} == {"Network"}


def test_a_network_given_objects_of_brian2_says_which_was_meant():
    group = brian2.NeuronGroup(2, "v : 1", codeobj_class=None)
    for given in ((group,), ([group],), (group, group, group, group, group), ([3, 2], group)):
        with pytest.raises(NetworkError, match="given objects of Brian2.*brian2.Network"):
            Network(*given)
    with pytest.raises(NetworkError, match="brian2.Network"):
        Network(group, name="mine")


def test_brian2_s_network_given_ours_says_which_was_meant():
    with pytest.raises(RuleError, match="FA is a rule.*neurofa.Network"):
        brian2.Network(fa.RULE)
    with pytest.raises(NetworkError, match="neurofa.Network"):
        brian2.Network(Network((3, 2), fa.RULE, target="numpy"))
