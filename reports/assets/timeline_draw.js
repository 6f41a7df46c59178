// Draws the timeline. Cost is bounded by the spans in view; spans narrower than a pixel are not dropped but share their
// pixel's column in proportion to their time, so that a rare retransmission stays visible from afar.

const AXIS_HEIGHT = 20;
const STRIP_HEIGHT = 20;
const LABELLED_PX = 46;
const LOOKS = {
  compute: { height: 1 },
  evaluate: { height: 1, pattern: "dots" },
  aggregate: { height: 1 },
  upload: { height: 1 },
  retransmit: { height: 1, pattern: "slashes" },
  download: { height: 1, pattern: "lines" },
  queue: { height: 0.5, pattern: "dots" },
  handover: { height: 0.7, pattern: "backslashes" },
  backhaul: { height: 1, pattern: "columns" },
  jam: { height: 1, pattern: "crosses" },
  idle: { height: 0.14 },
};
const lookOf = (kind) => LOOKS[kind] || { height: 0.7 };
const BESIDE = { wire: "wire", jammer: "jammer" };
const ROW_HEIGHTS = { server: 28, cell: 28, wire: 16, jammer: 16 };
const kindColour = (kind) => colour("kind-" + kind) || colour("kind-other");

// Where every row lies. Rows shrink to fit `most` pixels, and scroll when they no longer can.
function layoutRows(model, width, most) {
  const gutter = width < 640 ? 84 : 148;
  const top = AXIS_HEIGHT + STRIP_HEIGHT;
  const clients = model.rows.filter((row) => row.role === "client").length;
  const fixed = model.rows.reduce((sum, row) => sum + (ROW_HEIGHTS[row.role] || 0), 0);
  const client = Math.max(9, Math.min(26, Math.floor((most - top - fixed) / Math.max(1, clients))));
  let y = top;
  const rows = model.rows.map((row) => {
    const place = { y, height: ROW_HEIGHTS[row.role] || client };
    y += place.height;
    return place;
  });
  const height = Math.min(y + 4, Math.max(most, top + 120));
  return { gutter, top, rows, width, height, scrollMost: Math.max(0, y + 4 - height) };
}

const xOf = (view, layout, time) => layout.gutter + ((time - view.from) / (view.to - view.from)) * (layout.width - layout.gutter);
const timeAt = (view, layout, x) => view.from + ((x - layout.gutter) / (layout.width - layout.gutter)) * (view.to - view.from);

// A small tile of a kind's pattern in `ink`.
function patternTile(name, ink) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const context = tile.getContext("2d");
  context.strokeStyle = context.fillStyle = ink;
  context.lineWidth = 1.4;
  const slashes = [[-1, 7, 7, -1], [-4, 4, 4, -4], [2, 10, 10, 2]];
  const backslashes = slashes.map(([x0, y0, x1, y1]) => [6 - x0, y0, 6 - x1, y1]);
  const crosses = [...slashes, ...backslashes];
  const strokes = { slashes, backslashes, crosses, lines: [[0, 3, 6, 3]], columns: [[3, 0, 3, 6]], dots: [] }[name];
  for (const [x0, y0, x1, y1] of strokes) {
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
  }
  if (name === "dots") context.fillRect(2, 2, 2, 2);
  return tile;
}

function kindPattern(context, kind) {
  const { pattern } = lookOf(kind);
  return pattern ? context.createPattern(patternTile(pattern, colour("pattern-" + kind) || colour("pattern")), "repeat") : null;
}

