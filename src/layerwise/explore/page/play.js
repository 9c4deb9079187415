// Graphs of single numbers, computed anew in the page: forward and backward, by a table of rules.

import { html } from "./dom.js";
import { number, typed } from "./numbers.js";
import { say } from "./texts.js";

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

// Of each layer: its output, and its derivative by each input; y is the output.
export const SCALAR_RULES = {
  Add: { f: (a, b) => a + b, d: () => [1, 1] },
  Sub: { f: (a, b) => a - b, d: () => [1, -1] },
  Mul: { f: (a, b) => a * b, d: ([a, b]) => [b, a] },
  Div: { f: (a, b) => a / b, d: ([a, b]) => [1 / b, -a / b / b] },
  Pow: {
    f: (a, b) => a ** b,
    d: ([a, b], y) => [b === 0 ? 0 : b * a ** (b - 1), a === 0 && b >= 0 ? 0 : y * Math.log(a)],
  },
  Maximum: { f: (a, b) => Math.max(a, b), d: ([a, b]) => [chosen(a, b), chosen(b, a)] },
  Minimum: { f: (a, b) => Math.min(a, b), d: ([a, b]) => [chosen(b, a), chosen(a, b)] },
  Neg: { f: (a) => -a, d: () => [-1] },
  Exp: { f: Math.exp, d: (_, y) => [y] },
  Log: { f: Math.log, d: ([a]) => [1 / a] },
  Sqrt: { f: Math.sqrt, d: (_, y) => [1 / (2 * y)] },
  Square: { f: (a) => a * a, d: ([a]) => [2 * a] },
  Sin: { f: Math.sin, d: ([a]) => [Math.cos(a)] },
  Cos: { f: Math.cos, d: ([a]) => [-Math.sin(a)] },
  Abs: { f: Math.abs, d: ([a]) => [Math.sign(a)] },
  Identity: { f: (a) => a, d: () => [1] },
  Sigmoid: { f: sigmoid, d: (_, y) => [y * (1 - y)] },
  Tanh: { f: Math.tanh, d: (_, y) => [1 - y * y] },
  ReLU: { f: (a) => (Number.isNaN(a) ? a : Math.max(a, 0)), d: ([a]) => [a > 0 ? 1 : 0] },
  SiLU: { f: (a) => a * sigmoid(a), d: ([a]) => [sigmoid(a) * (1 + a * (1 - sigmoid(a)))] },
  LogSigmoid: { f: (a) => -softplus(-a), d: ([a]) => [sigmoid(-a)] },
};

function chosen(a, b) {
  return a > b ? 1 : a === b ? 0.5 : Number.isNaN(a) || Number.isNaN(b) ? NaN : 0;
}

// Computes a graph of single numbers. `inputs` maps names of inputs to new numbers.
// Returns {values, grads: by the id of a value; dxs, slopes: by the id of a node}.
export function compute(model, inputs) {
  const values = new Map();
  const grads = new Map();
  const dxs = new Map();
  const slopes = new Map();
  for (const node of model.nodes.values()) {
    if (node.kind === "op" || node.kind === "output") continue;
    const own = Number(model.values.get(node.gives[0]).value.number);
    values.set(node.gives[0], node.kind === "input" && node.name in inputs ? inputs[node.name] : own);
  }
  for (const id of model.record.forward) {
    const node = model.nodes.get(id);
    const given = node.takes.map((one) => values.get(one));
    const rule = ruleOf(model, node);
    const out = rule.f(...given);
    values.set(node.gives[0], out);
    slopes.set(id, rule.d(given, out));
  }
  const outputs = [...model.nodes.values()].filter((node) => node.kind === "output");
  outputs.forEach((node, i) => {
    const seed = model.douts[i] ? Number(model.douts[i].number) : 0;
    grads.set(node.takes[0], (grads.get(node.takes[0]) ?? 0) + seed);
  });
  for (const id of model.record.backward) {
    const node = model.nodes.get(id);
    const dout = grads.get(node.gives[0]);
    dxs.set(
      id,
      slopes.get(id).map((slope) => dout * slope),
    );
    node.takes.forEach((one, i) => {
      const dx = dxs.get(id)[i];
      grads.set(one, grads.has(one) ? grads.get(one) + dx : dx);
    });
  }
  return { values, grads, dxs, slopes };
}

