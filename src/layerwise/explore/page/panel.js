// The panel beside the picture: what happens at one step, in formula, code and numbers.

import { codeBlock, formula } from "./code.js";
import { html, replaceChildren } from "./dom.js";
import { boundary, membersOf } from "./folding.js";
import { checkSection } from "./checks.js";
import { backTitle, chainRule, equation } from "./chain.js";
import { elementSection } from "./element.js";
import { count } from "./numbers.js";
import { styleOf } from "./scene.js";
import { card } from "./tensor.js";
import { say } from "./texts.js";
import { total } from "./walk.js";

// Where the panel is small, numbers come before the source.
export const NARROW = matchMedia("(max-width: 760px)");

export function drawPanel(panel, app) {
  const subject = app.subject();
  const kept = focusIn(panel);
  replaceChildren(panel, subject ? subjectSections(app, subject) : stepSections(app));
  if (kept) panel.querySelector(`[data-focus="${CSS.escape(kept)}"]`)?.focus({ preventScroll: true });
}

function focusIn(panel) {
  const active = document.activeElement;
  return panel.contains(active) ? active.dataset.focus : null;
}

// steps without a node: the start and the turn ----------------------------------------------------

function stepSections(app) {
  const atStart = app.state.time === 0;
  const outputs = [...app.walk.seeds.entries()].map(([id, dx]) => ({
    value: app.model.values.get(id),
    dx,
  }));
  return [
    header(app, atStart ? say("start") : say("turn"), app.model.record.graph, atStart ? "ahead" : "back"),
    html("p", { class: "lead-text" }, atStart ? say("startSays") : `${beginning(outputs)} ${say("turnSays")}`),
    atStart
      ? inputCards(app)
      : section(
          say("gradient"),
          outputs.map(({ value, dx }) => valueCard(app, value, "grad", { what: dx })),
        ),
    atStart ? null : html("p", { class: "quiet" }, say("gradientSays")),
  ];
}

// What is differentiated: one number, the sum of all outputs, or something behind them.
function beginning(outputs) {
  const some = outputs.filter(({ dx }) => dx);
  if (!some.every(({ dx }) => isOnes(dx))) return say("turnGiven");
  const [first] = some;
  const alone = some.length === 1 && first.dx.kind === "number";
  return alone ? say("turnByItself", first.value.name) : say("turnOfSum");
}

function isOnes(dx) {
  if (dx.kind === "number") return Number(dx.number) === 1;
  const { low, high, nan, inf } = dx.tensor?.said ?? {};
  return low === 1 && high === 1 && !nan && !inf;
}

function inputCards(app) {
  const inputs = [...app.model.nodes.values()].filter((node) => node.kind === "input");
  if (app.play.possible) return null;
  return section(
    say("inputs"),
    inputs.map((node) => valueCard(app, app.model.values.get(node.gives[0]), "value")),
  );
}

// nodes -------------------------------------------------------------------------------------------

function subjectSections(app, { id, direction, pinned }) {
  const node = app.model.node(id) || app.model.nodes.get(id);
  const tone = direction === "forward" ? "ahead" : "back";
  const head = header(app, titleOf(node), nodePath(app, node), tone, pinned ? { id, direction } : null);
  const failed = app.walk.failed && app.walk.failed.node === id ? failure(app, node) : null;
  if (node.kind && node.kind !== "op") return [head, plainNode(app, node), elementSection(app, node)];
  const about = words(app, node, direction);
  const flow = node.isFrame
    ? folded(app, node, direction)
    : direction === "forward"
      ? ahead(app, node)
      : back(app, node);
  const element = node.isFrame ? null : elementSection(app, node);
  const check = checkSection(app, node, direction);
  const code = source(app, node, direction);
  if (NARROW.matches) return [head, failed, about, ...(app.state.pick ? [element, flow] : [flow, element]), code, check];
  return app.state.pick
    ? [head, failed, about, code, element, flow, check]
    : [head, failed, about, code, flow, element, check];
}

function header(app, title, path, tone, pinned = null) {
  const where = pinned ? say(pinned.direction) : app.position();
  return html(
    "div",
    { class: `head ${tone}` },
    where === title ? null : html("div", { class: "badge" }, html("span", { class: "dot" }), where),
    html("h2", { class: where === title ? "plain-title" : null }, title),
    path ? html("div", { class: "path" }, path) : null,
    pinned
      ? html(
          "div",
          { class: "pinned" },
          html("button", { "data-focus": "go", onclick: () => app.goTo(pinned.id) }, say("goThere")),
          html("button", { "data-focus": "follow", onclick: () => app.set({ node: null }) }, say("follow")),
        )
      : null,
  );
}

function titleOf(node) {
  return node.call || node.name;
}

