"""Scripts in processes of their own that need not wait for what they import: a process which has
imported it is forked for each."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

FORKING = """
import gc, importlib, json, os, signal, sys, types
for module in sys.argv[1:]:
    importlib.import_module(module)
gc.freeze()  # what is there until the end is not searched for what is not
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
if "brian2" in sys.modules:
    sys.modules["brian2"].prefs.logging.delete_log_on_exit = False  # it is of the process above
job = json.loads(line)
os.chdir(job["folder"])
os.environ.clear()
os.environ.update(job["environ"])
for number, file, how in ((0, os.devnull, "r"), (1, job["out"], "w"), (2, job["err"], "w")):
    with open(file, how) as opened:
        os.dup2(opened.fileno(), number)
for number in job["ignored"]:
    signal.signal(number, signal.SIG_IGN)
sys.argv = ["script.py", *job["arguments"]]
sys.modules["__main__"] = types.ModuleType("__main__")
exec(compile(job["text"], "script.py", "exec"), vars(sys.modules["__main__"]))
"""


@contextmanager
def scripts(folder: Path, *modules: str):
    """Within this context, the function `script` runs Python as `python script.py` does, in a process
    that has imported `modules`; what it says passes through files in `folder`."""
    said = [str(folder / name) for name in ("out", "err")]
    forking, pipe = [sys.executable, "-c", FORKING, *modules], subprocess.PIPE
    with subprocess.Popen(forking, text=True, cwd=folder, stdin=pipe, stdout=pipe) as process:

        def script(text, *arguments, cwd=folder, ignored: tuple[signal.Signals, ...] = ()):
            """Return what was made of a script, when it has ended; it ignores the signals of
            `ignored`."""
            job = dict(text=text, arguments=arguments, folder=str(cwd), ignored=ignored)
            job |= dict(zip(("out", "err"), said), environ=dict(os.environ))
            print(json.dumps(job), file=process.stdin, flush=True)
            code = int(process.stdout.readline())
            return subprocess.CompletedProcess(
                arguments, code, *(Path(file).read_text() for file in said)
            )

        yield script
        process.stdin.close()
