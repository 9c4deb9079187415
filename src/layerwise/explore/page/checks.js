// The numeric check beside a gradient, on request: what backward says, and the centred difference.

import { html } from "./dom.js";
import { count, number } from "./numbers.js";
import { say } from "./texts.js";

export function checkSection(app, node, direction) {
  if (direction !== "backward" || !node.checks) return null;
  if ((app.walk.backwardAt.get(node.id) ?? Infinity) > app.state.time) return null;
  const open = app.state.check;
  const toggle = html(
    "button",
    {
      class: "toggle",
      "aria-expanded": String(open),
      "data-focus": "check",
      onclick: () => app.set({ check: !open }),
    },
    html("span", { class: "caret" }),
    say("check"),
    open ? null : verdict(node.checks),
  );
  if (!open) return html("section", { class: "check" }, toggle);
  const checks = Object.entries(node.checks);
  const failed = typeof node.checks.error === "string" ? node.checks.error : null;
  return html(
    "section",
    { class: "check" },
    toggle,
    html("p", { class: "quiet" }, say("checkSays")),
    failed
      ? html("p", {}, say("noCheck", failed))
      : checks.map(([name, one]) => table(app, node, name, one)),
  );
}

function verdict(checks) {
  const all = Object.values(checks).filter((one) => typeof one === "object");
  if (!all.length) return null;
  return mark(!all.some((one) => one.elements.some((element) => element[3])));
}

function mark(right) {
  return html(
    "span",
    { class: right ? "mark-right" : "mark-wrong" },
    right ? `✓ ${say("agrees")}` : `✗ ${say("wrong")}`,
  );
}

// The same without the word, for a narrow column: a title and a label say it.
function sign(right) {
  const word = say(right ? "agrees" : "wrong");
  return html(
    "span",
    { class: right ? "mark-right" : "mark-wrong", role: "img", title: word, "aria-label": word },
    right ? "✓" : "✗",
  );
}

// The name of what the gradient is for: an input by its number, a parameter by its name.
function nameOf(app, node, name) {
  return /^\d+$/.test(name) ? (node.names[Number(name)] ?? name) : name;
}

function table(app, node, name, { elements, worst, size, finding }) {
  if (!elements.length) return finding ? html("p", { class: "wrong" }, finding) : null;
  const target = nameOf(app, node, name);
  const head = ["element", "backwardSays", "numerically", "difference"].map((key) =>
    html("th", { scope: "col" }, say(key)),
  );
  const picked = pickedFor(app, node, name);
  const rows = elements.map((element) => checkRow(target, element, worst, picked));
  const share = say("checkedOf", count(elements.length), count(size));
  return html(
    "div",
    { class: "checked" },
    html(
      "table",
      {},
      html("caption", {}, `d${target} · ${share} · `, mark(!elements.some((element) => element[3]))),
      html("thead", {}, html("tr", {}, head, html("th", {}))),
      html("tbody", {}, rows),
    ),
    finding ? html("p", { class: "wrong" }, finding) : null,
  );
}

function pickedFor(app, node, name) {
  const pick = app.state.pick;
  return pick && /^\d+$/.test(name) && node.takes[Number(name)] === pick.value ? String(pick.index) : null;
}

function checkRow(target, [index, said, slope, wrong, kink], worst, picked) {
  const isWorst = index.length > 0 && worst && String(worst) === String(index);
  const off = Math.abs(Number(said) - Number(slope));
  const cell = index.length ? `${target}[${index.join(", ")}]` : target;
  return html(
    "tr",
    {
      class: [isWorst ? "worst" : "", wrong ? "wrong" : "", picked === String(index) ? "picked" : ""].join(
        " ",
      ),
    },
    html("th", { scope: "row" }, cell, isWorst ? html("small", {}, ` ${say("worst")}`) : null),
    html("td", {}, number(said, 8)),
    html("td", {}, number(slope, 8)),
    html("td", {}, Number.isFinite(off) ? number(off, 2) : "–"),
    html(
      "td",
      {},
      kink ? html("span", { title: kink.map((one) => number(one, 4)).join(" … ") }, say("kink")) : null,
      sign(!wrong),
    ),
  );
}
