// The current view as a file or on paper: the picture with its colours written into it.

const KEPT = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linecap",
  "opacity",
  "font-size",
  "font-weight",
  "font-family",
  "text-anchor",
  "display",
  "visibility",
  "image-rendering",
];

// Characters of names that no XML file may hold.
const NOT_IN_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

// The picture as SVG text that needs no style sheet; what moves is shown as it is at rest.
export function svgText(scene) {
  for (const moving of scene.getAnimations({ subtree: true })) moving.finish();
  const copy = scene.cloneNode(true);
  const originals = [scene, ...scene.querySelectorAll("*")];
  const copies = [copy, ...copy.querySelectorAll("*")];
  originals.forEach((original, i) => {
    const style = getComputedStyle(original);
    if (style.display === "none") copies[i].setAttribute("display", "none");
    for (const name of KEPT) {
      const value = style.getPropertyValue(name);
      if (value) copies[i].style.setProperty(name, value);
    }
    for (const name of ["tabindex", "role", "class", "data-key"]) copies[i].removeAttribute(name);
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.style.setProperty("background", getComputedStyle(document.body).backgroundColor);
  return new XMLSerializer().serializeToString(copy).replace(NOT_IN_XML, "\ufffd");
}

export function saveSvg(app) {
  const text = app.svgText();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  link.download = `${fileName(app.model.record.title)}-${app.state.time}.svg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 5000);
}

function fileName(title) {
  return title.replace(/[^\p{L}\p{N}_-]+/gu, "-").slice(0, 60) || "graph";
}

// On paper everything is light, and cells have sharp edges, which printers would blur.
export function printable(app) {
  window.addEventListener("beforeprint", () => {
    app.printing = true;
    app.themeChanged();
    for (const canvas of document.querySelectorAll("canvas")) enlarge(canvas);
  });
  window.addEventListener("afterprint", () => {
    app.printing = false;
    app.themeChanged();
  });
}

function enlarge(canvas) {
  const times = Math.floor((3 * canvas.clientWidth) / canvas.width);
  if (times < 2) return;
  const small = canvas.cloneNode();
  small.getContext("2d").drawImage(canvas, 0, 0);
  canvas.width *= times;
  canvas.height *= times;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}
