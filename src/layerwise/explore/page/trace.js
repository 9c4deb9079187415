// One element followed through a layer: what it was made of, and what its gradient was made of.
//
// Each rule says both ways: which elements go into an output, and which outputs an element goes
// into, with their factors. So y = Σ factor · x forward is dx = Σ factor · dout backward.

import { product, stridesOf } from "./data.js";

// The number of a value at an index; undefined where it is not shown.
export function numberAt(what, index) {
  if (!what) return undefined;
  if (what.kind === "number") return what.number;
  return what.kind === "tensor" ? what.tensor.at(index) : undefined;
}

export function shapeOf(what) {
  return what?.kind === "tensor" ? what.tensor.shape : [];
}

// What an output element is made of: {kind, terms: [{input or parameter, index, factor, x, product}]}
// kind is "sum" (products that are added), "function" (of each input's element) or "moved".
export function madeOf(model, node, index) {
  const rule = TRACE_RULES[node.rule?.rule];
  if (!rule) return null;
  const context = contextOf(model, node);
  const terms = [...rule.from(context, index)].map((term) => withNumber(context, term));
  return { kind: rule.kind(context), terms };
}

// What the gradient of an element of an input is made of: terms {index of dout, factor, d, product}.
export function gradientMadeOf(model, node, input, index) {
  const rule = TRACE_RULES[node.rule?.rule];
  if (!rule || !rule.to) return null;
  const context = contextOf(model, node);
  const terms = [];
  for (const { at, factor } of rule.to(context, input, index)) {
    const d = numberAt(context.dout, at);
    terms.push({ index: at, factor, d, product: d === undefined ? undefined : times(factor, d) });
  }
  return { kind: rule.kind(context), terms };
}

// 0 times anything is nothing here: the element does not take part.
function times(a, b) {
  return a === undefined || b === undefined ? undefined : a * b;
}

function withNumber(context, term) {
  const source = term.parameter ? context.parameter(term.parameter) : context.inputs[term.input];
  const x = numberAt(source, term.index);
  return { ...term, x, product: term.factor === null ? x : times(term.factor, x) };
}

function contextOf(model, node) {
  const output = model.values.get(node.gives[0]);
  return {
    rule: node.rule,
    node,
    inputs: node.takes.map((id) => model.values.get(id).value),
    out: output?.value,
    dout: output?.grad,
    parameter: (name) => node.parameters.find((p) => p.name === name)?.value,
  };
}

function* upTo(n) {
  for (let i = 0; i < n; i++) yield i;
}

// Every index of a shape, the last axis fastest.
function* every(shape) {
  const strides = stridesOf(shape);
  for (const place of upTo(product(shape)))
    yield shape.map((n, axis) => Math.floor(place / strides[axis]) % n);
}

const elementwise = {
  kind: () => "function",
  *from({ inputs, node, out }, index) {
    for (const [input, x] of inputs.entries()) {
      if (shapeOf(x).length !== shapeOf(out).length) continue;
      yield { input, index, factor: numberAt(node.slopes[input], index) ?? null };
    }
  },
  *to({ node }, input, index) {
    yield { at: index, factor: numberAt(node.slopes[input], index) };
  },
};

const affine = {
  kind: () => "sum",
  *from({ parameter, inputs }, index) {
    const W = parameter("W");
    const front = index.slice(0, -1);
    const m = index[index.length - 1];
    for (const d of upTo(shapeOf(inputs[0]).at(-1))) {
      yield { input: 0, index: [...front, d], factor: numberAt(W, [d, m]) };
    }
    if (parameter("b")) yield { parameter: "b", index: [m], factor: null };
  },
  *to({ parameter, out }, input, index) {
    const front = index.slice(0, -1);
    const d = index[index.length - 1];
    for (const m of upTo(shapeOf(out).at(-1)))
      yield { at: [...front, m], factor: numberAt(parameter("W"), [d, m]) };
  },
};

// Where a window that stands at `place` along an axis has its k-th element.
function under(rule, axis, place, k) {
  return place * rule.stride[axis] + k * rule.dilation[axis] - rule.pad[axis];
}

// The place of the window whose k-th element is at i; null: there is none.
function placeOver(rule, axis, i, k, places) {
  const place = (i + rule.pad[axis] - k * rule.dilation[axis]) / rule.stride[axis];
  return Number.isInteger(place) && place >= 0 && place < places ? place : null;
}

