"""What a run's records say about its states: data, metrics, gates, pairs of answers, measurements of the canary.

One function for each kind of record, pure: the record in, `Evidence` out.
"""

from __future__ import annotations

import textwrap
from typing import Any

from cli.text import number
from cli.watching.states import Evidence
from sluice.contract.durations import seconds
from sluice.contract.release import Release
from sluice.escaping import visible
from sluice.model.shortening import more
from sluice.ports import Json
from sluice.records import gate_figures
from sluice.records.evaluation import Evaluation

_MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}
_BAR = 20  # characters
_SHOWN_LEAKS = 3
_MAX_CHANGE = 100  # characters of the sentence on what changed


def data(prepared: Json) -> Evidence:
    """What the cleaning job made of the accepted rows: the first line names the largest change, the others all."""
    parts = ", ".join(f"{count:,} {part}" for part, count in (prepared.get("rows") or {}).items())
    changed = [visible(str(loss.get("text") or "")) for loss in prepared.get("losses") or []]
    left = int(prepared.get("losses_more") or 0)
    lost = len(changed) + left
    words = f"{prepared.get('rows_read') or 0:,} accepted rows: {parts}"
    if changed:
        words += f"; {in_short(changed[0])}{more(lost - 1)}" + (" (`sluice why`)" if lost > 1 else "")
    told = [f"- {text}" for text in changed] + ([f"- {left:,} more in the manifest"] if left else [])
    facts = {"rows_read": prepared.get("rows_read"), "rows": prepared.get("rows"), "losses": lost}
    return Evidence((words, *told), facts)


def in_short(sentence: str) -> str:
    """Its first part, of at most _MAX_CHANGE characters.

    >>> in_short("125 of 12,330 rows are equal to another row and are kept; if they are copies, remove them")
    '125 of 12,330 rows are equal to another row and are kept'
    """
    return textwrap.shorten(sentence.split("; ")[0], _MAX_CHANGE, placeholder=" …")


def evaluation(found: Evaluation) -> Evidence:
    """The contract's metric of each model, with its interval."""
    lines, models = [], {}
    for who in ("candidate", "champion", "baseline"):
        value = found.metric_of(who, found.metric)
        if value is None:
            continue
        ends = found.intervals.ends(who, found.metric) if found.intervals else None
        between = f" [{number(ends[0])}, {number(ends[1])}]" if ends else ""
        lines.append(f"{who} {found.metric} {number(value)}{between}")
        models[who] = {"value": value, "low": ends[0] if ends else None, "high": ends[1] if ends else None}
    family = f" ({found.candidate.name(found.problem)})" if found.candidate.family else ""
    head = f"on {found.rows:,} held-out rows{family}: {'; '.join(lines)}"
    leaks = [suspect.sentence for suspect in found.leakage.suspects] if found.leakage else []
    told = [f"! suspected leak: {visible(each)}" for each in leaks[:_SHOWN_LEAKS]]
    if len(leaks) > _SHOWN_LEAKS:
        told.append(f"! {len(leaks) - _SHOWN_LEAKS} more suspected leaks: `sluice why`")
    short = found.search.short if found.search else None
    told += [f"auto: {found.search.end}"] if found.search and found.search.end else []
    told += [short] if short else []
    facts = {
        "metric": found.metric,
        "rows": found.rows,
        "family": found.candidate.name(found.problem) if found.candidate.family else None,
        "models": models,
        "lower_is_better": found.lower_is_better,
        "suspected_leaks": leaks,
        "few_trials": short,
        "search_end": found.search.end if found.search else None,
        "search": found.search.model_dump() if found.search else None,
    }
    return Evidence((head, *told), facts)


def gates(record: Json) -> Evidence:
    """Each verdict with its number and its limit."""
    verdicts = record.get("verdicts") or []
    lines = [f"{_MARKS.get(each['outcome'], each['outcome'])} {_figure(each)}" for each in verdicts]
    facts = {
        "decision": record.get("decision"),
        "verdicts": [
            {
                key: each.get(key)
                for key in ("metric", "rule", "outcome", "measured", "statistic", "threshold", "reason")
            }
            for each in verdicts
        ],
    }
    if not verdicts:
        lines = [visible(reason) for reason in record.get("reasons") or []]
    return Evidence((f"gates: {record.get('decision')}", *lines), facts)


def replay(record: Json) -> Evidence:
    """How many captured requests both models answered, and the evidence against the new one."""
    inputs, decision = record.get("inputs") or {}, record.get("result") or record["decision"]
    words = f"{inputs.get('requests', 0)} of {inputs.get('chosen', 0)} earlier requests compared: {decision}"
    statistic = record.get("statistic") or {}
    facts = {"requests": inputs.get("requests"), "chosen": inputs.get("chosen"), "decision": record["decision"]}
    return Evidence((words, *_reasons(record)), {**facts, **_evidence(statistic)})


def bake(release: Release, speed: float) -> Evidence:
    """How long the new model is watched at each share of the traffic; on a local cloud also by its own clock."""
    length = seconds(release.bake)
    here = f"; here {spoken(length / speed)}, as the local clock runs {speed:g} times as fast" if speed > 1 else ""
    words = f"watching the new model for {spoken(length)} at each share of the requests (a bake{here})"
    return Evidence((words,), {"bake_seconds": length, "clock": speed})


