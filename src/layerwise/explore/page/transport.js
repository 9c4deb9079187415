// The bar below: to the start, back, play, forward, to the end; the way of the walk; the speed.

import { html, replaceChildren } from "./dom.js";
import { icon } from "./icons.js";
import { say } from "./texts.js";

const SPEEDS = [0.5, 1, 2, 4, 8];
const PAUSE = 1100; // milliseconds between two steps at speed 1
const FRAME = 160; // and between two frames of a training

export class Transport {
  constructor(element, app) {
    this.element = element;
    this.app = app;
    this.timer = null;
  }

  draw() {
    const { app } = this;
    const button = (name, key, press) =>
      html(
        "button",
        { class: `round ${name}`, "aria-label": say(key), title: say(key), onclick: press },
        icon(name),
      );
    this.buttons = {
      start: button("start", "toStart", () => app.jump(0)),
      back: button("back", "back", () => app.step(-1)),
      play: button("play", "play", () => this.toggle()),
      next: button("next", "next", () => app.step(1)),
      end: button("end", "toEnd", () => app.jump(Infinity)),
    };
    this.range = html("input", {
      type: "range",
      class: "way",
      min: 0,
      "aria-label": say("position"),
      oninput: () => app.timeline().go(Number(this.range.value)),
    });
    this.caption = html("div", { class: "caption" });
    const entry = (kind, ...words) => html("span", { class: kind }, html("i"), words.join(" "));
    const spread = app.model.isScalar ? "" : `(± ${say("std")})`;
    this.legend = html(
      "div",
      { class: "legend-line" },
      entry("ahead", say("legendValue")),
      entry("back", say("legendGradient"), spread),
      entry("ring-entry", say("waiting")),
    );
    this.speed = html(
      "select",
      {
        "aria-label": say("speed"),
        title: say("speed"),
        onchange: () => app.set({ speed: Number(this.speed.value) }),
      },
      SPEEDS.map((speed) =>
        html("option", { value: speed, selected: speed === app.state.speed }, `${speed}×`),
      ),
    );
    this.score = html("div", { class: "score-place" });
    replaceChildren(
      this.element,
      html("div", { class: "buttons" }, Object.values(this.buttons)),
      html(
        "div",
        { class: "track" },
        html("div", { class: "above-track" }, this.caption, this.legend),
        this.range,
      ),
      this.score,
      this.speed,
    );
  }

  update() {
    const { app } = this;
    const { last, place, turn } = app.timeline();
    const percent = (x) => `${(100 * Math.min(x, last)) / Math.max(last, 1)}%`;
    this.range.max = last;
    this.range.value = place;
    this.range.setAttribute("aria-valuetext", app.caption());
    this.range.style.setProperty("--turn", turn === null ? "100%" : percent(turn));
    this.range.style.setProperty("--here", percent(place));
    this.range.classList.toggle("plain-way", turn === null);
    replaceChildren(this.caption, app.captionParts());
    this.legend.hidden = app.inTraining;
    this.buttons.start.disabled = this.buttons.back.disabled = place === 0;
    this.buttons.end.disabled = this.buttons.next.disabled = place >= last;
    replaceChildren(this.score, app.inTraining ? null : app.quiz.bar());
  }

  get playing() {
    return this.timer !== null;
  }

  toggle() {
    if (this.playing) this.stop();
    else this.start();
  }

  start() {
    const over = () => this.app.timeline().place >= this.app.timeline().last;
    if (over()) this.app.jump(0);
    const pause = this.app.inTraining ? FRAME : PAUSE;
    const tick = () => {
      this.app.step(1);
      if (over()) this.stop();
      else this.timer = setTimeout(tick, pause / this.app.state.speed);
    };
    this.timer = setTimeout(tick, 150);
    this.show("pause");
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.show("play");
  }

  show(name) {
    const { play } = this.buttons;
    play.replaceChildren(icon(name));
    play.title = say(name);
    play.setAttribute("aria-label", say(name));
  }
}
