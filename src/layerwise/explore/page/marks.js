// The picked element through the whole graph: which elements it depends on, and which on it.

import { gradientMadeOf, madeOf } from "./trace.js";

const MOST = 300; // elements of one value; more than that is all of it, and says nothing

// A map from the id of a value to the indices in it that belong to the picked element.
export function marksOf(model, pick) {
  const marks = new Map();
  if (!pick) return marks;
  spread(marks, pick, (id, index) => upstream(model, id, index));
  spread(marks, pick, (id, index) => downstream(model, id, index));
  marks.delete(pick.value);
  return marks;
}

function spread(marks, pick, neighbours) {
  const found = new Map([[pick.value, new Map([[String(pick.index), pick.index]])]]);
  const queue = [pick.value];
  while (queue.length) {
    const id = queue.shift();
    for (const index of found.get(id).values()) {
      for (const [other, at] of neighbours(id, index)) {
        if (!found.has(other)) {
          found.set(other, new Map());
          queue.push(other);
        }
        if (found.get(other).size <= MOST) found.get(other).set(String(at), at);
      }
    }
    for (const [other, indices] of found) if (indices.size > MOST) indices.clear();
  }
  for (const [id, indices] of found) {
    marks.set(id, [...(marks.get(id) ?? []), ...indices.values()]);
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
