// Two runs side by side: what went in, what came out, where they differ.

import { drawn, h } from "../dom.js";
import { code, duration, empty, number, projectAt, runAt, seg, table, tag, time } from "../words.js";
import { projectTabs } from "./tabs.js";

export const title = ({ query }) => `${query.get("a") ?? "?"} and ${query.get("b") ?? "?"}`;
export const ask = ({ project, query }) => `/api${projectAt(project, "compare")}?a=${seg(query.get("a") ?? "")}&b=${seg(query.get("b") ?? "")}`;
export const every = (data) => (data?.runs.some((each) => !each.run.outcome) ? 1500 : 10_000);

export function draw(data, { project }) {
  const [a, b] = data.runs;
  const line = (name, of) => ({ key: name, cells: [name, of(a), of(b)] });
  const columns = [["What"], ...data.runs.map((each) => [h("a", { href: runAt(project, each.run.run_id) }, each.run.run_id)])];
  return [
    h("h1", { tabindex: -1 }, "Two runs"),
    projectTabs(project, ""),
    table(columns, [
      line("Outcome", ({ run }) => tag(run.shown)),
      line("Because", ({ run }) => run.because || "–"),
      line("Started (UTC)", ({ run }) => time(run.started_at)),
      line("Took", ({ run }) => duration(run.started_at, run.ended_at)),
      line("By", ({ run }) => run.trigger ?? "–"),
      line("Files", ({ run }) => number(run.datasets?.length ?? 0)),
      line("Rows", ({ rows }) => Object.entries(rows).map(([part, count]) => `${number(count)} ${part}`).join(", ") || "–"),
      line("Contract", ({ run }) => (run.contract_version ? code(run.contract_version) : "–")),
      line("Model", ({ family }) => family?.replaceAll("_", " ") ?? "–"),
      line("One row, ms", (side) => number(side.latency_ms, 2)),
      line("Size, bytes", (side) => number(side.size_bytes)),
    ], "The runs"),
    h("h2", null, "Metrics"),
    data.metrics.length ? [
      h("p", { class: "quiet" }, `Each on its own test rows: ${data.runs.map((each) => `${number(each.test_rows)} of ${each.run.run_id}`).join(", ")}. The gates compare models on the same rows.`),
      table([["Metric"], ...data.runs.map((each) => [each.run.run_id, "n"]), ["Difference", "n"]], data.metrics.map(({ metric, values, ends }) => ({
        key: metric,
        cells: [metric === a.metric ? h("strong", null, `${metric} (contract)`) : metric,
          ...values.map((value, i) => [number(value), ends[i] ? h("span", { class: "ends" }, ` [${number(ends[i][0])}, ${number(ends[i][1])}]`) : null]),
          values.every((value) => typeof value === "number") ? signed(values[1] - values[0]) : "–"],
      })), "Metrics")] : empty("Neither has been evaluated."),
    data.plots.length ? h("div", { class: "plots" }, data.plots.map((plot) =>
      h("section", { key: plot.title, "aria-label": plot.title }, h("h3", null, plot.title), plot.figure.map(drawn)))) : null,
    h("h2", null, "What the contracts say differently"),
    data.contract.length ? table([["Key"], ...data.runs.map((each) => [each.run.run_id])], data.contract.map(({ where, values }) => ({
      key: where, cells: [code(where), ...values.map((value) => code(value === null ? "–" : JSON.stringify(value)))],
    })), "Contract") : empty("Nothing: both runs had the same contract."),
  ].flat();
}

const signed = (value) => `${value > 0 ? "+" : ""}${number(value)}`;
