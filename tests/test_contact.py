"""A guest in somebody else's process: what `import neurofa` leaves as it was, and which Network is
meant."""

import os
import signal
import subprocess
import sys

import brian2
import pytest
from neurofa.models import fa

import neurofa
from neurofa import LearningRule, Network, NetworkError, RuleError

pytestmark = [pytest.mark.subprocess, pytest.mark.slow]


def script(text, **options):
    """Run a script in a process of its own, and return it when it has ended."""
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, env=os.environ, **options
    )


ORDERS = (
    "import neurofa",
    "import brian2, neurofa",
    "import neurofa, brian2\nneurofa.Network",
    "from brian2 import ms\nfrom neurofa import tasks",
)


# what a script may come to, and what its process says then, in one process per order of imports
ENDS = """
import os, sys
for end in ("{}['no such key']", "import neurofa\\nneurofa.Trial(dt=3)"):
    child = os.fork()
    if child == 0:
        exec(end)
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    print("-- next --", file=sys.stderr, flush=True)
"""


@pytest.fixture(scope="module", params=ORDERS)
def ends(request):
    """Return what a process said that made a mistake after imports in some order, and one that met
    an error of ours; both ended with the code 1."""
    done = script(f"{request.param}{ENDS}")
    assert done.returncode == 0 and done.stdout == "1\n1\n", done.stderr
    mistake, ours, rest = done.stderr.split("-- next --\n")
    assert rest == ""
    return mistake, ours


def test_a_mistake_in_a_script_is_the_script_s(ends):
    mistake, _ = ends
    assert mistake.startswith("Traceback") and mistake.endswith("KeyError: 'no such key'\n")
    assert "Brian" not in mistake


def test_an_error_of_ours_is_shown_plainly(ends):
    _, ours = ends
    assert "NetworkError" in ours.splitlines()[-1] and "Brian 2" not in ours


def test_the_hook_of_the_process_is_left_as_it_was():
    done = script(
        "import sys\nsys.excepthook = mine = lambda kind, error, where: print('mine:', error)\nimport neurofa\n"
        "assert sys.excepthook is mine\n1/0"
    )
    assert done.stdout == "mine: division by zero\n"
    assert (
        script("import sys\nimport neurofa\nassert sys.excepthook is sys.__excepthook__").returncode
        == 0
    )


@pytest.mark.parametrize("before", [True, False])
def test_warnings_go_where_the_user_sends_them(before):
    done = script(
        f"import logging, warnings\nlogging.captureWarnings({before})\nshown = warnings.showwarning\nimport neurofa\n"
        "assert warnings.showwarning is shown"
    )
    assert done.returncode == 0, done.stderr


def test_to_import_it_takes_nothing_but_the_standard_library():
    """What is heavy waits until it is needed: Brian2 takes more than a second, and warnings, hooks
    and loggers of its own."""
    done = script(
        "import logging, os, sys, warnings\nbefore = set(sys.modules), list(warnings.filters), dict(os.environ), "
        "dict(logging.Logger.manager.loggerDict)\nimport neurofa\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before[0]} - sys.stdlib_module_names)\n"
        "assert (warnings.filters, dict(os.environ), logging.Logger.manager.loggerDict) == before[1:]"
    )
    assert done.returncode == 0 and done.stdout == "neurofa\n", done.stderr


def test_what_only_some_need_waits_until_they_do():
    heavy = (
        "xarray",
        "h5netcdf",
        "h5py",
        "scipy.stats",
        "scipy.optimize",
        "sklearn",
        "rich",
        "typer",
        "IPython",
        "pandas",
        "pynwb",
    )
    done = script(
        f"import sys\nfrom neurofa import *\nfrom neurofa import tasks\nprint(*(name for name in {heavy} if name in sys.modules))"
    )
    assert done.returncode == 0 and done.stdout == "\n", done.stdout + done.stderr


