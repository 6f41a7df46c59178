// Numbers as text, with units. The page's only formatter in the browser; reports/quantities.py is its counterpart.

const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]];
const NONE = "–";

// `digits` significant digits, thousands set apart by a thin space.
function significant(value, digits = 3) {
  if (!Number.isFinite(value)) return NONE;
  if (value === 0) return "0";
  const size = Number(value.toExponential(digits - 1).split("e")[1]);
  if (size < -4 || size >= 15) return value.toExponential(digits - 1);
  const [whole, part] = value.toFixed(Math.max(0, digits - 1 - size)).split(".");
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f") + (part ? "." + part : "");
}

// 12345678, "B" becomes "12.3 MB"; `smallest` is the least prefix used.
function withPrefix(value, unit, digits = 3, smallest = 1e-9) {
  if (!Number.isFinite(value)) return NONE;
  if (value === 0) return "0 " + unit;
  const size = Math.abs(value) / (1 - 0.5 * 10 ** -digits);
  const [step, sign] = PREFIXES.find(([least]) => least >= smallest && size >= least) || [smallest, prefixOf(smallest)];
  return significant(value / step, digits) + " " + sign + unit;
}

function prefixOf(step) {
  return PREFIXES.find(([least]) => least === step)[1];
}

const showCount = (value) => value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const showBytes = (value) => withPrefix(value, "B", 4, 1);
const showRate = (value) => withPrefix(value, "bit/s", 3, 1);
const showEnergy = (value) => withPrefix(value, "J", 4);
const showPower = (value) => withPrefix(value, "W", 3);
const showPercent = (value, digits = 1) => (Number.isFinite(value) ? (100 * value).toFixed(digits) + "\u202f%" : NONE);

// A duration: ns to s, then minutes and hours.
function showDuration(seconds) {
  if (Math.abs(seconds) >= 6 * 3600) return significant(seconds / 3600, 4) + " h";
  if (Math.abs(seconds) >= 600) return significant(seconds / 60, 4) + " min";
  return withPrefix(seconds, "s", 4);
}

// A point in simulated time, with as many decimals as the window of `width` seconds makes useful.
function showTime(seconds, width) {
  const decimals = Math.min(9, Math.max(0, Math.ceil(3 - Math.log10(Math.max(width, 1e-9)))));
  const [whole, part] = seconds.toFixed(decimals).split(".");
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f") + (part ? "." + part : "") + " s";
}

// A value of a curve in the unit of its panel.
function showValue(value, unit) {
  if (unit === "%") return showPercent(value);
  return significant(value, 4) + (unit ? " " + unit : "");
}
