// Puts the page together: reads the record, keeps the state, draws what has changed.

import { Model } from "./data.js";
import { byId, html, replaceChildren } from "./dom.js";
import { printable, svgText } from "./exporting.js";
import { Folding } from "./folding.js";
import { setScales } from "./heat.js";
import { icon } from "./icons.js";
import { keyPressed } from "./keys.js";
import { marksOf } from "./marks.js";
import { drawPanel, NARROW } from "./panel.js";
import { Play } from "./play.js";
import { Quiz } from "./quiz.js";
import { Scene } from "./scene.js";
import { fromFragment, toFragment } from "./state.js";
import { preferredLanguage, say, setLanguage } from "./texts.js";
import { drawToolbar } from "./toolbar.js";
import { Training } from "./training.js";
import { Transport } from "./transport.js";
import { View } from "./view.js";
import { Stops, Walk } from "./walk.js";

const darkScreen = matchMedia("(prefers-color-scheme: dark)");

class App {
  constructor(record) {
    this.model = new Model(record);
    this.walk = new Walk(this.model);
    this.folding = new Folding(this.model);
    this.state = fromFragment(location.hash, this.model, this.walk.end);
    this.play = new Play(this);
    this.quiz = new Quiz(this);
    this.training = record.training ? new Training(this) : null;
    if (this.walk.failed && !location.hash) this.state.time = this.walk.end; // where it stopped
    if (this.training && !location.hash) this.state.at = this.training.last;
    this.sampleShown = 0;
    this.showCode = true;
    this.lead = { get: () => this.sampleShown, set: (i) => (this.sampleShown = i) };
    this.scene = new Scene(this.model, this.walk, {
      choose: (id) => this.choose(id),
      press: (id) => this.press(id),
      toggle: (id) => this.toggle(id),
      focused: (element, place) => this.focused(element, place),
      pressValue: (id) => this.press(this.folding.seenAs(this.model.values.get(id).from)),
    });
    this.transport = new Transport(byId("transport"), this);
    this.buildStage();
    this.begin();
  }

  begin() {
    if (this.state.open) this.folding.choose(this.state.open);
    this.play.apply(this.state.inputs);
    this.applyTheme();
    this.redraw();
    this.view.fit();
    this.render();
    this.showStep();
    document.addEventListener("keydown", (event) => keyPressed(event, this));
    window.addEventListener("hashchange", () => this.fromUrl());
    printable(this);
    darkScreen.addEventListener("change", () => this.themeChanged());
    NARROW.addEventListener("change", () => this.render());
  }

  fromUrl() {
    const next = fromFragment(location.hash, this.model, this.walk.end);
    if (toFragment(next) === toFragment(this.state)) return;
    this.state = { ...next, speed: this.state.speed };
    this.folding.choose(this.state.open ?? this.folding.layouts[0].open);
    this.play.apply(this.state.inputs);
    this.applyTheme();
    this.redraw();
    this.render();
  }

  // the state -------------------------------------------------------------------------------------

  set(change) {
    const before = this.subject()?.id;
    Object.assign(this.state, change);
    if ("inputs" in change) {
      this.play.apply(this.state.inputs);
      this.quiz.forget();
    }
    if ("lang" in change || "theme" in change || "at" in change) {
      this.applyTheme();
      this.redraw();
    }
    this.render();
    if (this.subject()?.id !== before) byId("panel").scrollTop = 0;
  }

  get inTraining() {
    return this.training !== null && this.state.at !== null;
  }

  // The way of the walk, or of the training: its last place, the present one, where backward begins.
  timeline() {
    if (this.inTraining) return this.training.timeline();
    const { times } = this.stops;
    return {
      last: times.length - 1,
      place: times.filter((time) => time <= this.state.time).length - 1,
      turn: times.filter((time) => time < this.walk.turn).length - 0.5,
      go: (place) => this.jump(times[place]),
    };
  }

  // Steps to the next or the previous stop; a chosen node is let go.
  step(by) {
    if (this.inTraining) return this.jump(this.training.place + by);
    const time = by > 0 ? this.stops.next(this.state.time) : this.stops.previous(this.state.time);
    return this.jump(time);
  }

  jump(time) {
    if (this.inTraining) {
      this.set({ at: Math.min(Math.max(time, 0), this.training.last) });
      return;
    }
    this.set({ time: Math.min(time, this.walk.end), node: null });
    this.showStep();
    this.announce(this.caption());
  }

  // A press that has moved the picture chooses nothing.
  press(id) {
    if (!this.view.dragged) this.choose(id);
  }

