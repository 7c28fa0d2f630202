"""A first project.yaml from what was seen of a file. What only a person can know is marked DECIDE."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cli import draft_unlabelled as unlabelled
from cli.draft_columns import column_lines
from cli.draft_problem import likely_target, problem_line
from cli.errors import CliError
from cli.giveaways import Giveaway
from cli.guessing import Scan, Seen, only
from cli.judging import judged
from cli.text import plural
from cli.yaml_text import scalar
from sluice.contract import load_contract, nearest
from sluice.contract.data import Expectations, Split
from sluice.contract.file import FOUND
from sluice.contract.metric_limits import METRICS
from sluice.contract.models import PROJECT_PATTERN
from sluice.contract.training import Gate
from sluice.gates.power import decidable_margin
from sluice.model.shortening import listed
from sluice.ports import Json

_KEY_NAME = re.compile(r"(?i)(^|[_\-. ])(id|uuid|guid|key|no|number)$|[a-z](Id|ID)$")
MAX_INVALID: float = Expectations.model_fields["max_invalid_rows"].default
MAX_REFUSED = 0.5
"""Up to this share of refused rows the contract accepts its file; with more, something else is wrong with it."""
_MANY_ROWS = 50_000
_MINUTES, _MINUTES_OF_MANY = 2, 10
"""The budget of `auto`: a first model soon. A longer search may find a better one."""
_TEST_SHARE: float = Split.model_fields["test"].default
_CONFIDENCE: float = Gate.model_fields["confidence"].default
_SHOWN = 5
_MAX_NAME = 32
"""Characters of a project's name."""


@dataclass(frozen=True)
class Draft:
    """`text` loads as a contract; `decisions` are the lines that a person must check."""

    project: str
    text: str
    decisions: list[str]


@dataclass(frozen=True)
class Shown:
    """What the intake makes of the file under a first draft."""

    refused: float = 0.0
    """The share of its rows."""
    giveaways: Sequence[Giveaway] = ()
    """Columns that it should not learn from, and why."""
    is_series: bool = False
    """Whether the rows are at regular times."""
    seasons: Sequence[str] = ()
    """What repeats in the times: hour, weekday, month."""


NOTHING = Shown()


def judged_draft(
    file: Path, scan: Scan, project: str, target: str | None, kind: str | None, *, automatic: bool
) -> tuple[Draft, Json]:
    """A draft that allows for what a first one has shown of the file, and the verdict of the intake under it."""
    first = draft(scan, file.name, project, target, kind, automatic=automatic)
    found = judged(file, load_contract(first.text), drafting=kind is None)
    refused = found["quarantined_rows"] / max(1, found["rows"] + found["quarantined_rows"])
    shown = Shown(refused, tuple(found["giveaways"]), found["is_series"], tuple(found["seasons"]))
    if shown == NOTHING:
        return first, found
    second = draft(scan, file.name, project, target, kind, shown, automatic=automatic)
    return second, judged(file, load_contract(second.text)) if refused else found


def draft(
    scan: Scan,
    source: str,
    project: str,
    target: str | None = None,
    kind: str | None = None,
    shown: Shown = NOTHING,
    *,
    automatic: bool = False,
) -> Draft:
    """`kind`: clustering or anomaly, for a contract that does not learn from labels; None: what suits the target.
    `shown`: what a first draft has shown; `automatic`: the gates alone decide.

    Raises CliError for a name that is none, or a target that the file does not have.
    """
    if not re.fullmatch(PROJECT_PATTERN, project):
        raise CliError(
            f"{project!r} is not a project name (2–32 lower-case letters, digits and single dashes): "
            f"give one with --project"
        )
    known = {column.name: column for column in scan.columns}
    if target in scan.not_plain:
        raise CliError(f"this column cannot be the target: {scan.not_plain[target]}. Name another one with --target")
    if target is not None and target not in known:
        raise CliError(
            f"the file has no column {target!r}{nearest(target, known)}; it has: {', '.join(known)}"
            ". Name one with --target"
        )
    decisions: list[str] = []
    chosen = (
        known[target] if target else None if kind else likely_target(scan.columns, has_names=scan.layout.header != 0)
    )
    if target is None and chosen is not None:
        decisions.append(f"problem.target: is {chosen.name!r} the column to predict?")
    key = only(scan.columns, lambda c: c is not chosen and _is_key(c, scan))
    time = only(scan.columns, lambda c: c is not chosen and c.type == "timestamp")
    if all(column in (chosen, key, time) for column in scan.columns):
        time = None  # there is nothing else to learn from
    problem, target_type = problem_line(chosen, decisions) if chosen else ("", "")
    if kind:
        problem = unlabelled.problem_line(kind, problem or None, decisions)
    guessed = "  # DECIDE: target is a guess" if chosen and not target else ""
    learned = re.findall(r"type: (\w+)", problem)[0]
    apart = [column.name for column in (chosen, key, time) if column]
    lines = [
        f"# From {source}, {plural(scan.rows, 'row')}{'' if scan.whole else ' looked at'}. Every key: docs/contract.md",
        f"project: {project}",
        'description: ""  # DECIDE: the model\'s question',
        f"problem: {problem}{guessed}",
    ]
    if chosen and chosen.missing and not kind:
        lines.append(f"# {chosen.missing} rows have no {scalar(chosen.name)}: they are accepted but not learned from")
    lines += [
        "data:",
        *_file_lines(scan, decisions),
        *_key_lines(scan, chosen, key, decisions),
        *_time_lines(scan, chosen, time, decisions, shown),
        *column_lines(scan, chosen, target_type, key, decisions),
    ]
    # what is rare or alike is rarely so by the hour; a target is
    seasonal = time if time and shown.is_series and shown.seasons and not kind else None
    features = _feature_lines(
        _seasonal(seasonal, shown.seasons, decisions),
        _dropped([name for name in known if name not in apart], shown.giveaways, decisions),
    )
    lines += [
        *_expectation_lines(shown.refused, decisions),
        *_split_lines(time, is_series=shown.is_series),
        *features,
        *_training(learned, scan.rows),
        "gates:",
        *_gates(learned, scan.rows, labelled=chosen is not None),
        "release:",
        f"  approval: {'automatic  # or manual: a person decides' if automatic else 'manual  # DECIDE: or automatic'}",
        "  no_traffic: roll_back  # DECIDE: a later model without live requests; or hold, promote",
    ]
    text = "\n".join(lines) + "\n"
    load_contract(text, source="the drafted project.yaml", project=project)
    return Draft(project, text, decisions)


