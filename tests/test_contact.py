"""A guest in somebody else's process: what `import neurofa` leaves as it was, and which Network is
meant."""

import os
import signal
import subprocess
import sys

import brian2
import pytest
from neurofa.models import fa
from processes import scripts

import neurofa
from neurofa import LearningRule, Network, NetworkError, RuleError

pytestmark = [pytest.mark.subprocess, pytest.mark.slow]


# what Brian2 and the simulator take of others; one test sees that these change nothing either
OTHERS = (
    "Cython.Build",
    "filelock",
    "jinja2",
    "matplotlib.pylab",
    "platformdirs",
    "psutil",
    "pyparsing",
    "pytest",
    "scipy.special",
    "setuptools",
    "sympy",
    "threadpoolctl",
    "tqdm.auto",
)


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """Return a function that runs a script in a process of its own, into which neither Brian2 nor
    neurofa was imported."""
    with scripts(tmp_path_factory.mktemp("scripts"), *OTHERS) as run:
        yield run


def fresh(text):
    """Run a script in a process that starts with it, and return it when it has ended."""
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, env=os.environ
    )


ORDERS = (
    "import neurofa",
    "import brian2, neurofa",
    "import neurofa, brian2\nneurofa.Network",
    "from brian2 import ms\nfrom neurofa import tasks",
)


@pytest.mark.parametrize("imports", ORDERS)
def test_a_mistake_in_a_script_is_the_script_s(script, imports):
    done = script(f"{imports}\n{{}}['no such key']")
    assert done.returncode == 1 and done.stderr.startswith("Traceback")
    assert done.stderr.endswith("KeyError: 'no such key'\n") and "Brian" not in done.stderr


@pytest.mark.parametrize("imports", ORDERS)
def test_an_error_of_ours_is_shown_plainly(script, imports):
    done = script(f"{imports}\nimport neurofa\nneurofa.Trial(dt=3)")
    assert done.returncode == 1 and "NetworkError" in done.stderr.splitlines()[-1]
    assert "Brian 2" not in done.stderr


def test_the_hook_of_the_process_is_left_as_it_was(script):
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
def test_warnings_go_where_the_user_sends_them(script, before):
    done = script(
        f"import logging, warnings\nlogging.captureWarnings({before})\nshown = warnings.showwarning\nimport neurofa\n"
        "assert warnings.showwarning is shown"
    )
    assert done.returncode == 0, done.stderr


def test_to_import_it_takes_nothing_but_the_standard_library():
    """What is heavy waits until it is needed: Brian2 takes more than a second, and warnings, hooks
    and loggers of its own."""
    done = fresh(
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
    done = fresh(
        f"import sys\nfrom neurofa import *\nfrom neurofa import tasks\nprint(*(name for name in {heavy} if name in sys.modules))"
    )
    assert done.returncode == 0 and done.stdout == "\n", done.stdout + done.stderr


def test_public_names_and_modules_are_attributes(script):
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
def test_no_hook_of_the_process_is_changed(script, given):
    run = script if given else fresh
    done = run(
        f"{HOOKS}{given}\nbefore = hooks()\nimport neurofa\nassert hooks() == before\nfrom neurofa import Network\nassert hooks() == before"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "used", ["neurofa.rule", "neurofa.models.fa", "neurofa.experiments.one_trial"]
)
def test_nor_by_what_is_imported_of_a_part(script, used):
    done = script(
        f"{HOOKS}before = hooks()\nimport {used}\nassert 'brian2' in sys.modules and hooks() == before"
    )
    assert done.returncode == 0, done.stderr


def test_hooks_that_brian2_set_for_the_user_stay(script):
    heard = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # see below
    done = script(
        f"{heard}import brian2{HOOKS}before = hooks()\nfrom neurofa import Network\n"
        "assert hooks() == before"
    )
    assert done.returncode == 0, done.stderr


def test_a_thread_can_be_the_first_to_import(script):
    """Only the main thread may handle signals, which Brian2 does when it is imported."""
    done = script(
        "import signal, threading\nbefore = signal.getsignal(signal.SIGINT)\nfound = []\n"
        "def use():\n    from neurofa import Network\n    found.append(Network)\n"
        "thread = threading.Thread(target=use)\nthread.start()\nthread.join()\n"
        "assert found and signal.getsignal(signal.SIGINT) is before"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("imports", ORDERS)
def test_where_ctrl_c_is_ignored_it_stays_so(script, imports):
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
        ignored=[signal.SIGINT],
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
