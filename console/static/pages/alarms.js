// CloudWatch's alarms of the project and of the stack, those in ALARM first.

import { h } from "../dom.js";
import { empty, projectAt, table, tag, time } from "../words.js";
import { projectTabs } from "./tabs.js";

export const title = ({ project }) => `Alarms of ${project}`;
export const ask = ({ project }) => `/api${projectAt(project, "alarms")}`;
export const every = () => 900;

export function news(before, data) {
  const known = new Map([...before.alarms, ...before.stack].map((each) => [each.name, each.state]));
  return [...data.alarms, ...data.stack].filter((each) => known.has(each.name) && known.get(each.name) !== each.state)
    .map((each) => `${each.short} is ${each.state}`).join("; ");
}

export function draw(data, { project }) {
  return [
    h("h1", { tabindex: -1 }, `Alarms of ${project}`),
    projectTabs(project, "alarms"),
    h("h2", null, "Of the project"),
    data.alarms.length ? list(data.alarms, "Alarms of the project") : empty("The project has no alarm: alarms come with its first model, and go with its endpoint."),
    h("h2", null, "Of the stack"),
    data.stack.length ? list(data.stack, "Alarms of the stack") : empty("The stack has no alarm that you may see."),
    data.history.length ? [h("h2", null, "Changes"), table([["Alarm"], ["What"], ["At (UTC)"]],
      data.history.map((each) => ({ cells: [each.alarm, each.what, time(each.at)] })), "Changes of alarms")] : null,
  ].flat();
}

const list = (alarms, name) => table([["Alarm", "wide"], ["State"], ["Since (UTC)"], ["Goes into ALARM when"], ["Why now", "wide"]], alarms.map((each) => ({
  key: each.name,
  cells: [[each.short, each.description ? h("div", { class: "quiet" }, each.description) : null], tag(each.state), time(each.since),
    h("span", { class: "quiet" }, each.rule), each.reason],
})), name);
