// What hovering and selecting say: lists of [name, value] about a span, an aggregation, an update.

function spanFacts(model, span) {
  const { spans } = model;
  const length = model.end[span] - model.start[span];
  const energy = energyOf(model, span);
  const facts = [
    ["from – to", `${showTime(model.start[span], length)} – ${showTime(model.end[span], length)}`],
    ["duration", showDuration(length)],
  ];
  const stage = model.stages[spans.stage[span]];
  if (stage && spans.round[span] >= 0) facts.push(["stage, round", `${stage}, ${spans.round[span]}`]);
  if (spans.version[span] >= 0) facts.push(["based on version", String(spans.version[span])]);
  if (spans.bytes[span] > 0) facts.push(["bytes", showBytes(spans.bytes[span])]);
  if (energy > 0) facts.push(["energy", showEnergy(energy) + (length > 0 ? ` (${showPower(energy / length)})` : "")]);
  if (model.notes[spans.note[span]]) facts.push(["note", model.notes[spans.note[span]]]);
  return facts;
}

function messageFacts(model, place) {
  const { messages } = model;
  const packets = messages.packets[place];
  const sent = packets + messages.extra[place];
  const facts = [];
  const cell = model.cells[messages.cell[place]];
  const handovers = messages.handovers[place];
  if (model.cells.length > 1) facts.push([handovers > 0 ? "ended in cell" : "cell", cell]);
  if (handovers > 0) facts.push(["handovers", showCount(handovers)]);
  if (messages.held[place] > 0) facts.push(["held on the way", showDuration(messages.held[place] * model.tick_s)]);
  if (messages.share[place] < 0.9995) facts.push(["on air", `${showPercent(messages.share[place])} of the time`]);
  if (Number.isFinite(messages.snr_db[place])) facts.push(["mean SINR", messages.snr_db[place].toFixed(2) + " dB"]);
  if (Number.isFinite(messages.rate_bps[place])) facts.push(["mean rate", showRate(messages.rate_bps[place])]);
  facts.push(["payload", showBytes(messages.payload_bytes[place])]);
  if (packets > 0) facts.push(["packets (transmissions)", `${showCount(packets)} (${showCount(sent)})`]);
  if (messages.lost_bytes[place] > 0) facts.push(["lost", showBytes(messages.lost_bytes[place])]);
  facts.push(["arrived", messages.complete[place] ? "whole" : "incomplete"]);
  return facts;
}

function updateFacts(model, update) {
  const facts = [["update", `${update.id}${update.fate ? ", " + update.fate : ""}`]];
  if (update.aggregation) {
    const { version, time } = update.aggregation;
    facts.push(["used in version", `${version} at ${showTime(time, 10)}`]);
    facts.push(["weight", significant(model.members.weight[update.member], 4)]);
    facts.push(["staleness", String(model.members.staleness[update.member])]);
  }
  return facts;
}

// All facts of a span, of the message that it carries or waits for, and of its update.
function allFacts(model, span) {
  const update = model.updates.get(model.spans.update[span]);
  const message = messageOf(model, span);
  const whose = update && roleOf(model, span) === "wire" && rowOf(model, update) >= 0;
  return [
    ...spanFacts(model, span),
    ...(whose ? [["client", model.rows[rowOf(model, update)].name]] : []),
    ...(message >= 0 ? messageFacts(model, message) : []),
    ...(update ? updateFacts(model, update) : []),
  ];
}

function aggregationFacts(model, aggregation) {
  const { first, stop } = aggregation;
  const members = Array.from({ length: stop - first }, (_, place) => first + place);
  const facts = [
    ["time", showTime(aggregation.time, 10)],
    ["stage, round", `${aggregation.stage}, ${aggregation.round}`],
    ["updates", String(members.length)],
  ];
  for (const member of members.slice(0, 12)) facts.push([clientOf(model, member), memberText(model, member)]);
  if (members.length > 12) facts.push(["", `and ${members.length - 12} more`]);
  return facts;
}

function memberText(model, member) {
  const late = model.members.staleness[member];
  return `weight ${significant(model.members.weight[member], 3)}${late > 0 ? `, staleness ${late}` : ""}`;
}

function clientOf(model, member) {
  const update = model.updates.get(model.members.update[member]);
  const row = rowOf(model, update);
  return row < 0 ? `update ${update.id}` : model.rows[row].name;
}

// An element with text and children; text only ever goes in as text.
function element(tag, { text, className } = {}, children = []) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function factTable(facts) {
  const rows = facts.map(([name, value]) => element("tr", {}, [element("th", { text: name }), element("td", { text: value })]));
  return element("table", { className: "facts" }, rows);
}

// Shows the one tooltip of the page beside the pointer; `hideTip` takes it away.
function showTip(x, y, title, facts) {
  const tip = document.getElementById("tip");
  tip.replaceChildren(element("strong", { text: title }), factTable(facts));
  tip.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = tip;
  const left = x + 16 + width > innerWidth ? x - 16 - width : x + 16;
  const top = Math.min(y + 14, innerHeight - height - 8);
  tip.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
}

function hideTip() {
  document.getElementById("tip").hidden = true;
}
