// A card for one value: a number written large, or a tensor with its statistics, histogram and map.

import { html, svg } from "./dom.js";
import { cellOf, cssScale, drawn, drawnInColor, mayBeImages, range, viewOf } from "./heat.js";
import { count, number, shapeText } from "./numbers.js";
import { say } from "./texts.js";

const WIDEST = 372; // pixels of a map
const TALLEST = 230;

// options: name, from (whose value it is, where that is another name), what (unpacked), style ("sequential", "diverging", "gray"), tone ("ahead", "back"),
//   images: whether rows may be images; small, pick(index): called when an element is chosen, picked: its index, marks: other indices,
//   lead: {get, set} which sample is shown
export function card(options) {
  const { name, what, tone = "" } = options;
  const head = html(
    "figcaption",
    {},
    html("span", { class: "what" }, name),
    html("span", { class: "kind" }, [options.from, kindOf(what)].filter(Boolean).join(" · ")),
  );
  return html("figure", { class: `card ${tone} ${options.small ? "small" : ""}` }, head, content(options));
}

export function kindOf(what) {
  if (what?.kind !== "tensor") return "";
  return `${shapeText(what.tensor.shape)} ${what.tensor.dtype}`;
}

function content(options) {
  const { what } = options;
  if (!what) return html("div", { class: "missing" }, html("span", { class: "ring" }), say("waiting"));
  if (what.kind === "number") return html("div", { class: "single" }, number(what.number));
  if (what.kind === "words") return html("div", { class: "words" }, what.words);
  if (what.kind === "several")
    return html(
      "div",
      { class: "words" },
      what.parts.map((part, i) => card({ name: `[${i}]`, what: part, style: options.style, small: true })),
    );
  if (what.tensor.size === 0)
    return html("div", { class: "words" }, `${shapeText(what.tensor.shape)}: ${say("empty")}`);
  return tensorBody(options);
}

function tensorBody(options) {
  const { what, style, name } = options;
  const tensor = what.tensor;
  const leadCount = leadsOf(tensor);
  const leads = new Array(leadCount).fill(0);
  if (options.picked)
    options.picked
      .slice(0, leadCount)
      .forEach((i, axis) => (leads[axis] = Math.max(0, tensor.placeOf(axis, i))));
  else if (leadCount && options.lead) leads[0] = Math.min(options.lead.get(), tensor.sizes[0] - 1);
  const area = html("div", { class: "area" });
  const shown = { ...options };
  const draw = () => area.replaceChildren(mapOf(shown, tensor, leads));
  if (!options.pick && !options.small) shown.pick = (index) => look(shown, index, area, draw);
  draw();
  const pickers = leads.map((_, axis) =>
    leadPicker(tensor, leads, axis, () => {
      if (axis === 0) options.lead?.set(leads[0]);
      draw();
    }),
  );
  return html(
    "div",
    { class: "tensor" },
    area,
    pickers,
    options.small
      ? null
      : html("div", { class: "facts" }, statisticsOf(tensor), histogram(tensor, style, name)),
    partNote(tensor.sizes, tensor.shape),
  );
}

// An element that nothing is to follow, of a parameter, say: its number is told in the card itself.
function look(shown, index, area, draw) {
  shown.picked = index;
  draw();
  area.querySelector("canvas").focus({ preventScroll: true });
}

// How many axes stand in front of the tiles of a map.
function leadsOf(tensor) {
  const n = tensor.sizes.length;
  return Math.max(0, n - 3);
}

function leadPicker(tensor, leads, axis, changed) {
  const n = tensor.sizes[axis];
  if (n === 1) return null;
  const label = html("span", {}, "");
  const tell = () => (label.textContent = `${say("sample")} ${tensor.indexOf(axis, leads[axis])}`);
  tell();
  const input = html("input", {
    type: "range",
    min: 0,
    max: n - 1,
    value: leads[axis],
    "aria-label": say("sample"),
    oninput: () => {
      leads[axis] = Number(input.value);
      tell();
      changed();
    },
  });
  return html("label", { class: "lead" }, input, label);
}

