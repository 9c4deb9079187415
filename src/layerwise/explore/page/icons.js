// The signs on the buttons, drawn as lines.

import { svg } from "./dom.js";

const PATHS = {
  start: "M6 5v14M19 5l-9 7 9 7z",
  back: "M16 5l-9 7 9 7z",
  next: "M8 5l9 7-9 7z",
  end: "M18 5v14M5 5l9 7-9 7z",
  play: "M7 4.5l12 7.5-12 7.5z",
  pause: "M8 5v14M16 5v14",
  theme: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  save: "M12 4v11m0 0l-4.5-4.5M12 15l4.5-4.5M5 19.5h14",
  print: "M7 9V4h10v5M7 17H4.5V9.5h15V17H17M7 14h10v6H7z",
  help: "M9 9.2a3 3 0 1 1 4.4 2.7c-1 .5-1.4 1.1-1.4 2.1M12 17.6v.1",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4.5 9V4.5H9M15 4.5h4.5V9M19.5 15v4.5H15M9 19.5H4.5V15",
  unfold: "M4.5 4.5h15v15h-15zM12 8.5v7M8.5 12h7",
  fold: "M4.5 4.5h15v15h-15zM8.5 12h7",
  quiz: "M4.5 12.5l5 5 10-11",
  search: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12M15 15l5 5",
};

export function icon(name) {
  return svg(
    "svg",
    { class: `icon i-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: PATHS[name] }),
  );
}
