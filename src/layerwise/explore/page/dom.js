// Makes elements: html("div", {class: "x"}, "text", child) and svg("path", {d: "..."}).
// Texts always become text nodes, so that nothing in a name or a value is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

export function html(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

export function replaceChildren(element, ...children) {
  element.replaceChildren(...present(children));
}

// Children without those that are left out: null, undefined, false.
function present(children) {
  return children.flat(3).filter((child) => child !== null && child !== undefined && child !== false);
}

export function byId(id) {
  return document.getElementById(id);
}
