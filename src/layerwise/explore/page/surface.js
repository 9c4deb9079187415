// The decision surface of a network with two inputs: what it says at every point of the plane.

import { say } from "./texts.js";
import { bytesOf } from "./weights.js";

// Of Okabe and Ito, told apart with every kind of colour vision.
const CLASSES = [
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [213, 94, 0],
  [86, 180, 233],
  [240, 228, 66],
  [110, 110, 110],
];
const SIZE = 300;

export function classColor(i) {
  return CLASSES[((i % CLASSES.length) + CLASSES.length) % CLASSES.length];
}

// Circles, squares, triangles and diamonds: classes are told apart without colours, too.
function shapeAt(context, target, x, y, r) {
  context.beginPath();
  const corners = CORNERS[((target % 4) + 4) % 4];
  if (!corners) context.arc(x, y, r, 0, 2 * Math.PI);
  for (const [dx, dy] of corners ?? []) context.lineTo(x + dx * r, y + dy * r);
  context.closePath();
}

// prettier-ignore
const CORNERS = [
  null, // a circle
  [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]],
  [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
];

export function drawnSurface(told, frame) {
  const { side, box, points, targets } = told;
  const bytes = bytesOf(frame);
  const dark = document.documentElement.dataset.theme === "dark";
  const paper = dark ? 24 : 255;
  const small = document.createElement("canvas");
  small.width = small.height = side;
  const pixels = small.getContext("2d").createImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    const color = classColor(bytes[2 * i]);
    const sure = (0.16 + 0.62 * (bytes[2 * i + 1] / 255)) ** 1.4;
    pixels.data.set([...color.map((c) => paper + (c - paper) * sure), 255], 4 * i);
  }
  small.getContext("2d").putImageData(pixels, 0, 0);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2 * SIZE;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${say("surface")}: x ${box[0].join(" … ")}, y ${box[1].join(" … ")}`);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  const [[left, right], [low, high]] = box;
  points.forEach(([x, y], i) => {
    const at = [((x - left) / (right - left)) * canvas.width, ((high - y) / (high - low)) * canvas.height];
    shapeAt(context, targets[i], ...at, 8);
    context.fillStyle = `rgb(${classColor(targets[i]).join()})`;
    context.strokeStyle = dark ? "#14181d" : "#ffffff";
    context.lineWidth = 2;
    context.fill();
    context.stroke();
  });
  return canvas;
}
