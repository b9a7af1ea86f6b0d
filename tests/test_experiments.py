"""Every script in experiments/ at its smallest size: it runs, and its figure comes from the saved
file alone."""

import inspect
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from neurofa.models.tuned.digits import settings

from neurofa import Learner, Network, lookup, predict, present, tasks
from neurofa.runs.experiment import Run

README = Path(lookup.experiment("digits").__file__).parent / "README.md"


@pytest.mark.subprocess
@pytest.mark.parametrize("name", lookup.experiment_names())
@pytest.mark.slow
def test_it_runs_and_draws_from_what_it_saved(name, tmp_path, capsys, mnist_folder, one_process):
    if name in ("mnist", "wake_sleep") and mnist_folder is None:
        pytest.skip("MNIST is not at hand: NEUROFA_MNIST names no folder")
    module = lookup.experiment(name)
    options = dict(quick=True, out=tmp_path)
    if "progress" in inspect.signature(module.main).parameters:
        options["progress"] = False
    module.main(**options)
    run = Run.open(next(tmp_path.iterdir()))
    assert run.provenance["experiment"] == name
    assert (
        list(run.folder.glob("*.nc"))
        and list(run.folder.glob("*.png"))
        and list(run.folder.glob("*.pdf"))
    )
    assert not list(run.folder.glob("*.unfinished"))
    assert len(capsys.readouterr().out.splitlines()) > 4


@pytest.mark.parametrize("name", lookup.experiment_names())
def test_it_says_what_it_asks_how_long_it_takes_and_how_to_run_it(name):
    documented = lookup.experiment(name).__doc__
    assert documented.splitlines()[0].endswith("?")
    assert f"neurofa run {name}" in documented
    assert "minute" in documented or "second" in documented


def test_target_alignment_is_what_theory_says(monkeypatch):
    module = lookup.experiment("target_alignment")
    monkeypatch.setattr(module, "SAMPLES", 2)
    found = [module.learn(model, 3, 0) for model in module.MODELS]
    for one in found:
        assert abs(one["alignment"] - one["theory"]) < 1e-4
    bp, fa, coding, dtp = (one["alignment"] for one in found)
    assert fa < bp < coding < dtp and dtp > 1 - 1e-9


def test_contrasts_of_layers_are_those_of_the_whole_in_the_condition_alone(monkeypatch):
    module = lookup.experiment("theory_contrastive")
    monkeypatch.setattr(module, "EPS", (0.0, 1e-4, 1e-3))
    for way, order in zip(module.WAYS, (1, 1, 2)):
        exact, *near = np.array(module.off(way, 0)["difference"])
        assert way == "tanh" or exact.max() < 1e-12  # inputs of size 0 change nothing
        lower = near[1][:-1] / near[0][:-1]  # all layers but the last, where both are the same
        np.testing.assert_allclose(np.log10(lower), order, atol=0.01)
        assert max(change[-1] for change in near) < 1e-12


def test_decoupled_layers_are_one_circuit_where_nothing_is_late_or_slow():
    """Six circuits with buffers for one minibatch learn what local losses learn, from the same weights."""
    module, task = lookup.experiment("decoupled"), tasks.digits()
    rule, optimiser, trial, cost = settings("local_losses")
    depth = module.DEPTH
    circuits = module.layers(seed=3)
    net = Network((64, *[module.WIDTH] * depth, 10), rule, trials=32, cost=cost)
    together = {f"W{k}": (k, "W1") for k in range(1, depth + 1)}
    together |= {f"P{k}": (k, "W2") for k in range(1, depth + 1)}
    together[f"W{depth + 1}"] = depth, "W2"  # the last readout, P6, and the output are the same
    together |= {f"{ours}.bias": (k, f"{its}.bias") for ours, (k, its) in together.items()}
    for ours, (k, its) in together.items():
        net[ours] = circuits[k - 1].net[its]
    learner, rng = Learner(net, trial, optimiser), np.random.default_rng(0)
    buffers = [module.Buffer(1, "oldest", rng) for _ in circuits]
    for batch in [*task.batches(32, rng)][:5]:
        module.step(circuits, buffers, (task.x[batch], task.y[batch]), [True] * depth)
        present(learner, task.x[batch], task.y[batch])
    for ours, (k, its) in together.items():
        np.testing.assert_allclose(net[ours], circuits[k - 1].net[its], rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        module.answer(circuits, task.x_test), predict(learner, task.x_test), rtol=0, atol=1e-12
    )


