// The keyboard: arrows and space walk, with shift they move the picture, the other keys look.

import { showHelp } from "./help.js";

const TYPING = "input:not([type=range]), select, textarea, [contenteditable]";

export function keyPressed(event, app) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("dialog")) return;
  const inField = event.target.matches?.(TYPING);
  if (inField) return;
  const onButton = event.target.matches?.("button, [role=button]");
  const action = event.shiftKey ? moving(event.key) : ACTIONS[event.key];
  if (!action || (onButton && event.key === " " && !event.target.matches(".thing"))) return;
  event.preventDefault();
  action(app);
}

function moving(key) {
  return key in MOVES ? (app) => app.view.move(...MOVES[key]) : ACTIONS[key];
}

// A training has nothing to search in.
function find() {
  document.getElementById("search")?.focus();
}

const FAR = 80; // pixels that the picture moves by a key
const MOVES = {
  ArrowLeft: [FAR, 0],
  ArrowRight: [-FAR, 0],
  ArrowUp: [0, FAR],
  ArrowDown: [0, -FAR],
};

const ACTIONS = {
  ArrowRight: (app) => app.step(1),
  ArrowLeft: (app) => app.step(-1),
  " ": (app) => app.step(1),
  Home: (app) => app.jump(0),
  End: (app) => app.jump(Infinity),
  p: (app) => app.transport.toggle(),
  f: find,
  "/": find,
  0: (app) => app.view.fit(true),
  "+": (app) => app.view.zoom(1.25),
  "=": (app) => app.view.zoom(1.25),
  "-": (app) => app.view.zoom(0.8),
  Escape: (app) => app.set({ node: null, pick: null }),
  "?": () => showHelp(),
};
