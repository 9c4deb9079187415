// Predict, then reveal: in this mode the page asks for each gradient before it shows it.

import { html } from "./dom.js";
import { number, typed } from "./numbers.js";
import { say } from "./texts.js";

const CLOSE = 5e-3; // how far a right answer may be off, as a part of the number

// Whether an answer counts as right: as close as rounding to a few digits makes it.
export function isRight(answer, truth) {
  if (Number.isNaN(answer)) return false;
  if (!Number.isFinite(truth)) return answer === truth;
  return Math.abs(answer - truth) <= CLOSE * Math.abs(truth) + 1e-12;
}

export class Quiz {
  constructor(app) {
    this.app = app;
    this.answers = new Map(); // by question: {right, given}
  }

  get score() {
    const all = [...this.answers.values()].filter((one) => one.given !== null);
    return { right: all.filter((one) => one.right).length, all: all.length };
  }

  key(node, i) {
    return `${node.id}:${i}`;
  }

  // The questions that the step at this time asks; what they ask for is hidden until then.
  update() {
    const { app } = this;
    app.walk.masked = new Set();
    const step = app.walk.step(app.state.time);
    if (!app.state.quiz || step?.kind !== "backward") return;
    if (app.folding.seenAs(step.id) !== step.id) return; // inside a folded graph nothing is asked
    const node = app.model.nodes.get(step.id);
    node.dxs.forEach((dx, i) => {
      const value = app.model.values.get(node.takes[i]);
      const isConstant = app.model.nodes.get(value.from).kind === "constant";
      if (!dx || isConstant || truthOf(dx) === null || this.answers.has(this.key(node, i))) return;
      app.walk.masked.add(this.key(node, i));
    });
  }

  // The question in place of a gradient, or null where it is to be shown.
  asks(node, i, done) {
    const key = this.key(node, i);
    if (!done || !this.app.state.quiz) return null;
    if (!this.app.walk.masked.has(key)) return null;
    const dx = node.dxs[i];
    return dx.kind === "number"
      ? this.numberQuestion(node, i, dx.number)
      : this.signQuestion(node, i, dx.tensor.said.mean);
  }

  numberQuestion(node, i, truth) {
    const value = this.app.model.values.get(node.takes[i]);
    const input = html("input", {
      type: "text",
      inputmode: "decimal",
      "aria-label": say("yourAnswer"),
      placeholder: say("yourAnswer"),
      autocomplete: "off",
      "data-focus": `quiz:${i}`,
    });
    const answer = (event) => {
      event.preventDefault();
      const x = typed(input.value);
      if (Number.isNaN(x)) input.setAttribute("aria-invalid", "true");
      else this.answer(node, i, input.value, isRight(x, truth));
    };
    return html(
      "form",
      { class: "quiz", onsubmit: answer },
      html("p", {}, say(this.app.walk.isSum(value) ? "quizAskPart" : "quizAsk", value.name, node.name)),
      html("p", { class: "quiet" }, say("quizHint", node.names[i] ?? value.name)),
      html(
        "div",
        { class: "answer" },
        input,
        html("button", { type: "submit" }, "="),
        this.revealButton(node, i),
      ),
    );
  }

  signQuestion(node, i, mean) {
    const choice = (sign, key) =>
      html(
        "button",
        {
          "data-focus": `quiz:${i}:${sign}`,
          onclick: () => this.answer(node, i, say(key), Math.sign(mean) === sign),
        },
        say(key),
      );
    return html(
      "div",
      { class: "quiz" },
      html("p", {}, say("quizSign")),
      html(
        "div",
        { class: "answer" },
        choice(1, "positive"),
        choice(-1, "negative"),
        this.revealButton(node, i),
      ),
    );
  }

  revealButton(node, i) {
    return html(
      "button",
      { type: "button", class: "plain", onclick: () => this.answer(node, i, null, false) },
      say("reveal"),
    );
  }

  answer(node, i, given, right) {
    this.answers.set(this.key(node, i), { given, right });
    const truth = truthOf(node.dxs[i]);
    const verdict = given === null ? "" : right ? say("right") : say("notRight", number(truth));
    const { right: good, all } = this.score;
    this.last = { verdict, right, given };
    this.app.announce([verdict, all ? say("score", good, all) : ""].filter(Boolean).join(" "));
    this.app.render();
    this.toNextQuestion();
  }

  // What was answered is gone, and its place with it: the keyboard goes on at the next one.
  toNextQuestion() {
    const panel = document.getElementById("panel");
    (panel.querySelector(".quiz .answer > *") ?? panel).focus({ preventScroll: true });
  }

  // The score, and how the last answer was.
  bar() {
    if (!this.app.state.quiz) return null;
    const { right, all } = this.score;
    const last = this.last?.verdict
      ? html(
          "span",
          { class: this.last.right ? "mark-right" : "mark-wrong" },
          `${this.last.right ? "✓" : "✗"} ${this.last.verdict}`,
        )
      : null;
    return html("div", { class: "score" }, all ? html("span", {}, say("score", right, all)) : null, last);
  }

  forget() {
    this.answers.clear();
    this.last = null;
  }
}

// What a question asks for; null: nothing that could be told, no finite number or a mean of 0.
function truthOf(dx) {
  if (dx.kind === "number") return Number.isFinite(Number(dx.number)) ? Number(dx.number) : null;
  const { mean, nan, inf } = dx.tensor?.said ?? {};
  return nan || inf || !Number.isFinite(mean) ? null : mean || null;
}