// Adds a row's visible spans to the boxes of their kind, [x, y, width, height, ...]: `wide` ones, those that share a pixel's
// column (`narrow`), and to `labels` those with room for their name.
function traceRow(model, view, layout, row, { wide, narrow, labels }) {
  const { y, height } = layout.rows[row];
  const inner = Math.max(3, height - 4);
  const [first, stop] = model.ranges[row];
  const width = new Float64Array(model.kinds.length);
  let column = -1;
  const flush = () => {
    if (column >= 0) traceColumn(narrow, width, column, y - view.scroll + 2, inner);
    width.fill(0);
    column = -1;
  };
  for (let span = firstAbove(model.reach, view.from, first, stop); span < stop && model.start[span] < view.to; span++) {
    const from = Math.max(layout.gutter - 2, xOf(view, layout, model.start[span]));
    const to = Math.min(layout.width + 2, xOf(view, layout, model.end[span]));
    const kind = model.spans.kind[span];
    if (to - from >= 1.5) {
      flush();
      const share = lookOf(model.kinds[kind]).height;
      const box = { x: from, y: y - view.scroll + 2 + (inner * (1 - share)) / 2, width: Math.max(1, to - from - 0.5), height: inner * share };
      wide[kind].push(box.x, box.y, box.width, box.height);
      if (to - from >= LABELLED_PX && height >= 15 && share === 1) labels.push({ span, kind, box });
    } else {
      const pixel = Math.floor((from + to) / 2);
      if (pixel !== column) flush();
      column = pixel;
      width[kind] += Math.max(to - from, 1e-3);
    }
  }
  flush();
}

// One pixel column that many narrow spans share, stacked by their time.
function traceColumn(narrow, width, x, y, height) {
  const total = width.reduce((sum, part) => sum + part, 0);
  let at = y;
  width.forEach((part, kind) => {
    if (part === 0) return;
    const share = (part / total) * height;
    narrow[kind].push(x, at, 1, share);
    at += share;
  });
}

function paintSpans(context, model, view, layout) {
  const boxes = { wide: model.kinds.map(() => []), narrow: model.kinds.map(() => []), labels: [] };
  model.rows.forEach((_, row) => {
    if (isVisible(view, layout, row) && !model.quiet[row]) traceRow(model, view, layout, row, boxes);
  });
  model.kinds.forEach((name, kind) => {
    context.globalAlpha = view.only && view.only !== name ? 0.12 : 1;
    context.fillStyle = kindColour(name);
    fillBoxes(context, boxes.narrow[kind]);
    fillBoxes(context, boxes.wide[kind]);
    const pattern = kindPattern(context, name);
    if (!pattern) return;
    context.fillStyle = pattern;
    fillBoxes(context, boxes.wide[kind]);
  });
  context.globalAlpha = 1;
  for (const label of boxes.labels) if (!view.only || view.only === model.kinds[label.kind]) paintLabel(context, model, layout, label);
}

function fillBoxes(context, boxes) {
  for (let at = 0; at < boxes.length; at += 4) context.fillRect(boxes[at], boxes[at + 1], boxes[at + 2], boxes[at + 3]);
}

function isVisible(view, layout, row) {
  const { y, height } = layout.rows[row];
  return y + height - view.scroll > layout.top && y - view.scroll < layout.height;
}

function paintLabel(context, model, layout, { span, kind, box }) {
  const name = model.kinds[kind];
  const left = Math.max(box.x, layout.gutter);
  const note = model.notes[model.spans.note[span]];
  const more = note || (model.spans.bytes[span] > 0 ? showBytes(model.spans.bytes[span]) : "");
  const room = Math.min(box.x + box.width, layout.width) - left - 8;
  const text = [`${name} ${more}`, note, name].find((one) => one && context.measureText(one).width <= room) || "";
  context.textAlign = "left";
  context.textBaseline = "middle";
  if (lookOf(name).pattern && text) {
    context.fillStyle = kindColour(name);
    context.fillRect(left + 1, box.y, context.measureText(text).width + 6, box.height);
  }
  context.fillStyle = colour("on-" + name) || colour("text");
  context.fillText(text, left + 4, box.y + box.height / 2 + 0.5);
}

// How many clients are on a cell's air: an area, drawn in its row when the cell has no work of its own.
function paintAir(context, model, view, layout) {
  const most = Math.max(1, ...model.air.map((steps) => steps.most));
  context.fillStyle = kindColour("upload");
  model.air.forEach((steps, row) => {
    if (!model.quiet[row] || !isVisible(view, layout, row)) return;
    const { y, height } = layout.rows[row];
    const bottom = y + height - view.scroll - 2;
    const unit = (height - 5) / most;
    mostOnAir(steps, view, layout).forEach((count, column) => {
      if (count > 0) context.fillRect(layout.gutter + column, bottom - count * unit, 1, count * unit);
    });
  });
}

