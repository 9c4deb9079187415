// Opens everything, walks to the end and back, and looks at every node and at an element of each.
() => {
  layerwise.openAll(true);
  let steps = 0;
  for (layerwise.jump(0); layerwise.state.time < layerwise.walk.end; layerwise.step(1)) steps++;
  while (layerwise.state.time > 0) layerwise.step(-1);
  let nodes = 0;
  for (const time of [0, layerwise.walk.turn, layerwise.walk.end]) {
    layerwise.jump(Math.min(time, layerwise.walk.end));
    for (const id of layerwise.scene.things.keys()) {
      layerwise.choose(id);
      nodes++;
    }
    for (const value of layerwise.model.values.values()) {
      const tensor = value.value?.tensor;
      if (tensor?.numbers.length) layerwise.set({ pick: { value: value.id, index: tensor.indexAt(0) } });
    }
  }
  layerwise.openAll(false);
  return { steps, end: layerwise.stops.walk.end, nodes };
}
