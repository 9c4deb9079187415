// The numeric check beside a gradient, on request: what backward says, and the centred difference.

import { html } from "./dom.js";
import { count, number } from "./numbers.js";
import { say } from "./texts.js";

const ROWS_SHOWN = 12; // of the elements that were compared

export function checkSection(app, node, direction) {
  if (direction !== "backward" || !node.checks) return null;
  if ((app.walk.backwardAt.get(node.id) ?? Infinity) > app.state.time) return null;
  if (node.takes?.some((_, i) => app.walk.masked.has(`${node.id}:${i}`))) return null; // no peeking
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
  const failed = typeof node.checks.error === "string" ? node.checks.error : null;
  return html(
    "section",
    { class: "check" },
    toggle,
    html("p", { class: "quiet" }, say("checkSays")),
    failed
      ? html("p", {}, say("noCheck", reason(failed)))
      : Object.entries(node.checks).map(([name, one]) => table(app, node, name, one)),
  );
}

// Whether any of a layer's gradients was found wrong.
export function isWrong(checks) {
  return Object.values(checks).some((one) => one.finding || one.elements?.some((element) => element[3]));
}

// What the checks of one gradient, or of several, say together.
function verdict(checks) {
  const all = Object.values(checks);
  if (!all.length) return null;
  if (isWrong(checks)) return mark("wrong");
  return mark(all.every((one) => one.elements?.length) ? "agrees" : "unchecked");
}

const SIGNS = { agrees: "✓", wrong: "✗", unchecked: "–" };
const CLASSES_OF = { agrees: "mark-right", wrong: "mark-wrong", unchecked: "quiet" };

function mark(word) {
  return html("span", { class: CLASSES_OF[word] }, `${SIGNS[word]} ${say(word)}`);
}

// The same without the word, for a narrow column: a title and a label say it.
function sign(word) {
  const label = say(word);
  return html(
    "span",
    { class: CLASSES_OF[word], role: "img", title: label, "aria-label": label },
    SIGNS[word],
  );
}

function reason(failed) {
  if (failed === "not finite") return say("notFinite");
  return failed === "not repeatable" ? say("notRepeatable") : failed;
}

// The name of what the gradient is for: an input by its number, a parameter by its name.
function nameOf(app, node, name) {
  return inputAt(name) === null ? name : (node.names[inputAt(name)] ?? name);
}

function inputAt(name) {
  return /^\d+$/.test(name) ? Number(name) : null;
}

function table(app, node, name, one) {
  const { elements, worst, size, finding } = one;
  const target = nameOf(app, node, name);
  if (!elements.length)
    return html(
      "p",
      { class: finding ? "wrong" : null },
      finding || `d${target}: ${say("noCheck", say("notFinite"))}`,
    );
  const head = ["element", "backwardSays", "numerically", "difference"].map((key) =>
    html("th", { scope: "col" }, say(key)),
  );
  const value = inputAt(name) === null ? null : node.takes[inputAt(name)];
  const pick = app.state.pick?.value === value ? app.state.pick.index : null;
  const follow = (index) => (value && index.length ? () => app.set({ pick: { value, index } }) : null);
  const rows = shownOf(one, pick).map((element) =>
    checkRow(target, element, worst, pick, follow(element[0])),
  );
  const share = say("checkedOf", count(elements.length), count(size));
  return html(
    "div",
    { class: "checked" },
    html(
      "table",
      {},
      html("caption", {}, `d${target} · ${share} · `, verdict({ one })),
      html("thead", {}, html("tr", {}, head, html("th", { scope: "col" }, unseen("verdict")))),
      html("tbody", {}, rows),
    ),
    elements.length > rows.length
      ? html("p", { class: "quiet" }, say("moreCompared", count(elements.length - rows.length)))
      : null,
    pick && !elements.some(([index]) => same(index, pick))
      ? html("p", { class: "quiet" }, say("notCompared", `${target}[${pick.join(", ")}]`))
      : null,
    finding ? html("p", { class: "wrong" }, finding) : null,
  );
}

function unseen(key) {
  return html("span", { class: "unseen" }, say(key));
}

function same(one, other) {
  return other !== null && String(one) === String(other);
}

// The picked element first, then the worst, and some of the others in their order.
function shownOf({ elements, worst }, pick) {
  const first = [pick, worst].flatMap((index) => elements.filter((one) => same(one[0], index)));
  const rest = elements.filter((one) => !first.includes(one));
  return [...new Set(first), ...rest].slice(0, ROWS_SHOWN);
}

function checkRow(target, [index, said, slope, wrong, kink], worst, pick, follow) {
  const isWorst = index.length > 0 && same(index, worst);
  const off = Math.abs(Number(said) - Number(slope));
  const cell = index.length ? `${target}[${index.join(", ")}]` : target;
  const kinds = [isWorst ? "worst" : "", wrong ? "wrong" : "", same(index, pick) ? "picked" : ""];
  const focus = `check:${target}:${index}`;
  return html(
    "tr",
    { class: kinds.join(" ") },
    html(
      "th",
      { scope: "row" },
      follow ? html("button", { class: "link", "data-focus": focus, onclick: follow }, cell) : cell,
      isWorst ? html("small", {}, ` ${say("worst")}`) : null,
    ),
    html("td", {}, number(said, 8)),
    html("td", {}, number(slope, 8)),
    html("td", {}, Number.isFinite(off) ? number(off, 2) : "–"),
    html(
      "td",
      {},
      kink ? html("span", { title: kink.map((one) => number(one, 4)).join(" … ") }, say("kink")) : null,
      sign(wrong ? "wrong" : "agrees"),
    ),
  );
}
