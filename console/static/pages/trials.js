// The search for the best settings: every trial, its score, and the best so far.

import { drawn, h } from "../dom.js";
import { duration, empty, number, plural, runAt, table, tag, tiles } from "../words.js";
import { runTabs } from "./tabs.js";

export const title = ({ run }) => `Trials of ${run}`;
export const ask = ({ project, run }) => `/api${runAt(project, run, "trials")}`;
export const every = (data) => (data?.live ? 900 : 10_000);
export const news = (before, data) =>
  data.trials.filter((each) => each.score !== null).length > before.trials.filter((each) => each.score !== null).length
    ? `${plural(data.trials.length, "trial")}` : "";

export function draw(data, { project, run, query, choose }) {
  const { tuning, trials } = data;
  const by = query.get("by") ?? "score";
  const scored = trials.filter((each) => each.score !== null);
  const failed = trials.filter((each) => each.status === "Failed").length;
  const best = trials.find((each) => each.name === data.best);
  return [
    h("h1", { tabindex: -1 }, `Trials of ${run}`),
    runTabs(project, run, "trials"),
    tuning ? [
      tiles(
        ["Search", tag(tuning.status, { Completed: "good", Failed: "bad", InProgress: "busy" }[tuning.status] ?? ""), tuning.strategy],
        ["Training jobs", number(trials.length), `${scored.length} with a score, ${failed} failed`],
        ["Best", best ? number(best.score) : "–", best ? `${best.family.replaceAll("_", " ")}, ${best.metric}` : ""],
        ["Started from", tuning.from ? h("a", { href: runAt(project, tuning.from) }, tuning.from) : "nothing", tuning.note],
      ),
      data.progress.map((line) => h("p", { class: "now" }, h("strong", null, "Now: "), line)),
      data.figure ? h("div", { class: "plots" }, h("section", { "aria-label": "Scores" }, h("h2", null, "Scores, in the order of their beginning"), data.figure.map(drawn))) : null,
      h("div", { class: "bar" }, h("h2", null, "Training jobs"), h("div", { class: "choices", role: "group", "aria-label": "Order" },
        [["score", "best first"], ["time", "in their order"]].map(([value, text]) =>
          h("button", { type: "button", class: "choice", "aria-pressed": String(by === value), on: { click: () => choose({ by: value }) } }, text)))),
      trials.length ? table([["Job"], ["Family"], ["Score", "n"], ["Status"], ["Took", "n"], ["Settings", "wide"]],
        ordered(trials, by, tuning.maximize).map((each) => ({
          key: each.name,
          cells: [[each.name, each.name === data.best ? [" ", tag("the model", "good")] : null], each.family.replaceAll("_", " "), number(each.score),
            [tag(each.status, { Completed: "good", Failed: "bad", InProgress: "busy", Stopped: "warn" }[each.status] ?? ""), each.why ? h("div", { class: "quiet" }, each.why) : null],
            each.started ? duration(each.started, each.ended) : "–",
            h("span", { class: "quiet" }, Object.entries(each.hyperparameters).map(([name, value]) => `${name} ${short(value)}`).join(", "))],
        })), "Training jobs") : empty("No training job has begun."),
    ] : data.auto ? null : empty("This run has no search: it has not come to it, or its contract trains one model alone."),
    data.auto ? auto(data.auto) : null,
  ].flat();
}

// what `auto` tried within its one training job; trials that read the same are one row
function auto({ counted, short: few, groups }) {
  return [
    h("h2", null, "What auto tried"), h("p", null, `Trials of auto: ${counted}.`), few ? h("p", null, `${few}.`) : null,
    h("p", { class: "quiet" }, "Equal trials are one row: the number of the first, how many they are, and what all of them took. Weight: the part that each has in the model."),
    table([["First", "n"], ["Trials", "n"], ["Family"], ["Score", "n"], ["Seconds", "n"], ["Weight", "n"], ["From, or why left out", "wide"]],
      groups.map((each) => ({ key: String(each.first), cells: [number(each.first), number(each.trials), each.family,
        number(each.score), number(each.seconds, 1), number(each.weight), each.origin] })), "Trials of auto"),
  ];
}

function ordered(trials, by, maximize) {
  if (by !== "score") return trials;
  const worst = maximize ? -Infinity : Infinity;
  return [...trials].sort((a, b) => (maximize ? 1 : -1) * ((b.score ?? worst) - (a.score ?? worst)) || 0);
}

const short = (value) => (Number.isNaN(Number(value)) ? value : String(Number(Number(value).toPrecision(4))));
