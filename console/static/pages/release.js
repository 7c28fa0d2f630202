// The release as it happens: shares, failures on both, the evidence against the line at which it ends, the replay.

import { drawn, h } from "../dom.js";
import { card, empty, facts, listed, number, percent, plural, runAt, table, tag, time } from "../words.js";
import { runTabs } from "./tabs.js";

export const title = ({ run }) => `Release of ${run}`;
export const ask = ({ project, run }) => `/api${runAt(project, run, "release")}`;
export const every = (data) => (data?.live ? 500 : 10_000);

export function news(before, data) {
  const of = (found) => [found.canary?.newest?.percent, found.canary?.decision, found.replay?.decision, found.run.shown].join();
  if (of(before) === of(data)) return "";
  return `${data.run.shown}; replay ${data.replay?.decision ?? "not begun"}; canary at ${data.canary?.newest?.percent ?? 0} %: ${data.canary?.decision ?? "not begun"}`;
}

export function draw(data, { project, run }) {
  const nothing = !data.canary && !data.replay && !data.bandit;
  return [
    h("h1", { tabindex: -1 }, `Release of ${run} `, tag(data.run.shown)),
    runTabs(project, run, "release"),
    // a first model gets all requests at once, whatever the contract's steps are
    data.plan && (data.plan.champion_run || data.canary || data.bandit) ? steps(data) : null,
    data.abort_requested ? h("p", { class: "failure" }, `An abort was asked for: ${data.abort_requested.reason ?? ""}`) : null,
    nothing ? empty(data.live ? "The release has not begun to measure." : "This run has no canary, bandit or replay: it was the first model, or ended before.") : null,
    data.canary ? canary(data.canary) : null,
    data.bandit ? bandit(data.bandit) : null,
    data.replay ? replay(data.replay) : null,
    data.page ? h("details", { class: "as-list", key: "report" }, h("summary", null, "The report, as `sluice report` downloads it"),
      h("section", { class: "report", "aria-label": "The report" }, data.page.map(drawn))) : null,
  ].flat();
}

function steps({ plan, canary: found, endpoint, run, live }) {
  const now = found?.newest?.percent ?? 0;
  return h("section", { class: "card", "aria-label": "Plan" }, h("h2", null, `${String(plan.strategy ?? plan.mode).replaceAll("_", " ")} `, h("span", { class: "quiet" }, plan.champion_run ? `against ${plan.champion_run}` : "")),
    plan.weights.length ? h("ol", { class: "steps" }, plan.weights.map((percentage) =>
      h("li", { class: !found ? "" : percentage < now || run.outcome === "promoted" ? "over" : percentage === now ? (live ? "here" : "stopped") : "", "aria-current": live && percentage === now ? "step" : null }, `${percentage} %`))) : null,
    facts(
      ["Bake at each step", plan.bake_seconds ? `${number(plan.bake_seconds)} s` : null],
      ["Endpoint", endpoint ? [endpoint.name, " ", tag(endpoint.status)] : null],
      ["Traffic now", endpoint?.variants.length ? endpoint.variants.map((each) => h("div", null, `${each.run_id}: ${percent(each.share)}`)) : null],
    ));
}

function canary(found) {
  const newest = found.newest;
  return h("section", { "aria-label": "Canary" },
    h("h2", null, "Canary ", tag(found.decision, { abort: "bad", promote: "good" }[found.decision] ?? "busy"), h("span", { class: "quiet" }, ` after ${plural(found.measurements, "measurement")}`)),
    found.reasons.length ? listed(found.reasons) : null,
    newest ? h("div", { class: "plots" },
      h("section", { "aria-label": "Newest measurement" }, h("h3", null, "Newest measurement"),
        facts(["At", time(newest.at)], ["Share", `${newest.percent} %`], ["Decision", tag(newest.decision)], ["Tail latency", newest.tail_ms === null ? null : `${number(newest.tail_ms, 1)} ms`]),
        h("div", { class: "both" }, side("New model", newest.canary), side("Champion", newest.control)),
        bars(newest)),
      found.evidence ? h("section", { "aria-label": "Evidence" }, h("h3", null, "Evidence against the new model"), found.evidence.map(drawn), h("p", null, "Above the dashed line it is aborted.")) : null,
      found.traffic ? h("section", { "aria-label": "Traffic" }, h("h3", null, "Share of the traffic"), found.traffic.map(drawn)) : null) : null,
    found.steps.length ? table([["Step"], ["Measured", "n"], ["New model failed", "n"], ["Champion failed", "n"], ["Tail, ms", "n"], ["Greatest ln E", "n"], ["Decision"]],
      found.steps.map((each, i) => ({ key: String(i), cells: [`${each.percent} %`, number(each.measured), of(each.canary), of(each.control), number(each.tail_ms, 1), number(each.log_e, 3), tag(each.decision)] })), "Steps of the canary") : null);
}