def test_layers_hear_what_is_foretold_of_rates_that_do_not_come():
    module, task = lookup.experiment("decoupled"), tasks.digits()
    waiting, foretelling, buffered = (module.layers(seed=3) for _ in range(3))
    foretold, rng = module.foretellers(3), np.random.default_rng(0)
    buffers = [module.Buffer(1, "oldest", rng) for _ in buffered]
    batches = [(task.x[of], task.y[of]) for of in [*task.batches(32, rng)][:4]]
    for batch in batches[
        :3
    ]:  # where all rates come, this is one circuit; and what foretells them learns
        module.pass_up(waiting, [], batch, True)
        module.pass_up(foretelling, foretold, batch, True)
        module.step(buffered, buffers, batch, [True] * module.DEPTH)
    for one, *others in zip(buffered, waiting, foretelling):
        assert all(np.array_equal(one.net["W1"], other.net["W1"]) for other in others)
    assert all(one.updates == 3 for one in foretold)
    before = [one.net["W1"].copy() for one in waiting]
    module.pass_up(waiting, [], batches[3], False)
    moved = [not np.array_equal(one.net["W1"], w) for one, w in zip(waiting, before)]
    assert moved == [True] + [False] * (module.DEPTH - 1)
    module.pass_up(foretelling, foretold, batches[3], False)
    said = predict(foretold[0], batches[3][0])
    np.testing.assert_allclose(foretelling[1].net["input.r"], said, rtol=0, atol=1e-12)
    assert all(one.updates == 3 for one in foretold)


def test_buffers_hand_over_what_they_say():
    module, rng = lookup.experiment("decoupled"), np.random.default_rng(0)
    oldest, newest = (module.Buffer(3, draw, rng) for draw in ("oldest", "others go on"))
    for k in range(5):
        assert (oldest.take() is None) == (k < 3)  # it waits until there are three
        for buffer in (oldest, newest):
            buffer.put(k, -k)
    assert oldest.take() == (2, -2)
    # of those that were drawn least often, the newest; what was sent last is drawn at once
    assert [newest.take()[0] for _ in range(4)] == [4, 3, 2, 4]
    newest.put(5, -5)
    assert newest.take()[0] == 5


def test_who_learns_where_teachers_are_rare():
    module, rng = lookup.experiment("locking"), np.random.default_rng(0)
    rare = [[module.awake("rare", 3, waits, t, rng) for t in range(4)] for waits in (False, True)]
    predicted = ("eta_hidden1", "eta_hidden2")  # what hidden layers learn at, but no predictor
    assert rare[0] == [module.LAYERS, predicted, predicted, module.LAYERS]
    assert rare[1] == [module.LAYERS, (), (), module.LAYERS]
    drawn = [module.awake("random", 4, False, t, rng) for t in range(4000)]
    for layer in module.LAYERS:  # three standard deviations of a share of 1/4 in 4000
        assert abs(np.mean([layer in one for one in drawn]) - 1 / 4) < 3 * np.sqrt(3 / 16 / 4000)


def test_each_layer_learns_at_a_rate_of_its_own():
    """With the rates of other layers at 0, only one layer's synapses and predictor move, and as they would
    among the others."""
    module, task = lookup.experiment("locking"), tasks.digits()
    rule = lookup.rule("synthetic_gradients_conditioned")
    nets = [
        Network(module.SIZES, one, trials=32, cost="cross_entropy", seed=1)
        for one in (rule, module.split(rule))
    ]
    rates = [name for name in nets[1].parameters if name.startswith("eta")]
    assert len(rates) == 5  # three of W, two of predictors
    names = [n for n in nets[0].probeable if n[:1] in "WAC" and n.endswith((".w", ".bias"))]
    for net in nets:
        net["A2"] = np.random.default_rng(0).normal(size=net["A2"].shape)
    before = {name: nets[0][name].copy() for name in names}
    nets[1].set(**{name: 0.0 for name in rates if not name.endswith("hidden2")})
    for net in nets:
        present(Learner(net, module.AT_ONCE), task.x[:32], task.y[:32])
    for name in names:
        of_layer = name.partition(".")[0][1:] == "2"
        np.testing.assert_allclose(
            nets[1][name], nets[0][name] if of_layer else before[name], rtol=0, atol=1e-13
        )
    assert abs(nets[1]["W2"] - before["W2.w"]).max() > 1e-4


