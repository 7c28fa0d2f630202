// The alerts as an inbox: those that the console heard, and what the records say of others.

import { h } from "../dom.js";
import { empty, listed, moment, plural, projectAt, runAt } from "../words.js";
import { projectTabs } from "./tabs.js";

export const title = ({ project }) => (project ? `Alerts of ${project}` : "Alerts");
export const ask = ({ project }) => (project ? `/api${projectAt(project, "alerts")}` : "/api/alerts");
export const every = () => 900;
export const news = (before, data) => (data.heard.length > before.heard.length ? data.heard[0].subject : "");

export function draw(data, context) {
  const { project, query, choose } = context;
  const wanted = query.get("kind") ?? "";
  const kinds = [...new Set([...data.heard, ...data.records].map((each) => each.kind))].sort();
  const of = (list) => list.filter((each) => !wanted || each.kind === wanted);
  return [
    h("h1", { tabindex: -1 }, title({ project })),
    project ? projectTabs(project, "alerts") : null,
    h("div", { class: "choices", role: "group", "aria-label": "Show only" },
      ["", ...kinds].map((kind) => h("button", { type: "button", class: "choice", "aria-pressed": String(kind === wanted), on: { click: () => choose({ kind }) } }, kind || "all"))),
    h("h2", null, "Heard since the console began"),
    data.listens || data.heard.length ? null : h("p", { class: "quiet" }, data.why_not),
    of(data.heard).length ? inbox(of(data.heard), "heard", project) : data.listens ? empty("No alert yet.") : null,
    h("h2", null, "From the records"),
    of(data.records).length ? inbox(of(data.records), "records", project) : empty("Nothing is recorded yet."),
    data.left_out ? h("p", { class: "quiet" }, `${plural(data.left_out, "older record")} are not shown.`) : null,
    h("details", { key: "unrecorded" }, h("summary", null, "What no record is left of"),
      listed(Object.entries(data.unrecorded).map(([kind, why]) => `${kind}: ${why}`))),
  ].flat();
}

// Each its own part, so that what was opened stays open when a new one comes.
const inbox = (alerts, name, project) => h("ul", { class: "inbox", "aria-label": plural(alerts.length, "alert") }, alerts.map((each) =>
  h("li", { key: [name, each.at, each.kind, each.subject].join("\n") }, h("details", null,
    h("summary", null, h("span", { class: "kind" }, each.kind), h("span", { class: "subject" }, each.subject), h("span", { class: "quiet" }, moment(each.at))),
    !project && each.project ? h("p", null, h("a", { href: projectAt(each.project) }, each.project)) : null,
    each.run_id ? h("p", null, h("a", { href: runAt(each.project, each.run_id) }, `Run ${each.run_id}`)) : null,
    each.message ? h("pre", { tabindex: 0 }, each.message) : h("p", { class: "quiet" }, "no more is recorded")))));
