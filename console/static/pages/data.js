// The files of a project: what was accepted, what was refused, and why.

import { h } from "../dom.js";
import { empty, number, percent, plural, projectAt, table, tag, tiles, time } from "../words.js";
import { projectTabs } from "./tabs.js";

export const title = ({ project }) => `Data of ${project}`;
export const ask = ({ project }) => `/api${projectAt(project, "data")}`;
export const every = () => 1500;
export const news = (before, data) =>
  data.datasets.length + data.refused.length > before.datasets.length + before.refused.length
    ? `${plural(data.datasets.length, "accepted file")}, ${plural(data.refused.length, "file")} with refused rows` : "";

// the intake's names of rules about rows, in words
const RULES = {
  key: "empty, but it identifies the row", nullable: "empty", type: "not of its type", min: "below the minimum", max: "above the maximum",
  values: "not among the contract's values", fields: "another number of fields than the header",
};

export function draw(data, { project }) {
  const all = data.rows + data.refused_rows;
  return [
    h("h1", { tabindex: -1 }, `Data of ${project}`),
    projectTabs(project, "data"),
    tiles(
      ["Rows accepted", number(data.rows), plural(data.datasets.length, "file")],
      ["Rows refused", number(data.refused_rows), all ? `${percent(data.refused_rows / all, 1)} of what came` : ""],
      ["Not data", number(data.ignored.length), "objects that no reader takes"],
    ),
    h("h2", null, "Accepted files"),
    data.datasets.length ? table([["File"], ["Rows", "n"], ["Accepted (UTC)"], ["State"]],
      data.datasets.map((each) => ({
        key: each.dataset_id,
        cells: [
          h("a", { href: projectAt(project, "data", each.dataset_id) }, each.key.split("/").slice(2).join("/") || each.dataset_id),
          number(each.rows), time(each.accepted_at),
          each.withdrawn_at ? [tag("withdrawn", "warn"), h("div", { class: "quiet" }, each.withdrawn_because ?? "")] : tag("accepted"),
        ],
      })), "Accepted files") : empty("No file has been accepted yet."),
    h("h2", null, "Files with refused rows"),
    data.refused.length ? table([["File"], ["Refused", "n"], ["Verdict", "wide"], ["Mostly because", "wide"], ["At (UTC)"]],
      data.refused.map((each) => ({
        key: each.dataset_id,
        cells: [
          h("a", { href: projectAt(project, "data", each.dataset_id) }, each.key.split("/").slice(2).join("/") || each.dataset_id),
          number(each.quarantined_rows),
          [each.status === "quarantined" ? [tag("whole file", "bad"), " "] : null, each.told[0] ?? `${number(each.rows)} accepted`],
          each.reasons.slice(0, 4).map((reason) => h("div", null, `${number(reason.rows)} × ${reason.column ? `${reason.column}: ` : ""}${RULES[reason.rule] ?? reason.rule}`)),
          time(each.at),
        ],
      })), "Files with refused rows") : empty("Every row of every file was accepted."),
    data.unread.length ? [h("h2", null, "Files that could not be read"), table([["File"], ["Why, and what to do", "wide"], ["At (UTC)"]],
      data.unread.map((each) => ({ key: each.key, cells: [each.key.split("/").slice(2).join("/"), each.told.slice(1).map((line) => h("div", null, line)), time(each.at)] })), "Files that could not be read")] : null,
    data.ignored.length ? [h("h2", null, "Not read as data"), table([["Object"], ["What it is"], ["First seen (UTC)"]],
      data.ignored.map((each) => ({ key: each.key, cells: [each.key, each.what, time(each.at)] })), "Not read as data")] : null,
  ].flat();
}

