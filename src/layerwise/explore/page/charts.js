// Lines over time: a chart with axes, and a small one without.

import { svg } from "./dom.js";
import { numberFrom } from "./data.js";
import { number } from "./numbers.js";

// Numbers of a column for drawing; what is not finite leaves a gap.
export function numbersOf(list) {
  return list.map((x) => (x === null ? NaN : Number(numberFrom(x))));
}

// The ends of an axis, and whether it is logarithmic: where numbers differ by more than a hundred times.
export function scaleOf(numbers) {
  const finite = numbers.filter(Number.isFinite);
  if (!finite.length) return { low: 0, high: 1, log: false };
  let low = finite.reduce((a, b) => Math.min(a, b));
  let high = finite.reduce((a, b) => Math.max(a, b));
  const log = low > 0 && high / low > 100;
  if (!log && low > 0 && low < high / 2) low = 0;
  if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2];
  return { low, high, log };
}

// Where a number is between the ends, from 0 to 1.
export function along({ low, high, log }, x) {
  if (log) return Math.log(x / low) / Math.log(high / low);
  return (x / 2 - low / 2) / (high / 2 - low / 2);
}

// A few round numbers between the ends.
export function ticks({ low, high, log }) {
  if (log) {
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const last = Math.floor(Math.log10(high) + 1e-9);
    const step = Math.max(1, Math.ceil((last - first + 1) / 4));
    const found = [];
    for (let power = first; power <= last; power += step) found.push(10 ** power);
    return found.length > 1 ? found : [low, high];
  }
  const raw = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((one) => one * power >= raw) * power;
  const found = [];
  for (let x = Math.ceil(low / step) * step; x <= high + step * 1e-9; x += step)
    found.push(Math.abs(x) < step / 1e6 ? 0 : x);
  return found;
}

function pathOf(xs, ys, xScale, yScale, width, height) {
  let path = "";
  let pen = "M";
  xs.forEach((x, i) => {
    const y = along(yScale, ys[i]);
    if (!Number.isFinite(y)) pen = "M";
    else {
      path += `${pen}${(along(xScale, x) * width).toFixed(1)} ${((1 - y) * height).toFixed(1)}`;
      pen = "L";
    }
  });
  return path;
}

// A chart with axes. series: {xs, ys, kind (a CSS class), name}; xs: what the axis reaches over;
// at: where the cursor is; onpick(x): called where somebody clicks.
export function lineChart({
  title,
  series,
  xs = series.flatMap((one) => one.xs),
  width,
  height,
  at,
  onpick,
}) {
  const [left, bottom, top, right] = [46, 20, 8, 10];
  const [w, h] = [width - left - right, height - top - bottom];
  const xScale = { low: Math.min(...xs), high: Math.max(...xs), log: false };
  if (xScale.high === xScale.low) xScale.high += 1;
  const yScale = scaleOf(series.flatMap((one) => one.ys));
  const y = (x) => (1 - along(yScale, x)) * h;
  const grid = ticks(yScale).map((x) => [
    svg("line", { class: "grid", x1: 0, x2: w, y1: y(x), y2: y(x) }),
    svg("text", { x: -7, y: y(x) + 4, class: "at-end" }, number(x, 3)),
  ]);
  const below = ticks(xScale).map((x) => svg("text", { x: along(xScale, x) * w, y: h + 16 }, number(x, 4)));
  const lines = series.map((one) =>
    svg("path", { class: `series ${one.kind}`, d: pathOf(one.xs, one.ys, xScale, yScale, w, h) }),
  );
  const cursor = along(xScale, at) * w;
  const picked = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = ((event.clientX - box.x) * (width / box.width) - left) / w;
    onpick?.(xScale.low + share * (xScale.high - xScale.low));
  };
  return svg(
    "svg",
    {
      class: "chart",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${title}: ${series.map((one) => nowOf(one, at)).join(", ")}`,
      onclick: picked,
    },
    svg(
      "g",
      { transform: `translate(${left} ${top})` },
      grid,
      below,
      lines,
      Number.isFinite(cursor)
        ? svg("line", { class: "cursor", x1: cursor, x2: cursor, y1: 0, y2: h })
        : null,
    ),
  );
}

// What a series says at the cursor, in words.
function nowOf({ xs, ys, name }, at) {
  const place = Math.max(0, xs.filter((x) => x <= at).length - 1);
  return `${name} ${number(ys[place], 4)}`;
}

// A small line without axes, with a point where the cursor is.
export function spark(ys, place, kind, width = 92, height = 24) {
  const xs = ys.map((_, i) => i);
  const xScale = { low: 0, high: Math.max(1, ys.length - 1), log: false };
  const yScale = scaleOf(ys);
  const y = along(yScale, ys[place]);
  const point = Number.isFinite(y)
    ? svg("circle", {
        class: kind,
        cx: along(xScale, place) * (width - 6) + 3,
        cy: (1 - y) * (height - 6) + 3,
        r: 2.6,
      })
    : null;
  return svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    svg("path", {
      class: `series ${kind}`,
      transform: "translate(3 3)",
      d: pathOf(xs, ys, xScale, yScale, width - 6, height - 6),
    }),
    point,
  );
}
