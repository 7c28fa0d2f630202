// A run: the state machines' own graphs, coloured as they go, and what is known of the state that is chosen.

import { h, named } from "../dom.js";
import { ask as question } from "../net.js";
import { code, duration, facts, kindOf, moment, number, projectAt, runAt, seg, tag, time } from "../words.js";
import { next } from "./decisions.js";
import { runTabs } from "./tabs.js";

export const title = ({ run }) => run;
export const ask = ({ project, run }) => `/api${runAt(project, run)}`;
export const every = (data) => (data?.live ? 500 : 5000);

const WORDS = { done: "done", running: "running", failed: "failed", caught: "failed, and handled", otherwise: "reached: no model was promoted" };
const COLOURS = { done: "good", running: "busy", failed: "bad", caught: "warn", otherwise: "warn" };
const MARKS = { done: "✓", running: "▶", failed: "✗", caught: "!", otherwise: "■" };

export function news(before, data) {
  if (before.run.shown !== data.run.shown) return `${data.run.run_id}: ${data.run.shown}`;
  const now = data.now.join("; ");
  return now !== before.now.join("; ") ? now : "";
}

export function draw(data, context) {
  const { project, run, query } = context;
  const chosen = query.get("state") ? { machine: query.get("machine") ?? "Lifecycle", state: query.get("state") } : null;
  return [
    h("h1", { tabindex: -1 }, run, " ", tag(data.run.shown, kindOf(data.run.outcome ?? data.run.shown) || (data.live ? "busy" : ""))),
    h("p", { class: "quiet" }, `${project}, started by ${data.run.trigger ?? "?"} ${moment(data.run.started_at)} UTC, `,
      data.live ? `for ${duration(data.run.started_at)}` : `took ${duration(data.run.started_at, data.run.ended_at)}`),
    runTabs(project, run, "", data.pages),
    data.now.length ? h("p", { class: "now" }, h("strong", null, "Now: "), data.now.join("; "), data.progress.map((line) => h("div", { class: "quiet" }, line))) : null,
    data.run.because ? h("p", { class: data.run.outcome === "failed" ? "failure" : "because" }, h("strong", null, "Because: "), data.run.because) : null,
    next(data, project, run, context.again),
    h("div", { class: "split" },
      h("div", { class: "graphs" }, data.machines.length ? data.machines.map((machine) => machineOf(machine, chosen, context))
        : h("p", { class: "empty" }, "The run has no execution yet.")),
      h("aside", { class: "side", "aria-label": "The chosen state" }, chosen ? details(data, chosen, context) : about(data, project))),
  ].flat();
}

function machineOf(machine, chosen, { choose }) {
  const begun = machine.status !== "NOT_STARTED";
  // of the nested ones, those that run or failed; a new part when that changes, so that it opens by itself
  const open = machine.machine === "Lifecycle" || machine.status === "RUNNING" || machine.status === "FAILED" || chosen?.machine === machine.machine;
  return h("details", { class: "machine", key: `${machine.machine} ${open}`, open },
    h("summary", null, h("h2", null, machine.title), " ", begun ? (machine.end ? tag(machine.end, machine.promoted ? "good" : "warn") : tag(machine.status)) : h("span", { class: "quiet" }, "not begun"),
      begun ? h("span", { class: "quiet" }, ` ${duration(machine.started, machine.ended)}`) : null),
    machine.error ? h("p", { class: "failure" }, `${machine.error}: ${machine.cause}`) : null,
    h("div", { class: "scroll graph", tabindex: 0, role: "region", "aria-label": `Graph of ${machine.title}` },
      picture(machine, chosen, choose)),
    h("details", { class: "as-list", key: "list" }, h("summary", null, "The same as a list"), list(machine, chosen, choose)));
}

