// A labelling job: one row at a time, those that the model is least sure of first; the labels are written once.

import { h } from "../dom.js";
import { act } from "../net.js";
import { empty, listed, number, percent, plural, projectAt, tag, tiles, time } from "../words.js";
import { projectTabs } from "./tabs.js";
import { verdict } from "./verdict.js";

export const title = ({ project }) => `Label rows of ${project}`;
export const ask = ({ project, query }) => {
  const wanted = new URLSearchParams();
  for (const name of ["rows", "days", "until"]) if (query.get(name)) wanted.set(name, query.get(name));
  return `/api${projectAt(project, "annotation")}?${wanted}`;
};
// the rows of a job stay what they are while somebody looks at them
export const every = () => 3_600_000;

// Of the job on the page: what a person has said so far. The browser's tab keeps the labels when it is loaded again.
let job = null;

function jobOf(data) {
  if (job?.name === data.job) return job;
  const key = `labels ${data.project}`;
  let kept = {};
  try { kept = JSON.parse(sessionStorage.getItem(key)) ?? {}; } catch { /* nothing is kept */ }
  const ids = new Set(data.rows.map((row) => row.id));
  const own = (pairs) => (Array.isArray(pairs) ? pairs : []);
  const labels = new Map(own(kept.labels).filter((pair) => Array.isArray(pair) && ids.has(pair[0])));
  const skipped = new Set(own(kept.skipped).filter((id) => ids.has(id)));
  job = { name: data.job, key, labels, skipped, gone: own(kept.labels).length - labels.size, at: 0, told: null, state: "", lines: [], warned: false };
  job.at = next(data, -1);
  return job;
}

function keep() {
  const said = { labels: [...job.labels], skipped: [...job.skipped] };
  try {
    if (job.told) sessionStorage.removeItem(job.key);
    else sessionStorage.setItem(job.key, JSON.stringify(said));
  } catch { /* storage may be forbidden */ }
}

// The first open row after `from`, else the first open one, else the last.
function next(data, from) {
  const open = (row) => !job.labels.has(row.id) && !job.skipped.has(row.id);
  const after = data.rows.findIndex((row, i) => i > from && open(row));
  const any = after >= 0 ? after : data.rows.findIndex(open);
  return any >= 0 ? any : Math.max(0, Math.min(from, data.rows.length - 1));
}

export function draw(data, context) {
  const { project } = context;
  const head = [h("h1", { tabindex: -1 }, title(context)), projectTabs(project, "annotate")];
  // the address names the job, so that a page that is loaded again has the same rows
  if (!context.query.get("until")) queueMicrotask(() => context.choose({ until: data.until }, { instead: true }));
  const mine = jobOf(data);
  // an answer that arrives meanwhile draws another row where the focus was
  const inside = document.activeElement?.closest?.("#row");
  if (inside) queueMicrotask(() => { if (!document.activeElement?.closest("#row")) focusRow(); });
  if (!data.rows.length) return [...head, empty(`No answer of the last ${plural(data.days, "day")} by the model that serves, ${data.run_id}, waits for a label. Answers are captured some minutes after their requests.`), leftOut(data)];
  const open = data.rows.length - mine.labels.size - mine.skipped.size;
  return [
    ...head,
    h("p", { class: "quiet" }, `Rows that ${data.run_id} has answered in the last ${plural(data.days, "day")}, drawn at random from those without a label. `,
      data.order === "random" ? "Its answers do not say how sure it is, so they come in random order." : "Those that it is least sure of come first."),
    tiles(["Labelled", number(mine.labels.size), `of ${plural(data.rows.length, "row")}`], ["Skipped", number(mine.skipped.size)], ["Open", number(open)]),
    mine.gone ? h("p", { class: "failure" }, `${plural(mine.gone, "label")} given before cannot be shown: their rows are not in this job any more.`) : null,
    mine.told ? done(data, context) : [row(data, context), places(data, context), finish(data, open, context)],
    leftOut(data),
  ].flat();
}

function row(data, context) {
  const one = data.rows[job.at];
  const label = job.labels.get(one.id);
  const say = (text) => {
    job.labels.set(one.id, text);
    job.skipped.delete(one.id);
    on(data, context);
  };
  const skip = () => {
    job.labels.delete(one.id);
    job.skipped.add(one.id);
    on(data, context);
  };
  const keydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.nodeName === "INPUT";
    const choice = data.choices[Number(event.key) - 1];
    if (choice !== undefined && !typing) say(choice);
    else if (event.key === "s" && !typing) skip();
    else if (event.key === "ArrowLeft" && !typing) to(data, context, job.at - 1);
    else if (event.key === "ArrowRight" && !typing) to(data, context, job.at + 1);
    else return;
    event.preventDefault();
  };
  return h("section", { class: "card", id: "row", tabindex: -1, "aria-label": "Row", key: one.id, on: { keydown } },
    h("h2", null, `Row ${job.at + 1} of ${data.rows.length} `, job.skipped.has(one.id) ? tag("skipped", "warn") : label !== undefined ? tag("labelled", "good") : null),
    h("p", { class: "quiet" }, one.at ? ["Asked ", time(one.at), " UTC. "] : null, one.sureness === null ? null : `The model is ${percent(one.sureness)} sure of its answer.`),
    h("dl", { class: "facts" }, one.values.map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value === null ? h("span", { class: "quiet" }, "missing") : value)))),
    h("fieldset", { class: "labels" }, h("legend", null, `What is ${data.column}?`),
      data.kind === "choice" ? choices(data, label, say) : field(data, label, say)),
    h("div", { class: "bar" },
      h("div", { class: "choices" },
        h("button", { type: "button", class: "button", disabled: job.at === 0, on: { click: () => to(data, context, job.at - 1) } }, "Back ", h("kbd", null, "←")),
        h("button", { type: "button", class: "button", on: { click: skip } }, "Skip ", h("kbd", null, "S"))),
      h("span", { class: "quiet" }, data.kind === "choice" ? "Keys: a number for the label, S skips, ← and → move." : "Enter keeps the label and goes on.")));
}

