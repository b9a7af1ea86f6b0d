"""The page in a real Chromium: what is drawn, what clicks and keys do, and that nothing complains."""

import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from neurofa.models import fa
from test_view import learned

from neurofa.data import curves
from neurofa.runs.experiment import Run
from neurofa.view import serving

pytest.importorskip("bokeh", reason="Bokeh is not installed: pip install 'neurofa[view]'")
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.subprocess,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]
WAIT = 30_000  # ms: other processes may need the machine
MODEL = "Bokeh.documents[0].get_model_by_name"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def files():
    recording, snapshots = learned(fa.RULE)
    return dict(trial=recording.dataset, weights=snapshots)


@pytest.fixture(scope="module")
def saved(files, tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "page.html"
    serving.save(files, "a run", "<b>about the run</b>", page)
    return page.as_uri()


@contextmanager
def serving_page(files, folder):
    """The address of a page that another process serves."""
    run = Run.start("fake", {}, [fa.RULE], folder)
    for name, data in files.items():
        run.save(data, f"{name}.nc")
    call = "from neurofa.runs.cli import app; app()"
    command = [sys.executable, "-c", call, "view", str(run.folder), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[0]
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def long(files):
    """A recording of which not every sample is drawn."""
    trial = files["trial"][["hidden1.v_basal", "W2.w", "B2.w"]]
    values = np.random.default_rng(0).random((1, 9000, 3), dtype="f4")
    times = np.arange(9000.0)
    long = trial.isel(trial=[0], time=np.arange(9000) % 70).assign_coords(time=times)
    long["hidden1.v_basal"] = long["hidden1.v_basal"].copy(data=values)
    long.attrs["phases"] = '[["free", 0, 9000]]'
    return long


@pytest.fixture(scope="module")
def served(files, long, tmp_path_factory):
    with serving_page(dict(files, trial_long=long), tmp_path_factory.mktemp("runs")) as address:
        yield address


@contextmanager
def opened(browser, address, width=1200):
    """A page that was drawn; in the end, neither an error nor a warning was in its console."""
    page, problems, asked = browser.new_page(viewport=dict(width=width, height=900)), [], []
    page.set_default_timeout(WAIT)
    page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else 0)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_function("window.Bokeh?.documents[0]?.is_idle")
    for name in ("spectrum", "inputs", "onto"):  # each is there when blocks of its own are
        shown(page, f"MODEL('{name}')?.visible")
    page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
    )  # laid out
    yield page
    own = address.rpartition("/")[0] if address.startswith("http") else address
    assert all(url.startswith((own, "blob:", "data:")) for url in asked)
    assert not problems
    page.close()


def lines(page, name):
    """Return {name: (x, y)} of the lines of a chart, or nothing if it is hidden."""
    found = page.evaluate(
        f"""() => {{
          const chart = {MODEL}("{name}")
          const {{data}} = chart.renderers.find((one) => one.glyph.type == "MultiLine").data_source
          return chart.visible ? data.name.map((name, k) => [name, Array.from(data.x[k]), Array.from(data.y[k])]) : []
        }}"""
    )
    return {line: (np.array(x), np.array(y)) for line, x, y in found}


def value(page, name, what="value"):
    return page.evaluate(f"{MODEL}('{name}').{what}")


def shown(page, what):
    """Wait until what a text of JavaScript says of the page is so."""
    page.wait_for_function(what.replace("MODEL", MODEL))


def click(page, name, x, y):
    """Click on a figure, at shares of its frame from the left and from the top."""
    place = page.evaluate(
        f"""() => {{
          const view = Bokeh.index.find_one({MODEL}("{name}"))
          view.el.scrollIntoView({{block: "center"}})
          const {{x, y}} = view.el.getBoundingClientRect(), {{x0, y0, x1, y1}} = view.frame.bbox
          return [x + x0, y + y0, x1 - x0, y1 - y0]
        }}"""
    )
    page.mouse.click(place[0] + x * place[2], place[1] + y * place[3])


def elements_are_there(page, files):
    trial = files["trial"]
    assert value(page, "choice of variable") == "hidden1.v_basal" and value(
        page, "choice of trial", "visible"
    )
    assert value(page, "choice of left") == "W2ᵀ" and value(page, "choice of right") == "B2"
    drawn = lines(page, "traces")
    assert list(drawn) == ["unit 0", "unit 1", "unit 2"]
    for k, (x, y) in enumerate(drawn.values()):
        np.testing.assert_array_equal(x, trial.time)
        np.testing.assert_allclose(y, trial["hidden1.v_basal"][0, :, k], rtol=1e-6)
    shown(page, "MODEL('inputs').visible && MODEL('onto').visible")
    assert list(lines(page, "inputs")) == ["hidden1.v_basal", "hidden1.v_apical"]
    assert list(lines(page, "onto")) == ["B2, from hidden2"]
    assert len(lines(page, "weights")) == len(lines(page, "spectrum")) == 2
    assert page.get_by_text("Phases: free feedback ///").count() == 1


def keys_move_the_cursor_the_unit_and_the_moment(page):
    shown(page, "MODEL('inputs').visible")
    for key in ("ArrowRight", "Shift+ArrowRight", "k", ".", ".", ","):
        page.keyboard.press(key)
    shown(
        page,
        "MODEL('inputs').title.text.includes('unit 1') && MODEL('choice of moment').value == 1",
    )
    assert page.get_by_text("At 22 ms (free)").count() == 1