def test_public_names_and_modules_are_attributes():
    done = script(
        "import neurofa\nassert {'Network', 'train'} <= set(dir(neurofa))\nassert neurofa.tasks.digits and neurofa.pathways\n"
        "from neurofa import Network, rule\nassert neurofa.Network is Network and neurofa.rule is rule\nneurofa.Netwrok"
    )
    assert "AttributeError: module 'neurofa' has no attribute 'Netwrok'" in done.stderr


HOOKS = """
import logging, signal, sys, threading, warnings
def hooks():
    logs = {name: list(logging.getLogger(name).handlers) for name in (None, "py.warnings")}
    return sys.excepthook, threading.excepthook, sys.unraisablehook, sys.displayhook, warnings.showwarning, warnings.formatwarning, \
        signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), logs, logging.getLoggerClass(), logging.root.level
"""


@pytest.mark.parametrize(
    "given",
    [
        "",
        "signal.signal(signal.SIGINT, lambda *which: None)",
        "logging.basicConfig(level=logging.INFO)",
        "logging.captureWarnings(True)",
        "logging.getLogger('py.warnings').addHandler(logging.NullHandler())",
    ],
)
def test_no_hook_of_the_process_is_changed(given):
    done = script(
        f"{HOOKS}{given}\nbefore = hooks()\nimport neurofa\nassert hooks() == before\nfrom neurofa import Network\nassert hooks() == before"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "used", ["neurofa.rule", "neurofa.models.fa", "neurofa.experiments.one_trial"]
)
def test_nor_by_what_is_imported_of_a_part(used):
    done = script(
        f"{HOOKS}before = hooks()\nimport {used}\nassert 'brian2' in sys.modules and hooks() == before"
    )
    assert done.returncode == 0, done.stderr


def test_hooks_that_brian2_set_for_the_user_stay():
    heard = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # see below
    done = script(
        f"{heard}import brian2{HOOKS}before = hooks()\nfrom neurofa import Network\n"
        "assert hooks() == before"
    )
    assert done.returncode == 0, done.stderr


def test_a_thread_can_be_the_first_to_import():
    """Only the main thread may handle signals, which Brian2 does when it is imported."""
    done = script(
        "import signal, threading\nbefore = signal.getsignal(signal.SIGINT)\nfound = []\n"
        "def use():\n    from neurofa import Network\n    found.append(Network)\n"
        "thread = threading.Thread(target=use)\nthread.start()\nthread.join()\n"
        "assert found and signal.getsignal(signal.SIGINT) is before"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("imports", ORDERS)
def test_where_ctrl_c_is_ignored_it_stays_so(imports):
    """As in the background of a shell script. Brian2's handler calls the one before, which is no
    function."""
    done = script(
        f"{imports}\nimport os, signal\nassert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
        "from brian2 import ms\nfrom neurofa import Length, Network\nfrom neurofa.models import fa\nimport threading\n"
        "for target, length in dict(cpp=10**6, numpy=4000).items():\n"
        "    net = Network((3, 4, 2), fa.RULE, target=target)\n"
        "    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    net.run('free', Length(length*ms, dt=1*ms))\n"
        "    print('done', target)",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert done.stdout == "done cpp\ndone numpy\n", done.stderr


def test_all_that_is_public_is_exported_and_nothing_else():
    public = {
        name
        for name, value in vars(neurofa).items()
        if getattr(value, "__module__", "").startswith("neurofa") and not name.startswith("_")
    }
    assert public <= set(neurofa.__all__) and len(set(neurofa.__all__)) == len(neurofa.__all__)
    space = {}
    exec("from brian2 import *\nfrom neurofa import *", space)
    assert space["Network"] is Network and space["LearningRule"] is LearningRule
    of_brian2 = {}
    exec("from brian2 import *", of_brian2)
    assert {name for name in of_brian2 if space[name] is not of_brian2[name]} - {
        "__builtins__"
    } == {"Network"}


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
