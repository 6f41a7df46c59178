// Light and dark: the system's choice, the reader's toggle, and colours for the canvases taken from the style sheet.

const bus = new EventTarget(); // "theme" and "cursor" events tie the parts of the page together

function tell(name, detail) {
  bus.dispatchEvent(new CustomEvent(name, { detail }));
}

const colours = new Map(); // of the present theme, filled as they are asked for

// The colour that the style sheet calls --name, resolved for the present theme; "" if it has none.
function colour(name) {
  if (!colours.has(name)) colours.set(name, resolvedColour("--" + name));
  return colours.get(name);
}

function resolvedColour(property) {
  const root = document.documentElement;
  if (!getComputedStyle(root).getPropertyValue(property)) return "";
  const probe = root.appendChild(document.createElement("span"));
  probe.style.color = `var(${property})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

// Sets "light" or "dark", or follows the system where `theme` is neither.
function setTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.getElementById("theme").setAttribute("aria-pressed", String(isDark()));
  tell("theme");
}

function startTheme() {
  bus.addEventListener("theme", () => colours.clear());
  document.getElementById("theme").addEventListener("click", () => {
    setTheme(isDark() ? "light" : "dark");
    tell("hash");
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => tell("theme"));
  let before;
  addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.theme;
    setTheme("light");
  });
  addEventListener("afterprint", () => setTheme(before));
}
