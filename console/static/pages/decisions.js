// The gates with their verdicts in words, every other decision with its reasons, and what a person may decide.

import { drawn, h } from "../dom.js";
import { card, empty, facts, listed, moment, number, paste, projectAt, runAt, table, tag, time } from "../words.js";
import { approve, reject } from "./actions.js";
import { runTabs } from "./tabs.js";

export const title = ({ run }) => `Decisions of ${run}`;
export const ask = ({ project, run }) => `/api${runAt(project, run, "decisions")}`;
export const every = (data) => (data?.live ? 700 : 10_000);
export const news = (before, data) => (data.gates && !before.gates ? `The gates have decided: ${data.gates.decision}` : "");

export function draw(data, { project, run, again }) {
  return [
    h("h1", { tabindex: -1 }, `Decisions of ${run}`),
    runTabs(project, run, "decisions"),
    next(data, project, run, again),
    prepared(data.data),
    data.gates ? gates(data) : empty("The gates have not decided yet."),
    approval(data.approval),
    data.others.map(record),
    data.responses.length ? [h("h2", null, "Responses to alarms"), data.responses.map(record)] : null,
  ].flat();
}

// what a person can do about the run as it stands
export function next({ waits: since, next: found }, project, run, again) {
  if (!since && !found) return null;
  const name = since ? "It waits for you" : "What to do next";
  const at = (path) => (path.startsWith("..") ? projectAt(project) + path.slice(2) : runAt(project, run) + (path.startsWith("?") ? path : `/${path}`));
  return h("section", { class: since ? "card ask" : "card", "aria-label": name }, h("h2", null, name),
    since ? h("p", null, `The gates are passed. Since ${moment(since.since)} UTC the model waits for a person's decision.`) : null,
    found ? [
      found.told.map((line) => h("p", null, line)),
      found.pages.length ? h("p", { class: "choices" }, found.pages.map(([words, path]) => h("a", { class: "button small", href: at(path) }, words))) : null,
      found.paste.map((each) => paste(each.words, each.lines)),
    ] : null,
    since ? h("div", { class: "choices" }, approve(project, run, again), reject(project, run, again)) : null);
}

function prepared(found) {
  if (!found || !found.rows) return null;
  return card("Data", h("p", null, `${number(found.rows_read)} accepted rows read; `,
    Object.entries(found.rows).map(([part, count]) => `${number(count)} ${part}`).join(", "), "."),
  found.losses?.length ? listed(found.losses.map((loss) => loss.text)) : null,
  found.losses_more ? h("p", { class: "quiet" }, `and ${found.losses_more} more in prepared/manifest.json`) : null);
}

function gates({ gates: found, figure }) {
  return h("section", { "aria-label": "Gates" },
    h("h2", null, "Gates ", tag(found.decision, { approved: "good", rejected: "bad", inconclusive: "warn" }[found.decision])),
    h("p", { class: "quiet" }, found.rows ? `on ${number(found.rows)} held-out rows, ` : "", moment(found.at), " UTC"),
    found.verdicts.length ? table([["Verdict"], ["Gate"], ["In words", "wide"], ["Measured", "n wrap"], ["Compared", "n wrap"], ["Has to be", "n wrap"]], found.verdicts.map((each, i) => ({
      key: String(i),
      cells: [tag(each.outcome), each.gate, each.reason, each.shown.measured ?? "–", each.shown.compared ?? "–", each.shown.limit],
    })), "Verdicts") : listed(found.reasons),
    found.notes.length ? [h("h3", null, "What to know"), listed(found.notes)] : null,
    figure ? h("div", { class: "plots" }, h("section", { "aria-label": "Differences" }, h("h3", null, "Against the others, with intervals"), figure.map(drawn))) : null);
}

function approval(found) {
  if (!found?.requested_at) return null;
  return card("Approval", facts(["Asked for", time(found.requested_at)], ["Decision", found.decision ? tag(found.decision.toLowerCase()) : "pending"],
    ["At", found.decided_at ? time(found.decided_at) : null], ["Reason", found.reason]));
}

const record = (each) => h("section", { class: "card", key: each.key, "aria-label": each.name },
  h("h2", null, each.alarm ? each.alarm : each.name.replaceAll("-", " "), " ", tag(each.decision)),
  h("p", { class: "quiet" }, each.at ? `${moment(each.at)} UTC` : ""),
  each.reasons.length ? listed(each.reasons) : h("p", { class: "quiet" }, "no reason is recorded"),
  h("details", { key: "record" }, h("summary", null, "The whole record"), h("pre", { tabindex: 0 }, JSON.stringify(each.record, null, 2).slice(0, 60_000))));
