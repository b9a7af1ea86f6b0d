// What the page does: a file is opened in all its parts, and hands are listened to.

export default (models) => {
  const {about, charts, widgets, texts, sections, body, time, looks} = models
  const chosen = {unit: null}
  const file = () => widgets.file.value, here = () => about[file()]
  const ask = asking(models)
  const shared = {ask, here, file, chosen, models, choose}
  // a section that no file has anything for is not there, and does nothing
  const nothing = new Proxy({}, {get: () => () => {}})
  const traces = sections.traces ? over_time(shared) : nothing
  const matrices = sections.synapses ? synapses(shared) : nothing

  function choose(unit) {
    chosen.unit = unit
    matrices.show_onto()
    traces.show_inputs()
  }

  function show_result() {
    if (!here().curves.includes(widgets.result.value)) return
    ask("result", [["curve", file(), widgets.result.value]], ([block]) => {
      const {x, y, label: axis, lines, of, seeds} = block
      const left_out = of > lines.length ? `; ${lines.length} of ${of} lines` : ""
      const drawn = lines.map((line) => ({name: line.name || y, x, y: line.values[0]}))
      const heading = y + (seeds > 1 ? `, median of ${seeds} seeds` : "") + left_out
      draw(looks, charts.results, heading, drawn)
      label(charts.results.figure.below[0], axis)
      label(charts.results.figure.left[0], y)
    })
  }

  function open() {
    const {curves} = here(), files = Object.values(about)
    const none = (what) => files.every((one) => !Object.keys(one[what]).length)
    chosen.unit = null
    const here_now = {
      traces: Object.keys(here().traces), synapses: Object.keys(here().matrices), results: curves}
    const shown = Object.keys(sections).filter((name) => here_now[name].length)
    if (shown.length) body.children = shown.map((name) => sections[name])
    texts.hint.text = (none("matrices") ? NO_WEIGHTS : "") + (none("traces") ? NO_TRACES : "")
    matrices.open()
    traces.open()
    if (curves.length) widgets.result.setv({options: curves, value: curves[0]})
    show_result()
  }

  function on_key(event) {
    const at = event.composedPath()[0]
    if (["INPUT", "SELECT", "TEXTAREA"].includes(at.tagName)) return
    if (event.ctrlKey || event.metaKey || event.altKey || at.closest?.(".noUi-handle")) return
    const far = event.shiftKey ? 10 : 1
    const keys = {
      ArrowLeft: () => traces.move(-far), ArrowRight: () => traces.move(far),
      ",": () => matrices.go(-1), ".": () => matrices.go(1),
      j: () => traces.next_unit(-1), k: () => traces.next_unit(1),
    }
    if (!keys[event.key]) return
    keys[event.key]()
    event.preventDefault()
  }

  const follow = (model, property, then) => model.properties[property].change.connect(then)
  follow(widgets.file, "value", open)
  follow(widgets.variable, "value", traces.show_variable)
  follow(widgets.trial, "value", traces.show_traces)
  follow(widgets.units, "value", traces.show_traces)
  follow(widgets.left, "value", matrices.show_matrices)
  follow(widgets.right, "value", matrices.show_matrices)
  follow(widgets.moment, "value", matrices.show_moment)
  follow(widgets.result, "value", show_result)
  let soon
  const later = () => { clearTimeout(soon); soon = setTimeout(traces.zoomed, 120) }
  for (const end of ["start", "end"]) follow(time, end, later)
  const hands = {
    traces: traces.on_tap, inputs: traces.on_tap, left: matrices.on_left, right: matrices.on_right}
  for (const [name, hand] of Object.entries(hands)) charts[name]?.figure.on_event("tap", hand)
  document.addEventListener("keydown", on_key)
  open()
}

const NO_WEIGHTS = "<b>No weights over training were saved.</b> They are by " +
  "<code>train(..., snapshots=Snapshots(log_spaced(10), to=\"RUN/weights.nc\"))</code>, or by " +
  "<code>Recorder([\"W1.w\", \"W1.w.m\", ...], every=\"phase\", to=\"RUN/trial.nc\")</code>, " +
  "where RUN is the folder of the run. "
const NO_TRACES = "<b>No trial was recorded.</b> It is by " +
  "<code>present(..., record=Recorder([\"hidden1.v\", ...], to=\"RUN/trial.nc\"))</code>."
