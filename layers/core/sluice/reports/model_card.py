"""The model card (Mitchell et al. 2019) of a candidate: what it is for, what it learned from, what it cannot do."""

from __future__ import annotations

from typing import Any

from sluice.escaping import short
from sluice.model.shortening import listed
from sluice.moments import utc
from sluice.page import Child, Safe, element, page, row, table, tag
from sluice.records import gate_figures
from sluice.records.words import in_words
from sluice.reports.facts import DECISIONS, Facts, heading, number, size, verdict_tag, with_ends

_NAMED = 40


def render(facts: Facts) -> str:
    inputs = facts.inputs
    return page(
        f"{short(inputs.project)}: model card of {inputs.run_id}",
        element(
            "header",
            element("h1", f"Model card: {short(inputs.project)} ", tag(facts.decision, DECISIONS.get(facts.decision))),
            element("p", f"Candidate of run {inputs.run_id}, {utc(short(facts.at, 40))}", class_="sub"),
        ),
        heading("Intended use"),
        _facts(_intent(facts)),
        heading("Data"),
        _facts(_data(facts)),
        heading("Metrics on the test rows"),
        _metrics(facts),
        heading("Fairness"),
        _fairness(facts),
        heading("Limits"),
        element("ul", [element("li", short(each, 600)) for each in _limits(facts)]),
        heading("Decision"),
        _decision(facts),
        heading("Lineage"),
        _facts(_lineage(facts)),
        element("footer", "The report of the evaluation, report.html, is beside this card and has the plots."),
    )


def _facts(pairs: list[tuple[str, Child]]) -> Safe:
    return table([], [row(name, value) for name, value in pairs], slim=True)


def _intent(facts: Facts) -> list[tuple[str, Child]]:
    contract = facts.inputs.contract
    problem, business = contract.problem, contract.business
    told: list[tuple[str, Child]] = [
        ("Purpose", short(contract.description, 600) or "The contract has no description."),
        ("Predicts", f"{short(problem.target or '–')} ({problem.type})"),
        ("Optimised for", str(problem.metric)),
    ]
    if business.value_per_true_positive:
        told.append(
            (
                "Value",
                f"{business.value_per_true_positive:g} a true positive, {business.cost_per_contact:g} a contact",
            )
        )
    told.append(("Reads", listed([_read(name, facts) for name in contract.feature_columns], _NAMED, "the contract")))
    return told


def _read(name: str, facts: Facts) -> str:
    """A feature's name; of the time column, what of it is read."""
    seasons = facts.evaluation.encoding.seasons.get(name)
    if seasons is None:
        return short(name, 60)
    return f"{short(name, 60)} ({' and '.join(seasons.used) or 'nothing repeats'})"


def _data(facts: Facts) -> list[tuple[str, Child]]:
    contract, data = facts.inputs.contract, facts.data
    told: list[tuple[str, Child]] = [("Datasets", f"{len(facts.inputs.datasets):,}")]
    for part in ("train", "validation"):
        rows = (data.get("rows") or {}).get(part) if isinstance(data.get("rows"), dict) else None
        if rows is not None:
            told.append((f"{part.capitalize()} rows", f"{rows:,}"))
    split = contract.data.split
    about = "about " if split.by == "random" else ""
    hashed = " (rows are assigned by hash)" if about else ""
    told.append(
        ("Test rows", f"{facts.evaluation.rows:,}; split by {split.by}, {about}{split.test:.0%} for the test{hashed}")
    )
    if split.by == "random":
        told.append(
            ("Valid for", "rows of the same time and kind as it learned from: a random split does not show drift")
        )
    left_out = [short(name, 60) for name in contract.data.columns if name not in contract.feature_columns]
    told.append(("Not read", listed(left_out, _NAMED, "the contract") or "–"))
    return told


def _metrics(facts: Facts) -> Safe:
    rows = [
        row(name, *((with_ends(facts.value(who, name), facts.ends(who, name)), "n wrap") for who in facts.models))
        for name in facts.evaluation.candidate.metrics
    ]
    return table([("Metric", None), *((who.capitalize(), "n") for who in facts.models)], rows, slim=True)


def _fairness(facts: Facts) -> Safe:
    found = facts.evaluation.fairness
    if not found:
        return element("p", "No column with groups of enough rows was compared.", class_="quiet")
    rows = []
    for column, each in found.items():
        for gap, ends in each.gaps.items():
            interval = None if ends.low is None or ends.high is None else (ends.low, ends.high)
            rows.append(row(short(column, 60), in_words(gap), (with_ends(ends.value, interval), "n wrap")))
    return table([("Groups of", None), ("Greatest difference", None), ("Value", "n")], rows, slim=True)


def _limits(facts: Facts) -> list[str]:
    found = facts.evaluation
    told = facts.notes
    told += [f"{name} is not defined: {why}" for name, why in found.undefined.items()]
    told += [
        f"{name}: values that are too rare to be measured: {each.values:,}, with {each.rows:,} test rows"
        for name, each in found.slices_left_out.items()
    ]
    if found.learning_curve:
        told.append(found.learning_curve.sentence)
    robust = found.robustness
    if robust and robust.undamaged is not None:
        worst = [(share, value) for share, value in robust.missing.items() if value is not None]
        if worst:
            share, value = max(worst, key=lambda each: float(each[0]))
            told.append(
                f"with {float(share):.0%} of the cells missing, {robust.metric} is {number(value)} instead of "
                f"{number(robust.undamaged)}"
            )
    intervals = found.intervals
    if intervals:
        told.append(f"intervals: {intervals.confidence:.0%}, {intervals.method}")
    told.append("values and groups that the training rows do not have are answered without evidence")
    return told


def _decision(facts: Facts) -> list[Child]:
    rows = [
        row(
            short(gate_figures.gate_name(each), 120),
            verdict_tag(str(each["outcome"])),
            short(each["reason"], 600),
        )
        for each in facts.verdicts
    ]
    gates: Child = table([("Gate", None), ("Verdict", None), ("In words", None)], rows) if rows else None
    release = facts.inputs.contract.release
    approval = "a person decides before the release" if release.approval == "manual" else "released without a person"
    next_steps = (
        f"Release: {release.strategy}, {approval}. Later decisions (replay, traffic, approval, rollback): sluice why "
        f"{facts.inputs.run_id}"
    )
    reasons = element("ul", [element("li", short(reason, 600)) for reason in facts.reasons])
    return [gates or reasons, element("p", next_steps, class_="quiet")]


def _lineage(facts: Facts) -> list[tuple[str, Child]]:
    inputs, candidate = facts.inputs, facts.evaluation.candidate
    champion = facts.evaluation.champion
    why = f": {short(inputs.reason, 300)}" if inputs.reason else ""
    told: list[tuple[str, Any]] = [
        ("Run", f"{inputs.run_id}, started by {short(inputs.trigger, 60)}{why}"),
        ("Planned", utc(short(inputs.created_at, 40))),
        ("Contract version", short(inputs.contract_version or "–", 100)),
        ("Datasets", listed([short(each, 40) for each in inputs.datasets], _NAMED, "run.json")),
        ("Model", short(candidate.name(facts.evaluation.problem), 80)),
        ("Family's key in the contract", short(candidate.family or "–", 80)),
        ("Artefact SHA-256", short(candidate.artifact_sha256 or "–", 80)),
        ("Artefact size", size(candidate.size_bytes)),
        ("Code version", short(facts.code or "–", 80)),
        ("Serving model", short((champion.run_id if champion else None) or "none was compared", 60)),
    ]
    return told
