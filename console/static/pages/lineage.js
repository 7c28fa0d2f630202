// What a prediction, a run or a file comes from or went into, as `sluice lineage` finds it.

import { h } from "../dom.js";
import { code, empty, facts, listed, moment, number, projectAt, runAt, seg, table, tag, time } from "../words.js";
import { projectTabs } from "./tabs.js";

export const title = ({ project }) => `Lineage of ${project}`;
export const ask = ({ project, query }) => `/api${projectAt(project, "lineage")}?what=${seg(query.get("what") ?? "")}&days=${seg(query.get("days") ?? "")}`;
export const every = () => 60_000;

export function draw(data, { project, query, choose }) {
  const to = (what) => `${projectAt(project, "lineage")}?what=${seg(what)}`;
  const submit = (event, form) => {
    event.preventDefault();
    const given = new FormData(form);
    choose({ what: given.get("what").trim(), days: given.get("days") });
  };
  const { found } = data;
  return [
    h("h1", { tabindex: -1 }, title({ project })),
    projectTabs(project, "lineage"),
    h("form", { class: "choices", role: "search", key: `search ${query.get("what") ?? ""}`, on: { submit } },
      h("label", { for: "what" }, "Inference id, run, dataset or file"),
      h("input", { type: "search", id: "what", name: "what", value: data.asked, autocomplete: "off", spellcheck: "false" }),
      h("label", { for: "days" }, "Days of requests to search"),
      h("input", { type: "number", id: "days", name: "days", value: data.days, min: 1, max: 3650 }),
      h("button", { type: "submit", class: "button main" }, "Trace")),
    data.problem ? h("p", { class: "failure" }, data.problem) : null,
    found ? [found.prediction ? prediction(found, project) : null, found.run ? run(found.run, project, to) : null, found.files.map((each) => file(each, project, to))]
      : data.problem ? null : begin(data, to),
  ].flat(2);
}

const begin = (data, to) => (data.runs.length || data.files.length ? [
  h("p", null, "An answer names its ", code("inference_id"), ". Or begin here:"),
  h("div", { class: "both" },
    h("section", { "aria-label": "Newest runs" }, h("h2", null, "Newest runs"), listed(data.runs.map((each) => h("a", { href: to(each) }, each)))),
    h("section", { "aria-label": "Newest files" }, h("h2", null, "Newest files"), listed(data.files.map((each) => h("a", { href: to(each) }, each))))),
] : empty("The project has neither a run nor an accepted file."));

function prediction({ prediction: found, run: made }, project) {
  return h("section", { class: "card", "aria-label": "Prediction" }, h("h2", null, "Prediction"),
    facts(
      ["Inference id", code(found.inference_id)],
      ["Row of its request", found.row === null ? null : number(found.row)],
      ["At (UTC)", time(found.at)],
      ["Endpoint", found.endpoint],
      ["Variant", found.variant],
      ["Run", h("a", { href: runAt(project, found.run) }, found.run), made ? null : " (its record no longer exists)"],
      ["Capture", code(found.capture)],
    ));
}

function run(made, project, to) {
  const { model, rows, contract } = made;
  const parts = Object.entries(rows.parts ?? {}).map(([part, count]) => `${number(count)} ${part}`).join(", ");
  return [
    h("section", { class: "card", "aria-label": "Run" }, h("h2", null, "Made by ", h("a", { href: runAt(project, made.run) }, made.run), " ", tag(made.outcome)),
      facts(
        ["Started (UTC)", time(made.started_at)],
        ["By", made.trigger],
        ["Model", model.archive ? code(model.archive) : null],
        ["Version of the archive", model.archive_version],
        ["SHA-256 of the archive", model.archive_sha256 ? code(model.archive_sha256) : null],
        ["SHA-256 of the artefact", model.artifact_sha256 ? code(model.artifact_sha256) : null],
        ["Training job", made.training_job],
        ["Package", made.package],
        ["Rows", parts || null],
        ["Manifest of the rows", rows.manifest ? code(rows.manifest) : null],
        ["Contract", [code(contract.key), contract.version ? `, version ${contract.version}` : null]],
        ["Code", made.code?.sourcedir ? code(made.code.sourcedir) : null],
        ["Image", made.image],
      )),
    h("h2", null, "Learned from"),
    made.files.length ? table([["File"], ["Dataset"], ["Rows", "n"], ["Accepted (UTC)"], ["Corrections", "wide"]], made.files.map((each) => ({
      key: each.dataset,
      cells: [h("a", { href: to(each.dataset) }, name(each)), h("a", { href: projectAt(project, "data", each.dataset) }, each.dataset), number(each.rows),
        [time(each.accepted_at), each.withdrawn_at ? h("div", null, tag("withdrawn", "warn"), ` ${moment(each.withdrawn_at)}`) : null], corrections(each, to)],
    })), "Files that the run learned from") : empty("The record names no file."),
  ];
}

function corrections(each, to) {
  const other = (words, one) => h("div", null, `${words} `, h("a", { href: to(one.dataset) }, name(one)));
  const told = [each.corrects ? other("corrects refused rows of", each.corrects) : null, ...each.corrected_by.map((one) => other("corrected by", one))];
  return told.some(Boolean) ? told : "–";
}

const name = (each) => (each.file ?? each.dataset).split("/").slice(2).join("/") || each.dataset;

const SERVED = {
  all: "served all requests", "a share": "served a share of the requests, and was rolled back", no: "never served", unknown: "has not ended",
};

function file(each, project, to) {
  return h("section", { class: "card", "aria-label": "File", key: each.dataset },
    h("h2", null, name(each), " ", each.withdrawn_at ? tag("withdrawn", "warn") : null),
    facts(
      ["Dataset", h("a", { href: projectAt(project, "data", each.dataset) }, each.dataset)],
      ["Rows", number(each.rows)],
      ["Accepted (UTC)", time(each.accepted_at)],
      ["SHA-256", each.sha256 ? code(each.sha256) : null],
      ["Corrections", each.corrects || each.corrected_by.length ? corrections(each, to) : null],
    ),
    each.runs.length ? table([["Run"], ["Outcome"], ["Its model", "wide"]], each.runs.map((made) => ({
      key: made.run, cells: [h("a", { href: to(made.run) }, made.run), tag(made.outcome), [SERVED[made.served], made.serves ? h("span", null, " ", tag("serves now", "good")) : null]],
    })), "Runs that learned from it") : h("p", { class: "quiet" }, "No run has learned from it."));
}
