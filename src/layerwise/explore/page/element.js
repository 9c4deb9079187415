// One element of a tensor followed: what it was made of, and what its gradient was made of.

import { html } from "./dom.js";
import { MOST } from "./marks.js";
import { number } from "./numbers.js";
import { say } from "./texts.js";
import { gradientMadeOf, madeOf, numberAt } from "./trace.js";

const SHOWN = 6; // terms of a sum, the largest

export function elementSection(app, node) {
  const pick = app.state.pick;
  const title = html("h3", {}, say("picked"));
  const mine = [...node.takes, ...(node.gives ?? [])];
  if (!pick) {
    const tensors = mine.some((id) => app.model.values.get(id).value?.kind === "tensor");
    return tensors
      ? html("section", { class: "element hint" }, html("p", { class: "quiet" }, say("pickHint")))
      : null;
  }
  const value = app.model.values.get(pick.value);
  return html(
    "section",
    { class: "element" },
    html(
      "div",
      { class: "element-head" },
      title,
      html(
        "button",
        {
          class: "plain",
          "data-focus": "unpick",
          "aria-label": say("close"),
          onclick: () => app.set({ pick: null }),
        },
        "×",
      ),
    ),
    summary(app, value, pick.index),
    originOf(app, value, pick.index),
    gradientOf(app, value, pick.index),
    tooMany(app),
  );
}

// Where following the element ended, because it has to do with too many others.
function tooMany(app) {
  const names = [...app.marks]
    .filter(([, indices]) => indices === null)
    .map(([id]) => app.model.values.get(id).name);
  if (!names.length) return null;
  return html("p", { class: "quiet" }, say("tooMany", names.join(", "), MOST));
}

function summary(app, value, index) {
  const x = numberAt(app.walk.valueAt(value, app.state.time), index);
  const d = numberAt(app.walk.gradientAt(value, app.state.time).grad, index);
  return html(
    "div",
    { class: "element-sum" },
    html("code", {}, `${value.name}[${index.join(", ")}]`),
    html("span", { class: "ahead" }, x === undefined ? html("span", { class: "ring" }) : `= ${number(x)}`),
    html(
      "span",
      { class: "back" },
      say("gradient"),
      " ",
      d === undefined ? html("span", { class: "ring" }) : number(d),
    ),
  );
}

// What it was made of, in the layer that gave it.
function originOf(app, value, index) {
  const node = app.model.nodes.get(value.from);
  if (node.kind !== "op" || !app.walk.knows(value, app.state.time)) return null;
  const made = madeOf(app.model, node, index);
  if (!made || !made.terms.length) return html("p", { class: "quiet" }, say("noTrace"));
  const inputs = node.takes.map((id) => app.model.values.get(id));
  const label = (term) =>
    term.parameter
      ? `${term.parameter}[${term.index.join(", ")}]`
      : `${inputs[term.input].name}[${term.index.join(", ")}]`;
  const follow = (term) => (term.parameter ? null : () => app.follow(inputs[term.input].id, term.index));
  if (made.kind !== "sum") {
    const lines = made.terms.filter((term) => made.kind !== "largest" || term.factor !== 0);
    return html(
      "div",
      { class: "made" },
      html("h4", {}, `${say("comesFrom")} · ${node.name}`),
      lines.map((term) => line(label(term), number(term.x ?? NaN), follow(term), term.x === undefined)),
    );
  }
  return html(
    "div",
    { class: "made" },
    html("h4", {}, `${say("comesFrom")} · ${node.name}`),
    sum(made.terms, numberAt(value.value, index), label, follow, inputs),
  );
}

function gradientOf(app, value, index) {
  const gradient = app.walk.gradientAt(value, app.state.time);
  const parts = gradient.done.filter((part) => part.node);
  if (!parts.length) return null;
  return parts.map((part) => {
    const made = gradientMadeOf(app.model, part.node, part.input, index);
    const out = app.model.values.get(part.node.gives[0]);
    if (!made || !made.terms.length)
      return html("p", { class: "quiet" }, `${part.node.name}: ${say("noTrace")}`);
    const label = (term) => `d${out.name}[${term.index.join(", ")}]`;
    const follow = (term) => () => app.follow(out.id, term.index);
    const terms = made.terms.map((term) => ({ ...term, x: term.d }));
    return html(
      "div",
      { class: "made back" },
      html("h4", {}, `${say("gradientFrom")} · ${part.node.name}`),
      sum(terms, numberAt(part.dx, index), label, follow),
    );
  });
}

// The largest terms of a sum, what the others make together, and the sum itself.
function sum(terms, whole, label, follow) {
  const known = terms.filter((term) => term.product !== undefined);
  const hidden = terms.length - known.length;
  const ordered = [...known].sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const shown = ordered.slice(0, SHOWN);
  const rest = ordered.slice(SHOWN);
  const restSum = rest.reduce((total, term) => total + term.product, 0);
  return html(
    "table",
    { class: "sum" },
    html(
      "tbody",
      {},
      shown.map((term) => termRow(term, label, follow)),
      rest.length
        ? html(
            "tr",
            { class: "quiet" },
            html("td", { colspan: 3 }, say("andMore", rest.length)),
            html("td", {}, number(restSum)),
          )
        : null,
      hidden ? html("tr", { class: "quiet" }, html("td", { colspan: 4 }, say("notShown", hidden))) : null,
    ),
    html(
      "tfoot",
      {},
      html(
        "tr",
        {},
        html("td", { colspan: 3 }, say("sum")),
        html("td", {}, whole === undefined ? "" : number(whole)),
      ),
    ),
  );
}

function termRow(term, label, follow) {
  const press = follow(term);
  const name = press ? html("button", { class: "link", onclick: press }, label(term)) : label(term);
  const factor = term.factor === null || term.factor === undefined ? "" : `${number(term.factor, 5)} ×`;
  return html(
    "tr",
    {},
    html("td", { class: "factor" }, factor),
    html("td", {}, name),
    html("td", { class: "x" }, number(term.x, 5)),
    html("td", {}, number(term.product)),
  );
}

function line(name, x, press, missing) {
  return html(
    "div",
    { class: "line" },
    press ? html("button", { class: "link", onclick: press }, name) : html("span", {}, name),
    html("span", {}, missing ? "" : `= ${x}`),
  );
}
