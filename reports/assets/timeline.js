// The timeline as a thing to use: zoom, pan, select, hover, keys, minimap, legend, and the view in the URL's hash.

const ZOOM_STEP = 1.25;

function startTimeline(model) {
  const canvas = document.getElementById("timeline");
  const full = fullRange(model);
  const view = { ...full, scroll: 0, selected: -1, only: "", cursor: null };
  const line = { canvas, model, full, view, layout: layoutRows(model, 1000, 600) };
  line.redraw = redrawing(canvas.parentElement, () => drawAll(line));
  addLegend(line);
  addPointer(line);
  addKeys(line);
  addMinimap(line);
  addButtons(line);
  addHash(line);
  bus.addEventListener("cursor", ({ detail }) => {
    view.cursor = detail.from === "timeline" ? null : detail.time;
    line.redraw();
  });
  bus.addEventListener("look", ({ detail }) => {
    setWindow(line, detail.from, detail.to);
    canvas.scrollIntoView({ block: "nearest" });
  });
  drawAll(line);
  return line;
}

// The whole run with a little air at its end.
function fullRange(model) {
  const end = model.end_s > 0 ? model.end_s : 1;
  return { from: 0, to: end * 1.01 };
}

function drawAll(line) {
  const { canvas, model, view } = line;
  const width = canvas.parentElement.clientWidth;
  line.layout = layoutRows(model, width, Math.max(320, Math.min(760, innerHeight * 0.72)));
  view.scroll = Math.min(view.scroll, line.layout.scrollMost);
  drawTimeline(sharpContext(canvas, width, line.layout.height), model, view, line.layout);
  drawMap(line, width);
}

// Shows [from, to], kept inside the run and no narrower than a few ticks.
function setWindow(line, from, to) {
  const { full, view, model } = line;
  const least = Math.max(20 * model.tick_s, full.to * 1e-9);
  const length = Math.min(full.to - full.from, Math.max(least, to - from));
  const middle = (from + to) / 2;
  view.from = Math.min(Math.max(full.from, middle - length / 2), full.to - length);
  view.to = view.from + length;
  line.redraw();
  tell("hash");
}

function zoomAround(line, time, factor) {
  const { view } = line;
  setWindow(line, time - (time - view.from) * factor, time + (view.to - time) * factor);
}

function pan(line, share) {
  const step = (line.view.to - line.view.from) * share;
  const { full } = line;
  const length = line.view.to - line.view.from;
  const from = Math.min(Math.max(full.from, line.view.from + step), full.to - length);
  setWindow(line, from, from + length);
}

function select(line, span) {
  line.view.selected = span;
  document.getElementById("chain").replaceChildren(...chainText(line.model, span));
  line.redraw();
  tell("hash");
}

// Selects a span and brings it into view with its update.
function reveal(line, span) {
  const update = line.model.updates.get(line.model.spans.update[span]);
  const spans = update ? update.spans : [span];
  const from = Math.min(...spans.map((one) => line.model.start[one]));
  const ends = spans.map((one) => line.model.end[one]);
  const to = Math.max(...ends, update && update.aggregation ? update.aggregation.time : 0);
  const room = Math.max((to - from) * 0.15, line.model.tick_s * 10);
  setWindow(line, from - room, to + room);
  scrollToRow(line, line.model.spans.row[span]);
  select(line, span);
}

function scrollToRow(line, row) {
  const { y, height } = line.layout.rows[row];
  const { view, layout } = line;
  if (y - view.scroll < layout.top) view.scroll = Math.max(0, y - layout.top);
  if (y + height - view.scroll > layout.height) view.scroll = Math.min(layout.scrollMost, y + height - layout.height);
}

// The selected update told step by step.
function chainText(model, span) {
  if (span < 0) return [element("p", { text: "Click a span to follow its update from the server and back. Wheel or w, s: zoom. Drag or a, d: pan. Arrows: next span or row. f: fit the selected update. n: next lost or late update. 0 or double click: whole run. Esc: select nothing.", className: "muted" })];
  const update = model.updates.get(model.spans.update[span]);
  const own = update ? rowOf(model, update) : -1;
  const row = model.rows[own >= 0 ? own : model.spans.row[span]].name;
  const spans = update ? ownSpans(model, update) : [span];
  const steps = spans.slice(0, 24).map((one) => {
    const wire = roleOf(model, one) === "wire" ? ` ${model.rows[model.spans.row[one]].name}` : "";
    const text = `${model.kindOf(one)}${wire} ${showDuration(model.end[one] - model.start[one])}`;
    return element("li", { text, className: one === span ? "chosen" : "" });
  });
  if (spans.length > 24) steps.push(element("li", { text: `… ${spans.length - 24} more` }));
  if (update && update.aggregation) steps.push(element("li", { text: `aggregated in version ${update.aggregation.version}` }));
  else if (update && update.fate) steps.push(element("li", { text: update.fate, className: "fate" }));
  const title = update ? `Update ${update.id} of ${row}` : `${model.kindOf(span)} of ${row}`;
  return [element("h3", { text: title }), element("ol", { className: "steps" }, steps), factTable(allFacts(model, span))];
}