def project_name(stem: str) -> str:
    """A project name from a file's.

    >>> project_name("Online Shoppers_2026 (1)")
    'online-shoppers-2026-1'
    >>> project_name("ec2_request_latency_system_failure_2014")
    'ec2-request-latency-system'
    """
    clean = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    clean = re.sub(r"^[^a-z]+", "", clean)
    if len(clean) > _MAX_NAME:
        clean = clean[: _MAX_NAME + 1].rpartition("-")[0] or clean[:_MAX_NAME]
    return clean if len(clean) > 1 else "project"


def _is_key(column: Seen, scan: Scan) -> bool:
    """Distinct in every row of the whole file, and called like a key: distinct alone may be chance.

    A counter of the rows is none, whatever its name: of the next file, which counts again, rows would replace these.
    """
    suits = column.type in ("integer", "text", "category") and bool(_KEY_NAME.search(column.name))
    return scan.whole and column.unique and suits and not column.counts_rows


def _file_lines(scan: Scan, decisions: list[str]) -> list[str]:
    """What the contract names of the file's layout."""
    layout = scan.layout
    if scan.header_line:
        decisions.append(f"the header seems to be on line {scan.header_line} of the file: is it?")
    if layout.header == 0:
        decisions.append("data.file.header: the file seems to have no header, so its columns are named by place")
    signs = {name: getattr(layout, name) for name in ("quote", "escape", "line_end")}
    if told := ", ".join(f"{name} {sign!r}" for name, sign in signs.items() if sign != getattr(FOUND, name)):
        decisions.append(f"data.file: the rows seem to be written with {told}; is that right?")
    if layout == FOUND:
        return []
    return [f"  file: {json.dumps(layout.model_dump(exclude_defaults=True), ensure_ascii=False)}"]


def _key_lines(scan: Scan, target: Seen | None, key: Seen | None, decisions: list[str]) -> list[str]:
    if key:
        return [f"  key: [{scalar(key.name)}]"]
    distinct = [column for column in scan.columns if column.unique and column is not target]
    counters = [column.name for column in distinct if column.counts_rows]
    unique = [column.name for column in distinct if column.name not in counters]
    seen = f"; distinct in every row: {listed(unique, 8)}" if unique else ""
    if counters:
        seen += f"; {listed(counters, 8)} only {'counts' if len(counters) == 1 else 'count'} rows"
        why = f"Not {listed([repr(each) for each in counters], _SHOWN)}: it only counts this file's rows"
    else:
        why = f"Distinct in every row: {listed(unique, _SHOWN)}" if unique else "No column is distinct in every row"
    decisions.append(f"data.key: which columns identify a row? {why}")
    seen = seen or "; no column is distinct in every row"
    name = target.name if target else None
    if pairs := [f"[{scalar(one)}, {scalar(other)}]" for one, other in scan.pairs if name not in (one, other)]:
        seen += f"; distinct together: {listed(pairs, 3, between=' or ')}"
    return [f"  key: []  # DECIDE: columns that identify a row{seen}"]


