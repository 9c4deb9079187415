// The picture of the graph: draws one layout, and shows what is known at a time of the walk.

import { svg } from "./dom.js";
import { number, shapeText } from "./numbers.js";
import { thumbnail } from "./heat.js";
import { say } from "./texts.js";

export class Scene {
  // handlers: choose(id), by key; press(id), by pointer; pressValue(valueId); toggle(frameId);
  //   focused(element, place)
  constructor(model, walk, handlers) {
    this.model = model;
    this.walk = walk;
    this.handlers = handlers;
    this.thumbs = new Map();
  }

  draw(folding) {
    const layout = folding.current;
    this.folding = folding;
    this.wires = layout.wires.map((wire) => this.wire(wire));
    this.things = new Map(layout.things.map((thing) => [thing.id, this.thing(thing)]));
    const [width, height] = layout.size;
    this.element = svg(
      "svg",
      {
        class: "scene",
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: "group",
        "aria-label": say("graph"),
      },
      layout.frames.map((frame, i) =>
        this.frame(frame, layout.frames.findIndex((one) => one.id === frame.id) === i),
      ),
      this.wires.map((wire) => wire.lines),
      this.wires.map((wire) => wire.label),
      [...this.things.values()].map((thing) => [thing.element, thing.unfold]),
    );
    return this.element;
  }

  // things --------------------------------------------------------------------------------------

  thing(place) {
    const node = this.model.node(place.id) || { kind: "output", name: place.text[0] };
    const kind = node.isFrame ? "graph" : node.kind;
    const element = svg("g", {
      class: `thing ${kind} ${place.shape}`,
      transform: `translate(${place.x} ${place.y})`,
      tabindex: 0,
      role: "button",
      "data-id": place.id,
      onclick: () => this.handlers.press(place.id),
      onkeydown: (event) => {
        if (event.key === "Enter") this.handlers.choose(place.id);
      },
      onfocus: () => this.handlers.focused(element, place),
    });
    element.append(...this.body(place, node));
    const unfold = node.isFrame
      ? this.switch(place.id, place.x + place.w / 2 - 14, place.y, "+", say("unfold", node.name))
      : null;
    return { element, place, node, unfold };
  }

  body(place, node) {
    const { w, h, text, shape } = place;
    const title = svg(
      "title",
      {},
      node.isFrame || node.kind === "op" ? `${node.name} = ${node.call}` : node.name,
    );
    if (shape === "name") {
      const x = place.end ? w / 2 - 4 : 0;
      const hit = svg("rect", { class: "hit", x: -w / 2, y: -h / 2, width: w, height: h, rx: 5 });
      return [title, hit, svg("text", { class: place.end ? "at-end" : null, x, y: 4.8 }, text[0])];
    }
    const radius = shape === "box" ? 9 : h / 2;
    const rect = svg("rect", { class: "body", x: -w / 2, y: -h / 2, width: w, height: h, rx: radius });
    const shift = node.isFrame ? -8 : 0;
    if (shape !== "box") {
      const single = text[0].length === 1;
      return [
        title,
        rect,
        svg("text", { class: single ? "sign single-sign" : "sign", y: single ? 7.5 : 4.8 }, text[0]),
      ];
    }
    const under = node.isFrame
      ? [
          svg("rect", {
            class: "body under",
            x: -w / 2 + 4,
            y: -h / 2 - 4,
            width: w - 8,
            height: h,
            rx: radius,
          }),
        ]
      : [];
    return [
      title,
      ...under,
      rect,
      svg("text", { class: "call", x: shift, y: -2 }, text[0]),
      " ", // or they would be read as one word
      svg("text", { class: "name", x: shift, y: 14 }, text[1]),
    ];
  }

