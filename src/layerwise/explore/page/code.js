// Python source with a little colour: comments, strings, keywords, numbers, and the gradient's names.

import { html } from "./dom.js";

const TOKEN = new RegExp(
  [
    /(#[^\n]*)/,
    /([rbfu]{0,2}(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))/,
    /\b(\d[\d_.]*(?:e[-+]?\d+)?)\b/,
    /\b([A-Za-z_]\w*)\b/,
  ]
    .map((part) => part.source)
    .join("|"),
  "g",
);
const KEYWORDS = new Set(
  (
    "and as assert async await break class continue def del elif else except finally for from global if import " +
    "in is lambda None nonlocal not or pass raise return True False try while with yield"
  ).split(" "),
);

// The tokens of a text as [kind, text]; kind is "" for what is between.
export function tokens(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) found.push(["", text.slice(end, match.index)]);
    found.push([tokenKind(match), match[0]]);
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push(["", text.slice(end)]);
  return found;
}

function tokenKind([, comment, string, numeral, name]) {
  if (comment) return "comment";
  if (string) return "string";
  if (numeral) return "numeral";
  if (KEYWORDS.has(name)) return "keyword";
  if (name === "self") return "self";
  if (isGradient(name)) return "gradient";
  return "";
}

// Names of gradients as the library writes them: dout, dx, dW, db, dscores, grad.
export function isGradient(name) {
  return /^d(out|x|y|z|t|[A-Z]\w*|b|h|c|gamma|beta|[xyn]\d*)\d*$/.test(name) || name === "grad";
}

// Each line is a row of its own, so that long ones wrap beside their number.
export function codeBlock(text, firstLine) {
  const rows = [[]];
  for (const [kind, part] of tokens(text)) {
    part.split("\n").forEach((piece, i) => {
      if (i) rows.push([]);
      if (piece) rows.at(-1).push(kind ? html("span", { class: `t-${kind}` }, piece) : piece);
    });
  }
  const indent = (row) => /^ */.exec(text.split("\n")[row])[0].length;
  return html(
    "pre",
    { class: "code", style: `counter-reset: line ${firstLine - 1}` },
    html(
      "code",
      {},
      rows.map((row, i) =>
        html("span", { class: "row-of-code", style: `--indent:${indent(i)}ch` }, row),
      ),
    ),
  );
}

// A formula from a docstring: parts that stand far apart go on lines of their own.
export function formulaLines(text) {
  return text
    .split("\n")
    .flatMap((line) => line.split(/\s{3,}/))
    .filter((line) => line.trim());
}

export function formula(text) {
  const words = (line) => line.split(/([A-Za-zα-ωΑ-Ω_]\w*ᵀ?)/);
  const mark = (word) =>
    isGradient(word.replace("ᵀ", "")) ? html("span", { class: "t-gradient" }, word) : word;
  return html(
    "div",
    { class: "formula" },
    formulaLines(text).map((line) => html("div", {}, words(line).map(mark))),
  );
}
