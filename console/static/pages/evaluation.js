// The evaluation: the report's own plots and tables, and the model card.

import { drawn, h } from "../dom.js";
import { empty, runAt } from "../words.js";
import { runTabs } from "./tabs.js";

export const title = ({ run }) => `Evaluation of ${run}`;
export const ask = ({ project, run }) => `/api${runAt(project, run, "evaluation")}`;
export const every = (data) => (data?.evaluated ? 10_000 : 1500);
export const news = (before, data) => (data.evaluated && !before.evaluated ? "The evaluation is there" : "");

export function draw(data, { project, run, query, choose }) {
  const card = query.get("show") === "card";
  return [
    h("h1", { tabindex: -1 }, `Evaluation of ${run}`),
    runTabs(project, run, "evaluation"),
    data.problem ? h("p", { class: "failure" }, data.problem) : null,
    data.evaluated ? [
      h("div", { class: "choices", role: "group", "aria-label": "Show" }, [["", "Report"], ["card", "Model card"]].map(([value, text]) =>
        h("button", { type: "button", class: "choice", "aria-pressed": String((value === "card") === card), on: { click: () => choose({ show: value }) } }, text))),
      h("section", { class: "report", key: card ? "card" : "report", "aria-label": card ? "Model card" : "Report" }, (card ? data.card : data.page).map(drawn)),
    ] : data.problem ? null : empty("The candidate has not been evaluated yet."),
  ].flat();
}
