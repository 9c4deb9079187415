// The walk: which steps there are, and what is known after each of them.
//
// Time 0 is before anything was computed. Then comes every forward, then the turn, where the output
// gets the gradient that backward starts from, then every backward; a failure is a step of its own.

import { summed } from "./data.js";

export class Walk {
  constructor(model) {
    this.model = model;
    const { forward, backward, failure } = model.record;
    const went = !failure || failure.direction === "backward";
    this.steps = [
      ...forward.map((id) => ({ kind: "forward", id })),
      ...(went ? [{ kind: "turn", id: null }] : []),
      ...backward.map((id) => ({ kind: "backward", id })),
      ...(failure ? [{ kind: "failure", id: failure.node }] : []),
    ];
    this.end = this.steps.length;
    this.turn = went ? forward.length + 1 : Infinity; // the time from which gradients are known
    this.forwardAt = new Map(forward.map((id, i) => [id, i + 1]));
    this.backwardAt = new Map(backward.map((id, i) => [id, this.turn + i + 1]));
    this.failed = failure;
    this.masked = new Set(); // gradients "node:input" that are asked for and not shown yet
    this.seeds = new Map();
    const outputs = [...model.nodes.values()].filter((node) => node.kind === "output");
    outputs.forEach((node, i) => this.seeds.set(node.takes[0], model.douts[i]));
  }

  // The step that has led to this time; null at the start.
  step(time) {
    return time > 0 ? this.steps[time - 1] : null;
  }

  direction(time) {
    const step = this.step(time);
    if (!step) return "forward";
    if (step.kind === "failure") return this.failed.direction;
    return step.kind === "turn" ? "backward" : step.kind;
  }

  // Whether a value has been computed by this time; inputs, constants and parameters always are.
  knows(value, time) {
    const source = this.model.nodes.get(value.from);
    if (source.kind !== "op") return true;
    return (this.forwardAt.get(source.id) ?? Infinity) <= time;
  }

  valueAt(value, time) {
    return this.knows(value, time) ? value.value : null;
  }

  // Where the gradient of a value comes from: a part for each use, done or still to come.
  parts(value) {
    const parts = [];
    if (this.seeds.has(value.id)) {
      parts.push({ node: null, from: "start", dx: this.seeds.get(value.id), at: this.turn });
    }
    for (const { node, input } of value.takers) {
      if (node.kind !== "op") continue;
      const at = this.backwardAt.get(node.id);
      const shown = this.masked.has(`${node.id}:${input}`) ? Infinity : at;
      if (at !== undefined && node.dxs[input]) parts.push({ node, input, dx: node.dxs[input], at: shown });
      else if (at === undefined && this.failed && this.mayStillCome(node)) {
        parts.push({ node, input, dx: null, at: Infinity });
      }
    }
    return parts.sort((a, b) => a.at - b.at); // in the order in which they come back
  }

  // Whether the gradient of a value is a sum: of what comes back from several uses.
  isSum(value) {
    return this.parts(value).length > 1;
  }

  // Whether nothing will come back to a value that has had nothing: all who took it have run.
  isOver(value, time) {
    if (time >= this.end) return !this.failed;
    const times = value.takers.map(({ node }) => this.backwardAt.get(node.id) ?? Infinity);
    return times.length > 0 && times.every((at) => at <= time);
  }

  // After a failure nothing more comes, but what has not come is no 0 either.
  mayStillCome(node) {
    return this.failed.direction === "backward" && this.forwardAt.has(node.id);
  }

  // The gradient of a value at a time: {state, grad, parts, done}.
  //   "waiting"  not computed yet      "partial"  some of its parts have come back
  //   "done"     all of it             "none"     there is none, and there will be none
  gradientAt(value, time) {
    const parts = this.parts(value);
    const done = parts.filter((part) => part.at <= time);
    if (!parts.length) {
      return { state: this.isOver(value, time) ? "none" : "waiting", grad: null, parts, done };
    }
    if (!done.length) return { state: "waiting", grad: null, parts, done };
    if (done.length < parts.length) return { state: "partial", grad: total(done), parts, done };
    const grad = this.model.nodes.get(value.from).kind === "constant" ? total(done) : value.grad;
    return { state: "done", grad: grad || total(done), parts, done };
  }
}

// The sum of some parts: of numbers, or of arrays as far as they are shown.
export function total(parts) {
  const some = parts.map((part) => part.dx).filter((dx) => dx);
  if (!some.length) return null;
  if (some.length === 1) return some[0];
  if (some.every((dx) => dx.kind === "number")) {
    return { kind: "number", number: some.reduce((sum, dx) => sum + dx.number, 0) };
  }
  if (some.every((dx) => dx.kind === "tensor")) {
    return { kind: "tensor", tensor: summed(some.map((dx) => dx.tensor)), partly: true };
  }
  return some[0];
}

// The walk as it is seen where some nested graphs are folded: they are one step each.
export class Stops {
  constructor(walk, shown) {
    this.walk = walk;
    this.shown = shown; // from the id of a node to that of the thing it is seen as
    this.times = [0];
    for (let time = 1; time <= walk.end; time++) {
      const here = this.thing(time);
      if (here === null || here !== this.thing(time + 1) || this.kind(time) !== this.kind(time + 1)) {
        this.times.push(time);
      }
    }
  }

  kind(time) {
    return this.walk.step(time)?.kind;
  }

  // The thing in the picture that the step belongs to; null at the start, at the turn and behind the end.
  thing(time) {
    const step = time <= this.walk.end ? this.walk.step(time) : null;
    return step?.id ? this.shown(step.id) : null;
  }

  next(time) {
    return this.times.find((one) => one > time) ?? this.walk.end;
  }

  previous(time) {
    return this.times.filter((one) => one < time).pop() ?? 0;
  }
}