function mapOf(options, tensor, leads) {
  const { style, name } = options;
  const inColor = style === "gray" && tensor.sizes.length === 4 && tensor.sizes[1] === 3;
  const view = viewOf(tensor, leads, options.images && mayBeImages(tensor) ? "image" : "matrix");
  const canvas = inColor ? drawnInColor(tensor, leads[0]) : drawn(tensor, view, style);
  const wide = options.small ? WIDEST / 3 : WIDEST;
  const tall = options.small ? TALLEST / 2 : TALLEST;
  const scale = cellSize(canvas, wide, tall, tensor.sizes.length < 3 && view.tiles === 1 ? 3 : 1);
  const size = `width:${canvas.width * scale.x}px;height:${canvas.height * scale.y}px`;
  canvas.setAttribute("style", size);
  const box = html("div", { class: "map", style: size }, canvas);
  const readout = html("div", { class: "readout" });
  const found = (event) => placeAt(event, canvas, view);
  const words = (place) =>
    place === null || inColor
      ? ""
      : `${name}[${tensor.indexAt(place).join(", ")}] = ${number(tensor.numbers[place])}`;
  const tell = (place) => (readout.textContent = words(place));
  canvas.addEventListener("pointermove", (event) => tell(found(event)));
  canvas.addEventListener("pointerleave", () => tell(pickedPlace(options, tensor)));
  marks(box, options, tensor, view, scale);
  if (options.pick && !inColor) {
    makePickable(canvas, options, tensor, view, found);
    const here = words(pickedPlace(options, tensor));
    canvas.setAttribute("aria-label", [here, say("heatMap", name)].filter(Boolean).join(". "));
  } else {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${name} ${kindOf(options.what)}`);
  }
  tell(pickedPlace(options, tensor));
  return html("div", {}, box, options.small ? null : readout);
}

// How large cells are: square where there is room, stretched a little where a map would be a strip.
function cellSize(canvas, wide, tall, stretch) {
  const x = Math.min(wide / canvas.width, 16);
  const y = Math.min(tall / canvas.height, 16);
  const whole = (size) => (size >= 1 ? Math.floor(size) : size);
  return { x: whole(Math.min(x, stretch * y)), y: whole(Math.min(y, stretch * x)) };
}

function placeAt(event, canvas, view) {
  const box = canvas.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.x) / box.width) * canvas.width);
  const y = Math.floor(((event.clientY - box.y) / box.height) * canvas.height);
  const gap = view.tiles > 1 ? 1 : 0;
  const column = x % (view.columns + gap);
  const row = y % (view.rows + gap);
  const tile = Math.floor(y / (view.rows + gap)) * view.across + Math.floor(x / (view.columns + gap));
  if (column >= view.columns || row >= view.rows || tile >= view.tiles || x < 0 || y < 0) return null;
  const place = view.place(tile, row, column);
  return place < 0 ? null : place;
}

function makePickable(canvas, options, tensor, view, found) {
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.classList.add("pickable");
  canvas.dataset.focus = `map:${options.focus ?? options.name}`;
  canvas.addEventListener("click", (event) => {
    const place = found(event);
    if (place !== null) options.pick(tensor.indexAt(place));
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const here = pickedPlace(options, tensor);
    const cell = here === null ? null : cellOf(view, here);
    const next = cell ? neighbour(view, cell, step) : view.place(0, 0, 0);
    if (next >= 0) options.pick(tensor.indexAt(next));
  });
}

// The neighbour of a cell; beyond a tile's edge the next tile begins.
function neighbour(view, { tile, row, column }, [down, right]) {
  row += down;
  column += right;
  if (column >= view.columns || column < 0) {
    const next = tile + Math.sign(right);
    if (next < 0 || next >= view.tiles) return -1;
    return view.place(next, row, column < 0 ? view.columns - 1 : 0);
  }
  if (row >= view.rows || row < 0) {
    const next = tile + Math.sign(down) * view.across;
    if (next < 0 || next >= view.tiles) return -1;
    return view.place(next, row < 0 ? view.rows - 1 : 0, column);
  }
  return view.place(tile, row, column);
}

function pickedPlace(options, tensor) {
  return options.picked ? placeOf(tensor, options.picked) : null;
}

export function placeOf(tensor, index) {
  if (index.length !== tensor.shape.length) return null;
  let place = 0;
  for (let axis = 0; axis < index.length; axis++) {
    const i = tensor.placeOf(axis, index[axis]);
    if (i < 0) return null;
    place += i * tensor.strides[axis];
  }
  return place;
}

// A frame around the picked cell, and an outline around those that belong to it.
function marks(box, options, tensor, view, scale) {
  const gap = view.tiles > 1 ? 1 : 0;
  const places = (options.marks || [])
    .map((index) => placeOf(tensor, index))
    .filter((place) => place !== null);
  if (places.length) box.append(outline(new Set(places), view, scale, gap));
  const frame = (place, kind) => {
    const cell = place === null ? null : cellOf(view, place);
    if (!cell) return;
    const x = ((cell.tile % view.across) * (view.columns + gap) + cell.column) * scale.x;
    const y = (Math.floor(cell.tile / view.across) * (view.rows + gap) + cell.row) * scale.y;
    const size = `width:${Math.max(scale.x, 3)}px;height:${Math.max(scale.y, 3)}px`;
    box.append(html("i", { class: `mark ${kind}`, style: `left:${x}px;top:${y}px;${size}` }));
  };
  frame(pickedPlace(options, tensor), "picked");
}

// The edges between cells that are marked and cells that are not.
function outline(places, view, scale, gap) {
  const has = (t, r, c) =>
    r >= 0 && c >= 0 && r < view.rows && c < view.columns && places.has(view.place(t, r, c));
  let path = "";
  for (let t = 0; t < view.tiles; t++) {
    for (let r = 0; r < view.rows; r++) {
      for (let c = 0; c < view.columns; c++) {
        if (!has(t, r, c)) continue;
        const x = ((t % view.across) * (view.columns + gap) + c) * scale.x;
        const y = (Math.floor(t / view.across) * (view.rows + gap) + r) * scale.y;
        if (!has(t, r - 1, c)) path += `M${x} ${y}h${scale.x}`;
        if (!has(t, r + 1, c)) path += `M${x} ${y + scale.y}h${scale.x}`;
        if (!has(t, r, c - 1)) path += `M${x} ${y}v${scale.y}`;
        if (!has(t, r, c + 1)) path += `M${x + scale.x} ${y}v${scale.y}`;
      }
    }
  }
  return svg(
    "svg",
    { class: "outline", "aria-hidden": "true" },
    svg("path", { class: "casing", d: path }),
    svg("path", { d: path }),
  );
}

// words about a tensor ----------------------------------------------------------------------------

export function statisticsOf(tensor) {
  const { mean, std, low, high, nan, inf, zeros } = tensor.said;
  const facts = [];
  if (mean !== undefined) {
    facts.push([say("mean"), number(mean, 4)], [say("std"), number(std, 4)]);
    facts.push([say("from"), number(low, 4)], [say("to"), number(high, 4)]);
  }
  if (zeros > 0 && zeros >= tensor.size / 20)
    facts.push([say("zeros"), `${Math.round((100 * zeros) / tensor.size)} %`]);
  const odd = [nan ? `${count(nan)} NaN` : "", inf ? `${count(inf)} ∞` : ""].filter(Boolean).join(", ");
  return html(
    "dl",
    { class: "stats" },
    facts.map(([name, text]) => html("div", {}, html("dt", {}, name), html("dd", {}, text))),
    odd ? html("div", { class: "odd" }, html("dt", {}, "!"), html("dd", {}, odd)) : null,
  );
}

function histogram(tensor, style, name) {
  const { bins, low, high } = tensor.said;
  if (!bins || bins.length < 2) return null;
  const most = Math.max(...bins);
  const width = 150;
  const height = 34;
  const step = width / bins.length;
  const bars = bins.map((n, i) =>
    svg("rect", {
      x: i * step + 0.4,
      width: step - 0.8,
      y: height - (height * n) / most,
      height: (height * n) / most,
    }),
  );
  const zero =
    low < 0 && high > 0
      ? [
          svg("line", {
            class: "zero",
            x1: (-low / (high - low)) * width,
            x2: (-low / (high - low)) * width,
            y1: 0,
            y2: height,
          }),
        ]
      : [];
  const label = say("histogram", number(low, 3), number(high, 3));
  return html(
    "div",
    { class: "spread" },
    svg(
      "svg",
      {
        class: "histogram",
        viewBox: `0 0 ${width} ${height + 1}`,
        role: "img",
        "aria-label": `${name}: ${label}`,
      },
      svg("title", {}, label),
      bars,
      zero,
    ),
    scaleBar(tensor, style),
  );
}

function scaleBar(tensor, style) {
  const [low, high] = range(tensor.said, style === "diverging");
  const bar = html("i", {
    class: "scale",
    style:
      style === "gray"
        ? "background:linear-gradient(to right,#000,#fff)"
        : `background:${cssScale(style === "diverging")}`,
  });
  return html(
    "div",
    { class: "legend" },
    html("span", {}, number(low, 3)),
    bar,
    html("span", {}, number(high, 3)),
  );
}

// Of which axes only a part is shown; null: all of it is.
export function partNote(sizes, shape) {
  const parts = sizes.map((n, axis) => (n < shape[axis] ? say("ofAxis", n, shape[axis], axis) : null));
  const told = parts.filter(Boolean);
  return told.length ? html("div", { class: "note" }, say("sampled", told.join("; "))) : null;
}
