// The picked element through the whole graph: which elements it depends on, and which on it.

import { gradientMadeOf, madeOf } from "./trace.js";

export const MOST = 300; // elements of one value; more than that is all of it, and says nothing

// A map from the id of a value to the indices in it that belong to the picked element; null: more
// than MOST, which are not followed further.
export function marksOf(model, pick) {
  const marks = new Map();
  if (!pick) return marks;
  const order = inOrder(model);
  spread(marks, pick, [...order].reverse(), (id, index) => upstream(model, id, index));
  spread(marks, pick, order, (id, index) => downstream(model, id, index));
  marks.delete(pick.value);
  return marks;
}

// The values as they were computed: all that a value is made of stands before it.
function inOrder(model) {
  const at = new Map(model.record.forward.map((id, i) => [id, i]));
  const place = (id) => at.get(model.values.get(id).from) ?? -1;
  return [...model.values.keys()].sort((a, b) => place(a) - place(b));
}

// Each value is left when everything has come to it, by whatever ways.
function spread(marks, pick, order, neighbours) {
  const found = new Map(order.map((id) => [id, new Map()]));
  found.get(pick.value).set(String(pick.index), pick.index);
  for (const id of order) {
    const indices = [...found.get(id).values()];
    if (!indices.length) continue;
    marks.set(id, indices.length > MOST ? null : indices);
    if (indices.length > MOST) continue;
    for (const index of indices) {
      for (const [other, at] of neighbours(id, index)) {
        const those = found.get(other);
        if (those.size <= MOST) those.set(String(at), at);
      }
    }
  }
}

function upstream(model, id, index) {
  const node = model.nodes.get(model.values.get(id).from);
  const made = node.kind === "op" ? madeOf(model, node, index) : null;
  if (!made) return [];
  const terms = made.terms.filter((term) => term.input !== undefined && term.factor !== 0);
  return terms.slice(0, MOST + 1).map((term) => [node.takes[term.input], term.index]);
}

function downstream(model, id, index) {
  const found = [];
  for (const { node, input } of model.values.get(id).takers) {
    const made = node.kind === "op" ? gradientMadeOf(model, node, input, index) : null;
    if (!made) continue;
    found.push(
      ...made.terms
        .filter((term) => term.factor !== 0)
        .slice(0, MOST + 1)
        .map((term) => [node.gives[0], term.index]),
    );
  }
  return found;
}