export function ruleOf(model, node) {
  const about = model.classOf(node);
  return about.module.startsWith("layerwise.layers.") && node.call === `${about.name}()`
    ? SCALAR_RULES[about.name]
    : undefined;
}

export function canPlay(model, walk) {
  if (walk.failed || !model.isScalar) return false;
  const ops = [...model.nodes.values()].filter((node) => node.kind === "op");
  return ops.length > 0 && ops.every((node) => node.gives.length <= 1 && ruleOf(model, node));
}

export class Play {
  constructor(app) {
    this.app = app;
    this.possible = canPlay(app.model, app.walk);
    this.inputs = [...app.model.nodes.values()].filter((node) => node.kind === "input");
    this.given = Object.fromEntries(this.inputs.map((node) => [node.name, this.shown(node)]));
  }

  shown(node) {
    const value = this.app.model.values.get(node.gives[0])?.value;
    return value?.kind === "number" ? Number(value.number) : null;
  }

  // Put the numbers of a computation with these inputs into the model.
  apply(inputs) {
    if (!this.possible) return;
    const { model } = this.app;
    const now = compute(model, { ...this.given, ...inputs });
    for (const value of model.values.values()) {
      value.value = single(now.values.get(value.id));
      if (value.grad) value.grad = single(now.grads.get(value.id));
    }
    for (const id of model.record.backward) {
      const node = model.nodes.get(id);
      node.dxs = node.dxs.map((dx, i) => (dx ? single(now.dxs.get(id)[i]) : null));
      node.slopes = node.slopes.map((slope, i) => (slope ? single(now.slopes.get(id)[i]) : null));
      this.check(node, now);
    }
  }

  // The numeric check of the numbers that there are now.
  check(node, now) {
    const rule = ruleOf(this.app.model, node);
    const given = node.takes.map((id) => now.values.get(id));
    const dout = now.grads.get(node.gives[0]);
    node.checks = {};
    for (const i of node.takes.keys()) {
      if (!node.dxs[i]) continue;
      const h = 1e-5 * Math.max(1, Math.abs(given[i]));
      const at = (offset) => rule.f(...given.map((x, k) => (k === i ? x + offset : x)));
      const slope = (dout * (at(h) - at(-h))) / (2 * h);
      const said = now.dxs.get(node.id)[i];
      const wrong =
        Math.abs(said - slope) > 1e-6 * Math.max(1e-3, Math.abs(said), Math.abs(slope) + Math.abs(dout));
      const elements = Number.isFinite(said - slope) ? [[[], said, slope, wrong, null]] : [];
      node.checks[i] = { elements, worst: [], size: 1, finding: "" };
    }
  }

  // The fields below the picture.
  bar() {
    if (!this.possible) return null;
    this.fields = new Map();
    const fields = this.inputs.map((node) => this.field(node));
    this.resetButton = html(
      "button",
      { class: "plain", onclick: () => this.app.set({ inputs: {} }) },
      say("reset"),
    );
    return html(
      "form",
      {
        class: "floating inputs-bar",
        "aria-label": say("edit"),
        title: say("editSays"),
        onsubmit: (event) => event.preventDefault(),
      },
      fields,
      this.resetButton,
    );
  }

  field(node) {
    const input = html("input", {
      type: "number",
      step: "any",
      name: node.name,
      value: asField(this.current(node)),
      placeholder: number(this.current(node)),
      oninput: () => {
        const x = typed(input.value);
        input.setAttribute("aria-invalid", String(Number.isNaN(x)));
        if (!Number.isNaN(x)) this.app.set({ inputs: { ...this.app.state.inputs, [node.name]: x } });
      },
    });
    this.fields.set(node, input);
    return html("label", {}, html("span", {}, node.name), input);
  }

  current(node) {
    return this.app.state.inputs[node.name] ?? this.given[node.name];
  }

  update() {
    if (!this.possible || !this.fields) return;
    for (const [node, input] of this.fields) {
      if (document.activeElement !== input && typed(input.value) !== this.current(node))
        input.value = asField(this.current(node));
    }
    this.resetButton.hidden = Object.keys(this.app.state.inputs).length === 0;
  }
}

// A field takes no NaN and no infinity: it stays empty.
function asField(x) {
  return Number.isFinite(x) ? String(x).replace("e+", "e") : "";
}

function single(x) {
  return { kind: "number", number: x };
}