// The most clients on a cell's air at once within each pixel column in view.
function mostOnAir({ time, count }, view, layout) {
  const most = new Uint32Array(Math.max(1, Math.ceil(layout.width - layout.gutter)));
  for (let place = Math.max(0, firstAbove(time, view.from, 0, time.length) - 1); place < time.length && time[place] < view.to; place++) {
    if (count[place] === 0) continue;
    const from = Math.max(0, Math.floor(xOf(view, layout, time[place]) - layout.gutter));
    const to = Math.min(most.length, Math.ceil(xOf(view, layout, time[place + 1]) - layout.gutter));
    for (let column = from; column < to; column++) most[column] = Math.max(most[column], count[place]);
  }
  return most;
}

// Diamonds on the server's row; thin ticks where they would touch.
function paintAggregations(context, model, view, layout) {
  const row = model.rows.findIndex((one) => one.role === "server");
  const { y, height } = layout.rows[row];
  const middle = y - view.scroll + height / 2;
  const shown = model.aggregations.filter((one) => one.time >= view.from && one.time <= view.to);
  const dense = shown.length > (layout.width - layout.gutter) / 9;
  context.fillStyle = kindColour("aggregate");
  for (const one of shown) {
    const x = xOf(view, layout, one.time);
    if (dense) context.fillRect(x - 0.5, y - view.scroll + 3, 1, height - 6);
    else paintDiamond(context, x, middle, 5.5);
  }
}

function paintDiamond(context, x, y, size) {
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  context.fill();
}

// A cross for a lost update, a hollow triangle for a late one; where they would overlap, one stands for all.
function paintMarks(context, model, view, layout) {
  model.marks.forEach((marks, row) => {
    if (!isVisible(view, layout, row)) return;
    const { y, height } = layout.rows[row];
    const [begin, stop] = [view.from, view.to].map((time) => marks.filter((mark) => mark.time < time).length);
    const size = Math.min(stop - begin > layout.width / 30 ? 3.5 : 5, height / 2 - 1);
    let last = -Infinity;
    for (const { time, update } of marks.slice(begin, stop)) {
      const x = xOf(view, layout, time);
      if (x - last < 2 * size || x < layout.gutter || x > layout.width) continue;
      last = x;
      paintMark(context, x, y - view.scroll + height / 2, size, update.fate);
    }
  });
}

function paintMark(context, x, y, size, fate) {
  context.beginPath();
  if (fate === "lost") {
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y - size);
    context.lineTo(x - size, y + size);
  } else {
    context.moveTo(x - size, y + size);
    context.lineTo(x, y - size);
    context.lineTo(x + size, y + size);
    context.closePath();
  }
  for (const [ink, width] of [["background", 4.5], ["mark", 2]]) {
    context.strokeStyle = colour(ink);
    context.lineWidth = width;
    context.stroke();
  }
}

// The chain of the selected update: its spans outlined, arrows from the server, to the server, to the aggregation.
function paintChain(context, model, view, layout) {
  if (view.selected < 0) return;
  const update = model.updates.get(model.spans.update[view.selected]);
  const spans = update ? update.spans : [view.selected];
  for (const span of spans) outline(context, model, view, layout, span, span === view.selected);
  if (!update || rowOf(model, update) < 0) return;
  const middle = (row) => layout.rows[row].y - view.scroll + layout.rows[row].height / 2;
  const server = middle(model.rows.findIndex((one) => one.role === "server"));
  const client = middle(rowOf(model, update));
  const at = (time) => xOf(view, layout, time);
  const down = stepsOf(model, update, ["download"]);
  if (down.length) paintArrow(context, at(model.start[down[0]]), server, at(model.end[down.at(-1)]), client);
  const up = stepsOf(model, update, ON_AIR);
  if (!up.length) return;
  const [from, to] = [at(model.start[up[0]]), at(model.end[up.at(-1)])];
  if (update.fate === "lost") {
    paintArrow(context, from, client, (from + to) / 2, (client + server) / 2, [4, 3]);
    paintMark(context, (from + to) / 2, (client + server) / 2, 5, "lost");
    return;
  }
  const hops = stepsOf(model, update, ["backhaul"]).filter((span) => model.start[span] >= model.end[up.at(-1)]);
  const arrived = hops.length ? at(model.end[hops.at(-1)]) : to;
  paintArrow(context, from, client, arrived, server, update.fate === "late" ? [4, 3] : []);
  if (update.aggregation) paintAggregationOf(context, arrived, at(update.aggregation.time), server);
}

