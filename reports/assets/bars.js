// Delay and energy per round: stacked bars in the timeline's colours, the straggler as marks above them.

const BAR_HEIGHT = 250;

function startBars(panels, tables, timeline) {
  const holder = document.getElementById("bars");
  for (const panel of panels) addBars(holder, unpacked(panel, tables[panel.table], timeline), timeline);
}

// The panel with its rounds, stacks and stragglers as lists.
function unpacked(panel, table, { tick_s: tick, rows }) {
  const categories = Array.from(table.round, (round, place) => ({
    stage: panel.stages[table.stage[place]], round,
    start_s: table.start[place] * tick, end_s: (table.start[place] + table.length[place]) * tick,
  }));
  const stacks = panel.kinds.map((kind) => ({ kind, values: table["stack " + kind] }));
  const notes = () => Array.from(table.whose, (row) => rows[row].name);
  const line = table.straggler ? { label: "straggler", values: table.straggler, notes: notes() } : null;
  return { ...panel, categories, stacks, line };
}

function addBars(holder, panel, timeline) {
  const canvas = element("canvas", { className: "plot" });
  const figure = element("figure", {}, [element("figcaption", { text: `${panel.title}, ${panel.unit}` }), barLegend(panel), canvas]);
  holder.append(figure);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${panel.title}, ${panel.categories.length} rounds`);
  const chart = { canvas, panel, timeline, high: highest(panel), chosen: -1 };
  const redraw = redrawing(figure, () => drawBars(chart));
  addBarPointer(chart, redraw);
  drawBars(chart);
}

function barLegend(panel) {
  const legend = element("div", { className: "legend" });
  for (const { kind } of panel.stacks) {
    const swatch = element("canvas", { className: "swatch" });
    legend.append(element("span", { className: "kind" }, [swatch, element("span", { text: kind })]));
    redrawing(swatch, () => drawSwatch(swatch, kind));
  }
  if (!panel.line) return legend;
  const swatch = element("canvas", { className: "swatch" });
  legend.append(element("span", { className: "kind" }, [swatch, element("span", { text: panel.line.label })]));
  redrawing(swatch, () => {
    const context = sharpContext(swatch, 22, 12);
    context.fillStyle = colour("text");
    paintDiamond(context, 11, 6, 4.5);
  });
  return legend;
}

const stackAt = (panel, place) => panel.stacks.reduce((sum, stack) => sum + stack.values[place], 0);

function highest(panel) {
  const sums = panel.categories.map((_, place) => stackAt(panel, place));
  return [...sums, ...(panel.line ? panel.line.values : [])].reduce((most, one) => Math.max(most, one), 0) * 1.06 || 1;
}

function barFrame({ canvas, panel, high }) {
  const width = canvas.clientWidth;
  const bottom = BAR_HEIGHT - 44;
  const step = (width - MARGIN.left - MARGIN.right) / panel.categories.length;
  return {
    width, bottom, step,
    x: (place) => MARGIN.left + place * step,
    y: (value) => bottom - (value / high) * (bottom - MARGIN.top),
    place: (x) => Math.floor((x - MARGIN.left) / step),
  };
}

function drawBars(chart) {
  const { canvas, panel } = chart;
  const frame = barFrame(chart);
  const context = sharpContext(canvas, frame.width, BAR_HEIGHT);
  drawBarGrid(context, chart, frame);
  if (chart.chosen >= 0) {
    context.fillStyle = colour("band");
    context.fillRect(frame.x(chart.chosen), MARGIN.top, frame.step, frame.bottom - MARGIN.top);
  }
  panel.categories.forEach((_, place) => drawBar(context, panel, frame, place));
  drawBarNames(context, panel, frame);
}

function drawBarGrid(context, { panel, high }, frame) {
  const ticks = axisTicks(0, high, 5);
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const tick of ticks) {
    context.fillStyle = colour("grid");
    context.fillRect(MARGIN.left, Math.round(frame.y(tick)), frame.width - MARGIN.left - MARGIN.right, 1);
    context.fillStyle = colour("muted");
    context.fillText(tickText(tick, ticks), MARGIN.left - 6, frame.y(tick));
  }
}

function drawBar(context, panel, frame, place) {
  const gap = frame.step > 6 ? frame.step * 0.2 : 0;
  const [x, width] = [frame.x(place) + gap / 2, Math.max(1, frame.step - gap)];
  let sum = 0;
  for (const { kind, values } of panel.stacks) {
    const top = frame.y(sum + values[place]);
    const height = frame.y(sum) - top;
    sum += values[place];
    if (height <= 0) continue;
    for (const fill of [kindColour(kind), width >= 5 ? kindPattern(context, kind) : null]) {
      if (!fill) continue;
      context.fillStyle = fill;
      context.fillRect(x, top, width, height);
    }
  }
  if (!panel.line) return;
  context.fillStyle = colour("text");
  paintDiamond(context, x + width / 2, frame.y(panel.line.values[place]), Math.min(4.5, Math.max(1.5, frame.step / 3)));
}

// Round numbers where they fit, stage names below, a line between stages.
function drawBarNames(context, panel, frame) {
  const every = Math.max(1, Math.ceil(22 / frame.step));
  context.textAlign = "center";
  context.fillStyle = colour("muted");
  let first = 0;
  panel.categories.forEach(({ stage, round }, place) => {
    if ((place - first) % every === 0) context.fillText(String(round), frame.x(place) + frame.step / 2, frame.bottom + 10);
    const last = place + 1 === panel.categories.length || panel.categories[place + 1].stage !== stage;
    if (!last) return;
    const [from, to] = [frame.x(first), frame.x(place + 1)];
    context.fillText(fittedText(context, stage || "no stage", to - from - 4), (from + to) / 2, frame.bottom + 26);
    context.fillRect(to - 0.5, frame.bottom, 1, 34);
    first = place + 1;
  });
  context.textAlign = "right";
  context.fillText("round", MARGIN.left - 6, frame.bottom + 10);
}

function addBarPointer(chart, redraw) {
  const { canvas, panel } = chart;
  canvas.addEventListener("pointermove", (event) => {
    const place = barFrame(chart).place(event.offsetX);
    chart.chosen = place >= 0 && place < panel.categories.length ? place : -1;
    redraw();
    if (chart.chosen < 0) return hideTip();
    const { stage, round } = panel.categories[place];
    return showTip(event.clientX, event.clientY, `${stage || "no stage"}, round ${round}`, barFacts(panel, place));
  });
  canvas.addEventListener("pointerleave", () => {
    chart.chosen = -1;
    hideTip();
    redraw();
  });
  canvas.addEventListener("click", () => {
    if (chart.chosen < 0) return;
    const { start_s: from, end_s: to } = panel.categories[chart.chosen];
    tell("look", { from, to });
  });
}

function barFacts(panel, place) {
  const shown = (value) => withPrefix(value, panel.unit, 4);
  const facts = panel.stacks.filter((stack) => stack.values[place] > 0).map((stack) => [stack.kind, shown(stack.values[place])]);
  facts.push(["together", shown(stackAt(panel, place))]);
  if (panel.line) facts.push([panel.line.label, `${shown(panel.line.values[place])}, ${panel.line.notes[place]}`]);
  return facts;
}