def spoken(length: float) -> str:
    """
    >>> spoken(600), spoken(60), spoken(45), spoken(90), spoken(0.5)
    ('10 minutes', '1 minute', '45 seconds', '1.5 minutes', '0.5 seconds')
    """
    return f"{length:g} seconds" if length < 60 else f"{length / 60:.3g} minute{'' if length == 60 else 's'}"


def canary(record: Json) -> Evidence:
    """For each traffic step: both models' requests and failures, and the evidence beside the line where it aborts."""
    steps: dict[Any, Json] = {}
    for look in record.get("looks") or []:
        steps[look["step_index"]] = look
    lines = [line for look in steps.values() for line in measurement(look)]
    newest = next(reversed(steps.values()), None)
    if newest is None:
        return Evidence()
    return Evidence(
        (*lines, *_reasons(newest)),
        {
            "decision": newest["decision"],
            "at": newest.get("at"),
            "measurements": len(record["looks"]),
            "steps": [
                {
                    "percent": look["inputs"]["percent"],
                    "canary": _counts(look["inputs"]["step_canary"]),
                    "champion": _counts(look["inputs"]["step_control"]),
                    "tail_ms": look["inputs"].get("tail_ms"),
                    "decision": look["decision"],
                    "reasons": look.get("reasons") or [],
                    **_evidence(look.get("statistic") or {}),
                }
                for look in steps.values()
            ],
        },
    )


def measurement(look: Json) -> list[str]:
    """One measurement of the judge: the counts, and a bar that is full where the judge aborts."""
    inputs, statistic = look["inputs"], look.get("statistic") or {}
    own, control = inputs["step_canary"], inputs["step_control"]
    lines = [
        f"{inputs['percent']:>3} %: new model {own['failures']}/{own['requests']} failed, champion "
        f"{control['failures']}/{control['requests']}: {look['decision']}"
    ]
    found = _evidence(statistic)
    if found.get("evidence") is not None and found.get("abort_at"):
        lines.append(
            f"       evidence against it {bar(found['evidence'] / found['abort_at'])} {number(found['evidence'])} of "
            f"{number(found['abort_at'])} (ln E, {found['test']})"
        )
    return lines


def bandit(record: Json) -> Evidence:
    """The newest choice of shares, and what it rests on."""
    steps = record.get("steps") or []
    if not steps:
        return Evidence()
    newest = steps[-1]
    rewards, evidence = newest["rewards"], newest["evidence"]
    share, best = newest["actions"]["challenger"], newest["posterior"]["challenger_best"]
    told = [f"{who} {rewards[key]['successes']}/{rewards[key]['trials']}" for who, key in _WHO]
    lines = (
        f"share of the new model {share:.0%}, probability that it is better {best:.1%}; {', '.join(told)} rewards",
        f"evidence for it {number(evidence['log_e']['better'])}, against it {number(evidence['log_e']['worse'])} of "
        f"{number(evidence['log_limit'])} (ln E)",
    )
    facts = {"decision": newest["decision"], "share": share, "best": best, "rewards": rewards, "evidence": evidence}
    return Evidence(lines, {**facts, "steps": len(steps)})


_WHO = (("new model", "challenger"), ("champion", "control"))


def verification(record: Json) -> Evidence:
    """What the endpoint said when it was looked at and asked."""
    return Evidence(
        (f"verification: {record.get('decision')}", *_reasons(record)),
        {"decision": record.get("decision"), "reasons": record.get("reasons") or []},
    )


def bar(share: float) -> str:
    """
    >>> bar(0.25)
    '▕█████░░░░░░░░░░░░░░░▏'
    """
    full = max(0, min(_BAR, round(_BAR * share)))
    return f"▕{'█' * full}{'░' * (_BAR - full)}▏"


def _evidence(statistic: Json) -> Json:
    """The test with the most evidence against the new model, and the line at which that test aborts."""
    log_e = {test: value for test, value in (statistic.get("log_e") or {}).items() if value is not None}
    if not log_e:
        return {"evidence": None, "abort_at": statistic.get("log_limit"), "test": None}
    test = max(log_e, key=lambda each: log_e[each])
    return {"evidence": log_e[test], "abort_at": statistic.get("log_limit"), "test": test}


def _counts(side: Json) -> Json:
    return {"requests": side["requests"], "failures": side["failures"]}


def _figure(verdict: Json) -> str:
    """What was measured and compared, and why where it did not pass; without a number the reason alone."""
    if verdict.get("statistic") is None and verdict.get("reason"):
        return visible(verdict["reason"])
    return f"{gate_figures.sentence(verdict)}{_because(verdict)}"


def _because(verdict: Json) -> str:
    return f" ({visible(verdict['reason'])})" if verdict["outcome"] != "pass" and verdict.get("reason") else ""


def _reasons(record: Json, most: int = 2) -> list[str]:
    return [f"- {visible(reason)}" for reason in (record.get("reasons") or [])[:most]]