def _time_lines(scan: Scan, target: Seen | None, time: Seen | None, decisions: list[str], shown: Shown) -> list[str]:
    if time:
        own = repr(time.name)
        series = f"the newest rows by {own} are the test"
        told = series if shown.is_series else f"{own} orders the rows and is not a feature"
        decisions.append(f"data.time: {told}")
        or_else = "null makes it a feature"
        if shown.seasons and not shown.is_series:
            or_else = f"features.time: seasonal also learns its {listed(list(shown.seasons), len(shown.seasons))}"
        return [f"  time: {scalar(time.name)}  # DECIDE: orders the rows; {or_else}"]
    several = [column.name for column in scan.columns if column.type == "timestamp" and column is not target]
    if not several:
        return []
    if len(several) == 1:
        only_one = f"{several[0]!r} is all there is to learn from"
        instead = "; to find rare rows instead, give `init` --type anomaly" if target else ""
        decisions.append(f"data.time: {only_one}{instead}")
        return [f"  time: null  # DECIDE: {only_one}, so it does not order the rows"]
    decisions.append(f"data.time: which of {', '.join(several)} orders the rows?")
    return [f"  time: null  # DECIDE: which column orders the rows: {', '.join(several)}?"]


class _Key(NamedTuple):
    """A key of `features`, and why it is drafted."""

    text: str
    why: str


def _feature_lines(*keys: _Key | None) -> list[str]:
    """The `features` section: in one line where it has one key."""
    known = [key for key in keys if key]
    if len(known) == 1:
        return [f"features: {{{known[0].text}}}  # DECIDE: {known[0].why}"]
    return ["features:", *(f"  {key.text}  # DECIDE: {key.why}" for key in known)] if known else []


def _seasonal(time: Seen | None, seasons: Sequence[str], decisions: list[str]) -> _Key | None:
    if time is None:
        return None
    parts = listed(list(seasons), len(seasons))
    decisions.append(f"features.time: {parts} of {time.name!r} are features; do requests have it?")
    return _Key("time: seasonal", f"{parts} repeat; requests need {time.name!r}")


def _dropped(features: list[str], giveaways: Sequence[Giveaway], decisions: list[str]) -> _Key | None:
    """None where no column would be left to learn from."""
    names = dict.fromkeys(name for each in giveaways for name in each["columns"])
    if not names or names.keys() >= set(features):
        return None
    why = "; ".join(each["why"] for each in giveaways)
    asks = any(each["of_target"] for each in giveaways)
    undo = "; list what is known when asking in features.known_before instead" if asks else ""
    decisions.append(f"features.drop: without {listed(list(names), _SHOWN)} ({why}){undo}")
    return _Key(f"drop: [{', '.join(map(scalar, names))}]", f"{why}{'; or known_before?' if asks else ''}")


def _expectation_lines(refused: float, decisions: list[str]) -> list[str]:
    if not MAX_INVALID < refused <= MAX_REFUSED:
        return []
    decisions.append(
        f"data.expectations.max_invalid_rows: {refused:.1%} of the file's rows are quarantined. Correct the "
        "file, or accept that such files lose as many"
    )
    limit = math.ceil(100 * refused) / 100
    return [f"  expectations: {{max_invalid_rows: {limit}}}  # DECIDE: so many rows of this file are quarantined; why?"]


def _split_lines(time: Seen | None, *, is_series: bool) -> list[str]:
    if time is None:
        return []
    if is_series:
        return ["  split: {by: time}  # DECIDE: tests the newest rows; or random"]
    return ["  split: {by: random}  # DECIDE: or by: time, which tests the newest rows"]


def _training(problem_type: str, rows: int) -> list[str]:
    if problem_type in unlabelled.TYPES:
        return []
    minutes = _MINUTES_OF_MANY if rows > _MANY_ROWS else _MINUTES
    return [
        "training:",
        "  candidates: [auto]",
        f"  tuning: {{max_minutes: {minutes}}}",
    ]


def _gates(problem_type: str, rows: int, *, labelled: bool) -> list[str]:
    if problem_type in unlabelled.TYPES:
        return unlabelled.gate_lines(problem_type, labelled=labelled)
    metric = METRICS[problem_type][0]
    useful = {
        "binary": f"{{metric: {metric}, min: 0.8}}",
        "multiclass": f"{{metric: {metric}, min: 0.7}}",
        "regression": "{metric: r2, min: 0.5}",  # a limit that suits targets of every size
    }[problem_type]
    # an error has the size of the target, r2 suits all
    compared = "r2" if problem_type == "regression" else metric
    margin = decidable_margin(compared, round(_TEST_SHARE * rows), _CONFIDENCE)
    return [
        f"  # - {useful}  # DECIDE after a first model",
        f"  - {{metric: {metric}, above_baseline_by: 0.0}}",
        f"  - {{metric: {compared}, not_worse_than_champion_by: {margin:g}}}",
        "  - {metric: suspected_leaks, max: 0}",
    ]
