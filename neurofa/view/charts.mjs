// Blocks of data, and charts of lines: what all parts of the page share.

const FEW = 12, MOST_BYTES = 2 ** 27 // of blocks: of more, the oldest are forgotten
const sequence = (n) => Array.from({length: n}, (_, i) => i)
const number = (x) => Number.isFinite(x) ? String(Number(x.toPrecision(4))) : "none"
const escaped = (text) => String(text).replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`)
const label = (axis, text) => { axis.axis_label = text }
const apart = (list) => list.length > 1 ? (list.at(-1) - list[0]) / (list.length - 1) : 1
const largest = (list) => list.reduce((most, x) => Math.max(most, Math.abs(x) || 0), 0)
const nearest = (list, x) =>
  list.reduce((best, each, i) => Math.abs(each - x) < Math.abs(list[best] - x) ? i : best, 0)

// What Bokeh makes of arrays of NumPy, as arrays of which parts can be taken.
function plain(value) {
  if (ArrayBuffer.isView(value)) {
    const kind = value instanceof Float32Array ? Float32Array : Float64Array
    const numbers = new kind(value.buffer, value.byteOffset, value.length)
    return Object.assign(numbers, {shape: value.shape, like: value.constructor})
  }
  if (Array.isArray(value)) return value.map(plain)
  if (value?.constructor !== Object) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

// Returns how many bytes arrays hold, however they are nested.
function size(value) {
  if (ArrayBuffer.isView(value)) return value.byteLength
  if (!value || typeof value != "object") return 0
  return Object.values(value).reduce((sum, each) => sum + size(each), 0)
}

// Returns `ask(what, requests, then)`: it calls `then` with the blocks that answer, once all are
// there, unless something else of this `what` has been asked for since.
function asking({answer, wanted, served, texts}) {
  const blocks = new Map(), waiting = new Map(), latest = new Map()
  let asked = 0

  function take() {
    const {request, block} = answer.data
    request.forEach((key, k) => {
      const then = waiting.get(key) ?? []
      waiting.delete(key)
      if (block[k].problem) return texts.note.text = escaped(block[k].problem)
      blocks.set(key, plain(block[k]))
      while (served && blocks.size > FEW && size([...blocks.values()]) > MOST_BYTES)
        blocks.delete(blocks.keys().next().value)
      then.forEach((again) => again())
    })
  }

  function ask(what, requests, then) {
    const keys = requests.map((request) => JSON.stringify(request)), all = keys.join()
    latest.set(what, all)
    answered(what, keys, all, then)
  }

  function answered(what, keys, all, then) {
    if (latest.get(what) != all) return
    const missing = keys.find((key) => !blocks.has(key))
    if (missing === undefined) return then(keys.map((key) => blocks.get(key)))
    if (!served) return
    const before = waiting.get(missing)
    waiting.set(missing, [...(before ?? []), () => answered(what, keys, all, then)])
    if (!before) wanted.value = JSON.stringify({number: asked++, request: JSON.parse(missing)})
  }

  answer.properties.data.change.connect(take)
  take()
  return ask
}

// Draws lines {name, x, y} in a chart, or hides it if there are none.
function draw(looks, chart, heading, given) {
  const lines = given.slice(0, looks.lines.length), {figure} = chart
  figure.visible = lines.length > 0
  if (!lines.length) return
  const shades = looks.lines[lines.length - 1]
  const looking = (list, k) => list[k % list.length]
  chart.lines.data = {
    x: lines.map((line) => line.x),
    y: lines.map((line) => line.y),
    name: lines.map((line) => line.name),
    shade: shades,
    dash: lines.map((_, k) => looking(looks.dashes, k)),
  }
  const marks = marked(lines, looks.lines.length)
  chart.marks.data = {
    x: marks.map(([k, i]) => lines[k]?.x[i] ?? NaN),
    y: marks.map(([k, i]) => lines[k]?.y[i] ?? NaN),
    shade: marks.map(([k]) => shades[k] ?? "black"),
    marker: marks.map(([k]) => looking(looks.markers, k)),
  }
  // while the slider moves, axes stay as they are if they can
  const drawn = [heading, ...lines.map((line) => line.name)].join(), again = chart.drawn == drawn
  chart.drawn = drawn
  if (!again) chart.items.forEach((item, k) =>
    item.setv({visible: k < lines.length, label: {value: lines[k]?.name ?? ""}}))
  if (!chart.shared) fit(figure.x_range, lines.map((line) => line.x), again)
  fit(figure.y_range, lines.map((line) => line.y), again)
  figure.title.text = heading
}

// Where markers stand, [line, sample]: at about eight places, each line's between the others'.
// The first of every line come first, for as many as there may be: names are shown beside those.
function marked(lines, most) {
  const places = lines.map(({x}, k) => {
    const step = Math.ceil(x.length / 8), first = Math.floor(k * step / lines.length)
    return sequence(x.length).filter((i) => x.length <= 12 || i % step == first)
  })
  const firsts = sequence(most).map((k) => [k, places[k]?.[0]])
  return [...firsts, ...places.flatMap((those, k) => those.slice(1).map((i) => [k, i]))]
}

// Lets a range hold all numbers, with a little room; if it is only to `widen`, it may be larger.
function fit(range, lists, widen) {
  let [low, high] = [Infinity, -Infinity]
  for (const list of lists)
    for (const x of list)
      if (Number.isFinite(x)) [low, high] = [Math.min(low, x), Math.max(high, x)]
  if (low > high) [low, high] = [0, 1]
  if (widen && low >= range.start && high <= range.end) return
  const room = 0.05 * (high - low) || 0.05 * Math.abs(high) || 1
  span(range, low - room, high + room)
}

function span(range, start, end) {
  range.setv({start, end, reset_start: start, reset_end: end})
}
