// What every drawing shares: sharp canvases, round axis steps, stage bands.

// Sizes a canvas to its box in device pixels and returns its context, scaled so that one unit is one CSS pixel.
function sharpContext(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = height + "px";
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  return context;
}

// A step of 1, 2 or 5 times a power of ten that cuts `span` into at most `most` parts.
function roundStep(span, most) {
  const raw = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999999);
}

function axisTicks(low, high, most) {
  if (!(high > low)) return [low];
  const step = roundStep(high - low, most);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}

// Decimals that tell apart ticks of this step.
function decimalsOf(step) {
  return Math.max(0, Math.min(9, -Math.floor(Math.log10(step) + 1e-9)));
}

function tickText(value, ticks) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : Math.abs(value) || 1;
  return Math.abs(value) >= 1e6 ? value.toExponential(1) : value.toFixed(decimalsOf(step));
}

// Faint bands of the stages between `top` and `bottom`, every second one tinted.
function drawStageBands(context, bands, place, left, right, top, bottom) {
  bands.forEach((band, index) => {
    const from = Math.max(left, place(band.start_s));
    const to = Math.min(right, place(band.end_s));
    if (to <= from || index % 2 === 0) return;
    context.fillStyle = colour("band");
    context.fillRect(from, top, to - from, bottom - top);
  });
}

// Text cut with an ellipsis to fit `room` pixels.
function fittedText(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let length = text.length;
  while (length > 1 && context.measureText(text.slice(0, length) + "…").width > room) length--;
  return length > 1 ? text.slice(0, length) + "…" : "";
}

// Redraws on theme changes and when the element's width changes; at most once a frame.
function redrawing(target, draw) {
  let asked = false;
  const later = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
  new ResizeObserver(later).observe(target);
  bus.addEventListener("theme", later);
  return later;
}
