// The timeline's data as typed arrays with the few indices that drawing, hovering and following an update need.

const ON_AIR = ["upload", "retransmit"];

function timelineModel(facts, tables) {
  const model = { ...facts, ...spanTimes(tables.spans, facts.tick_s), spans: tables.spans, messages: tables.messages };
  model.kindOf = (span) => facts.kinds[tables.spans.kind[span]];
  model.ranges = rowRanges(tables.spans.row, facts.rows.length);
  model.reach = reaches(model);
  model.aggregations = aggregationList(facts, tables);
  model.updates = updateIndex(model, tables);
  model.marks = fateMarks(model);
  model.air = airSteps(model);
  model.quiet = model.rows.map((_, row) => isQuiet(model, row));
  return model;
}

// Start and end of every span, seconds.
function spanTimes(spans, tick) {
  const count = spans.row.length;
  const start = new Float64Array(count);
  const end = new Float64Array(count);
  let last = 0;
  for (let span = 0; span < count; span++) {
    if (span === 0 || spans.row[span] !== spans.row[span - 1]) last = 0;
    const from = last + spans.gap[span];
    last = from + spans.length[span];
    start[span] = from * tick;
    end[span] = last * tick;
  }
  return { start, end };
}

// First span and one past the last of every row.
function rowRanges(row, rows) {
  const ranges = Array.from({ length: rows }, () => [0, 0]);
  for (let span = 0; span < row.length; span++) {
    const range = ranges[row[span]];
    if (range[1] === 0) range[0] = span;
    range[1] = span + 1;
  }
  return ranges;
}

// The latest end of any span of the row so far: ordered even where spans overlap, so that it can be searched.
function reaches(model) {
  const reach = new Float64Array(model.end);
  for (const [first, stop] of model.ranges) {
    for (let span = first + 1; span < stop; span++) reach[span] = Math.max(reach[span], reach[span - 1]);
  }
  return reach;
}

// The first index in [from, to) whose value is greater than `value`; `to` if there is none.
function firstAbove(values, value, from, to) {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (values[middle] > value) to = middle;
    else from = middle + 1;
  }
  return from;
}

// The latest span of a row that is running at `time`, or the nearest within `slack` seconds; -1 if none.
function spanAt(model, row, time, slack) {
  const [first, stop] = model.ranges[row];
  const after = firstAbove(model.start, time, first, stop);
  for (let span = after - 1; span >= first && model.reach[span] > time; span--) {
    if (model.end[span] > time) return span;
  }
  const near = [after - 1, after].filter((span) => span >= first && span < stop);
  const distance = (span) => Math.min(Math.abs(model.start[span] - time), Math.abs(model.end[span] - time));
  near.sort((one, other) => distance(one) - distance(other));
  return near.length && distance(near[0]) <= slack ? near[0] : -1;
}

function aggregationList(facts, tables) {
  const { time, stage, round, version, count } = tables.aggregations;
  let member = 0;
  return Array.from(time, (tick, place) => {
    const first = member;
    member += count[place];
    return { time: tick * facts.tick_s, stage: facts.stages[stage[place]], round: round[place],
             version: version[place], first, stop: member };
  });
}

// Everything known of an update by its id: its spans in time, its messages, what became of it.
function updateIndex(model, tables) {
  const updates = new Map();
  const of = (id) => {
    if (!updates.has(id)) updates.set(id, { id, spans: [], up: -1, down: -1, fate: "", member: -1, aggregation: null });
    return updates.get(id);
  };
  for (let span = 0; span < model.start.length; span++) {
    if (tables.spans.update[span] >= 0) of(tables.spans.update[span]).spans.push(span);
  }
  tables.messages.update.forEach((id, place) => (of(id)[tables.messages.direction[place] ? "down" : "up"] = place));
  tables.fates.update.forEach((id, place) => (of(id).fate = model.fates[tables.fates.fate[place]]));
  for (const aggregation of model.aggregations) {
    for (let member = aggregation.first; member < aggregation.stop; member++) {
      Object.assign(of(tables.members.update[member]), { member, aggregation });
    }
  }
  model.members = tables.members;
  return updates;
}