  choose(id) {
    const node = id.endsWith(">") ? (this.model.nodes.get(id)?.id ?? id) : id;
    this.set({ node: this.state.node === node ? null : node });
  }

  // To the step of a node, in the direction in which the walk goes now.
  goTo(id) {
    const { forwardAt, backwardAt } = this.walk;
    const times =
      this.walk.direction(this.state.time) === "forward" || !this.anyTime(id, backwardAt)
        ? forwardAt
        : backwardAt;
    const time = this.anyTime(id, times);
    if (time) this.jump(time);
    else this.set({ node: null });
  }

  anyTime(id, times) {
    const inside = (one) => one === id || this.model.nodes.get(one).path.includes(id);
    return Math.max(0, ...[...times].filter(([one]) => inside(one)).map(([, at]) => at));
  }

  find(id) {
    const node = this.model.node(id);
    if (node.path.some((frame) => !this.folding.current.open.has(frame)))
      this.open(new Set(this.folding.toSee(id)), node.path.at(-1));
    this.set({ node: id });
    this.showThing(id);
    this.scene.things.get(this.folding.seenAs(id))?.element.focus({ preventScroll: true });
  }

  // What the keyboard comes to comes into sight.
  focused(element, { x, y }) {
    this.stage.scrollTo(0, 0); // browsers scroll what only the view is to move
    if (element.matches(":focus-visible")) this.view.reveal(x, y);
  }