  switch(id, x, y, sign, label) {
    const press = (event) => {
      event.stopPropagation();
      this.handlers.toggle(id);
    };
    const keyed = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press(event);
    };
    return svg(
      "g",
      {
        class: "switch",
        transform: `translate(${x} ${y})`,
        role: "button",
        tabindex: 0,
        "aria-label": label,
        "data-switch": id,
        onclick: press,
        onkeydown: keyed,
      },
      svg("title", {}, label),
      svg("circle", { r: 8.5 }),
      svg("path", { d: sign === "+" ? "M-4 0H4M0-4V4" : "M-4 0H4" }),
    );
  }

  // A frame that is broken into rows has its switch in the first of them.
  frame({ id, box: [x, y, width, height] }, first) {
    const frame = this.model.frames.get(id);
    return svg(
      "g",
      { class: "frame", "data-frame": id },
      svg("title", {}, frame.call),
      svg("rect", { x, y, width, height, rx: 12 }),
      svg("text", { x: x + (first ? 28 : 10), y: y + 17 }, frame.name),
      first ? this.switch(id, x + 15, y + 13, "−", say("fold", frame.name)) : null,
    );
  }

  // wires ---------------------------------------------------------------------------------------

  wire(wire) {
    const value = this.model.values.get(wire.value);
    const lines = svg("g", { class: "wire", "data-value": wire.value });
    const branches = wire.branches.map((branch) => ({ ...branch, ...this.branchLines(branch, wire) }));
    const back = wire.back ? svg("g", { class: "back" }, arrow(wire.back)) : null;
    lines.append(...branches.map((one) => one.backLine).filter(Boolean), ...(back ? [back] : []));
    if (wire.trunk) lines.append(svg("path", { class: "line ahead", d: wire.trunk }));
    lines.append(...branches.map((one) => one.ahead));
    for (const [cx, cy] of wire.forks || []) lines.append(svg("circle", { class: "fork", cx, cy, r: 4 }));
    return { wire, value, lines, back, branches, label: this.label(wire, value) };
  }

  branchLines(branch) {
    const ahead = svg("g", { class: "ahead" }, arrow(branch.path));
    const backLine = branch.back
      ? svg("g", { class: "back part" }, svg("path", { class: "line", d: branch.back }))
      : null;
    return { ahead, backLine };
  }

  label(wire, value) {
    if (!wire.label) return null;
    const [x, y] = wire.label;
    const side = (name) =>
      svg("g", {
        class: `label ${name}`,
        transform: `translate(${x} ${y})`,
        "data-label": `${value.id}.${name}`,
        onclick: () => this.handlers.pressValue(value.id),
      });
    this.labels ??= new Map();
    const value_ = side("value");
    const grad = side("grad");
    this.labels.set(wire, { value: value_, grad });
    return [value_, grad];
  }

  // what is known at a time -----------------------------------------------------------------------

  update(time, chosen) {
    this.time = time;
    const step = this.walk.step(time);
    const now = step?.id ? this.folding.seenAs(step.id) : null;
    for (const [id, thing] of this.things) this.updateThing(id, thing, now, step, chosen);
    for (const wire of this.wires) this.updateWire(wire, time, now, step);
  }

  updateThing(id, { element, node, place }, now, step, chosen) {
    const failed = this.walk.failed && this.folding.seenAs(this.walk.failed.node) === id;
    const states = {
      now: id === now,
      ahead: id === now && step.kind === "forward",
      back: id === now && step.kind === "backward",
      failed: failed && step?.kind === "failure",
      chosen: id === chosen,
      done: this.done(id, this.walk.forwardAt),
      returned: this.done(id, this.walk.backwardAt),
    };
    for (const [name, on] of Object.entries(states)) element.classList.toggle(name, Boolean(on));
    const doing = states.failed
      ? say("failed")
      : states.returned
        ? say("backward")
        : states.done
          ? say("forward")
          : "";
    const seen = place.text.join(" ");
    const whole = [node.call, node.name].filter((text) => text && !seen.includes(text));
    element.setAttribute("aria-label", [seen, ...whole, doing].filter(Boolean).join(", "));
    if (id === now) element.setAttribute("aria-current", "step");
    else element.removeAttribute("aria-current");
  }

  done(id, times) {
    if (!this.model.frames.has(id)) return (times.get(id) ?? Infinity) <= this.time;
    const inside = [...times].filter(([one]) => this.model.nodes.get(one).path.includes(id));
    return inside.length > 0 && inside.every(([, at]) => at <= this.time);
  }

  updateWire(one, time, now, step) {
    const { wire, value, lines, back, branches } = one;
    const known = this.walk.knows(value, time);
    const gradient = this.walk.gradientAt(value, time);
    lines.classList.toggle("known", known);
    const arrives = step?.kind === "forward" && now !== null;
    for (const branch of branches) {
      const into = branch.to === now;
      branch.ahead.classList.toggle("flow", arrives && into);
      branch.backLine?.classList.toggle("known", this.cameBack(gradient, branch, time));
      branch.backLine?.classList.toggle("flow", step?.kind === "backward" && into);
    }
    if (back) {
      back.classList.toggle("known", gradient.state === "done");
      back.classList.toggle("partial", gradient.state === "partial");
      const fresh = gradient.done.some((part) => part.at === time);
      back.classList.toggle("flow", step?.kind === "backward" && fresh && wire.branches.length === 1);
    }
    const labels = this.labels?.get(wire);
    if (labels) {
      this.fill(labels.value, value, "value", known ? value.value : null, known ? "done" : "waiting");
      this.fill(labels.grad, value, "grad", gradient.grad, gradient.state);
    }
  }

  cameBack(gradient, branch, time) {
    if (!branch.to) return gradient.state === "done"; // it goes on to the next row
    return (
      gradient.parts.some(
        (part) => part.at <= time && part.node && this.folding.seenAs(part.node.id) === branch.to,
      ) ||
      (branch.to.endsWith(">") && gradient.parts.some((part) => part.from === "start" && part.at <= time))
    );
  }

  fill(group, value, side, what, state) {
    const key = `${state}|${this.textOf(what, side, state)}|${what?.kind === "tensor" ? what.tensor.said.at : ""}|${this.dark}`;
    if (group.dataset.key === key) return;
    group.dataset.key = key;
    group.replaceChildren(...this.labelParts(value, side, what, state));
    for (const one of ["waiting", "partial", "done", "none"]) group.classList.toggle(one, one === state);
  }

  textOf(what, side, state) {
    if (!what) return "";
    const more = state === "partial" ? " + …" : "";
    if (what.kind === "number") return number(what.number) + more;
    if (what.kind === "words") return what.words;
    if (what.kind === "several") return `(${what.parts.length})`;
    const { said, size, shape } = what.tensor;
    if (!size) return say("empty");
    if (side === "value") return shapeText(shape);
    if (said.std === undefined) return `NaN${more}`;
    return (
      (said.low === said.high ? say("allSame", number(said.low, 4)) : `± ${number(said.std, 2)}`) + more
    );
  }

  labelParts(value, side, what, state) {
    const above = side === "value";
    const name = above && this.nameOf(value);
    const title = svg("title", {}, `${say(above ? "value" : "gradient")}: ${value.name}`);
    const nameText = (y) => (name ? [svg("text", { class: "named", y }, name)] : []);
    if (state === "none")
      return [title, svg("text", { class: "quiet", y: above ? -9 : 18 }, "—"), ...nameText(-22)];
    if (!what) {
      const label = svg("title", {}, `${value.name}: ${say("waiting")}`);
      return [label, svg("circle", { class: "ring", cy: above ? -14 : 14, r: 3.6 }), ...nameText(-24)];
    }
    const odd =
      what.kind === "number"
        ? !Number.isFinite(Number(what.number)) && typeof what.number !== "string"
        : oddTensor(what);
    const text = svg(
      "text",
      { class: `number${odd ? " odd" : ""}`, y: above ? -9 : 19 },
      this.textOf(what, side, state),
    );
    const thumb = this.thumb(value, side, what);
    if (!thumb) return [title, text, ...nameText(-23)];
    const image = svg("image", {
      href: thumb.url,
      width: thumb.width,
      height: thumb.height,
      x: -thumb.width / 2,
      y: above ? -24 - thumb.height : 26,
      preserveAspectRatio: "none",
    });
    return [title, text, image, ...nameText(-29 - thumb.height)];
  }

  nameOf(value) {
    if (value.port !== undefined) return `[${value.port}]`;
    const folded = this.model.frames.get(this.folding.seenAs(value.from));
    if (folded) return folded.name;
    const source = this.model.nodes.get(value.from);
    const atTheEnd = value.takers.some(({ node }) => node.kind === "output");
    return source.kind === "op" && value.named && !atTheEnd ? value.named : "";
  }

  thumb(value, side, what) {
    if (what.kind !== "tensor" || this.wires.length > 120) return null;
    const style = styleOf(this.model, value, side);
    const made = this.thumbs.get(what.tensor) ?? {};
    this.thumbs.set(what.tensor, made);
    made[style] ??= { picture: thumbnail(what.tensor, style) };
    return made[style].picture;
  }

  // Mark the values that the picked element depends on, and those that depend on it.
  trace(pick, marksIn) {
    for (const { wire, lines } of this.wires) {
      const on = pick !== null && (pick.value === wire.value || marksIn(wire.value).length > 0);
      lines.classList.toggle("traced", on);
      const labels = this.labels?.get(wire);
      labels?.value.classList.toggle("traced", on);
      labels?.value.classList.toggle("origin", pick?.value === wire.value);
    }
  }

  // After the theme has changed, colours of heat maps have too.
  repaint(dark) {
    this.dark = dark;
    this.thumbs.clear();
  }
}

function arrow([shaft, head]) {
  return [svg("path", { class: "line", d: shaft }), head ? svg("path", { class: "head", d: head }) : null];
}

function oddTensor(what) {
  return what.kind === "tensor" && what.tensor.said.nan + what.tensor.said.inf > 0;
}

// How a tensor is coloured: gradients around 0; what goes in as an image in grey; else low to high.
export function styleOf(model, value, side) {
  if (side === "grad") return "diverging";
  const source = model.nodes.get(value.from);
  const tensor = value.value?.tensor;
  if (source.kind === "parameter") return "diverging";
  if (source.kind !== "input" || !tensor || tensor.dtype.startsWith("int")) return "sequential";
  const { sizes } = tensor;
  const images = sizes.length === 4 && sizes[2] > 4 && sizes[3] > 4 && (sizes[1] === 1 || sizes[1] === 3);
  return images || (sizes.length === 2 && Number.isInteger(Math.sqrt(sizes[1])) && sizes[1] >= 49)
    ? "gray"
    : "sequential";
}