function rowAt(line, y) {
  if (y < line.layout.top) return -1;
  return line.layout.rows.findIndex((row) => y >= row.y - line.view.scroll && y < row.y + row.height - line.view.scroll);
}

// What lies under a point of the canvas: {aggregation}, {span} or {cell}; null for nothing.
function hit(line, x, y) {
  const { model, view, layout } = line;
  const row = rowAt(line, y);
  if (row < 0 || x < layout.gutter) return null;
  const time = timeAt(view, layout, x);
  const pixel = (view.to - view.from) / (layout.width - layout.gutter);
  if (model.rows[row].role === "server") {
    const near = nearestAggregation(model, time);
    if (near && Math.abs(near.time - time) <= 7 * pixel) return { time, aggregation: near };
  }
  if (model.quiet[row]) return { time, cell: row };
  const span = spanAt(model, row, time, 3 * pixel);
  return span >= 0 ? { time, span, row } : null;
}

function nearestAggregation(model, time) {
  return model.aggregations.reduce((best, one) => (!best || Math.abs(one.time - time) < Math.abs(best.time - time) ? one : best), null);
}

function tipAt(line, event) {
  const { model } = line;
  const found = hit(line, event.offsetX, event.offsetY);
  if (!found) return hideTip();
  if (found.aggregation) {
    return showTip(event.clientX, event.clientY, `aggregation, version ${found.aggregation.version}`, aggregationFacts(model, found.aggregation));
  }
  if (found.cell !== undefined) {
    return showTip(event.clientX, event.clientY, model.rows[found.cell].name, [["clients on air", String(onAirAt(model.air[found.cell], found.time))], ["at", showTime(found.time, line.view.to - line.view.from)]]);
  }
  return showTip(event.clientX, event.clientY, `${model.kindOf(found.span)}, ${model.rows[found.row].name}`, allFacts(model, found.span));
}

// Drag pans both ways, wheel zooms at the pointer, click selects, double click shows all.
function addPointer(line) {
  const { canvas, view } = line;
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, y: event.clientY, from: view.from, to: view.to, scroll: view.scroll, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) dragTo(line, drag, event);
    else tipAt(line, event);
    tell("cursor", { time: timeAt(view, line.layout, event.offsetX), from: "timeline" });
  });
  canvas.addEventListener("pointerup", (event) => {
    const clicked = drag && !drag.moved;
    drag = null;
    if (!clicked) return;
    const found = hit(line, event.offsetX, event.offsetY);
    select(line, found && found.span !== undefined ? found.span : -1);
  });
  canvas.addEventListener("pointerleave", () => {
    hideTip();
    tell("cursor", { time: null, from: "timeline" });
  });
  canvas.addEventListener("dblclick", () => setWindow(line, line.full.from, line.full.to));
  canvas.addEventListener("wheel", (event) => wheel(line, event), { passive: false });
}

function dragTo(line, drag, event) {
  const dx = event.clientX - drag.x;
  const dy = event.clientY - drag.y;
  if (Math.abs(dx) + Math.abs(dy) > 3) drag.moved = true;
  if (!drag.moved) return;
  hideTip();
  const shift = (dx / (line.layout.width - line.layout.gutter)) * (drag.to - drag.from);
  line.view.scroll = Math.max(0, Math.min(line.layout.scrollMost, drag.scroll - dy));
  const length = drag.to - drag.from;
  const from = Math.min(Math.max(line.full.from, drag.from - shift), line.full.to - length);
  setWindow(line, from, from + length);
}

// Wheel zooms, sideways or with Shift it pans; zooming out of the whole run scrolls the page as usual.
function wheel(line, event) {
  const { view, full } = line;
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
  const all = view.to - view.from >= (full.to - full.from) * 0.9999;
  if (!sideways && event.deltaY > 0 && all) return;
  event.preventDefault();
  if (sideways) pan(line, sideways / 800);
  else zoomAround(line, timeAt(view, line.layout, Math.max(event.offsetX, line.layout.gutter)), ZOOM_STEP ** (event.deltaY / 100));
}