function nodePath(app, node) {
  const names = node.path.map((id) => app.model.frames.get(id).name);
  const kind = {
    input: "kindInput",
    parameter: "kindParameter",
    constant: "kindConstant",
    output: "kindOutput",
  }[node.kind];
  const own = kind ? say(kind) : node.name;
  return (
    [...names, own].join(" › ") +
    (node.isFrame ? ` · ${say("parameterCount", count(node.parameters))}` : "")
  );
}

function plainNode(app, node) {
  const value = app.model.values.get(node.gives[0] ?? node.takes[0]);
  const gradient = app.walk.gradientAt(value, app.state.time);
  return [
    section("", [valueCard(app, value, "value")]),
    gradient.parts.length > 1
      ? fanOut(app, value, gradient)
      : section("", [gradientCard(app, value, gradient)]),
  ];
}

function failure(app, node) {
  const { said, kind, direction } = app.walk.failed;
  return html(
    "div",
    { class: "failure", role: "alert" },
    html("strong", {}, `${say("failed")}: ${kind}`),
    html("p", {}, said),
    html("p", { class: "quiet" }, say("failedSays", node.name, say(direction).toLowerCase())),
  );
}

function words(app, node, direction) {
  const about = app.model.classOf(node);
  if (about.graph && ["Graph", "Sequential"].includes(about.name)) return null; // nothing of its own to say
  const [first, ...rest] = about.summary.split(/:\s(.*)/s);
  const isFormula = /^[\w\s,()]+=/.test(first);
  const text = direction === "forward" ? [isFormula ? first : null, about.forward] : [about.backward];
  const formulas = text.filter(Boolean).map(formula);
  const sentence = isFormula ? rest.join("").trim() : about.summary;
  return html(
    "section",
    { class: "about" },
    sentence ? html("p", { class: "lead-text" }, sentence[0].toUpperCase() + sentence.slice(1)) : null,
    formulas.length ? html("div", { class: "formulas" }, formulas) : null,
  );
}

// Forward: what goes in, the parameters, what comes out.
function ahead(app, node) {
  const values = node.takes.map((id) => app.model.values.get(id));
  const outs = node.gives.map((id) => app.model.values.get(id));
  const whole = equation(app, node, values, outs[0]);
  if (whole) return whole;
  return [
    section(
      say("inputs"),
      values.map((value, i) =>
        valueCard(app, value, "value", {
          name: inputName(node, i, value),
          from: originName(node, i, value),
        }),
      ),
    ),
    parameters(app, node, "value"),
    section(
      say("output"),
      outs.map((value) => valueCard(app, value, "value")),
    ),
  ];
}

// Backward: the upstream gradient, and what goes back to each input and parameter.
function back(app, node) {
  const outs = node.gives.map((id) => app.model.values.get(id));
  const above = outs.map((value) => {
    const gradient = app.walk.gradientAt(value, app.state.time);
    return gradient.parts.length > 1
      ? fanOut(app, value, gradient)
      : section(say("upstream"), [gradientCard(app, value, gradient)]);
  });
  const done = (app.walk.backwardAt.get(node.id) ?? Infinity) <= app.state.time;
  const chain = chainRule(app, node, done);
  return [
    above,
    chain ??
      section(
        say("gradientsBack"),
        node.takes.map((id, i) => dxCard(app, node, i, done)),
      ),
    parameters(app, node, "grad", done),
    done ? fansOf(app, node) : null,
  ];
}

function dxCard(app, node, i, done) {
  const value = app.model.values.get(node.takes[i]);
  const dx = done ? node.dxs[i] : null;
  const asked = app.quiz.asks(node, i, done);
  if (asked) return html("div", { class: "row" }, html("h4", {}, backTitle(app, node, value)), asked);
  if (done && !dx)
    return card({
      name: inputName(node, i, value),
      what: { kind: "words", words: `${say("noGradient")}. ${say("noGradientSays")}` },
    });
  return valueCard(app, value, "grad", {
    what: dx,
    name: `d${inputName(node, i, value)}`,
    from: originName(node, i, value),
  });
}

// Inputs whose gradient is a sum: what this node has added to it.
function fansOf(app, node) {
  return [...new Set(node.takes)].map((id) => {
    const value = app.model.values.get(id);
    const gradient = app.walk.gradientAt(value, app.state.time);
    return gradient.parts.length > 1 ? fanOut(app, value, gradient) : null;
  });
}

