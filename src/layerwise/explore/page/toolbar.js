// The bar above: title, search, quiz, language, theme, export.

import { html, replaceChildren } from "./dom.js";
import { saveSvg } from "./exporting.js";
import { showHelp } from "./help.js";
import { icon } from "./icons.js";
import { language, languages, say } from "./texts.js";

export function drawToolbar(element, app) {
  const { record } = app.model;
  const facts = [record.dtype, record.dtype && say(record.mode)].filter(Boolean).join(" · ");
  const tool = (name, label, press, extra = {}) =>
    html(
      "button",
      { class: "tool", title: label, "aria-label": label, onclick: press, ...extra },
      icon(name),
    );
  const choice = html(
    "select",
    {
      "aria-label": say("languageSwitch"),
      title: say("languageSwitch"),
      class: "languages",
      onchange: () => app.set({ lang: choice.value }),
    },
    languages().map(({ code, name }) =>
      html("option", { value: code, selected: code === language() }, name),
    ),
  );
  replaceChildren(
    element,
    html(
      "div",
      { class: "brand" },
      html("h1", { title: record.graph }, record.title),
      html("span", { class: "facts-line" }, facts),
    ),
    app.training ? viewSwitch(app) : null,
    app.inTraining ? null : searchBox(app),
    html(
      "div",
      { class: "tools" },
      app.inTraining
        ? null
        : html(
            "button",
            {
              class: "tool word",
              title: say("quiz"),
              "aria-label": say("quiz"),
              "aria-pressed": String(app.state.quiz),
              onclick: () => app.toggleQuiz(),
            },
            icon("quiz"),
            html("span", {}, say("quiz")),
          ),
      choice,
      tool("theme", say("theme"), () => app.toggleTheme()),
      app.inTraining ? null : tool("save", say("saveSvg"), () => saveSvg(app)),
      tool("print", say("print"), () => window.print()),
      tool("help", say("help"), () => showHelp()),
    ),
  );
}

// One run, or the whole training.
function viewSwitch(app) {
  const side = (key, on, press) => html("button", { "aria-pressed": String(on), onclick: press }, say(key));
  return html(
    "div",
    { class: "views", role: "group" },
    side("viewTraining", app.inTraining, () => app.set({ at: app.training.last, node: null })),
    side("viewWalk", !app.inTraining, () => app.set({ at: null, node: null })),
  );
}

function searchBox(app) {
  const list = html("ul", {
    class: "found floating",
    id: "found",
    role: "listbox",
    "aria-label": say("search"),
    hidden: true,
  });
  const input = html("input", {
    type: "search",
    id: "search",
    placeholder: say("search"),
    "aria-label": say("search"),
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": "found",
    "aria-autocomplete": "list",
    autocomplete: "off",
    spellcheck: "false",
  });
  let active = -1;
  const options = () => [...list.querySelectorAll("[data-id]")];
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };
  const choose = (id) => {
    close();
    input.value = "";
    input.blur();
    app.find(id);
  };
  const highlight = (to) => {
    const all = options();
    if (!all.length) return;
    active = (to + all.length) % all.length;
    all.forEach((one, i) => one.setAttribute("aria-selected", String(i === active)));
    all[active].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", all[active].id);
  };
  input.addEventListener("input", () => {
    const matches = input.value.trim() ? matching(app.model, input.value) : [];
    list.replaceChildren(
      ...(matches.length || !input.value.trim()
        ? matches.map((node, i) => option(node, i, choose))
        : [html("li", { class: "quiet", role: "option", "aria-disabled": "true" }, say("noMatch"))]),
    );
    list.hidden = !input.value.trim();
    input.setAttribute("aria-expanded", String(!list.hidden));
    active = -1;
  });
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      highlight(active + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      const chosen = options()[Math.max(active, 0)];
      if (chosen) choose(chosen.dataset.id);
    } else if (event.key === "Escape") {
      close();
      input.blur();
    }
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
  return html("div", { class: "search", role: "search" }, icon("search"), input, list);
}

function option(node, i, choose) {
  const detail = node.kind && node.kind !== "op" ? node.kind : node.call;
  return html(
    "li",
    {
      role: "option",
      id: `found-${i}`,
      "data-id": node.id,
      "aria-selected": "false",
      onpointerdown: (event) => {
        event.preventDefault();
        choose(node.id);
      },
    },
    html("b", {}, node.id),
    html("span", {}, detail),
  );
}

// Nodes and nested graphs that have all the words in their name or call; those so named first.
export function matching(model, text, most = 12) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...model.nodes.values(), ...model.frames.values()].filter((node) => node.kind !== "output");
  const fits = (node) =>
    words.every((word) => `${node.id} ${node.call ?? ""}`.toLowerCase().includes(word));
  const rank = (node) => {
    const named = words.every((word) => node.id.toLowerCase().includes(word));
    return (named ? 0 : 2) + (node.name.toLowerCase().startsWith(words[0]) ? 0 : 1);
  };
  return all
    .filter(fits)
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, most);
}