function picture(machine, chosen, choose) {
  const { graph, states } = machine;
  const gone = new Set(machine.taken.map((pair) => pair.join("\n")));
  const taken = (edge) => gone.has(`${edge.from}\n${edge.to}`)
    && (!edge.kind.startsWith("catch") || caught(states[edge.from]));
  return h("svg", {
    class: "machine-graph", width: graph.width, height: graph.height, viewBox: `0 0 ${graph.width} ${graph.height}`,
    role: "group", "aria-label": `${machine.title}: ${graph.nodes.length} states`,
  },
  h("g", { "aria-hidden": "true" }, graph.edges.map((edge) =>
    h("path", { d: edge.path, class: `edge ${edge.kind}${taken(edge) ? " taken" : ""}` }))),
  graph.nodes.map((node) => nodeOf(machine.machine, node, states[node.name] ?? {}, chosen, choose)));
}

const caught = (state) => state?.status === "caught" || state?.status === "failed";

function nodeOf(machine, node, state, chosen, choose) {
  const on = chosen?.machine === machine && chosen.state === node.name;
  const words = state.status ? WORDS[state.status] : "not entered";
  const pick = () => {
    choose({ machine, state: on ? null : node.name });
    // in a narrow window what is known of the state stands below all graphs
    if (!on && matchMedia("(max-width: 60rem)").matches) document.querySelector("aside.side")?.scrollIntoView();
  };
  return h("g", {
    key: node.name, class: `node ${state.status ?? "unseen-yet"} ${node.box ? "box" : ""} ${on ? "chosen" : ""}`,
    transform: `translate(${node.x} ${node.y})`, role: "button", tabindex: 0, "aria-pressed": String(on),
    "aria-label": `${node.name}: ${words}${state.entries > 1 ? `, entered ${state.entries} times` : ""}`,
    on: {
      click: pick,
      keydown: (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          pick();
        }
      },
    },
  },
  named(state.words || node.comment || node.name),
  h("rect", { width: node.width, height: node.height, rx: node.type === "Choice" ? 16 : 7 }),
  h("text", { x: node.box ? 14 : node.width / 2, y: node.box ? 20 : node.height / 2 + 4.5, class: node.box ? "name start" : "name" },
    `${MARKS[state.status] ? `${MARKS[state.status]} ` : ""}${node.name}`),
  state.entries > 1 ? h("text", { x: node.width - 6, y: 12, class: "count" }, `×${state.entries}`) : null);
}

function list(machine, chosen, choose) {
  return h("ol", { class: "states" }, machine.graph.nodes.map((node) => {
    const state = machine.states[node.name] ?? {};
    const on = chosen?.machine === machine.machine && chosen.state === node.name;
    return h("li", { key: node.name },
      h("button", { type: "button", class: `state ${state.status ?? ""}`, "aria-pressed": String(on), on: { click: () => choose({ machine: machine.machine, state: on ? null : node.name }) } },
        node.name),
      h("span", { class: "quiet" }, ` ${state.status ? WORDS[state.status] : "not entered"}`,
        state.entered ? `, ${duration(state.entered, state.exited)}` : "", state.words ? `. ${state.words}` : ""));
  }));
}

function about({ run, waits, pages }, project) {
  const error = run.error;
  return [
    h("h2", null, "The run"),
    facts(
      ["Outcome", tag(run.shown)],
      ["Started", time(run.started_at)],
      ["Ended", run.ended_at ? time(run.ended_at) : "not yet"],
      ["Trigger", run.trigger],
      ["Reason", run.reason],
      ["Waits", waits ? `for an approval since ${moment(waits.since)}` : null],
      ["Failed at", error?.state],
      ["Error", error?.error],
      ["Gates", run.gates ? tag(run.gates.decision) : null],
      ["Model card", pages.evaluation ? h("a", { href: `${runAt(project, run.run_id, "evaluation")}?show=card` }, "how good it is, and its limits") : null],
      ["Contract", run.contract_version ? code(run.contract_version) : null],
      ["Data", run.datasets?.length ? run.datasets.map((each) => h("div", null, h("a", { href: projectAt(project, "data", each) }, each))) : null],
      ["Model", run.artifact_uri ? code(run.artifact_uri) : null],
      ["Comes from", h("a", { href: `${projectAt(project, "lineage")}?what=${seg(run.run_id)}` }, "its lineage")],
    ),
    h("p", { class: "quiet" }, "Choose a state for its input, output, time, error and log."),
  ];
}

