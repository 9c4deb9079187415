// Which nested graphs are open: the layouts that there are, and the one that is nearest to a wish.

export class Folding {
  constructor(model) {
    this.model = model;
    this.layouts = model.record.layouts.map((layout) => ({ ...layout, open: new Set(layout.open) }));
    this.current = this.layouts[0];
  }

  get foldable() {
    return this.model.frames.size > 0;
  }

  // Take the layout whose opened graphs are these, or nearly these; `sure` must be as wished.
  choose(open, sure = null) {
    const wanted = new Set(open);
    const fits = this.layouts.filter((one) => sure === null || one.open.has(sure) === wanted.has(sure));
    const from = fits.length ? fits : this.layouts;
    this.current = from.reduce((best, one) =>
      distance(one.open, wanted) < distance(best.open, wanted) ? one : best,
    );
    return this.current;
  }

  toggled(id) {
    const open = new Set(this.current.open);
    const frame = this.model.frames.get(id);
    if (open.has(id)) {
      for (const other of this.model.frames.values()) {
        if (other.id === id || other.path.includes(id)) open.delete(other.id);
      }
    } else {
      for (const one of [...frame.path, id]) open.add(one);
    }
    return open;
  }

  // The thing in the picture as which a node is seen: itself, or the folded graph that it is in.
  seenAs = (id) => {
    const node = this.model.node(id);
    return node.path.find((frame) => !this.current.open.has(frame)) ?? id;
  };

  // The opened graphs that are needed to see a node.
  toSee(id) {
    return [...this.current.open, ...this.model.node(id).path];
  }
}

function distance(one, other) {
  let count = 0;
  for (const id of one) if (!other.has(id)) count++;
  for (const id of other) if (!one.has(id)) count++;
  return count;
}

// What the folded graph or the layer in the picture takes and gives, and which steps belong to it.
export function membersOf(model, thingId) {
  if (!model.frames.has(thingId)) return [model.nodes.get(thingId)];
  return [...model.nodes.values()].filter((node) => node.path.includes(thingId));
}

// The values that go into a folded graph from outside, and those that leave it.
export function boundary(model, thingId) {
  const inside = new Set(membersOf(model, thingId).map((node) => node.id));
  const takes = [];
  const gives = [];
  for (const value of model.values.values()) {
    const fromInside = inside.has(value.from);
    const takers = value.takers.map((taker) => taker.node.id);
    if (!fromInside && takers.some((id) => inside.has(id))) takes.push(value);
    if (fromInside && takers.some((id) => !inside.has(id))) gives.push(value);
  }
  return { takes, gives };
}
