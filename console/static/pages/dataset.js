// One file: its profile with plots, the counts of refused rows and the first of them with their reasons.

import { drawn, h } from "../dom.js";
import { empty, facts, listed, number, paste, plural, projectAt, runAt, seg, table, tag, time } from "../words.js";
import { withdraw } from "./actions.js";
import { projectTabs } from "./tabs.js";

export const title = ({ part }) => `Dataset ${part}`;
export const ask = ({ project, part }) => `/api${projectAt(project, "data", part)}`;
export const every = () => 5000;

export function draw(data, { project, part, again }) {
  const summary = data.summary;
  return [
    h("h1", { tabindex: -1 }, `Dataset ${part}`),
    h("p", { class: "quiet" }, data.key ? `${data.key}. ` : null, h("a", { href: `${projectAt(project, "lineage")}?what=${seg(part)}` }, "What it went into")),
    projectTabs(project, "data"),
    data.accepted ? accepted(project, part, data.accepted, again) : null,
    summary ? [
      h("h2", null, "Refused rows"),
      h("p", null, `${data.told[0] ?? `${plural(summary.quarantined_rows ?? 0, "row")} refused, ${number(summary.rows ?? 0)} accepted`}. `),
      data.next.length ? listed(data.next) : null,
      paste("All of them as CSV, with their reasons:", [`sluice quarantine ${project} ${part} --output refused.csv`]),
      data.refused.length ? table([["Row", "n"], ["Reasons", "wide"], ["Values", "wide"]], data.refused.map((row) => ({
        key: String(row.row),
        cells: [number(row.row),
          row.reasons.map((reason) => h("div", null, reason.column ? h("strong", null, `${reason.column} `) : null, reason.message ?? reason.rule)),
          h("span", { class: "clip three quiet" }, blamed(row).map(([name, value, wrong]) => [wrong ? h("strong", null, `${name}=${value}`) : name ? `${name}=${value}` : value, "  "]))],
      })), "The first refused rows") : null,
    ] : null,
    data.profile ? h("section", { class: "report", "aria-label": "Profile", key: "profile" }, data.profile.map(drawn))
      : empty("There is no profile: the file was refused as a whole, or is being profiled."),
  ].flat();
}

function accepted(project, part, found, again) {
  const gone = found.withdrawn_at;
  return h("section", { class: "card", "aria-label": "The dataset" },
    h("h2", null, gone ? tag("withdrawn", "warn") : tag("accepted"), ` ${plural(found.rows ?? 0, "row")}`),
    facts(
      ["Accepted (UTC)", time(found.accepted_at)],
      ["Withdrawn (UTC)", gone ? time(gone) : null],
      ["Because", found.withdrawn_because],
      ["Learned from by", found.runs.length ? listed(found.runs.slice(0, 12).map((run) => h("a", { href: runAt(project, run) }, run))) : "no run"],
    ),
    found.runs.length > 12 ? h("p", { class: "quiet" }, `and by ${plural(found.runs.length - 12, "older run")}`) : null,
    gone ? null : h("div", { class: "choices" }, withdraw(project, part, found, again)));
}

// the values that were refused come first: a row of many columns is cut
function blamed({ reasons, values }) {
  const wrong = new Set(reasons.map((reason) => reason.column).filter(Boolean));
  const marked = values.map(([name, value]) => [name, value, wrong.has(name)]);
  return [...marked.filter((each) => each[2]), ...marked.filter((each) => !each[2])];
}