@pytest.mark.subprocess
@pytest.mark.slow
def test_an_interrupted_run_keeps_what_it_had(tmp_path, capsys, one_process):
    """Ctrl-C reaches all processes; the same run goes on, without doing again what was
    finished."""
    flags = "--models bp,fa --seeds 2 --epochs 2 --jobs 1 --no-progress"
    with subprocess.Popen(
        [sys.executable, "-m", "neurofa.experiments.digits", *flags.split()],
        start_new_session=True,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # ignored in the background
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        until = time.monotonic() + 120
        while not list(tmp_path.glob("runs/*/cells/*.json")) and time.monotonic() < until:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate()[0]
    [folder] = tmp_path.glob("runs/*")
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("cells/*.json")}
    assert (
        process.returncode != 0
        and "Interrupted: what is finished is kept" in said
        and "Traceback" not in said
        and 1 <= len(finished) < 4
    )
    lookup.experiment("digits").main(
        "bp,fa", seeds=2, epochs=2, jobs=1, out=tmp_path / "runs", progress=False
    )
    assert "digits.png" in capsys.readouterr().out and [*tmp_path.glob("runs/*")] == [folder]
    assert len(list(folder.glob("cells/*.json"))) == 4 and all(
        path.stat().st_mtime_ns == at for path, at in finished.items()
    )
    assert Run.open(folder).load().test_accuracy.notnull().all()


@pytest.mark.slow
def test_the_digits_keep_weights_over_training_if_asked_to(tmp_path, capsys):
    options = dict(seeds=2, epochs=1, jobs=1, out=tmp_path, progress=False, weights=True)
    for _ in range(2):  # the second time, all of it is there
        lookup.experiment("digits").main("fa", **options)
    assert capsys.readouterr().out.count("Weights over training: ") == 1
    [run] = tmp_path.iterdir()
    weights = Run.open(run).load("weights-fa.nc")
    assert weights["update"].values[[0, 1, -1]].tolist() == [0, 1, 43] and "B2.w" in weights


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_rule_that_diverges_does_not_stop_the_others(tmp_path, capfd):
    """The rule is a file of its own, for trainings run in processes of their own."""
    (tmp_path / "wild.py").write_text(
        "from neurofa.models import fa\n"
        "RULE = fa.RULE.but(name='wild', neuron=fa.RULE.neuron.replace('-v +', 'v**3 + 1 +'))\n"
    )
    lookup.experiment("digits").main(
        models=f"{tmp_path / 'wild.py'},fa",
        seeds=1,
        epochs=2,
        jobs=1,
        out=tmp_path / "runs",
        progress=False,
    )
    data = Run.open(next((tmp_path / "runs").iterdir())).load()
    assert data.rule.values.tolist() == ["wild", "FA"]
    done = data.test_accuracy.notnull().values
    assert not done[0].any() and done[1].all()
    said = capfd.readouterr()
    assert "wild.py, seed 0: " in said.err
    [wild, fa] = [line for line in said.out.splitlines() if line.startswith(("│ wild", "│ FA"))]
    assert "diverged" in wild and "diverged" not in fa


def test_the_readme_lists_every_script_with_its_question():
    rows = README.read_text().splitlines()
    for name in lookup.experiment_names():
        [row] = [row for row in rows if row.startswith(f"| `{name}.py` |")]
        assert (
            lookup.experiment(name).__doc__.splitlines()[0] in row
            and f"`neurofa run {name}`" in row
        )


def test_figures_of_the_readme_are_there_and_small():
    shown = [
        line.split("(")[1].rstrip(")")
        for line in README.read_text().splitlines()
        if line.startswith("![")
    ]
    assert {Path(name).stem for name in shown} == set(lookup.experiment_names())
    assert all((README.parent / name).stat().st_size < 100_000 for name in shown)


def test_a_student_follows_its_order_parameters():
    """Largest distances are .3 to .5 of 1/sqrt(N), in the mean over five seeds of either size."""
    module = lookup.experiment("align_then_memorise")
    found = module.course("DFA", 125, seed=0, until=5.0)
    assert max(max(found[f"off_{name}"]) for name in "QRv") < 1.5 / np.sqrt(125)
    assert found["cosine"][-1] > 0.95 and found["error"][-1] < found["error"][0] / 2