// The update's spans of some kinds, in time.
function stepsOf(model, update, kinds) {
  const found = update.spans.filter((span) => kinds.includes(model.kindOf(span)));
  return found.sort((one, other) => model.start[one] - model.start[other]);
}

const roleOf = (model, span) => model.rows[model.spans.row[span]].role;

// The update's spans in its client's row and on wires, in time; those of the cell tell the same upload a second time.
function ownSpans(model, update) {
  const own = update.spans.filter((span) => ["client", "wire"].includes(roleOf(model, span)));
  return own.sort((one, other) => model.start[one] - model.start[other]);
}

// The message that a span is about: the one it carries, or waits for; -1 if none.
function messageOf(model, span) {
  const update = model.updates.get(model.spans.update[span]);
  if (!update) return -1;
  const way = { download: "down", upload: "up", retransmit: "up" };
  const next = ownSpans(model, update).find((one) => model.start[one] >= model.start[span] && way[model.kindOf(one)]);
  const waits = ["queue", "handover"].includes(model.kindOf(span)) && next !== undefined;
  return update[way[model.kindOf(waits ? next : span)]] ?? -1;
}

// The row of an update: that of its client.
function rowOf(model, update) {
  const own = update.spans.find((span) => model.rows[model.spans.row[span]].role === "client");
  return own === undefined ? -1 : model.spans.row[own];
}

// For every row the lost and late updates, at the end of their upload, in time.
function fateMarks(model) {
  const marks = model.rows.map(() => []);
  for (const update of model.updates.values()) {
    if (update.fate !== "lost" && update.fate !== "late") continue;
    const row = rowOf(model, update);
    if (row >= 0) marks[row].push({ time: Math.max(...update.spans.map((span) => model.end[span])), update });
  }
  marks.forEach((row) => row.sort((one, other) => one.time - other.time));
  return marks;
}

// For every row of a cell how many clients are on its air from time[i] on, and the most there ever were. An upload that
// changed cells is counted in the one that its message names, from the last change on: where it was before is not told.
function airSteps(model) {
  const changes = model.rows.map(() => []);
  for (const update of model.updates.values()) {
    const row = update.up < 0 ? -1 : model.rows.findIndex((one) => one.name === model.cells[model.messages.cell[update.up]]);
    if (row < 0) continue;
    const own = update.spans.filter((span) => roleOf(model, span) === "client");
    const moved = own.reduce((last, span) => (model.kindOf(span) === "handover" ? Math.max(last, model.end[span]) : last), 0);
    for (const span of own) {
      if (!ON_AIR.includes(model.kindOf(span)) || model.end[span] <= model.start[span] || model.start[span] < moved) continue;
      changes[row].push([model.start[span], 1], [model.end[span], -1]);
    }
  }
  return changes.map(countSteps);
}

function countSteps(changes) {
  changes.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  const time = Float64Array.from(changes, (change) => change[0]);
  const count = accumulated(Float64Array.from(changes, (change) => change[1]));
  return { time, count, most: count.reduce((most, now) => Math.max(most, now), 0) };
}

// Whether a cell's own row has nothing but idling to show; it then shows how many clients are on the air.
function isQuiet(model, row) {
  if (model.rows[row].role !== "cell") return false;
  const [first, stop] = model.ranges[row];
  for (let span = first; span < stop; span++) if (model.kindOf(span) !== "idle") return false;
  return true;
}

function onAirAt({ time, count }, moment) {
  const place = firstAbove(time, moment, 0, time.length) - 1;
  return place < 0 ? 0 : count[place];
}

// Energy of a span, joules; an instantaneous span carries it in place of its power.
function energyOf(model, span) {
  const length = model.spans.length[span] * model.tick_s;
  return length > 0 ? model.spans.power[span] * length : model.spans.power[span];
}
