// A recorded training: loss and metrics, every layer over time, weights as images, the surface.

import { numbersOf, lineChart, scaleOf, spark } from "./charts.js";
import { html, replaceChildren } from "./dom.js";
import { drawnWeights } from "./weights.js";
import { number } from "./numbers.js";
import { drawnSurface } from "./surface.js";
import { say } from "./texts.js";

export class Training {
  constructor(app) {
    this.app = app;
    const told = app.model.record.training;
    this.told = told;
    this.steps = told.steps;
    this.last = told.steps.length - 1;
    this.ends = new Map(told.ends); // the last step of each epoch
    this.reach = [...told.steps, ...this.ends.values()];
    this.loss = numbersOf(told.loss);
    this.nodes = Object.entries(told.nodes).map(([name, [mean, std, dead, grad]]) => ({
      name,
      mean: numbersOf(mean),
      std: numbersOf(std),
      dead: numbersOf(dead),
      grad: numbersOf(grad),
    }));
    this.parameters = Object.entries(told.parameters).map(([name, [size, grad, update]]) => {
      const sizes = numbersOf(size);
      const updates = numbersOf(update);
      return {
        name,
        size: sizes,
        grad: numbersOf(grad),
        update: updates,
        ratio: updates.map((x, i) => x / sizes[i]),
      };
    });
  }

  get place() {
    return Math.min(Math.max(this.app.state.at ?? this.last, 0), this.last);
  }

  // For the bar below.
  timeline() {
    return { last: this.last, place: this.place, turn: null, go: (place) => this.app.set({ at: place }) };
  }

  caption() {
    const { place } = this;
    return say("trainingStep", this.steps[place], this.told.epochs[place]);
  }

  // The step of the frame that is nearest to a step.
  nearest(step) {
    let best = 0;
    this.steps.forEach((one, i) => {
      if (Math.abs(one - step) < Math.abs(this.steps[best] - step)) best = i;
    });
    return best;
  }

  // the middle of the page --------------------------------------------------------------------------

  draw(element) {
    const { place } = this;
    const chosen = this.app.state.node;
    replaceChildren(
      element,
      html("div", { class: "board-top" }, this.lossCharts(place), this.surfaceFigure(place)),
      html("h2", {}, say("layersOverTime")),
      html("p", { class: "quiet" }, say("layersSay")),
      html("div", { class: "board-table" }, this.parameterTable(place, chosen)),
      html("div", { class: "board-table" }, this.nodeTable(place, chosen)),
    );
  }

  lossCharts(place) {
    const pick = (step) => this.app.set({ at: this.nearest(step) });
    const at = this.steps[place];
    const loss = { xs: this.steps, ys: this.loss, kind: "ink", name: say("train") };
    const more = this.historySeries("loss");
    const others = Object.keys(this.told.history).filter(
      (name) => name !== "loss" && !name.startsWith("val_"),
    );
    return html(
      "div",
      { class: "charts" },
      chartFigure(say("loss"), [loss, ...more.filter((one) => one.kind === "held")], at, pick, this.reach),
      others.map((name) => chartFigure(name, this.historySeries(name), at, pick, this.reach)),
    );
  }

  // A metric over the epochs, at the steps with which they ended, and the same on held-out rows.
  historySeries(name) {
    return [
      [name, "ink", say("train")],
      [`val_${name}`, "held", say("heldOut")],
    ]
      .filter(([key]) => this.told.history[key])
      .map(([key, kind, label]) => {
        const rows = this.told.history[key].filter(([epoch]) => this.ends.has(epoch));
        return {
          xs: rows.map(([epoch]) => this.ends.get(epoch)),
          ys: numbersOf(rows.map(([, x]) => x)),
          kind,
          name: label,
        };
      });
  }

  surfaceFigure(place) {
    const { surface } = this.told;
    if (!surface) return null;
    const frame = surface.frames[place];
    return html(
      "figure",
      { class: "surface" },
      html("figcaption", {}, html("b", {}, say("surface"))),
      frame ? drawnSurface(surface, frame) : null,
      html("p", { class: "quiet" }, say("surfaceSays")),
    );
  }

  parameterTable(place, chosen) {
    const head = ["col_parameter", "col_norm", "col_gradient", "col_update", "col_ratio"].map(heading);
    const rows = this.parameters.map((one) =>
      this.row(
        one.name,
        chosen === one.name,
        [
          [one.size, "green"],
          [one.grad, "orange"],
          [one.update, "blue"],
          [one.ratio, "blue"],
        ],
        place,
      ),
    );
    return html(
      "table",
      { class: "over-time" },
      html("thead", {}, html("tr", {}, head)),
      html("tbody", {}, rows),
    );
  }