const of = (counts) => `${number(counts.failures ?? 0)} of ${number(counts.requests ?? 0)}`;
const side = (name, counts) => h("div", null, h("div", { class: "note" }, name), h("strong", null, number(counts.requests ?? 0)), " requests, ",
  h("strong", { class: counts.failures ? "bad-text" : null }, number(counts.failures ?? 0)), " failed");

// each test's evidence as a share of the way to its line
function bars({ evidence, limit }) {
  const names = Object.keys(evidence);
  if (!names.length || !limit) return null;
  return h("dl", { class: "meters" }, names.map((name) => {
    const share = Math.max(0, Math.min(1, evidence[name] / limit));
    return h("div", { key: name }, h("dt", null, name.replaceAll("_", " ")), h("dd", null,
      h("svg", { width: 160, height: 10, viewBox: "0 0 160 10", "aria-hidden": "true" }, h("rect", { width: 160, height: 10, class: "track" }), h("rect", { width: 160 * share, height: 10, class: share >= 1 ? "over" : "bar" })),
      ` ${number(evidence[name], 2)} of ${number(limit, 2)}`));
  }));
}

function bandit(found) {
  return h("section", { "aria-label": "Bandit" }, h("h2", null, "Bandit ", tag(found.decision)), listed(found.reasons),
    table([["Step", "n"], ["Share", "n"], ["New model", "n"], ["Champion", "n"], ["New is best", "n"], ["ln E better", "n"], ["ln E worse", "n"], ["Decision"]],
      found.steps.map((each, i) => ({ key: String(i), cells: [number(i), percent(each.share), wins(each.rewards.challenger), wins(each.rewards.control), percent(each.best, 1),
        number(each.log_e.better ?? null, 2), number(each.log_e.worse ?? null, 2), tag(each.decision)] })), "Steps of the bandit"));
}

const wins = (counts) => (counts ? `${number(counts.successes)} of ${number(counts.trials)}` : "–");

function replay(found) {
  const tests = Object.keys(found.log_e);
  return h("section", { "aria-label": "Replay" },
    h("h2", null, "Replay ", tag(found.decision, { pass: "good", abort: "bad" }[found.decision] ?? "busy"), h("span", { class: "quiet" }, ` ${plural(found.pairs_in_all, "request")}, ${String(found.source ?? "").replaceAll("_", " ")}`)),
    found.reasons.length ? listed(found.reasons) : null,
    h("div", { class: "plots" },
      found.figure ? h("section", { "aria-label": "Answers" }, h("h3", null, "Answers of both to the same requests"), found.figure.map(drawn)) : null,
      card("Counts", facts(["Pairs", number(found.pairs_in_all)], ["Other answer", number(found.disagree)], ["Statuses (champion / new)", Object.entries(found.statuses).map(([name, count]) => h("div", null, `${name}: ${number(count)}`))]),
        tests.length ? table([["Test"], ["New alone", "n"], ["Champion alone", "n"], ["ln E", "n"]], tests.map((name) => ({ key: name, cells: [name, number(found.discordant[name]?.worse ?? null), number(found.discordant[name]?.better ?? null), found.limit && found.log_e[name] >= found.limit ? tag(number(found.log_e[name], 2), "bad") : number(found.log_e[name], 2)] })), "Tests of the replay") : null,
        found.limit ? h("p", { class: "quiet" }, `ln E is the evidence that the new model is worse. The release is aborted from ${number(found.limit, 2)} on.`) : null)),
    found.pairs.length ? h("details", { key: "pairs" }, h("summary", null, `The ${found.pairs.length} pairs that differ most`),
      table([["Request", "n"], ["Champion"], ["New model"], ["Apart", "n"], ["ms", "n"]], found.pairs.map((each) => ({ key: String(each.number),
        cells: [number(each.number), told(each.champion), told(each.challenger), number(each.apart), `${number(each.champion.ms, 1)} / ${number(each.challenger.ms, 1)}`] })), "Replay pairs")) : null);
}

const told = (answer) => [answer.status === 200 ? null : tag(answer.status, "bad"), ` ${answer.label ?? ""} `, answer.score === null ? "" : number(answer.score)];
