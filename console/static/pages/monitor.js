// Drift, quality, volume and maturity over time; the newest measurement in full; responses to alarms.

import { drawn, h } from "../dom.js";
import { card, empty, facts, listed, measured, moment, number, percent, plural, projectAt, runAt, span, table, tag, tiles, time } from "../words.js";
import { acceptDrift, endFault, wasBroken } from "./actions.js";
import { projectTabs } from "./tabs.js";

export const title = ({ project }) => `Monitoring of ${project}`;
export const ask = ({ project }) => `/api${projectAt(project, "monitor")}`;
export const every = () => 1500;
export const news = (before, data) =>
  before.newest?.at !== data.newest?.at ? `measured: ${data.newest?.decision}` : "";

export function draw(data, { project, again }) {
  const newest = data.newest;
  const head = [h("h1", { tabindex: -1 }, `Monitoring of ${project}`), projectTabs(project, "monitor")];
  if (!newest) return [...head, ...held(data.held, project, again), empty("Nothing has been measured yet. The monitor measures a serving model on the contract's schedule.")];
  const problems = Object.entries(newest.problems);
  return [
    ...head,
    tiles(
      ["Newest measurement", measured(newest), time(newest.at)],
      ["Rows", number(newest.rows), newest.requests === null || newest.requests === undefined ? "" : `in ${plural(newest.requests, "request")}`],
      quality(newest.quality),
      newest.triage ? ["Triage", tag(newest.triage.answer ?? "?"), newest.triage.reason ?? ""] : null,
      newest.probation ? ["Probation", tag(newest.probation.decision ?? "?")] : null,
    ),
    newest.endpoint_missing ? h("p", { class: "failure" }, "The endpoint is missing or broken. ", h("a", { href: projectAt(project) }, "What serves"), " says more, and wakes it.") : null,
    newest.reasons.length ? card("Why", listed(newest.reasons), newest.triage?.sentence ? h("p", null, newest.triage.sentence) : null) : null,
    held(data.held, project, again),
    problems.length ? card("Not measured", listed(problems.map(([name, why]) => `${name}: ${why}`))) : null,
    h("h2", null, "Over time"),
    data.plots.length ? h("div", { class: "plots" }, data.plots.map((plot) =>
      h("section", { key: plot.title, "aria-label": plot.title }, h("h3", null, plot.title), plot.figure.map(drawn), plot.note ? h("p", null, plot.note) : null)))
      : empty("Plots need two measurements."),
    data.left_out ? h("p", { class: "quiet" }, `${plural(data.left_out, "older measurement")} are not drawn.`) : null,
    labels(newest.labels),
    data.responses.length ? [h("h2", null, "Responses to alarms"), table([["Alarm"], ["Decision"], ["Reasons", "wide"], ["At (UTC)"], ["Run"]],
      data.responses.map((each) => ({ cells: [each.alarm, tag(each.decision), listed(each.reasons), time(each.at),
        each.run_id ? h("a", { href: runAt(project, each.run_id) }, each.run_id) : "–"] })), "Responses to alarms")] : null,
    data.page ? [h("h2", null, "The newest measurement"), h("section", { class: "report", "aria-label": "The newest measurement" }, data.page.map(drawn))] : null,
  ].flat();
}

function held(changes, project, again) {
  const lasting = changes.filter((each) => !each.over);
  return [
    changesOf("Changes that wait for you", "Nothing is trained while one lasts. Look at its columns at their source. If the change is real, accept it; if the source was broken, correct it there, then say that it is over.",
      lasting, acceptDrift(project, lasting, again), endFault(project, lasting, again)),
    ...[
      ["Faults that may have been real", "The measurement that ended them found real drift. Rows of their time are left out of training. Accept what was real, or say that it was broken.", (each) => each.waits, wasBroken],
      ["Faults that are over", "Rows of their time are left out of training.", (each) => !each.waits],
    ].map(([name, words, is, other]) => {
      const chosen = changes.filter((each) => each.over && is(each));
      return changesOf(name, words, chosen, acceptDrift(project, chosen, again), other?.(project, chosen, again));
    }),
  ];
}

function changesOf(name, words, changes, ...buttons) {
  if (!changes.length) return null;
  return card(name, h("p", null, words), listed(changes.map((each) =>
    `${each.name}, since ${moment(each.since)} UTC${each.over ? `, over since ${moment(each.over)} UTC` : ""}: ${each.sentence}`)),
    h("div", { class: "choices" }, buttons));
}

function quality(found) {
  if (!found) return null;
  const name = `Quality (${found.metric ?? "?"})`;
  if (found.value === null || found.value === undefined) return [name, "–", found.reason ?? ""];
  const ends = typeof found.low === "number" && typeof found.high === "number" ? ` [${number(found.low)}, ${number(found.high)}]` : "";
  return [name, number(found.value), `${number(found.labels)} labels${ends}`];
}

const TIME = /^\d{4}-\d\d-\d\dT/;

function labels(found) {
  if (!found) return null;
  const pairs = Object.entries(found).filter(([, value]) => ["number", "string"].includes(typeof value));
  const maturity = found.maturity;
  if (!pairs.length && !maturity) return null;
  if (!maturity && pairs.every(([, value]) => value === 0)) return card("Delayed labels", h("p", { class: "quiet" }, "No label has arrived in the time that was measured."));
  return card("Delayed labels", facts(
    ...pairs.slice(0, 12).map(([name, value]) => [name.replaceAll("_", " "), TIME.test(value) ? time(value) : number(value)]),
    typeof maturity?.labelled_share === "number" ? ["requests that get a label", percent(maturity.labelled_share, 1)] : null,
    typeof maturity?.mature_age_seconds === "number" ? ["mature after", span(maturity.mature_age_seconds)] : null,
  ));
}
