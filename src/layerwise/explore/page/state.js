// What the reader is looking at, and how it is written in the URL's fragment.

// time: steps done; open: opened graphs (null: as the page begins); node: chosen node, or null;
// pick: {value, index} of an element, or null; inputs: changed numbers by name.
export function initialState() {
  return {
    time: 0,
    open: null,
    node: null,
    pick: null,
    inputs: {},
    check: false,
    quiz: false,
    speed: 1,
    lang: null,
    theme: null,
    at: null,
  };
}

// The fragment for a state: "#step=3&node=affine1".
export function toFragment(state) {
  const parts = [`step=${state.time}`];
  const add = (name, text) => parts.push(`${name}=${encodeURIComponent(text)}`);
  if (state.open) add("open", [...state.open].map(encodeURIComponent).join(","));
  if (state.node) add("node", state.node);
  if (state.pick) add("pick", `${state.pick.value}:${state.pick.index.join(",")}`);
  const inputs = Object.entries(state.inputs).map(([name, x]) => `${encodeURIComponent(name)}:${x}`);
  if (inputs.length) add("in", inputs.join(","));
  if (state.check) add("check", "1");
  if (state.quiz) add("quiz", "1");
  if (state.lang) add("lang", state.lang);
  if (state.theme) add("theme", state.theme);
  if (state.at !== null) add("at", state.at);
  return `#${parts.join("&")}`;
}

// The state that a fragment says; what makes no sense is left as it is at the beginning.
export function fromFragment(fragment, model, end) {
  const state = initialState();
  const said = {};
  for (const part of fragment.replace(/^#/, "").split("&")) {
    const cut = part.indexOf("=");
    if (cut > 0) said[part.slice(0, cut)] = decoded(part.slice(cut + 1));
  }
  const time = Number(said.step);
  if (Number.isInteger(time)) state.time = Math.min(Math.max(time, 0), end);
  if ("open" in said)
    state.open = new Set(
      said.open
        .split(",")
        .map(decoded)
        .filter((id) => model.frames.has(id)),
    );
  if (model.node(said.node)) state.node = said.node;
  state.pick = pickFrom(said.pick, model);
  for (const pair of (said.in || "").split(",")) {
    const cut = pair.lastIndexOf(":");
    const x = Number(pair.slice(cut + 1));
    if (cut > 0 && Number.isFinite(x) && pair.slice(cut + 1).trim())
      state.inputs[decoded(pair.slice(0, cut))] = x;
  }
  state.check = said.check === "1";
  state.quiz = said.quiz === "1";
  if (["en", "zh", "ja"].includes(said.lang)) state.lang = said.lang;
  if (["light", "dark"].includes(said.theme)) state.theme = said.theme;
  if (/^\d+$/.test(said.at ?? "")) state.at = Number(said.at);
  return state;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function pickFrom(text, model) {
  if (!text) return null;
  const cut = text.lastIndexOf(":");
  const value = model.values.get(text.slice(0, cut));
  const shape = value?.value?.tensor?.shape;
  const index = text
    .slice(cut + 1)
    .split(",")
    .map(Number);
  const fits =
    shape &&
    index.length === shape.length &&
    index.every((i, axis) => Number.isInteger(i) && i >= 0 && i < shape[axis]);
  return fits ? { value: value.id, index } : null;
}
