// Numbers, times and small parts that several pages share.

import { h } from "./dom.js";

export const seg = encodeURIComponent;
export const projectAt = (project, ...rest) => ["/projects", seg(project), ...rest.map(seg)].join("/");
export const runAt = (project, run, ...rest) => projectAt(project, "runs", run, ...rest);

export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return value.toExponential(2);
  if (size >= 10_000) return Math.round(value).toLocaleString("en-US");
  return size >= 100 ? value.toFixed(2) : value.toFixed(digits);
}

export const percent = (share, digits = 0) =>
  share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`;

export function moment(iso) {
  if (!iso) return "–";
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return String(iso);
  return `${at.toISOString().slice(0, 10)} ${at.toISOString().slice(11, 19)}`;
}

export const time = (iso) => (iso ? h("time", { datetime: iso, title: "UTC" }, moment(iso)) : "–");

export function duration(from, to) {
  if (!from) return "–";
  const seconds = Math.max(0, (to ? new Date(to) : new Date()) - new Date(from)) / 1000;
  if (Number.isNaN(seconds)) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  return minutes ? `${minutes} min ${String(rest).padStart(2, "0")} s` : `${rest} s`;
}

export function span(seconds) {
  if (seconds < 90) return `${number(seconds, 0)} s`;
  if (seconds < 5400) return `${number(seconds / 60, 0)} min`;
  return seconds < 172_800 ? `${number(seconds / 3600, 1)} h` : `${number(seconds / 86_400, 1)} days`;
}

export const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

const KINDS = {
  good: ["promoted", "approved", "pass", "stable", "InService", "accepted", "verified", "done", "SUCCEEDED", "OK", "awake", "promote",
    "advance", "keep"],
  bad: [
    "failed", "fail", "rolled_back", "drifted", "abort", "quarantined", "FAILED", "ABORTED", "TIMED_OUT", "ALARM",
    "Failed", "missing", "not_verified", "roll_back", "CRITICAL",
  ],
  warn: [
    "rejected", "not_approved", "inconclusive", "waits for approval", "caught", "hold", "INSUFFICIENT_DATA", "asleep",
    "ask",
  ],
  busy: ["running", "starting", "RUNNING", "Updating", "Creating", "releasing", "continue"],
};
const KIND = new Map(Object.entries(KINDS).flatMap(([kind, words]) => words.map((word) => [word, kind])));
export const kindOf = (word) => KIND.get(word) ?? "";
export const tag = (word, kind = kindOf(word)) =>
  h("span", { class: `tag ${kind}`.trim() }, String(word ?? "–").replaceAll("_", " "));

// an inconclusive measurement is nobody's concern while there are too few requests to decide
export const measured = (found) => (found.few_rows ? tag("too few requests", "") : tag(found.decision));

export const card = (title, ...content) =>
  h("section", { class: "card", "aria-label": title }, h("h2", null, title), ...content);

export function facts(...pairs) {
  const kept = pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined && pair[1] !== "");
  return h("dl", { class: "facts" }, kept.map(([name, ...value]) =>
    h("div", null, h("dt", null, name), h("dd", null, ...value))));
}

export function tiles(...items) {
  return h("dl", { class: "tiles" }, items.filter(Boolean).map(([name, value, note]) =>
    h("div", null, h("dt", null, name), h("dd", null, value, note ? h("div", { class: "note" }, note) : null))));
}

// `columns`: [name, class]; `rows`: arrays of cells, the first of which names the row. In a narrow window each row of
// a table of more than three columns, or of a wide one, is a card: its cells have their column's name beside them
export function table(columns, rows, caption) {
  return h("div", { class: columns.length > 3 || columns.some(([, kind]) => kind === "wide") ? "scroll cards" : "scroll", tabindex: 0, role: "region", "aria-label": caption ?? "Table" },
    h("table", null,
      caption ? h("caption", { class: "unseen" }, caption) : null,
      h("thead", null, h("tr", null, columns.map(([name, kind]) => h("th", { scope: "col", class: kind }, name)))),
      h("tbody", null, rows.map(({ key, cells, ...more }) =>
        h("tr", { key, ...more }, cells.map((cell, i) => i
          ? h("td", { class: columns[i]?.[1], "data-name": words(columns[i]?.[0]) }, cell)
          : h("th", { scope: "row", class: columns[i]?.[1] }, cell)))))));
}

// lines for a terminal, with a button that copies them
export function paste(words, lines) {
  const text = lines.join("\n");
  const copy = async (_, node) => {
    try {
      await navigator.clipboard.writeText(text);
      node.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(node.previousSibling);
      node.textContent = "Selected: press Ctrl-C";
    }
  };
  return h("div", { class: "paste", key: text }, h("p", null, words),
    lines.length ? h("div", { class: "bar" }, h("pre", { tabindex: 0, "aria-label": words }, text),
      h("button", { type: "button", class: "button small", on: { click: copy } }, "Copy")) : null);
}

const words = (name) => (name instanceof Node ? name.textContent : name);

export const empty = (text) => h("p", { class: "empty" }, text);
export const listed = (texts) => h("ul", { class: "list" }, texts.map((text) => h("li", null, text)));
export const code = (text) => h("code", null, text);
