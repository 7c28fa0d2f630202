// Drop a file: into raw/, labels/ or batch/, with progress, and the verdict when there is one.

import { h } from "../dom.js";
import { send } from "../net.js";
import { listed, number, percent, projectAt, seg, tag } from "../words.js";
import { projectTabs } from "./tabs.js";
import { verdict } from "./verdict.js";

export const title = ({ project }) => `Drop a file for ${project}`;
export const ask = ({ project }) => `/api${projectAt(project)}?page=0`;
export const every = () => 5000;

const AREAS = [
  ["raw", "To learn from", "Labelled rows: the first accepted file starts a run."],
  ["labels", "Delayed labels", "What became of rows that the model has scored."],
  ["batch", "To score", "Rows without labels: the answers come as a file."],
];
// Uploads outlive a look at another page.
const uploads = [];

export function draw(data, context) {
  const { project, query, choose } = context;
  const area = AREAS.some(([name]) => name === query.get("to")) ? query.get("to") : "raw";
  const take = (files) => [...files].forEach((file) => begin(project, area, file, context));
  return [
    h("h1", { tabindex: -1 }, `Drop a file for ${project}`),
    projectTabs(project, "drop"),
    h("fieldset", { class: "areas" }, h("legend", null, "What is it?"), AREAS.map(([name, text, note]) =>
      h("label", { key: name, class: name === area ? "area chosen" : "area" },
        h("input", { type: "radio", name: "area", value: name, checked: name === area, on: { change: () => choose({ to: name }, { instead: true }) } }),
        h("strong", null, text), h("span", { class: "note" }, note)))),
    h("label", {
      class: "zone", for: "file", key: `zone-${area}`,
      on: {
        dragover: (event, node) => { event.preventDefault(); node.classList.add("over"); },
        dragleave: (_, node) => node.classList.remove("over"),
        drop: (event, node) => { event.preventDefault(); node.classList.remove("over"); take(event.dataTransfer.files); },
      },
    },
    h("strong", null, "Drop files here, or choose them"), h("span", { class: "note" }, "CSV, JSON, Parquet or an Excel workbook; gzip, bzip2 and Zstandard are fine"),
    h("input", { type: "file", id: "file", multiple: true, on: { change: (event) => { take(event.target.files); event.target.value = ""; } } })),
    h("div", { "aria-live": "polite" }, uploads.filter((each) => each.project === project).map(upload)),
  ];
}

const upload = (each) => h("section", { class: "card", key: each.key, "aria-label": each.file.name },
  h("h2", null, each.file.name, " ", tag(each.state, { accepted: "good", refused: "bad", failed: "bad" }[each.state] ?? "busy")),
  h("p", { class: "quiet" }, `${number(each.file.size)} bytes to ${each.area}/${each.project}/`),
  each.state === "sending" ? [h("progress", { "aria-label": "Sent", value: each.sent, max: 1 }), ` ${percent(each.sent)}`] : null,
  each.state === "judging" ? h("p", null, "It is uploaded; the intake reads it now.") : null,
  each.lines.length ? listed(each.lines) : null);

async function begin(project, area, file, context) {
  const mine = { key: `${Date.now()}-${uploads.length}`, project, area, file, sent: 0, state: "sending", lines: [] };
  uploads.unshift(mine);
  const show = () => context.redraw();
  show();
  try {
    const sent = await send(`/api${projectAt(project, "files")}?area=${seg(area)}&name=${seg(file.name)}`, file, (share) => {
      mine.sent = share;
      show();
    });
    mine.state = "judging";
    show();
    const { accepted, lines } = await verdict(project, sent);
    mine.state = accepted ? "accepted" : "refused";
    mine.lines = lines;
    context.tell(`${file.name}: ${mine.state}`);
  } catch (error) {
    mine.state = "failed";
    mine.lines = [error.message];
    context.tell(`${file.name}: ${error.message}`);
  }
  show();
}