function paintAggregationOf(context, from, to, y) {
  if (to - from > 8) paintArrow(context, from, y, to - 6, y);
  context.fillStyle = colour("accent");
  paintDiamond(context, to, y, 7.5);
}

function outline(context, model, view, layout, span, strong) {
  const { y, height } = layout.rows[model.spans.row[span]];
  const from = Math.max(layout.gutter - 2, xOf(view, layout, model.start[span]));
  const to = Math.min(layout.width + 2, xOf(view, layout, model.end[span]));
  if (to < layout.gutter || from > layout.width) return;
  context.strokeStyle = colour(strong ? "accent" : "text");
  context.lineWidth = strong ? 3 : 1.5;
  context.strokeRect(from, y - view.scroll + 1, Math.max(2, to - from), height - 2);
}

function paintArrow(context, x0, y0, x1, y1, dash = []) {
  const angle = Math.atan2(y1 - y0, x1 - x0);
  const head = [2.7, -2.7].map((turn) => [x1 + 8 * Math.cos(angle + turn), y1 + 8 * Math.sin(angle + turn)]);
  for (const [ink, width] of [["background", 5], ["accent", 2]]) {
    context.strokeStyle = colour(ink);
    context.lineWidth = width;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(...head[0]);
    context.lineTo(x1, y1);
    context.lineTo(...head[1]);
    context.stroke();
  }
}

// Stage names, round numbers and the time axis above the rows.
function paintHead(context, model, view, layout) {
  context.fillStyle = colour("background");
  context.fillRect(0, 0, layout.width, layout.top);
  paintAxis(context, view, layout);
  paintStrip(context, model, view, layout);
}

function paintAxis(context, view, layout) {
  const ticks = axisTicks(view.from, view.to, (layout.width - layout.gutter) / 90);
  context.fillStyle = colour("muted");
  context.textBaseline = "middle";
  context.textAlign = "right";
  context.fillText("simulated time, s", layout.gutter - 10, AXIS_HEIGHT / 2);
  context.textAlign = "center";
  for (const tick of ticks) {
    const x = xOf(view, layout, tick);
    context.fillRect(x, AXIS_HEIGHT - 4, 1, 4);
    if (x > layout.gutter + 12 && x < layout.width - 12) context.fillText(tickText(tick, ticks), x, AXIS_HEIGHT / 2 - 1);
  }
}

function paintStrip(context, model, view, layout) {
  context.textBaseline = "middle";
  context.textAlign = "left";
  model.bands.forEach((band, index) => {
    const from = Math.max(layout.gutter, xOf(view, layout, band.start_s));
    const to = Math.min(layout.width, xOf(view, layout, band.end_s));
    if (to <= from) return;
    context.fillStyle = colour(index % 2 ? "strip-odd" : "strip-even");
    context.fillRect(from, AXIS_HEIGHT, Math.max(1, to - from - 1), STRIP_HEIGHT - 3);
    context.fillStyle = colour("text");
    context.font = "600 11px system-ui, sans-serif";
    context.fillText(fittedText(context, band.stage, to - from - 10), from + 6, AXIS_HEIGHT + STRIP_HEIGHT / 2 - 1);
    context.font = "11px system-ui, sans-serif";
  });
}

