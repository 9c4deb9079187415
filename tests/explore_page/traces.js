// Follows every element of every layer with a rule, and adds up what it is made of.
// For each node: how many elements, and the largest error forward and backward.
(record) => {
  const { Model, gradientMadeOf, madeOf, numberAt } = window.tested;
  const model = new Model(record);
  const indices = (what) => {
    if (what.kind === "number") return [[]];
    return Array.from(what.tensor.numbers, (_, place) => what.tensor.indexAt(place));
  };
  const total = (made) => made.terms.reduce((sum, term) => sum + term.product, 0);
  const off = (a, b) => Math.abs(a - b) / Math.max(1e-3, Math.abs(a), Math.abs(b));
  const found = {};
  for (const node of model.nodes.values()) {
    if (!node.rule) continue;
    const out = model.values.get(node.gives[0]);
    const one = { rule: node.rule.rule, count: 0, forward: 0, backward: 0 };
    for (const index of indices(out.value)) {
      const made = madeOf(model, node, index);
      if (made.kind !== "sum" && made.kind !== "moved" && made.kind !== "largest") continue;
      one.forward = Math.max(one.forward, off(total(made), numberAt(out.value, index)));
      one.count++;
    }
    node.takes.forEach((id, input) => {
      if (!node.dxs[input]) return;
      for (const index of indices(model.values.get(id).value)) {
        const made = gradientMadeOf(model, node, input, index);
        if (!made) continue;
        one.backward = Math.max(one.backward, off(total(made), numberAt(node.dxs[input], index)));
        one.count++;
      }
    });
    found[node.id] = one;
  }
  return found;
}
