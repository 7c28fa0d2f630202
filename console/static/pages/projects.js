// All projects: what serves, what runs, what waits, what was measured last.

import { h } from "../dom.js";
import { duration, empty, listed, measured, number, plural, projectAt, runAt, table, tag, time } from "../words.js";

export const title = () => "Projects";
export const ask = () => "/api/projects";
export const every = () => 700;

export function news(before, data) {
  const known = new Map(before.projects.map((each) => [each.project, each.newest?.shown]));
  const changed = data.projects.filter((each) => known.get(each.project) !== each.newest?.shown);
  return changed.map((each) => `${each.project}: ${each.newest?.shown ?? "no run"}`).join("; ");
}

export function draw(data) {
  return [
    h("h1", { tabindex: -1 }, "Projects"),
    data.projects.length
      ? table([["Project"], ["Serves"], ["Newest run"], ["Waits for you"], ["Measured"], ["Runs", "n"]],
        data.projects.map(row), "Projects")
      : empty("No project is registered yet: `sluice init data.csv`, then `sluice register project.yaml`."),
    data.not_read.length ? [h("h2", null, "Not read"), listed(data.not_read)] : null,
  ].flat();
}

function row(each) {
  const { project, champion, newest } = each;
  return {
    key: project,
    cells: [
      h("a", { href: projectAt(project) }, project),
      champion ? [h("a", { href: runAt(project, champion.run_id) }, champion.run_id), " ", serving(champion)] : "nothing yet",
      newest ? [
        tag(newest.shown), " ", h("a", { href: runAt(project, newest.run_id) }, newest.run_id),
        h("div", { class: "quiet" }, newest.ended_at ? ["ended ", time(newest.ended_at)]
          : `by ${newest.trigger ?? "?"}, for ${duration(newest.started_at)}`),
      ] : "no run yet",
      each.waiting.length || each.held ? [
        each.waiting.map((run) => h("a", { class: "button small", href: runAt(project, run.run_id) }, `Decide ${run.run_id}`)),
        each.held ? h("a", { class: "button small", href: projectAt(project, "monitor") }, `Decide ${plural(each.held, "held change")}`) : null,
      ] : h("span", { class: "quiet" }, "nothing"),
      each.measured ? [
        measured(each.measured),
        h("div", { class: "quiet clip" }, each.measured.reasons.join("; ")),
      ] : h("span", { class: "quiet" }, "not yet"),
      number(each.runs),
    ],
  };
}

export function serving(champion) {
  return tag(champion.serving === "awake" ? champion.endpoint?.status ?? "missing" : champion.serving);
}

export const runsOf = (count) => plural(count, "run");