// A faint line down the rows at every aggregation, with its version where there is room.
function paintVersions(context, model, view, layout) {
  const shown = model.aggregations.filter((one) => one.time >= view.from && one.time <= view.to);
  if (shown.length > (layout.width - layout.gutter) / 16) return;
  context.fillStyle = colour("grid");
  for (const one of shown) context.fillRect(xOf(view, layout, one.time), layout.top, 1, layout.height - layout.top);
}

// Names at the left: row, and the tier of a client's device.
function paintNames(context, model, view, layout) {
  context.fillStyle = colour("background");
  context.fillRect(0, layout.top, layout.gutter, layout.height - layout.top);
  context.textBaseline = "middle";
  model.rows.forEach((row, place) => {
    if (!isVisible(view, layout, place)) return;
    const { y, height } = layout.rows[place];
    const middle = y - view.scroll + height / 2 + 0.5;
    const beside = model.quiet[place] && model.air[place].most ? `${model.air[place].most} on air` : BESIDE[row.role] || row.tier;
    context.font = `${row.role === "client" ? "" : "600 "}${Math.max(8, Math.min(12, height - 3))}px system-ui, sans-serif`;
    context.textAlign = "left";
    context.fillStyle = colour("text");
    const name = fittedText(context, row.name, layout.gutter - 14);
    context.fillText(name, 4, middle);
    const room = layout.gutter - 24 - context.measureText(name).width;
    context.font = `${Math.max(7, Math.min(10, height - 3))}px system-ui, sans-serif`;
    context.textAlign = "right";
    context.fillStyle = colour("muted");
    if (room > 18) context.fillText(fittedText(context, beside, room), layout.gutter - 10, middle);
  });
  context.font = "11px system-ui, sans-serif";
}

function paintGround(context, model, view, layout) {
  drawStageBands(context, model.bands, (time) => xOf(view, layout, time), layout.gutter, layout.width, layout.top, layout.height);
  context.fillStyle = colour("grid");
  for (const { y, height } of layout.rows) context.fillRect(0, y + height - view.scroll - 0.5, layout.width, 0.5);
  paintVersions(context, model, view, layout);
}

function paintCursor(context, view, layout) {
  if (view.cursor === null || view.cursor < view.from || view.cursor > view.to) return;
  context.fillStyle = colour("accent");
  context.fillRect(xOf(view, layout, view.cursor) - 0.5, AXIS_HEIGHT, 1, layout.height - AXIS_HEIGHT);
}

function drawTimeline(context, model, view, layout) {
  paintGround(context, model, view, layout);
  for (const paint of [paintSpans, paintAir, paintAggregations, paintMarks, paintChain]) paint(context, model, view, layout);
  paintCursor(context, view, layout);
  paintNames(context, model, view, layout);
  paintHead(context, model, view, layout);
}

// Seconds that clients spent on each kind in each pixel column of the whole run.
function activity(model, columns, begin, length) {
  const sums = model.kinds.map(() => new Float64Array(columns));
  for (let span = 0; span < model.start.length; span++) {
    if (model.rows[model.spans.row[span]].role !== "client") continue;
    const from = ((model.start[span] - begin) / length) * columns;
    const to = ((model.end[span] - begin) / length) * columns;
    const sum = sums[model.spans.kind[span]];
    for (let column = Math.floor(from); column < Math.min(columns, to); column++) {
      sum[column] += Math.min(column + 1, to) - Math.max(column, from);
    }
  }
  return sums;
}

// The whole run in a strip: share of the clients at each activity, idle left blank.
function drawMinimap(context, model, width, height, sums) {
  const clients = Math.max(1, model.rows.filter((row) => row.role === "client").length);
  const base = new Float64Array(sums[0].length);
  model.kinds.forEach((kind, place) => {
    if (kind === "idle") return;
    context.fillStyle = kindColour(kind);
    sums[place].forEach((sum, column) => {
      const share = (sum / clients) * (height - 2);
      if (share > 0) context.fillRect((column / sums[place].length) * width, height - base[column] - share, width / sums[place].length + 0.3, share);
      base[column] += share;
    });
  });
}