const KEYS = {
  w: (line) => zoomAround(line, (line.view.from + line.view.to) / 2, 1 / ZOOM_STEP),
  s: (line) => zoomAround(line, (line.view.from + line.view.to) / 2, ZOOM_STEP),
  a: (line) => pan(line, -0.15),
  d: (line) => pan(line, 0.15),
  0: (line) => setWindow(line, line.full.from, line.full.to),
  f: (line) => line.view.selected >= 0 && reveal(line, line.view.selected),
  n: (line) => nextMark(line),
  Escape: (line) => select(line, -1),
  ArrowRight: (line) => moveSelection(line, 1),
  ArrowLeft: (line) => moveSelection(line, -1),
  ArrowDown: (line) => moveRow(line, 1),
  ArrowUp: (line) => moveRow(line, -1),
};

// Keys work on the focused timeline, and under the pointer as long as nothing else has the focus.
function addKeys(line) {
  let over = false;
  line.canvas.addEventListener("pointerenter", () => (over = true));
  line.canvas.addEventListener("pointerleave", () => (over = false));
  document.addEventListener("keydown", (event) => {
    const free = over && (document.activeElement === document.body || document.activeElement === null);
    if (event.target !== line.canvas && !free) return;
    const key = KEYS[event.key] || KEYS[event.key.toLowerCase()];
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    key(line);
  });
}

// The next or previous span of the same row; the first in view where none is selected.
function moveSelection(line, step) {
  const { model, view } = line;
  const row = view.selected >= 0 ? model.spans.row[view.selected] : model.ranges.findIndex(([first, stop]) => stop > first);
  if (row < 0) return;
  const [first, stop] = model.ranges[row];
  const start = view.selected >= 0 ? view.selected + step : Math.min(stop - 1, firstAbove(model.reach, view.from, first, stop));
  show(line, Math.min(stop - 1, Math.max(first, start)));
}

// The span at the same time one row further.
function moveRow(line, step) {
  const { model, view } = line;
  if (view.selected < 0) return moveSelection(line, 0);
  const time = (model.start[view.selected] + model.end[view.selected]) / 2;
  for (let row = model.spans.row[view.selected] + step; row >= 0 && row < model.rows.length; row += step) {
    const span = spanAt(model, row, time, Infinity);
    if (span >= 0) return show(line, span);
  }
}

// Selects a span and pans only as far as needed to see it.
function show(line, span) {
  const { model, view } = line;
  const middle = (model.start[span] + model.end[span]) / 2;
  if (middle < view.from || middle > view.to) {
    const half = (view.to - view.from) / 2;
    setWindow(line, middle - half, middle + half);
  }
  scrollToRow(line, model.spans.row[span]);
  select(line, span);
}

// Goes round all lost and late updates in time.
function nextMark(line) {
  const marks = line.model.marks.flat().sort((one, other) => one.time - other.time);
  if (!marks.length) return;
  const { selected } = line.view;
  const now = selected >= 0 ? line.model.updates.get(line.model.spans.update[selected]) : undefined;
  const place = marks.findIndex((mark) => mark.update === now);
  const { update } = marks[(place + 1) % marks.length];
  reveal(line, stepsOf(line.model, update, ON_AIR).at(-1) ?? update.spans.at(-1));
}

function addButtons(line) {
  const on = (id, action) => document.getElementById(id).addEventListener("click", () => action(line));
  on("zoom-in", KEYS.w);
  on("zoom-out", KEYS.s);
  on("zoom-all", KEYS[0]);
  on("next-mark", KEYS.n);
  on("spans-csv", saveSpans);
  document.getElementById("next-mark").disabled = !line.model.marks.some((marks) => marks.length);
}

// The kinds that occur, with their share of the clients' time; a click shows one kind alone.
function addLegend(line) {
  const legend = document.getElementById("legend");
  const seconds = kindSeconds(line.model);
  const whole = seconds.reduce((sum, one) => sum + one, 0) || 1;
  line.model.kinds.forEach((kind, place) => {
    if (!line.model.spans.kind.includes(place)) return;
    const swatch = element("canvas", { className: "swatch" });
    const button = element("button", { className: "kind" }, [swatch, element("span", { text: kind })]);
    if (seconds[place] > 0) button.append(element("span", { text: showPercent(seconds[place] / whole), className: "muted" }));
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => showOnly(line, legend, button, kind));
    legend.append(button);
    redrawing(button, () => drawSwatch(swatch, kind));
  });
  for (const fate of ["lost", "late"]) if (line.model.fates.includes(fate)) addMarkLegend(legend, fate);
}

function kindSeconds(model) {
  const seconds = model.kinds.map(() => 0);
  for (let span = 0; span < model.start.length; span++) {
    if (roleOf(model, span) === "client") seconds[model.spans.kind[span]] += model.end[span] - model.start[span];
  }
  return seconds;
}

