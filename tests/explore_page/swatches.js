// Puts a row of squares into the corner, in the colours that mean something; returns their names.
() => {
  const { scene, model } = layerwise;
  const palette = model.record.palette;
  const ends = scene.dark ? palette.divergingDark : palette.diverging;
  const css = getComputedStyle(document.documentElement);
  const colors = { low: ends[0], high: ends.at(-1) };
  const names = ["ahead", "back", "alarm", "trace", "ink", "low", "high"];
  names.forEach((name, i) => {
    const square = document.createElement("i");
    const color = colors[name] ?? `var(--${name})`;
    const place = `position:fixed;z-index:99;top:0;left:${20 * i}px;width:20px;height:20px`;
    square.setAttribute("style", `${place};background:${color}`);
    document.body.append(square);
  });
  return names;
}
