// The chain rule in numbers: local derivative × upstream gradient = gradient, for each input.

import { isWrong } from "./checks.js";
import { html } from "./dom.js";
import { number } from "./numbers.js";
import { card } from "./tensor.js";
import { say } from "./texts.js";
import { numberAt } from "./trace.js";

// Signs between the numbers of an equation, by the sign that the layer has in the picture.
const INFIX = new Set(["+", "−", "×", "÷", "^", "@"]);

// A layer of single numbers going forward, as one line: 100 × 2 = 200. Null where it is none.
export function equation(app, node, values, out) {
  if (!out || values.some((value) => value.value?.kind !== "number") || out.value?.kind === "tensor")
    return null;
  const result = app.walk.valueAt(out, app.state.time);
  const term = (value, tone = "") => box(number(value.value.number), value.name, tone);
  const sign = app.signOf(node);
  const parts = [];
  if (values.length === 2 && INFIX.has(sign)) parts.push(term(values[0]), op(sign), term(values[1]));
  else if (values.length === 1)
    parts.push(html("span", { class: "sign word" }, sign || node.call.split("(")[0]), term(values[0]));
  else
    parts.push(
      html("span", { class: "sign word" }, node.call.split("(")[0]),
      values.map((value) => term(value)),
    );
  parts.push(op("="), result ? box(number(result.number), out.name, "ahead") : unknown(out.name));
  return html("section", { class: "equation" }, parts);
}

// The rows local × upstream = gradient of a layer; null where its local derivatives are no numbers.
export function chainRule(app, node, done) {
  if (!node.slopes.some(Boolean)) return null;
  const out = app.model.values.get(node.gives[0]);
  const gradient = app.walk.gradientAt(out, app.state.time);
  const rows = node.takes.map((id, i) => chainRow(app, node, i, app.model.values.get(id), gradient, done));
  return html("section", { class: "chain" }, html("h3", {}, say("chainRule")), rows);
}

function chainRow(app, node, i, value, gradient, done) {
  const slope = node.slopes[i];
  const dx = done ? node.dxs[i] : null;
  const asked = app.quiz.asks(node, i, done);
  const own =
    node.names[i] && node.names[i] !== value.name ? html("span", { class: "own" }, node.names[i]) : null;
  const title = html("h4", {}, backTitle(app, node, value), own);
  if (asked) return html("div", { class: "row" }, title, asked);
  if (!slope) {
    const what =
      done && !dx ? { kind: "words", words: `${say("noGradient")}. ${say("noGradientSays")}` } : dx;
    return html(
      "div",
      { class: "row" },
      title,
      card({ name: `d${node.names[i]}`, what, style: "diverging", tone: "back" }),
    );
  }
  if (slope.kind === "number")
    return html("div", { class: "row" }, title, numberRow(app, node, slope, gradient.grad, dx, value));
  return html("div", { class: "row" }, title, tensorRow(app, node, slope, gradient.grad, dx, value));
}

// Three numbers on one line, which are written smaller where they are long.
function numberRow(app, node, slope, up, dx, value) {
  const texts = [slope, up, dx].map((one) => (one ? number(one.number) : null));
  const term = (i, label, tone) => (texts[i] === null ? unknown(label) : box(texts[i], label, tone));
  return html(
    "div",
    { class: texts.some((text) => text?.length > 6) ? "equation long" : "equation" },
    term(0, localName(node), "local"),
    op("×"),
    term(1, say("upstreamShort"), "up"),
    op("="),
    term(2, productName(app, value), "back"),
  );
}

// What a layer gives back to an input: its gradient, or what it adds to that.
export function backTitle(app, node, value) {
  return app.walk.isSum(value) ? say("partOf", value.name, node.name) : say("gradientOf", value.name);
}

// A layer's own backward says what it is; where that is wrong, it is not the derivative.
function localName(node) {
  return say(node.checks && isWrong(node.checks) ? "localSaid" : "local");
}

function productName(app, value) {
  return say(app.walk.isSum(value) ? "part" : "product");
}

// The same for arrays: three maps, and under each the number of the picked element.
function tensorRow(app, node, slope, up, dx, value) {
  const index = pickedIn(app, value) ?? slope.tensor.indexAt(0);
  const pick = (at) => app.set({ pick: { value: value.id, index: at } });
  const common = { pick, picked: index, small: true, lead: app.lead };
  const one = (what, name, style, tone, focus) =>
    html(
      "div",
      { class: "third" },
      card({ ...common, what, name, style, tone, focus: `${value.id}.${focus}` }),
      html("output", {}, shown(what, index)),
    );
  return html(
    "div",
    { class: "thirds" },
    one(slope, localName(node), "sequential", "", "local"),
    html("span", { class: "sign" }, "×"),
    one(up, say("upstreamShort"), "diverging", "back", "up"),
    html("span", { class: "sign" }, "="),
    one(dx, productName(app, value), "diverging", "back", "dx"),
    html("div", { class: "at" }, `[${index.join(", ")}]`),
  );
}

function shown(what, index) {
  const x = numberAt(what, index);
  return x === undefined ? "" : number(x);
}

function pickedIn(app, value) {
  const pick = app.state.pick;
  if (!pick) return null;
  return pick.value === value.id ? pick.index : (app.marksIn(value.id)[0] ?? null);
}

export function box(text, label, tone = "") {
  return html("span", { class: `box ${tone}` }, html("b", {}, text), html("small", {}, label));
}

function unknown(label) {
  return html(
    "span",
    { class: "box unknown" },
    html("b", {}, html("span", { class: "ring" })),
    html("small", {}, label),
  );
}

function op(sign) {
  return html("span", { class: "sign" }, sign);
}