function addMarkLegend(legend, fate) {
  const swatch = element("canvas", { className: "swatch" });
  const entry = element("span", { className: "kind" }, [swatch, element("span", { text: `update ${fate}` })]);
  legend.append(entry);
  redrawing(entry, () => paintMark(sharpContext(swatch, 22, 12), 11, 6, 4.5, fate));
}

function drawSwatch(swatch, kind) {
  const context = sharpContext(swatch, 22, 12);
  const height = Math.max(3, 12 * lookOf(kind).height);
  context.fillStyle = kindColour(kind);
  context.fillRect(0, (12 - height) / 2, 22, height);
  const pattern = kindPattern(context, kind);
  if (!pattern) return;
  context.fillStyle = pattern;
  context.fillRect(0, (12 - height) / 2, 22, height);
}

function showOnly(line, legend, button, kind) {
  line.view.only = line.view.only === kind ? "" : kind;
  for (const other of legend.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button && line.view.only !== ""));
  line.redraw();
}

// The strip above: drag or click it to move the window.
function addMinimap(line) {
  const map = document.getElementById("minimap");
  const move = (event) => {
    const half = (line.view.to - line.view.from) / 2;
    const left = line.layout.gutter;
    const time = line.full.to * Math.min(1, Math.max(0, (event.offsetX - left) / (map.clientWidth - left)));
    setWindow(line, time - half, time + half);
  };
  map.addEventListener("pointerdown", (event) => {
    map.setPointerCapture(event.pointerId);
    move(event);
  });
  map.addEventListener("pointermove", (event) => event.buttons & 1 && move(event));
}

function drawMap(line, width) {
  const { model, view, full, layout } = line;
  const height = 44;
  const inner = Math.max(10, Math.floor(width - layout.gutter));
  const context = sharpContext(document.getElementById("minimap"), width, height);
  if (!line.sums || line.sums[0].length !== inner) line.sums = activity(model, inner, full.from, full.to - full.from);
  context.fillStyle = colour("muted");
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.fillText("busy clients", layout.gutter - 10, height / 2);
  context.save();
  context.translate(layout.gutter, 0);
  drawMinimap(context, model, inner, height, line.sums);
  const x = (time) => ((time - full.from) / (full.to - full.from)) * inner;
  context.fillStyle = colour("veil");
  context.fillRect(0, 0, x(view.from), height);
  context.fillRect(x(view.to), 0, inner - x(view.to), height);
  context.strokeStyle = colour("accent");
  context.strokeRect(x(view.from) + 0.5, 0.5, Math.max(2, x(view.to) - x(view.from) - 1), height - 1);
  context.restore();
}

// "#t=12.5,80&span=41&theme=dark": a colleague who opens the link sees the same.
function addHash(line) {
  let waiting = 0;
  bus.addEventListener("hash", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => history.replaceState(null, "", hashOf(line)), 120);
  });
  addEventListener("hashchange", () => readHash(line));
  readHash(line);
}

function hashOf(line) {
  const { view, full } = line;
  const parts = [];
  const digits = Math.max(3, Math.ceil(4 - Math.log10(view.to - view.from)));
  if (view.to - view.from < (full.to - full.from) * 0.9999) parts.push(`t=${view.from.toFixed(digits)},${view.to.toFixed(digits)}`);
  if (view.selected >= 0) parts.push(`span=${view.selected}`);
  if (document.documentElement.dataset.theme) parts.push(`theme=${document.documentElement.dataset.theme}`);
  return "#" + parts.join("&");
}

function readHash(line) {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const [from, to] = (wanted.get("t") || "").split(",").map(Number);
  if (wanted.has("theme")) setTheme(wanted.get("theme"));
  if (to > from) setWindow(line, from, to);
  const span = wanted.has("span") ? Number(wanted.get("span")) : -1;
  select(line, Number.isInteger(span) && span < line.model.start.length ? span : -1);
}

// All spans as a CSV file; text that a spreadsheet could take for a formula is quoted with an apostrophe.
function saveSpans(line) {
  const { model } = line;
  const safe = (text) => `"${(/^[=+\-@]/.test(text) ? "'" + text : text).replaceAll('"', '""')}"`;
  const lines = ["actor,kind,start_s,duration_s,stage,round,version,bytes,energy_j,update"];
  for (let span = 0; span < model.start.length; span++) {
    const { row, stage, round, version, bytes, update } = model.spans;
    const numbers = [round[span], version[span], bytes[span], Number(energyOf(model, span).toPrecision(6)), update[span]];
    const times = [model.start[span], model.end[span] - model.start[span]].map((time) => Number(time.toFixed(9)));
    lines.push([safe(model.rows[row[span]].name), safe(model.kindOf(span)), ...times, safe(model.stages[stage[span]]), ...numbers].join(","));
  }
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = "spans.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}
