// What the keys do, in a dialog.

import { html } from "./dom.js";
import { say } from "./texts.js";

export function showHelp() {
  const dialog = html(
    "dialog",
    { class: "help", "aria-label": say("help") },
    html("h2", {}, say("help")),
    html("ul", {}, say("keysList").split(" · ").map((line) => html("li", {}, line))),
    html("p", { class: "quiet" }, say("graphHelp")),
    html("button", { onclick: () => dialog.close() }, say("close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
