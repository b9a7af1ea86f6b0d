// Two matrices beside each other at a moment of training, and what becomes of them.

const NO_MORE = "No more was saved of it: moments and eligibility are, if they are recorded with " +
  "the weights, <code>Recorder([\"W1.w\", \"W1.w.m\", \"W1.g\"], ...)</code>."

function synapses({ask, here, file, chosen, models, choose}) {
  const {charts, widgets, texts, looks} = models
  const following = ["synapse", "others", "norms", "angle"].map((name) => charts[name])
  let sides = [], cell = null

  const part = ({values, size: [rows, columns]}, k) =>
    values.subarray(k * rows * columns, (k + 1) * rows * columns)

  function show_matrices() {
    const labels = [widgets.left.value, widgets.right.value]
    if (!labels.every((name) => here().matrices[name])) return
    ask("matrices", labels.map((name) => ["matrix", file(), name]), (blocks) => {
      sides = blocks.map((block, k) => {
        const name = labels[k], about = here().matrices[name]
        const most = largest(block.values)
        return {...block, name, about, most, size: block.values.shape.slice(1)}
      })
      for (const {figure, now} of following) {
        label(figure.below[0], here().axis == "time" ? "time (ms)" : "update")
        now.visible = true
      }
      show_training()
      show_moment()
      show_synapse()
    })
  }

  // Norms of both, and the angle between them where they are of the same cells.
  function show_training() {
    const [left, right] = sides, x = here().at
    const dot = (a, b) => a.reduce((sum, each, i) => sum + each * b[i], 0)
    const over = (value) => sequence(x.length).map(value)
    const norm = (side) => over((k) => Math.sqrt(dot(part(side, k), part(side, k))))
    const norms = sides.map((side) => ({name: side.name, x, y: norm(side)}))
    const cosine = (k) => dot(part(left, k), part(right, k)) / norms[0].y[k] / norms[1].y[k]
    const angle = (k) => Math.acos(Math.min(1, Math.max(-1, cosine(k)))) * 180 / Math.PI
    const same = left.about.beside == right.name || right.about.beside == left.name
    draw(looks, charts.norms, "Norms", norms)
    draw(looks, charts.angle, "Alignment",
         same ? [{name: `${left.name} to ${right.name}`, x, y: over(angle)}] : [])
  }

  function show_moment() {
    if (!sides.length) return
    const k = widgets.moment.value, at = here().at[k]
    widgets.moment.title = here().axis == "time" ? `At ${number(at)} ms` : `After update ${at}`
    picture(charts.left, sides[0], k)
    picture(charts.right, sides[1], k)
    draw(looks, charts.weights, "Distributions", histograms(k))
    draw(looks, charts.spectrum, "Spectra", sides.map(({name, spectra}) => {
      const n = spectra.shape[1]
      return {name, x: sequence(n).map((i) => i + 1), y: spectra.subarray(k * n, (k + 1) * n)}
    }))
    for (const {now} of following) now.location = at
    show_onto()
  }

  function picture(chart, side, k) {
    const {size, limit, about: {row_numbers, column_numbers, rows, columns}} = side
    const {figure} = chart, [across, down] = [figure.below[0], figure.left[0]]
    const dx = apart(column_numbers), dy = apart(row_numbers)
    const x = column_numbers[0] - dx / 2, y = row_numbers[0] - dy / 2
    const dw = dx * size[1], dh = dy * size[0]
    chart.mapper.setv({low: -limit, high: limit})
    const image = new side.values.like(part(side, k), size)
    chart.source.data = {image: [image], x: [x], y: [y], dw: [dw], dh: [dh]}
    if (chart.shows != `${file()} ${side.name}`) { // else it stays as it was zoomed
      chart.shows = `${file()} ${side.name}`
      span(figure.x_range, x, x + dw)
      span(figure.y_range, y + dh, y)
      across.ticker.ticks = [column_numbers[0], column_numbers.at(-1)]
      down.ticker.ticks = [row_numbers[0], row_numbers.at(-1)]
      label(across, columns)
      label(down, rows)
      figure.title.text = side.name
    }
    const place = cell && place_in(side)
    chart.chosen.data = place
      ? {x: [column_numbers[place[1]]], y: [row_numbers[place[0]]], w: [dx], h: [dy]}
      : {x: [], y: [], w: [], h: []}
  }

  // The distributions of both, in the same bins; zero is in the middle of one.
  function histograms(k) {
    const bins = 31, limit = Math.max(...sides.map((side) => side.most)) || 1
    const width = 2 * limit / bins
    return sides.map((side) => {
      const counts = new Float64Array(bins), values = part(side, k)
      for (const w of values)
        if (Number.isFinite(w)) counts[Math.min(bins - 1, Math.floor((w + limit) / width))] += 1
      const y = Array.from(counts, (n) => n / values.length / width)
      return {name: side.name, x: sequence(bins).map((i) => -limit + (i + 0.5) * width), y}
    })
  }

  // a synapse, and the cell that hears it ---------------------------------------------------------

  // Returns where the synapse that was chosen is in a matrix, if that is of the same cells.
  function place_in({name, about}) {
    const {beside} = here().matrices[cell.name]
    const same = name == cell.name || name == beside || about.beside == cell.name
    const place = [about.row_numbers.indexOf(cell.row), about.column_numbers.indexOf(cell.column)]
    return same && Math.min(...place) >= 0 ? place : null
  }

  function show_synapse() {
    const x = here().at, lines = [], others = []
    const different = sides.filter((side, k) => !k || side.name != sides[0].name)
    for (const side of cell ? different : []) {
      const place = place_in(side)
      if (!place) continue
      const over = (stack) => sequence(x.length).map((k) =>
        stack[(k * side.size[0] + place[0]) * side.size[1] + place[1]])
      lines.push({name: side.name, x, y: over(side.values)})
      for (const {name, values} of side.others) {
        const y = over(values), most = largest(y)
        others.push({name: `${name}, of ${number(most)}`, x, y: y.map((v) => most ? v / most : v)})
      }
    }
    draw(looks, charts.synapse, `Weight at row ${cell?.row}, column ${cell?.column}`, lines)
    draw(looks, charts.others, "Moments, eligibility, changes asked for", others)
    texts.synapse.text = about_synapse(others)
  }

  function about_synapse(others) {
    const {at, of} = here()
    const some = `${at.length} of ${of} moments of training are here, evenly spread. `
    const thinned = of > at.length ? some : ""
    if (!cell) return `${thinned}Click on a synapse to see it over training.`
    const place = `Chosen: row ${cell.row}, column ${cell.column} of ${escaped(cell.name)}. `
    return thinned + place + (others.length ? "" : NO_MORE)
  }

  function show_onto() {
    const {unit} = chosen
    const onto = ([name, {group, target, row_numbers}]) =>
      name == group && target == unit?.population && row_numbers.includes(unit.number)
    const groups = Object.entries(here().matrices).filter(onto)
    ask("onto", groups.map(([name]) => ["matrix", file(), name]), (blocks) => {
      const lines = blocks.map(({values}, k) => {
        const [name, {row_numbers, column_numbers, source}] = groups[k]
        const [, rows, columns] = values.shape
        const first = (widgets.moment.value * rows + row_numbers.indexOf(unit.number)) * columns
        const y = values.subarray(first, first + columns)
        return {name: `${name}, from ${source}`, x: column_numbers, y}
      })
      const whose = `unit ${unit?.number} of ${unit?.population}`
      draw(looks, charts.onto, `Weights onto ${whose}, by pathway`, lines)
    })
  }

  function on_tap(side, {x, y}) {
    if (!side) return
    const {row_numbers, column_numbers, target, transposed, instead_of} = side.about
    const row = row_numbers[nearest(row_numbers, y)]
    const column = column_numbers[nearest(column_numbers, x)]
    cell = {name: side.name, row, column}
    const post = transposed ? column : row
    if (target && !instead_of) choose({population: target, number: post})
    show_moment()
    show_synapse()
  }

  function go(steps) {
    const {start, end, value} = widgets.moment
    if (sides.length) widgets.moment.value = Math.min(end, Math.max(start, value + steps))
  }

  function open() {
    [sides, cell] = [[], null]
    const {matrices, at} = here(), labels = Object.keys(matrices)
    if (!labels.length) return
    const first = labels.find((name) => matrices[name].beside) ?? labels[0]
    const end = Math.max(1, at.length - 1)
    widgets.moment.setv({start: 0, end, value: 0, disabled: at.length < 2})
    widgets.left.setv({options: labels, value: first})
    widgets.right.setv({options: labels, value: matrices[first].beside || labels.at(-1)})
    show_matrices()
  }

  return {open, show_matrices, show_moment, show_onto, go,
          on_left: (event) => on_tap(sides[0], event), on_right: (event) => on_tap(sides[1], event)}
}