  nodeTable(place, chosen) {
    const head = ["col_layer", "col_mean", "col_std", "col_gradient", "col_dead"].map(heading);
    const rows = this.nodes
      .filter((one) => one.std.some(Number.isFinite))
      .map((one) =>
        this.row(
          one.name,
          chosen === one.name,
          [
            [one.mean, "blue"],
            [one.std, "blue"],
            [one.grad, "orange"],
            [one.dead.some((x) => x > 0) ? one.dead.map((x) => 100 * x) : [], "alarm", " %"],
          ],
          place,
        ),
      );
    return html(
      "table",
      { class: "over-time" },
      html("thead", {}, html("tr", {}, head)),
      html("tbody", {}, rows),
    );
  }

  row(name, chosen, cells, place) {
    const choose = () => this.app.set({ node: chosen ? null : name });
    return html(
      "tr",
      { class: chosen ? "chosen" : "" },
      html(
        "th",
        { scope: "row" },
        html("button", { class: "link", "data-focus": `row:${name}`, onclick: choose }, name),
      ),
      cells.map(([ys, kind, unit = ""]) =>
        html(
          "td",
          {},
          ys.length
            ? [
                spark(ys, place, kind),
                html("span", { class: "now-number" }, `${number(ys[place], 3)}${unit}`),
              ]
            : html("span", { class: "quiet" }, "–"),
        ),
      ),
    );
  }

  // the panel beside it -----------------------------------------------------------------------------

  panel() {
    const { place } = this;
    const chosen =
      this.parameters.find(
        (one) => one.name === this.app.state.node || one.name.startsWith(`${this.app.state.node}.`),
      ) ?? null;
    const name = this.app.state.node ?? null;
    const images = Object.entries(this.told.images).filter(
      ([key]) => !name || key === name || key.startsWith(`${name}.`),
    );
    const facts = [[say("loss"), this.loss[place]], ...Object.entries(this.latest(place))];
    return [
      html(
        "div",
        { class: "head" },
        html("h2", { class: "plain-title" }, name ?? say("trainingTitle")),
        html("div", { class: "path" }, this.caption()),
      ),
      name
        ? html(
            "div",
            { class: "pinned" },
            html("button", { onclick: () => this.app.set({ node: null }) }, say("allLayers")),
          )
        : null,
      html(
        "dl",
        { class: "stats wide-stats" },
        facts.map(([key, x]) => html("div", {}, html("dt", {}, key), html("dd", {}, number(x, 4)))),
      ),
      chosen && name ? this.chosenCharts(chosen, place) : null,
      images.length
        ? html(
            "section",
            {},
            html("h3", {}, say("weightsAsImages")),
            images.map(([key, told]) => drawnWeights(key, told, place, this.seesInputs(key))),
          )
        : null,
    ];
  }

  // Whether a parameter belongs to a layer that reads an input of the network: it may see pixels.
  seesInputs(name) {
    const { nodes, values } = this.app.model;
    const node = [...nodes.values()].find((one) => one.kind === "op" && name.startsWith(`${one.id}.`));
    return node?.takes.some((id) => nodes.get(values.get(id).from).kind === "input") ?? false;
  }

  // The numbers of the last epoch that has ended by this frame.
  latest(place) {
    const ended = (epoch) => this.ends.get(epoch) <= this.steps[place] || place === this.last;
    const found = {};
    for (const [name, rows] of Object.entries(this.told.history)) {
      const row = rows.filter(([epoch]) => ended(epoch)).pop();
      if (row && name !== "loss") found[name] = Number(row[1]);
    }
    return found;
  }

  chosenCharts(one, place) {
    const pick = (step) => this.app.set({ at: this.nearest(step) });
    const at = this.steps[place];
    const series = (ys, kind, name) => [{ xs: this.steps, ys, kind, name }];
    return html(
      "section",
      {},
      chartFigure(say("col_gradient"), series(one.grad, "orange", one.name), at, pick),
      chartFigure(say("col_ratio"), series(one.ratio, "blue", one.name), at, pick),
    );
  }
}

function heading(key) {
  return html("th", { scope: "col" }, say(key));
}

function chartFigure(title, series, at, onpick, xs) {
  const key =
    series.length > 1
      ? series.map((one) => html("span", { class: `key ${one.kind}` }, html("i"), one.name))
      : null;
  const isLog = scaleOf(series.flatMap((one) => one.ys)).log;
  return html(
    "figure",
    { class: "chart-figure" },
    html("figcaption", {}, html("b", {}, title), isLog ? html("span", { class: "key" }, say("logarithmic")) : null, key),
    lineChart({ title, series, xs, width: 400, height: 170, at, onpick }),
  );
}