def a_click_on_a_synapse_draws_its_trace(page, files):
    assert not lines(page, "synapse")
    click(page, "right", 0.5 / 5, 2.5 / 3)  # column 0 of 5, row 2 of 3
    shown(page, "MODEL('synapse').visible && MODEL('onto').title.text.includes('unit 2')")
    found, data = lines(page, "synapse"), files["trial"]
    np.testing.assert_allclose(found["B2"][1], data["B2.w"][:, 2, 0], rtol=1e-6)
    np.testing.assert_allclose(found["W2ᵀ"][1], data["W2.w"][:, 0, 2], rtol=1e-6)
    ((name, (_, moment)),) = lines(page, "others").items()
    own = data["W2.w.m"].values[:, 0, 2]
    assert name.startswith("W2.w.m, of ")
    np.testing.assert_allclose(moment, own / abs(own).max(), rtol=1e-5, atol=1e-6)


def a_click_on_a_unit_draws_its_inputs(page, files):
    shown(page, "MODEL('inputs').visible && !MODEL('inputs').title.text.includes('unit 1')")
    y = files["trial"]["hidden1.v_basal"].values[0, 35]
    low, high = (value(page, "traces", f"y_range.{end}") for end in ("start", "end"))
    click(page, "traces", 0.5, 1 - (y[1] - low) / (high - low))
    shown(page, "MODEL('inputs').title.text.includes('unit 1')")
    found = lines(page, "inputs")["hidden1.v_apical"][1]
    np.testing.assert_allclose(found, files["trial"]["hidden1.v_apical"][0, :, 1], rtol=1e-6)
    assert page.get_by_text("unit 1 hears hidden1.v_basal").count() == 1


def units_are_chosen_by_their_numbers(page):
    page.get_by_label("Units").fill("2, 9")
    page.get_by_label("Units").press("Enter")
    assert page.get_by_text('No unit is meant by "9": they are 0 to 2.').count() == 1
    assert list(lines(page, "traces")) == ["unit 2"]


def curves_and_matrices_follow_the_slider(page, files):
    page.get_by_label("File").select_option("weights")
    shown(
        page,
        "MODEL('left').title.text == 'W2ᵀ' && MODEL('norms').title.text && MODEL('choice of moment').end == 7",
    )
    data = files["weights"]
    angles = curves.alignment(data).sel(group="B2")
    shown(page, "MODEL('angle').renderers[0].data_source.data.x[0].length == 8")
    np.testing.assert_allclose(lines(page, "angle")["W2ᵀ to B2"][1], angles, atol=1e-3)
    for name, group in (("W2ᵀ", "W2"), ("B2", "B2")):
        found = lines(page, "norms")[name][1]
        np.testing.assert_allclose(found, curves.norms(data).sel(group=group), rtol=1e-5)
    page.evaluate(f"{MODEL}('choice of moment').value = 5")
    shown(page, "MODEL('norms').center.some((one) => one.type == 'Span' && one.location == 5)")
    image = "Array.from(MODEL('left').renderers[0].data_source.data.image[0])".replace(
        "MODEL", MODEL
    )
    np.testing.assert_allclose(page.evaluate(image), data["W2.w"][5].values.T.ravel(), rtol=1e-6)
    spectrum = np.linalg.svd(data["B2.w"][5], compute_uv=False)
    np.testing.assert_allclose(lines(page, "spectrum")["B2"][1], spectrum, rtol=1e-5)
    assert page.get_by_text("After update 5").count() == 1


def zooming_in_reads_what_lies_between(page, long):
    """Of a long recording every n-th sample is drawn, and of a part of it all."""
    values = long["hidden1.v_basal"].values
    page.get_by_label("File").select_option("trial_long")
    page.get_by_text("1800 of 9000 samples are drawn, evenly spread: zoom in").wait_for()
    page.evaluate(f"{MODEL}('traces').x_range.setv({{start: 400, end: 500}})")
    shown(page, "MODEL('traces').renderers[0].data_source.data.x[0]?.length < 110")
    x, y = lines(page, "traces")["unit 2"]
    np.testing.assert_allclose(y, values[0, x.astype(int), 2], rtol=1e-6)
    assert x[0] <= 400 and x[-1] >= 500 and set(np.diff(x)) == {1}


@pytest.mark.parametrize("kind", ["saved", "served"])
def test_a_page_is_used(kind, request, browser, files):
    """One test, since to draw a page takes a browser seconds; what is done in each step shows what
    was not there before it."""
    with opened(browser, request.getfixturevalue(kind)) as page:
        elements_are_there(page, files)
        keys_move_the_cursor_the_unit_and_the_moment(page)
        a_click_on_a_synapse_draws_its_trace(page, files)
        a_click_on_a_unit_draws_its_inputs(page, files)
        units_are_chosen_by_their_numbers(page)
        curves_and_matrices_follow_the_slider(page, files)
        if kind == "served":
            zooming_in_reads_what_lies_between(page, request.getfixturevalue("long"))


def test_a_narrow_page_has_everything_below_each_other(browser, saved):
    with opened(browser, saved, width=420) as page:
        left, right = (
            page.evaluate(
                f"Bokeh.index.find_one({MODEL}('{n}')).el.getBoundingClientRect().toJSON()"
            )
            for n in ("left", "right")
        )
        assert left["right"] <= 420 and right["top"] >= left["bottom"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
