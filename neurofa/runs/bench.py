"""How close a time step comes to its matrix products alone, how soon the first phase is over, what
recording and an epoch cost.

The limit is what any simulator must do: the same matrix products with the same BLAS, threads and
memory, and nothing else. Both are timed in turns, in one process, so that a busy machine slows them
alike: trust the ratio more than the milliseconds.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..base.errors import CompileError, Diverged, NetworkError, choices
from . import lookup

MODEL = "dfc_ss"
SIZES = (784, 256, 256, 256, 10)
DT = 1e-3  # seconds
# steps between two measurements of the residual, as in a phase with this DT
MEASURE_EVERY = 10
RECORD_EVERY = 10  # steps between two samples of all rates
EPOCHS = dict(
    fa=dict(layers=(784, 500, 10), optimiser="gradient", eta=0.1),
    dfc_ss=dict(layers=SIZES, optimiser="adam", eta=1e-3),
)
START_SIZES = (64, 30, 30, 10)
START_TRIALS = 32


def step(layers=SIZES, trials=128, dtype="float64", threads=1, steps=500):
    """Time Euler steps of DFC and the matrix products of as many steps, and return medians over
    rounds as a dict.

    The input is constant: its drive is evaluated once, before the rounds, and is no part of a step.
    `synapses` are those that a step evaluates; the weights in memory include the input's.
    `ns_per_synapse` is per step and trial.

    Raises NetworkError, CompileError, Diverged, KeyboardInterrupt.
    """
    from ..engine.brian.engine import Request

    lengths, seconds = _rounds(steps), []
    net, drives = _controlled(layers, trials, dtype, threads)
    for n in (lengths[0], *lengths):
        request = Request(
            n, net.trials, DT, threads=net.threads, measure_every=MEASURE_EVERY, silent=drives
        )
        seconds.append(
            (_seconds(_run, net.engine, request) / n, _seconds(net.engine.products, request) / n)
        )
    ours, limit = np.array(seconds[1:]).T  # the first round warms up
    return dict(
        layers=list(net.sizes),
        trials=net.trials,
        dtype=net.dtype.name,
        threads=net.threads,
        steps=steps,
        rounds=len(lengths),
        **_synapses(net, drives, np.median(ours)),
        ms_per_step=float(np.median(ours) * 1e3),
        limit_ms_per_step=float(np.median(limit) * 1e3),
        **_spread("ratio", ours / limit),
        peak_rss_mb=_peak() / 1e6,
    )


def _controlled(layers, trials, dtype, threads):
    """Return a network in the midst of its feedback phase, and the names of the synapse groups that
    come from the input."""
    from brian2 import ms, second

    from ..simulate.network import Network
    from ..simulate.trial import Length

    net = Network(
        layers,
        lookup.rule(MODEL),
        trials,
        cost="cross_entropy",
        dtype=dtype,
        threads=threads,
        target="cpp",
    )
    rng = np.random.default_rng(0)
    net.stimulus(rng.normal(0, 0.3, (net.trials, net.sizes[0])))
    net.target_rates(np.eye(net.sizes[-1])[rng.integers(net.sizes[-1], size=net.trials)])
    for phase in ("free", "feedback"):
        net.run(phase, Length(len(net.sizes) * DT * second, dt=1 * ms))
    return net, tuple(group.name for group in net.circuit.groups if group.static)


def _rounds(steps):
    """Return the steps of each round: about 50 each, and at least nine rounds if there are as many
    steps."""
    if steps < 1:
        raise NetworkError(f"steps = {steps!r}: give a whole number of at least 1.")
    rounds = min(steps, max(9, steps // 50))
    return [steps // rounds + (k < steps % rounds) for k in range(rounds)]


def _run(engine, request):
    outcome = engine.run(request)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.diverged:
        raise Diverged(
            f"The benchmark's circuit left the finite numbers after {outcome.steps} steps. Try other layers."
        )


def _seconds(call, *arguments):
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def _spread(name, values):
    return {
        name: float(np.median(values)),
        f"{name}_mean": float(np.mean(values)),
        f"{name}_min": float(np.min(values)),
        f"{name}_max": float(np.max(values)),
    }


def _synapses(net, drives, seconds):
    weights = [net[group.name] for group in net.circuit.groups if group.owner == group.name]
    in_step = sum(
        group.shape[0] * group.shape[1] for group in net.circuit.groups if group.name not in drives
    )
    nbytes = sum(w.nbytes for w in weights)
    return dict(
        synapses=in_step,
        ns_per_synapse=float(seconds * 1e9 / (in_step * net.trials)),
        bytes_per_synapse=nbytes / sum(w.size for w in weights),
        weights_mb=nbytes / 1e6,
    )


def _peak():
    """Return the most memory that this process has ever held, in bytes."""
    # the kernel's own account of this program; getrusage starts with the size of the process that
    # launched it
    try:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    except (OSError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )


def start(repeats=3):
    """Time a fresh process until its first phase is over, and return the results as a dict.

    Cold: nothing is in the cache, and the circuit is compiled. Warm: the median of `repeats`
    further processes. Raises CompileError if the process fails.
    """
    with tempfile.TemporaryDirectory(prefix="neurofa-bench-") as cache:
        cold = _start(cache)
        warm = [_start(cache) for _ in range(repeats)]
    return dict(
        cold_s=cold,
        warm_s=float(np.median(warm)),
        warm_min_s=min(warm),
        warm_max_s=max(warm),
        warm_repeats=repeats,
        layers=list(START_SIZES),
        trials=START_TRIALS,
    )


def _start(cache):
    begin = time.perf_counter()
    with _process("first_phase()", NEUROFA_CACHE=cache) as process:
        answer = process.stdout.readline()
        seconds = time.perf_counter() - begin
        complaints = process.stderr.read()
    if answer != "done\n":
        raise CompileError(
            f"A fresh process did not complete its first phase. {_last_words(process, complaints)}"
        )
    return seconds


def _process(call, **environment):
    """Return a fresh process that makes the `call` of a function in this file."""
    return subprocess.Popen(
        [sys.executable, "-c", f"from neurofa.runs import bench; bench.{call}"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _last_words(process, complaints):
    last = next(
        (line for line in reversed(complaints.split("\n")) if line),
        f"exit code {process.returncode}",
    )
    return f"Its last words: {last}"


def first_phase():
    """Build a small circuit with feedback alignment, run its free phase, and say so: what `start`
    waits for."""
    from brian2 import ms

    from ..simulate.network import Network
    from ..simulate.trial import settle

    net = Network(START_SIZES, lookup.rule("fa"), START_TRIALS, cost="cross_entropy", target="cpp")
    net.stimulus(np.random.default_rng(0).normal(0, 0.3, (START_TRIALS, START_SIZES[0])))
    net.run("free", settle(dt=10 * ms))
    print("done", flush=True)


def epoch(
    model=MODEL, trials=128, dtype="float64", threads=os.cpu_count(), images=60000, tolerance=1e-3
):
    """Time one epoch of learning with the steady states of every trial, and return what it took and
    how well they settled as a dict.

    The images are those of MNIST where NEUROFA_MNIST names their folder, random ones elsewhere.
    `steps` are a trial's, over all phases. `left` is how much of the way from the begin of a phase
    to its steady state a trial had left when the phase was over, the largest over phases: on the
    last batches, with the weights as they are then, beside a circuit in double precision that goes
    all the way.

    Raises NetworkError, CompileError, Diverged, KeyboardInterrupt.
    """
    from threadpoolctl import threadpool_limits

    from ..learning.learner import Learner, present
    from ..simulate.network import Network
    from ..simulate.steady import SteadyState

    if model not in EPOCHS:
        raise NetworkError(
            f"There is no epoch of '{model}' to time. " + choices(model, EPOCHS, "model")
        )
    about, (x, y, data) = EPOCHS[model], _images(images, dtype)
    rule = lookup.rule(model).but(eta=about["eta"])
    make = lambda dtype: Network(
        about["layers"],
        rule,
        trials,
        cost="cross_entropy",
        dtype=dtype,
        threads=threads,
        target="cpp",
    )
    learner = Learner(make(dtype), SteadyState(tolerance), about["optimiser"])
    batches = np.split(np.arange(len(x)), range(trials, len(x), trials))
    steps, unsettled = [], 0
    with threadpool_limits(limits=1, user_api="blas"):
        # chooses the time constants
        present(learner, x[batches[0]], y[batches[0]], learn=False)
        begin = time.perf_counter()
        for batch in batches:
            results = present(learner, x[batch], y[batch])
            steps.append(sum(result.steps for result in results))
            unsettled += int(np.any([result.unsettled for result in results], axis=0).sum())
        seconds = time.perf_counter() - begin
        left = np.concatenate(
            [_left(learner, make("float64"), x[batch], y[batch]) for batch in batches[-10:]]
        )
    return dict(
        model=model,
        data=data,
        images=len(x),
        layers=list(learner.net.sizes),
        trials=learner.net.trials,
        dtype=dtype,
        threads=threads,
        seconds=seconds,
        us_per_image=seconds / len(x) * 1e6,
        steps_median=float(np.median(steps)),
        steps_max=max(steps),
        unsettled=unsettled,
        tolerance=tolerance,
        left_median=float(np.median(left)),
        left_max=float(left.max()),
        peak_rss_mb=_peak() / 1e6,
    )


def _images(n, dtype):
    """Return x (n, 784), y (n, 10), and what they are."""
    from ..data import tasks

    rng = np.random.default_rng(0)
    if os.environ.get("NEUROFA_MNIST"):
        task = tasks.mnist(dtype=np.dtype(dtype))
        order = rng.permutation(len(task.x))[:n]
        return task.x[order], task.y[order], "mnist"
    return (
        rng.normal(0, 0.3, (n, 784)).astype(dtype),
        np.eye(10)[rng.integers(10, size=n)],
        "random",
    )


def _left(learner, exact, x, y):
    """Return what the trials have left of their ways to the steady states, beside the network
    `exact`, which goes all the way."""
    from ..simulate.steady import SteadyState

    ours, states, found = learner.net, list(learner.net.time_constants()), []
    exact.synapses.take(ours)
    trials = {ours: learner.trial, exact: SteadyState(1e-12).of(exact)}
    for net in trials:
        net.reset()
        net.stimulus(x)
        net.target_rates(y)
    there = lambda net: np.concatenate(
        [net[name][: len(x)].astype(float) for name in states], axis=1
    )
    for phase in ours.rule.phases:
        begin = there(ours)
        for net, trial in trials.items():
            net.run(phase.name, trial.length(net, phase.name))
        found.append(
            np.linalg.norm(there(ours) - there(exact), axis=1)
            / np.linalg.norm(begin - there(exact), axis=1)
        )
    return np.max(found, axis=0)


def noise(units=2000, trials=8, dtype="float64", steps=5000):
    """Time steps of a population that hears noise of its own, in turns with steps in which none is
    drawn; return a dict.

    `ns_per_sample` is the difference per unit, trial and step, on one thread. Raises NetworkError,
    CompileError, KeyboardInterrupt.
    """
    from brian2 import ms

    from ..engine.brian.engine import Request
    from ..rules.pathways import noisy
    from ..simulate.network import Network

    net = Network(
        (1, units, 1),
        lookup.rule("fa").through(noisy(0.1, 10 * ms)),
        trials,
        dtype=dtype,
        target="cpp",
    )
    lengths, seconds = _rounds(steps), []
    for n in (lengths[0], *lengths):
        request = Request(n, net.trials, DT, measure_every=n, silent=net.groups)
        silent = replace(request, silent=(*net.groups, "hidden1.xi_B"))
        seconds.append(
            (_seconds(_run, net.engine, request) / n, _seconds(_run, net.engine, silent) / n)
        )
    drawn, none = np.array(seconds[1:]).T  # the first round warms up
    return dict(
        units=units,
        trials=net.trials,
        dtype=net.dtype.name,
        steps=steps,
        rounds=len(lengths),
        ms_per_step=float(np.median(drawn) * 1e3),
        **_spread("ns_per_sample", (drawn - none) * 1e9 / (units * trials)),
    )


def record(layers=SIZES, trials=128, dtype="float64", threads=1, steps=2000, gigabytes=2.0):
    """Time steps that record all rates after every tenth one, in turns with steps that record
    nothing, and stream a recording of `gigabytes` to a file in a fresh process; return what it cost
    as a dict.

    `ratio` is a step with recording over one without, both in rounds of at least one sample.
    `stream_` is of the fresh process: its peak memory, the size of its file, which is deleted, and
    megabytes recorded per second, simulation included.

    Raises NetworkError, CompileError, Diverged, KeyboardInterrupt.
    """
    from ..engine.brian.engine import Request

    if not 0 < gigabytes < math.inf:
        raise NetworkError(
            f"gigabytes = {gigabytes!r}: give how much is to be streamed, such as 2."
        )
    lengths, seconds = [max(n, RECORD_EVERY) for n in _rounds(steps)], []
    net, drives = _controlled(layers, trials, dtype, threads)
    for n in (lengths[0], *lengths):
        request = Request(
            n, net.trials, DT, threads=net.threads, measure_every=MEASURE_EVERY, silent=drives
        )
        recorded = replace(request, **_rates(net).begin(net, "feedback", DT))
        seconds.append(
            (_seconds(_run, net.engine, recorded) / n, _seconds(_run, net.engine, request) / n)
        )
    ours, plain = np.array(seconds[1:]).T  # the first round warms up
    found = dict(
        layers=list(net.sizes),
        trials=net.trials,
        dtype=net.dtype.name,
        threads=net.threads,
        steps=sum(lengths),
        rounds=len(lengths),
        record_every=RECORD_EVERY,
        mb_per_sample=_sample_bytes(net) / 1e6,
        ms_per_step=float(np.median(ours) * 1e3),
        plain_ms_per_step=float(np.median(plain) * 1e3),
        **_spread("ratio", ours / plain),
    )
    return found | _streamed(net, gigabytes)


def _rates(net, every=RECORD_EVERY, to=None):
    """Return a Recorder of the rates of all populations."""
    from ..data.recorder import Recorder

    return Recorder([name for name in net.probeable if name.endswith(".r")], every=every, to=to)


def _sample_bytes(net):
    return sum(net[name].nbytes for name in net.probeable if name.endswith(".r"))


def _streamed(net, gigabytes):
    with tempfile.TemporaryDirectory(prefix="neurofa-bench-") as folder:
        path, steps = Path(folder) / "recording.nc", math.ceil(gigabytes * 1e9 / _sample_bytes(net))
        arguments = ", ".join(
            map(repr, (str(path), net.sizes, net.trials, net.dtype.name, net.threads, steps))
        )
        with _process(f"stream({arguments})") as process:
            answer, complaints = process.communicate()
        if process.returncode:
            raise CompileError(
                f"A fresh process did not complete its recording. {_last_words(process, complaints)}"
            )
        return json.loads(answer) | dict(stream_file_mb=path.stat().st_size / 1e6)


def stream(path, layers, trials, dtype, threads, steps):
    """Record all rates after each of so many steps to the file `path`, and print what that took:
    what `record` waits for."""
    from brian2 import ms, second

    from ..simulate.trial import Length

    net, _ = _controlled(layers, trials, dtype, threads)
    begin, before = time.perf_counter(), _peak()
    with _rates(net, every=1, to=path) as recorder:
        net.run("feedback", Length(steps * DT * second, dt=1 * ms), recorder)
    seconds, mb = time.perf_counter() - begin, steps * _sample_bytes(net) / 1e6
    print(
        json.dumps(
            dict(
                stream_samples=steps,
                stream_mb=mb,
                stream_seconds=seconds,
                stream_mb_per_s=mb / seconds,
                stream_peak_rss_mb=_peak() / 1e6,
                stream_peak_before_mb=before / 1e6,
            )
        ),
        flush=True,
    )