const conv = {
  kind: () => "sum",
  *from({ rule, parameter, inputs }, index) {
    const dim = rule.kernel.length;
    const image = shapeOf(inputs[0]);
    const front = index.slice(0, -dim - 1);
    const o = index[index.length - dim - 1];
    const W = parameter("W");
    const [outs, channels] = shapeOf(W);
    const first = Math.floor(o / (outs / rule.groups)) * channels;
    for (const [c, ...k] of every([channels, ...rule.kernel])) {
      const at = k.map((one, axis) => under(rule, axis, index[index.length - dim + axis], one));
      if (at.some((i, axis) => i < 0 || i >= image[image.length - dim + axis])) continue;
      yield { input: 0, index: [...front, first + c, ...at], factor: numberAt(W, [o, c, ...k]) };
    }
    if (parameter("b")) yield { parameter: "b", index: [o], factor: null };
  },
  *to({ rule, parameter, out }, input, index) {
    const dim = rule.kernel.length;
    const places = shapeOf(out).slice(-dim);
    const front = index.slice(0, -dim - 1);
    const channel = index[index.length - dim - 1];
    const W = parameter("W");
    const [outs, channels] = shapeOf(W);
    const perGroup = outs / rule.groups;
    const group = Math.floor(channel / channels);
    for (const k of every(rule.kernel)) {
      const at = k.map((one, axis) =>
        placeOver(rule, axis, index[index.length - dim + axis], one, places[axis]),
      );
      if (at.includes(null)) continue;
      for (const j of upTo(perGroup)) {
        const o = group * perGroup + j;
        yield { at: [...front, o, ...at], factor: numberAt(W, [o, channel % channels, ...k]) };
      }
    }
  },
};

const pool = {
  kind: ({ rule }) => (rule.factor === "max" ? "largest" : "sum"),
  *from({ rule, inputs, out }, index) {
    const all = [...windowOf(rule, inputs[0], index)];
    const factors = factorsOf(rule, inputs[0], all);
    for (const [i, at] of all.entries()) yield { input: 0, index: at, factor: factors[i] };
  },
  *to({ rule, inputs, out }, input, index) {
    const dim = rule.kernel.length;
    const places = shapeOf(out).slice(-dim);
    const front = index.slice(0, -dim);
    for (const k of every(rule.kernel)) {
      const place = k.map((one, axis) =>
        placeOver(rule, axis, index[index.length - dim + axis], one, places[axis]),
      );
      if (place.includes(null)) continue;
      const at = [...front, ...place];
      const all = [...windowOf(rule, inputs[0], at)];
      const mine = all.findIndex((one) => one.every((i, axis) => i === index[axis]));
      const factor = factorsOf(rule, inputs[0], all)[mine];
      if (factor !== 0) yield { at, factor };
    }
  },
};

function* windowOf(rule, image, index) {
  const dim = rule.kernel.length;
  const sizes = shapeOf(image).slice(-dim);
  for (const k of every(rule.kernel)) {
    const at = k.map((one, axis) => under(rule, axis, index[index.length - dim + axis], one));
    if (at.every((i, axis) => i >= 0 && i < sizes[axis])) yield [...index.slice(0, -dim), ...at];
  }
}

// Pooling multiplies by 1/n; or by 1 for the first of the largest, and by 0.
function factorsOf(rule, image, window) {
  if (rule.factor === "mean") return window.map(() => 1 / product(rule.kernel));
  const numbers = window.map((at) => numberAt(image, at));
  if (numbers.includes(undefined)) return window.map(() => undefined);
  const largest = numbers.indexOf(Math.max(...numbers));
  return window.map((_, i) => (i === largest ? 1 : 0));
}

const matmul = {
  kind: () => "sum",
  *from({ inputs }, index) {
    const [x, y] = inputs;
    if (shapeOf(x).length < 2 || shapeOf(y).length < 2) return;
    const [n, m] = index.slice(-2);
    for (const k of upTo(shapeOf(x).at(-1))) {
      const other = fitted([...index.slice(0, -2), k, m], shapeOf(y));
      yield {
        input: 0,
        index: fitted([...index.slice(0, -2), n, k], shapeOf(x)),
        factor: numberAt(y, other),
      };
    }
  },
  *to({ inputs, out }, input, index) {
    const [x, y] = inputs;
    if (shapeOf(x).length !== shapeOf(out).length || shapeOf(y).length !== shapeOf(out).length) return;
    const front = index.slice(0, -2);
    const [i, j] = index.slice(-2);
    const [rows, columns] = shapeOf(out).slice(-2);
    if (input === 0)
      for (const m of upTo(columns)) yield { at: [...front, i, m], factor: numberAt(y, [...front, j, m]) };
    else for (const n of upTo(rows)) yield { at: [...front, n, j], factor: numberAt(x, [...front, n, i]) };
  },
};

