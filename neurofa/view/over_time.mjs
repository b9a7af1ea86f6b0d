// A variable over time, what pathways bring to one of its units, the phases behind, and a cursor.

const MOST_PHASES = 300 // shaded at once

function over_time({ask, here, file, chosen, models, choose}) {
  const {charts, widgets, texts, time, phases, looks, served} = models
  let range = [null, null], shown = null, cursor = null, brought = []

  const known = () => here().traces[widgets.variable.value]
  const trial = (one) => one.trials.length ? Number(widgets.trial.value) : null
  const request = (name) => ["traces", file(), name, trial(here().traces[name]), ...range]

  // Reads "0, 3, 10:15" as numbers of units that were recorded.
  function wanted_units(units) {
    const parts = widgets.units.value.split(",").map((part) => part.trim()).filter((part) => part)
    const meant = (part) => {
      const [first, last] = part.split(":").map(Number)
      const end = part.includes(":") ? last || Infinity : first + 1
      return units.filter((unit) => unit >= first && unit < end)
    }
    const unknown = parts.find((part) => !meant(part).length)
    texts.note.text = unknown === undefined ? "" :
      `No unit is meant by "${escaped(unknown)}": they are ${units[0]} to ${units.at(-1)}.`
    return [...new Set(parts.flatMap(meant))]
  }

  function show_variable() {
    const one = known()
    if (!one) return
    const step = Math.max(1, Math.ceil((one.units.length - 1) / 4))
    const {trial: trials, units} = widgets
    trials.options = one.trials.map(String)
    if (!trials.options.includes(trials.value)) trials.value = trials.options[0] ?? ""
    trials.visible = one.trials.length > 1
    units.visible = one.units.length > 0
    units.value = one.units.filter((_, k) => k % step == 0).join(", ")
    if (chosen.unit?.population != one.population)
      choose(one.units.length ? {population: one.population, number: one.units[0]} : null)
    show_traces()
  }

  function show_traces() {
    const name = widgets.variable.value, one = known()
    if (!one) return
    ask("traces", [request(name)], ([block]) => {
      const units = one.units.length ? wanted_units(block.units) : [null]
      const line = (unit) => ({
        unit, name: unit === null ? name : `unit ${unit}`, x: block.time, y: of_unit(block, unit)})
      const lines = units.slice(0, looks.lines.length).map(line)
      shown = {block, one, name, lines, range, thinned: block.of > block.time.length}
      const heading = name + (one.trials.length ? `, trial ${trial(one)}` : "")
      draw(looks, charts.traces, heading, lines)
      label(charts.traces.figure.left[0], one.unit == "1" ? name : `${name} (${one.unit})`)
      texts.traces.text = what_is_left_out(block)
      shade()
      show_inputs()
    })
  }

  function what_is_left_out({time: times, of, units, of_units}) {
    const way = served ? "zoom in for those between." : "<code>neurofa view</code> reads all."
    const samples = `${times.length} of ${of} samples are drawn, evenly spread: ${way} `
    return (of > times.length ? samples : "") +
      (of_units > units.length ? `${units.length} of ${of_units} units are here.` : "")
  }

  function of_unit(block, unit) {
    const width = Math.max(1, block.units.length), k = unit === null ? 0 : block.units.indexOf(unit)
    return k < 0 ? [] : block.time.map((_, i) => block.values[i * width + k])
  }

  function show_inputs() {
    const {unit} = chosen, {traces} = here()
    const names = Object.keys(traces).filter((name) =>
      unit && traces[name].drive && traces[name].population == unit.population)
    ask("inputs", names.map(request), (blocks) => {
      const lines = blocks.map((block, k) => (
        {name: names[k], x: block.time, y: of_unit(block, unit.number)}))
      brought = lines.filter((line) => line.y.length)
      const whose = `unit ${unit?.number} of ${unit?.population}`
      draw(looks, charts.inputs, `What pathways bring to ${whose}`, brought)
      show_cursor()
    })
  }

  // phases and cursor -----------------------------------------------------------------------------

  function shade() {
    const [names, starts, ends] = here().phases, kinds = [...new Set(names)]
    const seen = sequence(names.length).filter((k) => ends[k] > time.start && starts[k] < time.end)
    const drawn = seen.length > MOST_PHASES ? [] : seen
    const look = (list) => drawn.map((k) => list[kinds.indexOf(names[k]) % list.length])
    phases.data = {
      start: drawn.map((k) => starts[k]),
      end: drawn.map((k) => ends[k]),
      shade: look(looks.phases),
      hatch: look(looks.hatches),
    }
  }

  function legend() {
    const names = [...new Set(here().phases[0])].map((name, k) => {
      const hatch = looks.hatches[k % looks.hatches.length].trim().repeat(3)
      const shade_ = looks.phases[k % looks.phases.length]
      const style = `background:${shade_};border:1px solid #999;padding:0 4px`
      return `<span style="${style}">${escaped(name)} ${hatch}</span>`
    })
    const many = phases.data.start.length ? "" : " (too many to shade: zoom in)"
    return `Phases: ${names.join(" ")}${many}`
  }

  function show_cursor() {
    const on = shown && cursor !== null && shown.block.time.length > 0
    for (const {now} of [charts.traces, charts.inputs])
      now.setv(on ? {visible: true, location: cursor} : {visible: false})
    texts.cursor.text = legend() + (on ? `<br>${read(nearest(shown.block.time, cursor))}` : "")
  }

  function read(i) {
    const [names, , ends] = here().phases, t = shown.block.time[i]
    const values = (lines) => lines.map(({name, y}) => `${name} ${number(y[i])}`).join(", ")
    const phase = names[ends.findIndex((end) => t <= end * (1 + 1e-9))] ?? ""
    const inputs = brought.length ? `; unit ${chosen.unit.number} hears ${values(brought)}` : ""
    return `At ${number(t)} ms (${escaped(phase)}), ${shown.name}: ${values(shown.lines)}${inputs}`
  }

  // hands -----------------------------------------------------------------------------------------

  function zoomed() {
    if (!known() || !shown) return
    const {end} = here(), whole = time.start <= 0 && time.end >= end
    const wanted = whole ? [null, null] : [Math.max(0, time.start), Math.min(end, time.end)]
    const [first, last] = [shown.range[0] ?? 0, shown.range[1] ?? end]
    const enough = !shown.thinned && wanted[0] >= first && wanted[1] <= last && !whole
    shade()
    if (!served || enough || String(wanted) == String(range)) return show_cursor()
    range = wanted
    show_traces()
  }

  function on_tap({x, y}) {
    if (!shown?.block.time.length) return
    const i = nearest(shown.block.time, x), lines = shown.lines.filter(({unit}) => unit !== null)
    cursor = shown.block.time[i]
    const far = (line) => Math.abs(line.y[i] - y)
    const near = lines.reduce((best, line) => !best || far(line) < far(best) ? line : best, null)
    if (near) choose({population: shown.one.population, number: near.unit})
    else show_cursor()
  }

  function move(steps) {
    const times = shown?.block.time ?? []
    if (!times.length) return
    const i = cursor === null ? (steps > 0 ? -1 : times.length) : nearest(times, cursor)
    cursor = times[Math.min(times.length - 1, Math.max(0, i + steps))]
    show_cursor()
  }

  function next_unit(steps) {
    const units = shown?.block.units ?? []
    if (!units.length) return
    const k = units.indexOf(chosen.unit?.number) + steps
    const number_ = units[Math.min(units.length - 1, Math.max(0, k))]
    choose({population: shown.one.population, number: number_})
  }

  function open() {
    [range, shown, cursor, brought] = [[null, null], null, null, []]
    const {traces, end} = here(), names = Object.keys(traces)
    if (!names.length) return
    span(time, 0, end || 1)
    widgets.variable.options = names
    if (widgets.variable.value == names[0]) show_variable()
    else widgets.variable.value = names[0]
  }

  charts.traces.shared = charts.inputs.shared = true // they have one time
  return {open, show_variable, show_traces, show_inputs, zoomed, on_tap, move, next_unit}
}
