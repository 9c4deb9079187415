// How much each kind of text stands out from the paper: contrast ratios by class.
() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = (color) => {
    const [r, g, b] = rgb(color).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const isText = (one) =>
    [...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()) &&
    !one.disabled &&
    !one.closest(".gutter, option, title");
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const found = {};
  for (const one of document.querySelectorAll("#panel *, #top *, #transport *, .scene *")) {
    if (!isText(one)) continue;
    const style = getComputedStyle(one);
    const ink = light(one instanceof SVGElement ? style.fill : style.color);
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    found[one.getAttribute("class") || one.tagName] = ratio;
  }
  return found;
}
