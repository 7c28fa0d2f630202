// The pages of a project, and those of a run.

import { h } from "../dom.js";
import { projectAt, runAt } from "../words.js";

const OF_PROJECT = [
  ["", "Runs"], ["data", "Data"], ["monitor", "Monitoring"], ["alarms", "Alarms"], ["alerts", "Alerts"],
  ["annotate", "Label"], ["lineage", "Lineage"], ["drop", "Drop a file"],
];
const OF_RUN = [
  ["", "Graph"], ["trials", "Trials"], ["evaluation", "Evaluation"], ["decisions", "Decisions"], ["release", "Release"],
];

export const projectTabs = (project, chosen) =>
  bar("Project", OF_PROJECT, chosen, (name) => projectAt(project, ...(name ? [name] : [])));
export const runTabs = (project, run, chosen) =>
  bar("Run", OF_RUN, chosen, (name) => runAt(project, run, ...(name ? [name] : [])));

function bar(label, tabs, chosen, at) {
  return h("nav", { class: "tabs", "aria-label": label }, h("ul", null, tabs.map(([name, text]) =>
    h("li", null, h("a", { href: at(name), "aria-current": name === chosen ? "page" : null }, text)))));
}