export function fanOut(app, value, gradient) {
  const parts = gradient.parts.map((part) => {
    const known = part.at <= app.state.time;
    const name = part.from === "start" ? say("theStart") : say("fromNode", part.node.name);
    return card({ name, what: known ? part.dx : null, style: "diverging", tone: "back", small: true });
  });
  const joined = parts.flatMap((part, i) => (i ? [html("span", { class: "sign" }, "+"), part] : [part]));
  const state =
    gradient.state === "done"
      ? null
      : html("p", { class: "quiet" }, say("partial", gradient.done.length, gradient.parts.length));
  return html(
    "section",
    { class: "fan" },
    html("h3", {}, say("sumOf", value.name)),
    html("p", { class: "quiet" }, say("sumSays", value.name, gradient.parts.length)),
    html(
      "div",
      { class: "terms" },
      joined,
      html("span", { class: "sign" }, "="),
      card({ name: say("sum"), what: total(gradient.done), style: "diverging", tone: "back", small: true }),
    ),
    state,
  );
}

// A folded graph as one step.
function folded(app, frame, direction) {
  const { takes, gives } = boundary(app.model, frame.id);
  const open = html(
    "button",
    { class: "wide", "data-focus": "open", onclick: () => app.toggle(frame.id) },
    say("unfold", frame.name),
  );
  if (direction === "forward") {
    return [
      open,
      section(
        say("inputs"),
        takes.map((value) => valueCard(app, value, "value")),
      ),
      section(
        say("output"),
        gives.map((value) => valueCard(app, value, "value")),
      ),
    ];
  }
  const inside = new Set(membersOf(app.model, frame.id).map((node) => node.id));
  return [
    open,
    section(
      say("upstream"),
      gives.map((value) => gradientCard(app, value, app.walk.gradientAt(value, app.state.time))),
    ),
    section(
      say("gradientsBack"),
      takes.map((value) => {
        const parts = app.walk.parts(value).filter((part) => part.node && inside.has(part.node.id));
        const takers = value.takers.filter(({ node }) => inside.has(node.id));
        if (!parts.length && app.walk.isOver({ takers }, app.state.time))
          return gradientCard(app, value, { state: "none" });
        const done = parts.every((part) => part.at <= app.state.time);
        const whole = parts.length === app.walk.parts(value).length;
        return valueCard(app, value, "grad", {
          what: done ? total(parts) : null,
          name: whole ? say("gradientOf", value.name) : say("partOf", value.name, frame.name),
        });
      }),
    ),
  ];
}

// pieces ------------------------------------------------------------------------------------------

export function section(title, children) {
  const some = children.flat().filter(Boolean);
  return some.length ? html("section", {}, title ? html("h3", {}, title) : null, some) : null;
}

export function inputName(node, i, value) {
  return node.names[i] ?? value.name;
}

// What an input is called where its value comes from, if that is another name.
function originName(node, i, value) {
  return inputName(node, i, value) === value.name ? null : value.name;
}

export function valueCard(app, value, side, more = {}) {
  const known = app.walk.valueAt(value, app.state.time);
  const what =
    "what" in more ? more.what : side === "value" ? known : app.walk.gradientAt(value, app.state.time).grad;
  const pick = app.state.pick;
  return card({
    name: more.name ?? value.name,
    what,
    style: styleOf(app.model, value, side),
    tone: side === "value" ? "ahead" : "back",
    pick: (index) => app.set({ pick: { value: value.id, index } }),
    picked: pick?.value === value.id ? pick.index : null,
    marks: app.marksIn(value.id),
    images:
      app.model.nodes.get(value.from).kind === "input" && styleOf(app.model, value, "value") === "gray",
    focus: `${value.id}.${side}`,
    lead: app.lead,
    ...more,
    what,
  });
}

export function gradientCard(app, value, gradient) {
  if (gradient.state === "none")
    return card({
      name: value.name,
      what: { kind: "words", words: `${say("noGradient")}. ${say("noGradientSays")}` },
    });
  return valueCard(app, value, "grad", { what: gradient.grad, name: say("gradientOf", value.name) });
}

function parameters(app, node, side, done = true) {
  if (!node.parameters.length) return null;
  const cards = node.parameters.map((p) => {
    const what = side === "value" ? p.value : done ? p.grad : null;
    return card({
      name: side === "value" ? p.name : `d${p.name}`,
      what,
      style: "diverging",
      tone: side === "value" ? "parameter" : "back",
    });
  });
  return section(say("parameters"), cards);
}

function source(app, node, direction) {
  const about = app.model.classOf(node);
  const code = about.code?.[direction];
  if (about.graph) return html("p", { class: "quiet" }, say("graphCode"));
  if (!code) return html("p", { class: "quiet" }, say("noCode"));
  const where = `${code.of ? `${code.of}.` : ""}${direction} · ${say("line", code.line)}`;
  return html(
    "details",
    { class: "source", open: app.showCode, ontoggle: (event) => (app.showCode = event.target.open) },
    html(
      "summary",
      { "data-focus": "code" },
      say("code"),
      html("span", { class: "where", title: code.module }, where),
    ),
    codeBlock(code.text, code.line),
  );
}
