// The texts beside the arrows, by the name of the value: ["100", "2.2"], empty where nothing is.
() => {
  const found = {};
  for (const value of layerwise.model.values.values()) {
    const text = (side) =>
      document.querySelector(`[data-label="${value.id}.${side}"] .number`)?.textContent ?? "";
    found[value.name] = [text("value"), text("grad")];
  }
  return found;
}