const choices = (data, label, say) => h("div", { class: "choices" }, data.choices.map((choice, i) =>
  h("button", { type: "button", class: "button", key: choice, "aria-pressed": String(choice === label), on: { click: () => say(choice) } },
    choice, " ", i < 9 ? h("kbd", null, String(i + 1)) : null)));

function field(data, label, say) {
  const numeric = data.kind === "number";
  const submit = (event, form) => {
    event.preventDefault();
    const value = form.querySelector("input").value.trim();
    if (value) say(value);
  };
  return h("form", { class: "choices", on: { submit } },
    h("input", { type: numeric ? "number" : "text", step: numeric ? (data.type === "integer" ? "1" : "any") : null, id: "label", name: "label", required: true, autocomplete: "off", value: label ?? "", "aria-label": data.column }),
    h("button", { type: "submit", class: "button main" }, "Keep"),
    data.suggestions.length && data.suggestions.length <= 12 ? h("span", { class: "quiet" }, `The model answers: ${data.suggestions.join(", ")}`) : null);
}

const focusRow = () => (document.querySelector("#row input, #row fieldset button") ?? document.getElementById("row"))?.focus();

function on(data, context) {
  keep();
  to(data, context, next(data, job.at), true);
}

function to(data, context, place, moved = false) {
  if (place < 0 || place >= data.rows.length) return;
  const same = place === job.at;
  job.at = place;
  job.warned = false;
  context.redraw();
  focusRow();
  const open = data.rows.length - job.labels.size - job.skipped.size;
  context.tell(moved && same && !open ? "Every row is labelled or skipped" : `Row ${place + 1} of ${data.rows.length}`);
}

// Every row by its number, so that any can be looked at again.
function places(data, context) {
  return h("ol", { class: "places", "aria-label": "Rows" }, data.rows.map((one, i) => {
    const state = job.labels.has(one.id) ? `labelled ${job.labels.get(one.id)}` : job.skipped.has(one.id) ? "skipped" : "open";
    const mark = state.startsWith("labelled") ? "✓" : state === "skipped" ? "–" : "";
    return h("li", { key: one.id }, h("button", {
      type: "button", class: `place ${state.split(" ")[0]}`, "aria-current": i === job.at ? "true" : null,
      "aria-label": `Row ${i + 1}: ${state}`, title: state, on: { click: () => to(data, context, i) },
    }, `${i + 1}${mark}`));
  }));
}

function finish(data, open, context) {
  const count = job.labels.size;
  const early = open > 0 && data.order !== "random";
  const write = async () => {
    if (early && !job.warned) {
      job.warned = true;
      context.redraw();
      context.tell("Rows are open. Read the warning, then write all the same, or label the rest.");
      return;
    }
    job.state = "writing";
    context.redraw();
    try {
      const sent = await act(`/api${projectAt(context.project, "labels")}`, {
        job: job.name, labels: [...job.labels], skipped: job.skipped.size, open,
      });
      job.told = sent;
      job.state = "judging";
      keep();
      context.redraw();
      context.tell(sent.told);
      const { accepted, lines } = await verdict(context.project, sent);
      job.state = accepted ? "accepted" : "refused";
      job.lines = lines;
      context.tell(`The labels are ${job.state}`);
    } catch (error) {
      job.state = job.told ? "not known" : "not written";
      job.lines = [error.message];
      context.tell(error.message);
    }
    context.redraw();
  };
  return h("section", { class: "card", "aria-label": "Write the labels" },
    early && job.warned ? h("p", { class: "failure" }, `${plural(open, "row")} ${open === 1 ? "is" : "are"} open. The labels so far are of rows that the model is least sure of: quality measured on them alone looks worse than it is, and may set off its alarm. Label the rest if you can.`) : null,
    job.lines.length ? h("p", { class: "failure" }, h("strong", null, "Not written: "), job.lines.join(" ")) : null,
    h("div", { class: "bar" }, h("span", null, "Labels are written once, into the project's labels/."),
      h("button", { type: "button", class: "button main", disabled: !count || job.state === "writing", on: { click: write } },
        early && job.warned ? `Write ${plural(count, "label")} all the same` : `Write ${plural(count, "label")}`)));
}

function done(data, context) {
  const same = data.rows.filter((one) => job.labels.get(one.id) === one.said).length;
  const again = () => {
    job = null;
    context.choose({ until: new Date().toISOString() }, { instead: true });
  };
  return h("section", { class: "card", "aria-label": "Written" },
    h("h2", null, "Written ", tag(job.state, { accepted: "good", refused: "bad", "not known": "warn" }[job.state] ?? "busy")),
    h("p", null, job.told.told),
    data.kind === "number" ? null : h("p", null, `The model had answered the same in ${number(same)} of ${plural(job.labels.size, "row")}.`),
    job.lines.length ? listed(job.lines) : null,
    h("button", { type: "button", class: "button", on: { click: again } }, "Label more rows"));
}

function leftOut(data) {
  const reasons = Object.entries(data.left_out);
  if (!reasons.length) return null;
  return h("details", { key: "left out" }, h("summary", null, "What is not in this job"),
    listed(reasons.map(([reason, count]) => `${number(count)} ${reason}`)), h("p", { class: "quiet" }, `${plural(data.files, "capture file")} read.`));
}