// What is known of a state is asked when it is chosen, and again when its status has changed.
let known = { key: "", data: null, failed: "" };
let asked = "";

function details(data, chosen, context) {
  const machine = data.machines.find((each) => each.machine === chosen.machine);
  const state = machine?.states[chosen.state];
  if (!state) return [h("h2", null, chosen.state), h("p", null, "This machine has no such state.")];
  const key = [data.run.run_id, chosen.machine, chosen.state, state.status, state.entries].join("\n");
  if (state.status && key !== asked) {
    asked = key;
    question(`/api${runAt(context.project, context.run, "state")}?machine=${seg(chosen.machine)}&state=${seg(chosen.state)}`)
      .then((answer) => { if (asked === key) known = { key, data: answer.data, failed: "" }; })
      .catch((error) => { known = { key, data: null, failed: error.message }; })
      .finally(() => { if (asked === key) context.redraw(); });
  }
  const node = machine.graph.nodes.find((each) => each.name === chosen.state);
  const same = known.key.split("\n").slice(0, 3).join() === key.split("\n").slice(0, 3).join();
  const nested = data.machines.find((each) => each.started_by === chosen.state && chosen.machine === "Lifecycle");
  return [
    h("div", { class: "bar" }, h("h2", null, chosen.state), h("button", { type: "button", class: "plain-button", on: { click: () => context.choose({ state: null, machine: null }) } }, "Close")),
    state.words || node?.comment ? h("p", null, state.words || node.comment) : null,
    facts(
      ["Status", state.status ? tag(WORDS[state.status], COLOURS[state.status]) : "not entered"],
      ["Type", node?.type],
      ["Entered", state.entered ? time(state.entered) : null],
      ["Took", state.entered ? duration(state.entered, state.exited) : null],
      ["Times", state.entries > 1 ? number(state.entries) : null],
      ["Inside", nested ? `the graph “${nested.title}”` : null],
    ),
    state.error ? h("p", { class: "failure" }, h("strong", null, state.error), ` ${state.cause ?? ""}`) : null,
    same && known.failed ? h("p", { class: "failure" }, known.failed) : null,
    same && known.data ? known.data.entries.map((entry, i) => entryOf(entry, i, known.data)) : state.status ? h("p", { class: "quiet" }, "Asking …") : null,
  ].flat();
}

function entryOf(entry, i, data) {
  return h("details", { class: "entry", key: entry.entered, open: i === 0 },
    h("summary", null, moment(entry.entered), h("span", { class: "quiet" }, entry.seconds === null ? " not left yet" : ` ${number(entry.seconds, 1)} s`)),
    entry.calls ? h("p", { class: "quiet" }, "calls ", code(entry.calls), entry.place ? ` ${entry.place.name}` : "") : null,
    entry.steps.filter((step) => step.error).map((step) => h("p", { class: "failure" }, h("strong", null, step.error || step.what), ` ${step.cause ?? ""}`)),
    text("Input", entry.input), text("Output", entry.output), i === 0 ? log(entry.log) : null,
    i === 0 && data.left_out ? h("p", { class: "quiet" }, `${data.left_out} earlier entries are not shown`) : null);
}

const text = (name, body) => body ? h("details", { key: name, class: "text", open: name === "Output" }, h("summary", null, name), h("pre", { tabindex: 0 }, body)) : null;

function log(found) {
  if (!found) return null;
  return h("details", { key: "log", class: "text", open: true }, h("summary", null, "Log"),
    found.why_not ? h("p", { class: "quiet" }, `It cannot be read: ${found.why_not}`) : null,
    found.group ? h("p", { class: "quiet" }, "log group ", code(found.group)) : null,
    found.lines.length ? h("pre", { tabindex: 0 }, found.lines.map((line) => `${line.at.slice(11, 19)} ${line.text}\n`)) : found.why_not ? null : h("p", { class: "quiet" }, "no line in this time"),
    found.left_out ? h("p", { class: "quiet" }, "older lines are left out") : null,
    found.link ? h("a", { href: found.link, target: "_blank", rel: "noopener noreferrer" }, "Open in CloudWatch") : null);
}

export function left() {
  known = { key: "", data: null, failed: "" };
  asked = "";
}