const rearranged = {
  kind: () => "moved",
  *from(context, index) {
    yield {
      input: 0,
      index:
        context.rule.rule === "reshape"
          ? reshaped(index, shapeOf(context.out), shapeOf(context.inputs[0]))
          : turned(index, context.rule.axes),
      factor: 1,
    };
  },
  *to(context, input, index) {
    const { rule, inputs, out } = context;
    const at =
      rule.rule === "reshape"
        ? reshaped(index, shapeOf(inputs[0]), shapeOf(out))
        : rule.axes.map((axis) => index[axis]);
    yield { at, factor: 1 };
  },
};

function reshaped(index, from, to) {
  const place = index.reduce((sum, i, axis) => sum + i * stridesOf(from)[axis], 0);
  return to.map((n, axis) => Math.floor(place / stridesOf(to)[axis]) % n);
}

function turned(index, axes) {
  const at = [];
  axes.forEach((axis, i) => (at[axis] = index[i]));
  return at;
}

const reduce = {
  kind: () => "sum",
  *from({ rule, inputs }, index) {
    const shape = shapeOf(inputs[0]);
    const factor = reduceFactor(rule, shape);
    const rest = shape.map((_, axis) => axis).filter((axis) => !rule.axes.includes(axis));
    const outer = rule.keep ? rest.map((axis) => index[axis]) : index;
    for (const inner of every(rule.axes.map((axis) => shape[axis]))) {
      const at = [];
      rest.forEach((axis, i) => (at[axis] = outer[i]));
      rule.axes.forEach((axis, i) => (at[axis] = inner[i]));
      yield { input: 0, index: at, factor };
    }
  },
  *to({ rule, inputs }, input, index) {
    const at = rule.keep
      ? index.map((i, axis) => (rule.axes.includes(axis) ? 0 : i))
      : index.filter((_, axis) => !rule.axes.includes(axis));
    yield { at, factor: reduceFactor(rule, shapeOf(inputs[0])) };
  },
};

function reduceFactor(rule, shape) {
  return rule.factor === "mean" ? 1 / product(rule.axes.map((axis) => shape[axis])) : 1;
}

// An index into what was broadcast, as an index into what it was before.
function fitted(index, shape) {
  return index.slice(index.length - shape.length).map((i, axis) => (shape[axis] === 1 ? 0 : i));
}

const SLOPES = {
  "+": () => [1, 1],
  "-": () => [1, -1],
  "*": (x, y) => [y, x],
  "/": (x, y) => [1 / y, -x / (y * y)],
};

const binary = {
  kind: () => "function",
  *from({ rule, inputs }, index) {
    const at = inputs.map((x) => fitted(index, shapeOf(x)));
    const [x, y] = inputs.map((one, i) => numberAt(one, at[i]));
    const slopes = x === undefined || y === undefined ? [undefined, undefined] : SLOPES[rule.op](x, y);
    for (const input of [0, 1]) yield { input, index: at[input], factor: slopes[input] };
  },
  *to({ rule, inputs, out }, input, index) {
    const shape = shapeOf(out);
    const mine = shapeOf(inputs[input]);
    const free = shape.map((n, axis) => {
      const own = axis - (shape.length - mine.length);
      return own < 0 || mine[own] === 1 ? n : 1; // repeated along this axis
    });
    for (const step of every(free)) {
      const at = step.map((i, axis) =>
        free[axis] > 1 ? i : (index[axis - (shape.length - mine.length)] ?? 0),
      );
      const [x, y] = inputs.map((one) => numberAt(one, fitted(at, shapeOf(one))));
      if (x === undefined || y === undefined) yield { at, factor: undefined };
      else yield { at, factor: SLOPES[rule.op](x, y)[input] };
    }
  },
};

const embedding = {
  kind: () => "moved",
  *from({ inputs }, index) {
    const row = numberAt(inputs[0], index.slice(0, -1));
    if (row !== undefined) yield { parameter: "W", index: [row, index.at(-1)], factor: null };
  },
};

const TRACE_RULES = {
  elementwise,
  affine,
  conv,
  pool,
  matmul,
  reshape: rearranged,
  transpose: rearranged,
  reduce,
  binary,
  embedding,
};
