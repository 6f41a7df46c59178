// Reads what the page carries and starts its parts; anything that goes wrong is said on the page, not hidden.

async function start() {
  startTheme();
  startTables();
  const facts = JSON.parse(document.getElementById("report-facts").textContent);
  const tables = await readTables(facts.directory, document.getElementById("report-columns").textContent);
  const model = timelineModel(facts.timeline, tables);
  if (document.getElementById("timeline")) startTimeline(model);
  if (document.getElementById("curves")) startCurves(facts.panels, tables, model);
  if (document.getElementById("bars")) startBars(facts.bars, tables, model);
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  const box = document.getElementById("failure");
  box.textContent = `The drawings could not be made: ${error.message}. The tables below are complete.`;
  box.hidden = false;
  throw error;
});