  toggle(id) {
    const before = this.scene.things.get(id)?.place;
    this.open(this.folding.toggled(id), id);
    const inside = this.scene.things.get(id) ?? this.scene.things.get(this.firstInside(id));
    if (inside && before) this.view.reveal(inside.place.x, inside.place.y);
    this.stage.querySelector(`[data-switch="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
  }

  firstInside(id) {
    return [...this.model.nodes.values()].find((node) => node.path.includes(id))?.id;
  }

  open(wanted, sure) {
    this.folding.choose(wanted, sure);
    this.state.open = this.folding.current === this.folding.layouts[0] ? null : this.folding.current.open;
    this.redraw();
    this.view.fit();
    this.render();
    this.showStep();
  }

  openAll(all) {
    this.open(new Set(all ? this.model.frames.keys() : []), null);
  }

  // what is shown ---------------------------------------------------------------------------------

  // The node in the panel: the chosen one, else that of the step. Null: a step without a node.
  subject() {
    const direction = this.walk.direction(this.state.time);
    if (this.state.node)
      return {
        id: this.state.node,
        direction: this.directionFor(this.state.node, direction),
        pinned: true,
      };
    const step = this.walk.step(this.state.time);
    return step?.id ? { id: this.folding.seenAs(step.id), direction, pinned: false } : null;
  }

  // A node that backward has not reached yet is shown as it went forward.
  directionFor(id, direction) {
    const back = this.anyTime(id, this.walk.backwardAt);
    return direction === "backward" && back && back <= this.state.time ? "backward" : "forward";
  }

  position() {
    const step = this.walk.step(this.state.time);
    if (!step) return say("start");
    if (step.kind === "turn") return say("turn");
    if (step.kind === "failure") return `${say(this.walk.failed.direction)} · ${say("failed")}`;
    const same = this.stops.times.filter((time) => this.walk.step(time)?.kind === step.kind);
    const place = same.filter((time) => time <= this.state.time).length;
    return `${say(step.kind)} ${say("stepOf", Math.max(place, 1), same.length)}`;
  }

  nameOfStep() {
    const step = this.walk.step(this.state.time);
    return step?.id ? this.folding.seenAs(step.id) : "";
  }

  caption() {
    if (this.inTraining) return this.training.caption();
    return [this.position(), this.nameOfStep()].filter(Boolean).join(": ");
  }

  captionParts() {
    if (this.inTraining) return html("span", { class: "direction" }, this.caption());
    const tone = this.walk.direction(this.state.time) === "forward" ? "ahead" : "back";
    return [
      html("span", { class: `direction ${tone}` }, this.position()),
      html("span", { class: "who" }, this.nameOfStep()),
    ];
  }

  signOf(node) {
    const place = this.folding.current.things.find((thing) => thing.id === node.id);
    return place && place.shape !== "box" ? place.text[0] : "";
  }

  // What belongs to the picked element, by the ids of values.
  get marks() {
    if (this.marksFor !== this.state.pick) {
      this.marked = marksOf(this.model, this.state.pick);
      this.marksFor = this.state.pick;
    }
    return this.marked;
  }

  marksIn(valueId) {
    return this.marks.get(valueId) ?? [];
  }

  // Pick an element of another value, and show the layer that made it.
  follow(valueId, index) {
    const from = this.folding.seenAs(this.model.values.get(valueId).from);
    this.set({ pick: { value: valueId, index }, node: from });
    this.showThing(from);
  }

  announce(text) {
    byId("live").textContent = text;
  }

  // drawing ---------------------------------------------------------------------------------------

  buildStage() {
    this.stage = byId("stage");
    this.holder = html("div", { class: "holder" });
    this.playPlace = html("div", { class: "play-place" });
    this.controls = html("div", { class: "controls floating" });
    this.board = html("div", { class: "board", hidden: true, tabindex: 0, role: "region" });
    this.stage.append(
      this.holder,
      this.controls,
      html("div", { class: "corner" }, this.playPlace),
      this.board,
    );
    this.view = new View(this.stage, this.holder);
  }

  redraw() {
    setLanguage(this.state.lang ?? preferredLanguage(navigator.languages));
    document.documentElement.lang = this.state.lang ?? preferredLanguage(navigator.languages);
    this.stops = new Stops(this.walk, this.folding.seenAs);
    this.stage.setAttribute("aria-label", say("graph"));
    this.board.setAttribute("aria-label", say("viewTraining"));
    byId("panel").setAttribute("aria-label", say("details"));
    this.scene.labels = null;
    const element = this.scene.draw(this.folding);
    this.holder.replaceChildren(element);
    this.view.show(this.folding.current.size);
    replaceChildren(this.controls, this.controlButtons());
    replaceChildren(this.playPlace, this.play.bar());
    drawToolbar(byId("top"), this);
    this.transport.draw();
    if (this.transport.playing) this.transport.show("pause");
  }

  controlButtons() {
    const tool = (name, label, press) =>
      html("button", { class: "tool", title: label, "aria-label": label, onclick: press }, icon(name));
    const folds = this.folding.foldable
      ? [
          tool("unfold", say("unfoldAll"), () => this.openAll(true)),
          tool("fold", say("foldAll"), () => this.openAll(false)),
        ]
      : [];
    return [
      tool("plus", say("zoomIn"), () => this.view.zoom(1.25)),
      tool("minus", say("zoomOut"), () => this.view.zoom(0.8)),
      tool("fit", say("fit"), () => this.view.fit(true)),
      ...folds,
    ];
  }

  render() {
    this.board.hidden = !this.inTraining;
    this.stage.classList.toggle("covered", this.inTraining);
    if (this.inTraining) {
      this.training.draw(this.board);
      replaceChildren(byId("panel"), this.training.panel());
      this.transport.update();
      this.toUrl();
      return;
    }
    this.quiz.update();
    this.scene.update(this.state.time, this.state.node && this.folding.seenAs(this.state.node));
    this.scene.trace(this.state.pick, (id) => this.marksIn(id));
    drawPanel(byId("panel"), this);
    this.transport.update();
    this.play.update();
    this.toUrl();
  }

  toUrl() {
    const fragment = toFragment(this.state);
    if (fragment === location.hash) return;
    try {
      history.replaceState(null, "", fragment);
    } catch {
      // inside a notebook's frame there is no address to write to
    }
  }

  // Bring the node of the step into sight.
  showStep() {
    const step = this.walk.step(this.state.time);
    if (step?.id) this.showThing(this.folding.seenAs(step.id));
  }

  showThing(id) {
    const thing = this.scene.things.get(id);
    if (thing) this.view.reveal(thing.place.x, thing.place.y);
  }

  // theme -----------------------------------------------------------------------------------------

  get dark() {
    const asked = this.state.theme ? this.state.theme === "dark" : darkScreen.matches;
    return asked && !this.printing;
  }

  applyTheme() {
    document.documentElement.dataset.theme = this.dark ? "dark" : "light";
    setScales(this.model.record.palette, this.dark);
    this.scene.repaint(this.dark);
  }

  themeChanged() {
    this.applyTheme();
    this.redraw();
    this.render();
  }

  toggleTheme() {
    this.set({ theme: this.dark ? "light" : "dark" });
  }

  toggleQuiz() {
    this.quiz.forget();
    this.set({ quiz: !this.state.quiz });
    drawToolbar(byId("top"), this);
  }

  // The picture by itself, as text.
  svgText() {
    return svgText(this.scene.element);
  }
}

window.layerwise = new App(JSON.parse(byId("record").textContent));
