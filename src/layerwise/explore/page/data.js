// The record that Python wrote, with its numbers unpacked: nodes, values, arrays.

const KINDS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array };

// An array, or the part of it that is shown. `axes` holds the shown indices of each axis, null: all.
export class Tensor {
  constructor(entry, numbers) {
    this.shape = entry.shape;
    this.dtype = entry.dtype;
    this.axes = entry.axes || entry.shape.map(() => null);
    this.sizes = this.shape.map((n, axis) => (this.axes[axis] ? this.axes[axis].length : n));
    this.strides = stridesOf(this.sizes);
    this.numbers = numbers;
    this.said = entry;
  }

  get size() {
    return product(this.shape);
  }

  get whole() {
    return this.axes.every((one) => one === null);
  }

  // The number at an index into the whole array; undefined where it is not among those shown.
  at(index) {
    let place = 0;
    for (let axis = 0; axis < this.shape.length; axis++) {
      const i = this.placeOf(axis, index[axis]);
      if (i < 0) return undefined;
      place += i * this.strides[axis];
    }
    return this.numbers[place];
  }

  placeOf(axis, i) {
    return this.axes[axis] ? this.axes[axis].indexOf(i) : i < this.shape[axis] ? i : -1;
  }

  indexOf(axis, place) {
    return this.axes[axis] ? this.axes[axis][place] : place;
  }

  // The index into the whole array of the number at a place among those shown.
  indexAt(place) {
    return this.sizes.map((n, axis) => this.indexOf(axis, Math.floor(place / this.strides[axis]) % n));
  }
}

export function stridesOf(sizes) {
  const strides = new Array(sizes.length);
  let step = 1;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= sizes[axis];
  }
  return strides;
}

export function product(sizes) {
  return sizes.reduce((a, b) => a * b, 1);
}

// The sum of tensors of one shape, as far as they are shown; statistics are those of what is shown.
export function summed(tensors) {
  const first = tensors[0];
  const numbers = Float64Array.from(first.numbers);
  for (const other of tensors.slice(1)) {
    for (let i = 0; i < numbers.length; i++) numbers[i] += other.numbers[i];
  }
  return new Tensor({ ...first.said, ...statistics(numbers), axes: first.said.axes }, numbers);
}

export function statistics(numbers) {
  const finite = Array.from(numbers).filter(Number.isFinite);
  const said = { nan: 0, inf: 0, zeros: 0, mean: undefined, bins: undefined };
  for (const x of numbers) {
    if (Number.isNaN(x)) said.nan++;
    else if (!Number.isFinite(x)) said.inf++;
    else if (x === 0) said.zeros++;
  }
  if (!finite.length) return said;
  const mean = finite.reduce((a, b) => a + b, 0) / finite.length;
  const spread = Math.sqrt(finite.reduce((a, b) => a + (b - mean) ** 2, 0) / finite.length);
  return { ...said, mean, std: spread, low: least(finite), high: greatest(finite) };
}

function least(list) {
  return list.reduce((a, b) => Math.min(a, b), Infinity);
}

function greatest(list) {
  return list.reduce((a, b) => Math.max(a, b), -Infinity);
}

// A reference in the record as what it stands for: null, a number, a Tensor, or words.
//   {kind: "number", number}   {kind: "tensor", tensor}   {kind: "words", words}
export function unpacked(record) {
  const bytes = Uint8Array.from(atob(record.block), (c) => c.charCodeAt(0));
  const made = new Map();
  const tensor = (i) => {
    if (!made.has(i)) {
      const entry = record.arrays[i];
      const sizes = entry.shape.map((n, axis) =>
        entry.axes && entry.axes[axis] ? entry.axes[axis].length : n,
      );
      made.set(i, new Tensor(entry, new KINDS[entry.kind](bytes.buffer, entry.at, product(sizes))));
    }
    return made.get(i);
  };
  const value = (reference) => {
    if (reference === null || reference === undefined) return null;
    if ("number" in reference) return { kind: "number", number: numberFrom(reference.number) };
    if ("array" in reference) return { kind: "tensor", tensor: tensor(reference.array) };
    if ("several" in reference) return { kind: "several", parts: reference.several.map(value) };
    return { kind: "words", words: reference.words };
  };
  return value;
}

// JSON has no NaN and no infinity: they come as text, as do whole numbers too large for JavaScript.
export function numberFrom(said) {
  if (said === "NaN") return NaN;
  if (said === "Infinity") return Infinity;
  if (said === "-Infinity") return -Infinity;
  return said;
}

// The record as the page uses it: references unpacked, nodes and values by their ids.
export class Model {
  constructor(record) {
    this.record = record;
    const value = unpacked(record);
    this.nodes = new Map();
    this.values = new Map();
    this.frames = new Map(record.frames.map((frame) => [frame.id, { ...frame, isFrame: true }]));
    for (const one of record.nodes) this.nodes.set(one.id, unpackedNode(one, value));
    for (const one of record.values) {
      this.values.set(one.id, { ...one, value: value(one.value), grad: value(one.grad), takers: [] });
    }
    for (const node of this.nodes.values()) {
      node.takes.forEach((id, input) => this.values.get(id).takers.push({ node, input }));
    }
    this.douts = record.douts.map(value);
    this.classes = record.classes;
  }

  node(id) {
    return this.nodes.get(id) || this.frames.get(id);
  }

  classOf(node) {
    return this.classes[node.class];
  }

  // Every number is a single one: such a graph can be computed anew in the page.
  get isScalar() {
    const single = (one) => one === null || one.kind === "number";
    return [...this.values.values()].every((v) => single(v.value) && single(v.grad));
  }
}

function unpackedNode(node, value) {
  if (node.kind !== "op") return { ...node };
  return {
    ...node,
    dxs: node.dxs.map(value),
    slopes: node.slopes.map(value),
    parameters: node.parameters.map((p) => ({ name: p.name, value: value(p.value), grad: value(p.grad) })),
  };
}
