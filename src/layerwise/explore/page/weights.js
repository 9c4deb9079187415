// Weights at one moment of a training, as an image: a byte for each, 128 is 0.

import { html } from "./dom.js";
import { Tensor } from "./data.js";
import { drawn, mayBeImages, viewOf } from "./heat.js";
import { number, shapeText } from "./numbers.js";
import { partNote } from "./tensor.js";

const ROOM = [372, 260]; // pixels

export function bytesOf(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

// pixels: whether the weights may be those of pixels, and rows or columns of them images
export function drawnWeights(name, told, place, pixels) {
  const reach = Number(told.reach[place]);
  const numbers = Float32Array.from(bytesOf(told.frames[place]), (byte) => (byte === 0 ? NaN : byte - 128));
  const shape =
    told.shape.length > 3
      ? [told.shape.slice(0, -2).reduce((a, b) => a * b), ...told.shape.slice(-2)]
      : told.shape;
  const columns = pixels && shape.length === 2 && isSquare(shape[0]) && shape[0] >= 49;
  const tensor = columns
    ? transposed(shape, numbers)
    : new Tensor({ shape, dtype: "", low: -127, high: 127 }, numbers);
  const canvas = drawn(
    tensor,
    viewOf(tensor, [], columns && mayBeImages(tensor) ? "image" : "matrix"),
    "diverging",
  );
  const scale = Math.max(0.5, Math.min(ROOM[0] / canvas.width, ROOM[1] / canvas.height, 14));
  const whole = scale > 1 ? Math.floor(scale) : scale;
  canvas.setAttribute("style", `width:${canvas.width * whole}px;height:${canvas.height * whole}px`);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name);
  return html(
    "figure",
    { class: "card parameter" },
    html(
      "figcaption",
      {},
      html("span", { class: "what" }, name),
      html("span", { class: "kind" }, `${shapeText(told.whole)} · max |w| ${number(reach, 3)}`),
    ),
    html("div", { class: "map" }, canvas),
    partNote(told.shape, told.whole),
  );
}

function isSquare(n) {
  return Number.isInteger(Math.sqrt(n));
}

// Of weights (in, out), each column is what one unit looks for: an image, if the inputs are pixels.
function transposed([rows, columns], numbers) {
  const turned = numbers.map((_, place) => numbers[(place % rows) * columns + Math.floor(place / rows)]);
  return new Tensor({ shape: [columns, rows], dtype: "", low: -127, high: 127 }, turned);
}
