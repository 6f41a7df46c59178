// Learning curves: faint lines for clients, a band from least to greatest, their mean bold, dashed baselines and bounds.

const MARGIN = { left: 54, right: 14, top: 10, bottom: 30 };
const CURVE_HEIGHT = 230;
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const seriesColour = (series) => colour("series-" + (series.colour % 4));

function startCurves(panels, tables, timeline) {
  const holder = document.getElementById("curves");
  const { points, bands } = tables;
  const tick = timeline.tick_s;
  const data = {
    points: { time: points.time.map((at) => at * tick), value: points.value },
    bands: { time: bands.time.map((at) => at * tick), mean: bands.mean, low: bands.low, high: bands.high },
  };
  for (const panel of panels) addPanel(holder, panel, data, timeline);
}

function addPanel(holder, panel, data, timeline) {
  const canvas = element("canvas", { className: "plot" });
  canvas.tabIndex = 0;
  const figure = element("figure", {}, [element("figcaption", { text: panel.title + (panel.unit && panel.unit !== "%" ? `, ${panel.unit}` : "") }), panelLegend(panel), canvas]);
  holder.append(figure);
  const range = valueRange(panel, data);
  const chart = { canvas, panel, data, timeline, range, window: timeWindow(panel, data, timeline), cursor: null, place: 0 };
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${panel.title}. ${panel.series.map((one) => spoken(one, panel, data)).join("; ")}`);
  const redraw = redrawing(figure, () => drawPanel(chart));
  addPanelPointer(chart, redraw);
  drawPanel(chart);
}

function spoken(series, panel, data) {
  const { values } = mainCurve(series, data);
  return `${series.label}, ${series.stage}: ${showValue(values[0], panel.unit)} to ${showValue(values.at(-1), panel.unit)}`;
}

// The bold curve of a series: the clients' mean, or its only line.
function mainCurve(series, data) {
  const [first, count] = series.band || series.lines[0].at;
  const source = series.band ? data.bands : data.points;
  const values = series.band ? source.mean : source.value;
  return { time: source.time.subarray(first, first + count), values: values.subarray(first, first + count) };
}

function lineOf(line, data) {
  const [first, count] = line.at;
  return { time: data.points.time.subarray(first, first + count), values: data.points.value.subarray(first, first + count) };
}

function panelLegend(panel) {
  const legend = element("div", { className: "legend" });
  const seen = new Set();
  for (const series of panel.series) {
    if (seen.has(series.label)) continue;
    seen.add(series.label);
    const swatch = element("canvas", { className: "swatch" });
    legend.append(element("span", { className: "kind" }, [swatch, element("span", { text: series.label })]));
    redrawing(swatch, () => lineSwatch(swatch, series));
  }
  return legend;
}

function lineSwatch(swatch, series) {
  const context = sharpContext(swatch, 26, 12);
  context.strokeStyle = seriesColour(series);
  context.lineWidth = 2.5;
  context.setLineDash(DASHES[series.colour % DASHES.length]);
  context.beginPath();
  context.moveTo(0, 6);
  context.lineTo(26, 6);
  context.stroke();
}

// Least and greatest of all that the panel shows, with a little room; never an empty range. A baseline or bound that lies
// so far off that the curves would look flat is left outside and named at the edge.
function valueRange(panel, data) {
  let [low, high] = [Infinity, -Infinity];
  const widen = (value) => {
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  for (const series of panel.series) for (const line of series.lines) lineOf(line, data).values.forEach(widen);
  const reach = 1.5 * (high - low || Math.abs(high) * 0.1 || 1);
  const [least, greatest] = [low - reach, high + reach];
  panel.guides.filter((guide) => guide.value > least && guide.value < greatest).forEach((guide) => widen(guide.value));
  if (panel.unit === "%") {
    const room = Math.max(0.02, (high - low) * 0.08);
    return { low: Math.max(0, low - room), high: Math.min(1.02, high + room) };
  }
  const room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return { low: low >= 0 && low < room * 3 ? 0 : low - room, high: high + room };
}

// From when to when a panel shows: the stages in which something of it was measured, and every measurement.
function timeWindow(panel, data, timeline) {
  const stages = new Set(panel.series.map((series) => series.stage));
  const bands = timeline.bands.filter((band) => stages.has(band.stage));
  const curves = panel.series.map((series) => mainCurve(series, data).time);
  const from = Math.min(...bands.map((band) => band.start_s), ...curves.map((time) => time[0]));
  const to = Math.max(...bands.map((band) => band.end_s), ...curves.map((time) => time.at(-1)));
  return { from, to: to > from ? to : from + 1 };
}

function chartFrame(chart) {
  const width = chart.canvas.clientWidth;
  const { range, window } = chart;
  const length = window.to - window.from;
  const inner = width - MARGIN.left - MARGIN.right;
  const bottom = CURVE_HEIGHT - MARGIN.bottom;
  return {
    width, bottom, right: width - MARGIN.right, ...window,
    x: (time) => MARGIN.left + ((time - window.from) / length) * inner,
    y: (value) => bottom - ((value - range.low) / (range.high - range.low)) * (bottom - MARGIN.top),
    time: (x) => window.from + Math.min(1, Math.max(0, (x - MARGIN.left) / inner)) * length,
  };
}

function drawPanel(chart) {
  const { canvas, panel, data, timeline } = chart;
  const frame = chartFrame(chart);
  const context = sharpContext(canvas, frame.width, CURVE_HEIGHT);
  drawStageBands(context, timeline.bands, frame.x, MARGIN.left, frame.right, MARGIN.top, frame.bottom);
  drawGrid(context, chart, frame);
  for (const series of panel.series) drawSeries(context, series, data, frame);
  drawGuides(context, chart, frame);
  if (chart.cursor >= frame.from && chart.cursor <= frame.to && chart.cursor !== null) {
    context.fillStyle = colour("accent");
    context.fillRect(frame.x(chart.cursor) - 0.5, MARGIN.top, 1, frame.bottom - MARGIN.top);
  }
}

function drawGrid(context, { panel, range, timeline }, frame) {
  const percent = panel.unit === "%";
  const rows = axisTicks(percent ? range.low * 100 : range.low, percent ? range.high * 100 : range.high, 5);
  const columns = axisTicks(frame.from, frame.to, frame.width / 90);
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const row of rows) {
    const y = frame.y(percent ? row / 100 : row);
    context.fillStyle = colour("grid");
    context.fillRect(MARGIN.left, Math.round(y), frame.right - MARGIN.left, 1);
    context.fillStyle = colour("muted");
    context.fillText(tickText(row, rows) + (percent ? " %" : ""), MARGIN.left - 6, y);
  }
  context.textAlign = "center";
  for (const column of columns) context.fillText(tickText(column, columns), frame.x(column), frame.bottom + 10);
  context.textAlign = "right";
  context.fillText("simulated time, s", frame.right, CURVE_HEIGHT - 6);
}

function drawSeries(context, series, data, frame) {
  const ink = seriesColour(series);
  context.fillStyle = context.strokeStyle = ink;
  if (series.band) drawBand(context, series, data, frame);
  if (series.band) {
    context.globalAlpha = 0.28;
    context.lineWidth = 1;
    for (const line of series.lines) strokeCurve(context, lineOf(line, data), frame);
  }
  context.globalAlpha = 1;
  context.lineWidth = 2.5;
  context.setLineDash(DASHES[series.colour % DASHES.length]);
  const main = mainCurve(series, data);
  strokeCurve(context, main, frame);
  context.setLineDash([]);
  if (main.time.length <= 60) main.time.forEach((time, place) => dot(context, frame.x(time), frame.y(main.values[place])));
}

function dot(context, x, y) {
  context.beginPath();
  context.arc(x, y, 2.6, 0, 7);
  context.fill();
}

function strokeCurve(context, { time, values }, frame) {
  context.beginPath();
  values.forEach((value, place) => context.lineTo(frame.x(time[place]), frame.y(value)));
  context.stroke();
}

function drawBand(context, series, { bands }, frame) {
  const [first, count] = series.band;
  context.globalAlpha = 0.13;
  context.beginPath();
  for (let at = first; at < first + count; at++) context.lineTo(frame.x(bands.time[at]), frame.y(bands.high[at]));
  for (let at = first + count - 1; at >= first; at--) context.lineTo(frame.x(bands.time[at]), frame.y(bands.low[at]));
  context.closePath();
  context.fill();
}

const guideText = (guide, unit) => `${guide.label} ${unit === "%" ? showPercent(guide.value) : Number(guide.value.toPrecision(4))}`;

// Names of the guides that lie outside, at the edge where they are.
function drawOutside(context, guides, unit, edge, frame, y) {
  if (!guides.length) return;
  context.fillStyle = colour(guides.some((guide) => guide.bound) ? "bound" : "muted");
  labelWithHalo(context, `${edge}: ${guides.map((guide) => guideText(guide, unit)).join(", ")}`, frame.right - 3, y);
}

// Dashed horizontal lines with their names; names that would collide move up.
function drawGuides(context, { panel, range }, frame) {
  context.textAlign = "right";
  context.textBaseline = "bottom";
  const sorted = [...panel.guides].sort((one, other) => one.value - other.value);
  const below = sorted.filter((guide) => guide.value < range.low);
  drawOutside(context, sorted.filter((guide) => guide.value > range.high), panel.unit, "above", frame, MARGIN.top + 12);
  drawOutside(context, below, panel.unit, "below", frame, frame.bottom - 2);
  let last = below.length ? frame.bottom - 2 : Infinity;
  for (const guide of sorted.filter((one) => one.value >= range.low && one.value <= range.high)) {
    const y = frame.y(guide.value);
    context.strokeStyle = context.fillStyle = colour(guide.bound ? "bound" : "muted");
    context.lineWidth = 1.2;
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(MARGIN.left, y);
    context.lineTo(frame.right, y);
    context.stroke();
    context.setLineDash([]);
    last = Math.min(y - 1, last - 12);
    labelWithHalo(context, guideText(guide, panel.unit), frame.right - 3, Math.max(12, last));
  }
}

function labelWithHalo(context, text, x, y) {
  const ink = context.fillStyle;
  context.strokeStyle = colour("background");
  context.lineWidth = 3;
  context.strokeText(text, x, y);
  context.fillStyle = ink;
  context.fillText(text, x, y);
}

// The value of a curve at the last time not after `time`; NaN before its beginning.
function valueAt({ time, values }, at) {
  const place = firstAbove(time, at * (1 + 1e-12), 0, time.length) - 1;
  return place < 0 ? NaN : values[place];
}

// Hover and arrow keys: the values at a measured instant, in a tip; a click shows that instant in the timeline.
function addPanelPointer(chart, redraw) {
  const { canvas } = chart;
  const instants = measuredTimes(chart);
  const point = (time, x, y) => {
    chart.cursor = time;
    redraw();
    tell("cursor", { time, from: canvas });
    showTip(x, y, `${chart.panel.title}, ${showTime(time, chart.timeline.end_s)}`, panelFacts(chart, time));
  };
  const leave = () => {
    hideTip();
    tell("cursor", { time: null, from: canvas });
    chart.cursor = null;
    redraw();
  };
  canvas.addEventListener("pointermove", (event) => point(nearest(instants, chartFrame(chart).time(event.offsetX)), event.clientX, event.clientY));
  canvas.addEventListener("pointerleave", leave);
  canvas.addEventListener("blur", leave);
  canvas.addEventListener("click", () => chart.cursor !== null && lookAt(chart));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    chart.place = Math.min(instants.length - 1, Math.max(0, chart.place + step));
    const box = canvas.getBoundingClientRect();
    point(instants[chart.place], box.left + chartFrame(chart).x(instants[chart.place]), box.top + 30);
  });
  bus.addEventListener("cursor", ({ detail }) => {
    if (detail.from === canvas) return;
    chart.cursor = detail.time;
    redraw();
  });
}

function lookAt(chart) {
  const half = chart.timeline.end_s / 20;
  tell("look", { from: chart.cursor - half, to: chart.cursor + half });
}

function measuredTimes({ panel, data }) {
  const times = panel.series.flatMap((series) => Array.from(mainCurve(series, data).time));
  return [...new Set(times)].sort((one, other) => one - other);
}

function nearest(sorted, value) {
  const after = firstAbove(sorted, value, 0, sorted.length);
  const near = [sorted[after - 1], sorted[after]].filter((one) => one !== undefined);
  return near.reduce((best, one) => (Math.abs(one - value) < Math.abs(best - value) ? one : best));
}

// What the tip says at `time`: each series that runs then, mean and range, and whose the extremes are.
function panelFacts({ panel, data, timeline }, time) {
  const facts = [];
  for (const series of panel.series) {
    const main = mainCurve(series, data);
    if (time < main.time[0] - 1e-9 || time > main.time.at(-1) + 1e-9) continue;
    facts.push([seriesName(panel, series), showValue(valueAt(main, time), panel.unit)]);
    if (series.band) facts.push(...extremes(series, data, time, panel.unit));
  }
  for (const guide of panel.guides) facts.push([guide.label, showValue(guide.value, panel.unit)]);
  return facts.length ? facts : [["", "nothing measured here"]];
}

function seriesName(panel, series) {
  const stages = new Set(panel.series.map((one) => one.stage));
  return (series.band ? "mean, " : "") + series.label + (stages.size > 1 ? ` (${series.stage})` : "");
}

function extremes(series, data, time, unit) {
  const now = series.lines.map((line) => ({ actor: line.actor, value: valueAt(lineOf(line, data), time) }));
  const known = now.filter((one) => Number.isFinite(one.value)).sort((one, other) => one.value - other.value);
  if (!known.length) return [];
  const told = (one) => `${showValue(one.value, unit)}, ${one.actor}`;
  return [["   least", told(known[0])], ["   greatest", told(known.at(-1))]];
}
