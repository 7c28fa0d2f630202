// A project: what serves, and its runs, fifty at a time.

import { h } from "../dom.js";
import { duration, empty, facts, kindOf, listed, number, percent, plural, projectAt, runAt, seg, table, tag, time } from "../words.js";
import { retrain, rollBack, wake } from "./actions.js";
import { serving } from "./projects.js";
import { projectTabs } from "./tabs.js";

export const title = ({ project }) => project;
export const ask = ({ project, query }) => {
  const wanted = new URLSearchParams();
  for (const name of ["page", "only"]) if (query.get(name)) wanted.set(name, query.get(name));
  return `/api${projectAt(project)}?${wanted}`;
};
export const every = (data) => (data?.live ? 500 : 900);

export function news(before, data) {
  const [was, is] = [before.runs[0], data.runs[0]];
  if (is && (is.run_id !== was?.run_id || is.shown !== was?.shown)) return `${is.run_id}: ${is.shown}`;
  return "";
}

export function draw(data, { project, query, choose, go, again }) {
  const only = query.get("only") ?? "";
  return [
    h("h1", { tabindex: -1 }, project),
    data.description ? h("p", { class: "quiet" }, data.description) : null,
    projectTabs(project, ""),
    champion(data, again),
    data.held.length ? h("section", { class: "card ask", "aria-label": "Held data" }, h("h2", null, "The data changed, and nothing is trained until you decide"),
      listed(data.held), h("div", { class: "choices" }, h("a", { class: "button main", href: projectAt(project, "monitor") }, "Look at the change"))) : null,
    h("div", { class: "bar" },
      h("h2", null, "Runs"),
      h("div", { class: "choices", role: "group", "aria-label": "Show only" },
        choice("all", "", only, choose, Object.values(data.outcomes).reduce((a, b) => a + b, 0)),
        Object.entries(data.outcomes).map(([name, count]) => choice(name, name, only, choose, count)))),
    data.runs.length
      ? h("form", { key: "runs", on: { submit: (event, form) => compare(event, form, project, go) } },
        table([["Run"], ["Outcome"], ["Started (UTC)"], ["Took", "n"], ["By"], ["Because", "wide"], ...(several(data) ? [["Compare"]] : [])],
          data.runs.map((run) => row(project, run, several(data))), "Runs"),
        h("div", { class: "bar" }, pager(data, choose), several(data) ? h("button", { type: "submit", class: "button" }, "Compare two runs") : null))
      : empty("No run. The first accepted file starts one: drop it, or `sluice drop " + project + " FILE`."),
  ].flat();
}

function champion({ project, champion: found, waiting }, again) {
  const asks = waiting.map((run) => h("a", { class: "button main", href: runAt(project, run, "decisions") }, `Decide ${run}`));
  if (!found) return h("div", { class: "empty" }, h("p", null, "Nothing serves yet: no model has been released."), h("div", { class: "choices" }, asks, retrain(project, again)));
  const endpoint = found.endpoint;
  const gone = !endpoint;
  return h("section", { class: "card", "aria-label": "What serves" },
    h("h2", null, "Serves ", h("a", { href: runAt(project, found.run_id) }, found.run_id), " ",
      serving(found)),
    facts(
      ["Promoted", time(found.promoted_at)],
      ["Probation until", time(found.probation_until)],
      ["Before it", found.previous ? h("a", { href: runAt(project, found.previous) }, found.previous) : "nothing"],
      ...Object.entries(found.metrics).slice(0, 4).map(([name, value]) => [name, number(value)]),
      endpoint ? ["Traffic", endpoint.variants.map((each) => `${each.run_id} ${percent(each.share)}`).join(", ") || "–"] : null,
    ),
    gone ? h("p", { class: found.serving === "asleep" ? "because" : "failure" }, found.serving === "asleep"
      ? "The endpoint sleeps, so nothing serves and nothing is billed. Wake makes it again."
      : "The endpoint does not exist, so nothing serves. Wake makes it again.") : null,
    endpoint?.failure ? h("p", { class: "failure" }, endpoint.failure) : null,
    h("div", { class: "choices" }, asks, gone ? wake(project, found, again) : null, retrain(project, again), found.previous && found.serving !== "asleep" ? rollBack(project, found, again) : null));
}

const choice = (text, value, only, choose, count) =>
  h("button", { type: "button", class: "choice", "aria-pressed": String(value === only), on: { click: () => choose({ only: value, page: null }) } },
    text.replaceAll("_", " "), " ", h("span", { class: "quiet" }, number(count)));

const several = (data) => data.runs.length > 1;

const row = (project, run, compared) => ({
  key: run.run_id,
  cells: [
    h("a", { href: runAt(project, run.run_id) }, run.run_id),
    [tag(run.shown, kindOf(run.outcome ?? run.shown) || (run.outcome ? "" : "busy"))],
    time(run.started_at),
    duration(run.started_at, run.ended_at),
    run.trigger ?? "–",
    run.because ? h("span", { class: "clip two" }, run.because) : null,
    ...(compared ? [h("input", { type: "checkbox", name: "run", value: run.run_id, "aria-label": `Compare ${run.run_id}` })] : []),
  ],
});

function pager(data, choose) {
  if (data.pages < 2) return h("span", { class: "quiet" }, plural(data.total, "run"));
  const to = (page, text) => h("button", {
    type: "button", class: "button small", disabled: page < 0 || page >= data.pages,
    on: { click: () => choose({ page: page || null }) },
  }, text);
  return h("div", { class: "pager" }, to(data.page - 1, "Newer"),
    h("span", null, `page ${data.page + 1} of ${data.pages}, ${plural(data.total, "run")}`), to(data.page + 1, "Older"));
}

function compare(event, form, project, go) {
  event.preventDefault();
  const chosen = [...new FormData(form).getAll("run")].slice(0, 2).reverse();
  if (chosen.length === 2) go(`${projectAt(project, "compare")}?a=${seg(chosen[0])}&b=${seg(chosen[1])}`);
  else form.querySelector("input[name=run]")?.focus();
}
