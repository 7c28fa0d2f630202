"""A first project.yaml from what was seen of a file. What only a person can know is marked DECIDE."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from cli import draft_unlabelled as unlabelled
from cli.errors import CliError
from cli.formats import Way
from cli.giveaways import Giveaway
from cli.guessing import Scan, Seen, only
from cli.text import plural
from sluice.contract import load_contract, nearest
from sluice.contract.data import Expectations, Split
from sluice.contract.file import FOUND, FileLayout
from sluice.contract.metric_limits import METRICS
from sluice.contract.models import PROJECT_PATTERN
from sluice.contract.training import Gate
from sluice.gates.power import decidable_margin
from sluice.model.shortening import listed

_KEY_NAME = re.compile(r"(?i)(^|[_\-. ])(id|uuid|guid|key|no|number)$|[a-z](Id|ID)$")
_TARGETS = (
    "target",
    "label",
    "class",
    "outcome",
    "y",
    "churn",
    "churned",
    "converted",
    "purchase",
    "revenue",
    "default",
)
MAX_INVALID: float = Expectations.model_fields["max_invalid_rows"].default
MAX_REFUSED = 0.5
"""Up to this share of refused rows the contract accepts its file; with more, something else is wrong with it."""
_CLASSES = 20
_MANY_ROWS = 50_000
_MINUTES, _MINUTES_OF_MANY = 2, 10
"""Of `auto`: a first model soon; a longer search may find a better one."""
_TEST_SHARE: float = Split.model_fields["test"].default
_CONFIDENCE: float = Gate.model_fields["confidence"].default
_SHOWN = 5
_MAX_NAME = 32
"""Characters of a project's name."""
_MANUAL = "  approval: manual  # DECIDE: or automatic"
_YES = frozenset(
    ("da", "evet", "hai", "igen", "ja", "jo", "oui", "sí", "si", "sì", "sim", "tak", "yes", "y", "true", "positive")
)
"""Words for yes, in small letters."""


@dataclass
class Draft:
    """`text` loads as a contract; `decisions` are the lines that a person must check."""

    project: str
    text: str = ""
    decisions: list[str] = field(default_factory=list)


def draft(
    scan: Scan,
    source: str,
    project: str,
    target: str | None = None,
    kind: str | None = None,
    refused: float = 0.0,
    giveaways: Sequence[Giveaway] = (),
    *,
    is_series: bool = False,
    automatic: bool = False,
) -> Draft:
    """`kind`: clustering or anomaly, for a contract that does not learn from labels; None: what suits the target.
    `refused`: the share of the file's rows that such a contract refuses; `giveaways`: columns that it should not learn
    from, and why; `is_series`: whether the rows are at regular times; `automatic`: the gates alone decide.

    Raises CliError for a name that is none, or a target that the file does not have.
    """
    if not re.fullmatch(PROJECT_PATTERN, project):
        raise CliError(
            f"{project!r} is not a project name (2–32 lower-case letters, digits and single dashes): "
            f"give one with --project"
        )
    known = {column.name: column for column in scan.columns}
    if target is not None and target not in known:
        raise CliError(
            f"the file has no column {target!r}{nearest(target, known)}; it has: {', '.join(known)}"
            ". Name one with --target"
        )
    result = Draft(project)
    chosen = known[target] if target else None if kind else _likely_target(scan.columns)
    if target is None and chosen is not None:
        result.decisions.append(f"problem.target: is {chosen.name!r} the column to predict?")
    key = only(scan.columns, lambda c: c is not chosen and _is_key(c, scan))
    time = only(scan.columns, lambda c: c is not chosen and c.type == "timestamp")
    if all(column in (chosen, key, time) for column in scan.columns):
        time = None  # there is nothing else to learn from
    problem, column_type = _problem(chosen, result) if chosen else ("", "")
    if kind:
        problem = unlabelled.problem_line(kind, problem or None, result.decisions)
    lines = [
        f"# From {source}, {plural(scan.rows, 'row')}{'' if scan.whole else ' looked at'}. Every key: docs/contract.md",
        f"project: {project}",
        'description: ""  # DECIDE: the model\'s question',
        f"problem: {problem}",
    ]
    if chosen and not target:
        lines[-1] += "  # DECIDE: target is a guess"
    if chosen and chosen.missing and not kind:
        lines.append(f"# {chosen.missing} rows have no {_scalar(chosen.name)}: they are accepted but not learned from")
    if scan.header_line:
        result.decisions.append(f"the header seems to be on line {scan.header_line} of the file: is it?")
    if scan.layout.header == 0:
        result.decisions.append("data.file.header: the file seems to have no header, so its columns are named by place")
    signs = {name: getattr(scan.layout, name) for name in ("quote", "escape", "line_end")}
    if told := ", ".join(f"{name} {sign!r}" for name, sign in signs.items() if sign != getattr(FOUND, name)):
        result.decisions.append(f"data.file: the rows seem to be written with {told}; is that right?")
    lines += ["data:", *([f"  file: {_file(scan.layout)}"] if scan.layout != FOUND else [])]
    lines += [*_key_lines(scan, chosen, key, result), *_time_lines(scan, chosen, time, result, is_series=is_series)]
    lines.append("  columns:")
    _ask_about_markers(scan, result)
    for column in scan.columns:
        kind = column_type if column is chosen else column.type
        _ask_about_format(column, scan, result)
        _ask_about_spellings(column, result)
        lines.append(f"    {_column(column, kind, scan, required=column is key)}")
    learned = re.findall(r"type: (\w+)", problem)[0]
    apart = {column.name for column in (chosen, key, time) if column}
    dropped = _dropped([name for name in known if name not in apart], giveaways, result)
    lines += _rest(learned, scan.rows, time, result, refused, dropped, labelled=chosen is not None, is_series=is_series)
    if automatic:
        lines[lines.index(_MANUAL)] = "  approval: automatic  # or manual: a person decides"
    result.text = "\n".join(lines) + "\n"
    load_contract(result.text, source="the drafted project.yaml", project=project)
    return result


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


def _likely_target(columns: list[Seen]) -> Seen:
    """By name, else the last column of few values, else the last one: a guess, and marked as one."""
    for name in _TARGETS:
        for column in columns:
            if column.name.casefold() == name:
                return column
    few = [column for column in columns if column.values is not None and 2 <= len(column.values) <= _CLASSES]
    return (few or columns)[-1]


def _is_key(column: Seen, scan: Scan) -> bool:
    """Distinct in every row of the whole file, and called like a key: distinct alone may be chance.

    A counter of the rows is none, whatever its name: of the next file, which counts again, rows would replace these.
    """
    suits = column.type in ("integer", "text", "category") and bool(_KEY_NAME.search(column.name))
    return scan.whole and column.unique and suits and not column.counts_rows


def _problem(target: Seen, result: Draft) -> tuple[str, str]:
    """The `problem` line and the type of the target's column."""
    values = [value for value, _ in target.values.most_common()] if target.values else []
    values = [value for value in values if value not in target.markers]
    name = _scalar(target.name)
    if target.type == "boolean" and len(values) > 2:  # several spellings of the two
        return f"{{type: binary, target: {name}, positive: true, metric: {METRICS['binary'][0]}}}", "boolean"
    if len(values) == 2 and target.type in ("boolean", "category", "integer", "number"):
        # a model answers with the labels of its contract: yes and no stay the words of the file
        if target.type == "boolean" and not {value.casefold() for value in values} <= {"yes", "no", "y", "n"}:
            return f"{{type: binary, target: {name}, positive: true, metric: {METRICS['binary'][0]}}}", "boolean"
        words = [value for value in values if value.casefold() in _YES]
        positive = words[0] if len(words) == 1 else values[-1]
        why = "says yes" if len(words) == 1 else f"is the rarer value of {target.name!r}"
        if target.type != "boolean":
            result.decisions.append(f"problem.positive: {positive!r} {why}; is it the outcome to predict?")
        return (
            f"{{type: binary, target: {name}, positive: {_text(positive)}, metric: {METRICS['binary'][0]}}}",
            "category",
        )
    if target.type in ("category", "integer") and 2 < len(values) <= _CLASSES:
        if target.type == "integer":
            result.decisions.append(
                f"problem.type: are the {len(values)} values of {target.name!r} classes or amounts?"
            )
        return f"{{type: multiclass, target: {name}, metric: {METRICS['multiclass'][0]}}}", "category"
    if target.type in ("integer", "number"):
        return f"{{type: regression, target: {name}, metric: {METRICS['regression'][0]}}}", target.type
    count = f"{len(values)} distinct values" if target.values is not None else "very many distinct values"
    raise CliError(
        f"{target.name!r} ({target.type}, {count}) cannot be predicted as yes/no, class or number; "
        "name another column with --target"
    )


def _key_lines(scan: Scan, target: Seen | None, key: Seen | None, result: Draft) -> list[str]:
    if key:
        return [f"  key: [{_scalar(key.name)}]"]
    distinct = [column for column in scan.columns if column.unique and column is not target]
    counters = [column.name for column in distinct if column.counts_rows]
    unique = [column.name for column in distinct if column.name not in counters]
    seen = f"; distinct in every row: {listed(unique, 8)}" if unique else ""
    if counters:
        seen += f"; {listed(counters, 8)} only {'counts' if len(counters) == 1 else 'count'} rows"
        why = f"Not {listed([repr(each) for each in counters], _SHOWN)}: it only counts this file's rows"
    else:
        why = f"Distinct in every row: {listed(unique, _SHOWN)}" if unique else "No column is distinct in every row"
    result.decisions.append(f"data.key: which columns identify a row? {why}")
    seen = seen or "; no column is distinct in every row"
    name = target.name if target else None
    if pairs := [f"[{_scalar(one)}, {_scalar(other)}]" for one, other in scan.pairs if name not in (one, other)]:
        seen += f"; distinct together: {listed(pairs, 3, between=' or ')}"
    return [f"  key: []  # DECIDE: columns that identify a row{seen}"]


def _time_lines(scan: Scan, target: Seen | None, time: Seen | None, result: Draft, *, is_series: bool) -> list[str]:
    if time:
        own = repr(time.name)
        told = f"the newest rows by {own} are the test" if is_series else f"{own} orders the rows and is not a feature"
        result.decisions.append(f"data.time: {told}")
        return [f"  time: {_scalar(time.name)}  # DECIDE: orders the rows; null makes it a feature"]
    several = [column.name for column in scan.columns if column.type == "timestamp" and column is not target]
    if not several:
        return []
    if len(several) == 1:
        only_one = f"{several[0]!r} is all there is to learn from"
        instead = "; to find rare rows instead, give `init` --type anomaly" if target else ""
        result.decisions.append(f"data.time: {only_one}{instead}")
        return [f"  time: null  # DECIDE: {only_one}, so it does not order the rows"]
    result.decisions.append(f"data.time: which of {', '.join(several)} orders the rows?")
    return [f"  time: null  # DECIDE: which column orders the rows: {', '.join(several)}?"]


def _ask_about_markers(scan: Scan, result: Draft) -> None:
    """One question for each kind of marker, whichever columns have it."""
    found: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for column in scan.columns:
        for texts, meaning in (
            (column.markers, "missing; is it?"),
            (column.doubtful, "a value; write `missing` if it means that none is known"),
        ):
            if texts:
                spellings = ", ".join(repr(text) for text, _ in texts.most_common(_SHOWN))
                more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
                found.setdefault((spellings + more, meaning), []).append((column.name, texts.total() / scan.rows))
    for (spellings, meaning), places in found.items():
        if len(places) == 1:
            ((name, share),) = places
            where, within = f"data.columns.{name}", f"{share:.1%} of the rows"
        else:
            where, within = "data.columns", listed([f"{name} ({share:.1%})" for name, share in places], _SHOWN)
        result.decisions.append(f"{where}: {spellings} in {within} is read as {meaning}")


def _ask_about_format(column: Seen, scan: Scan, result: Draft) -> None:
    """Say what was found in the way that a column is written, and what follows if it is meant otherwise."""
    where = f"data.columns.{column.name}"
    if column.coded:
        result.decisions.append(
            f"{where}: values such as {column.example!r} have leading zeros, so they are kept as codes; "
            "say integer if they are amounts"
        )
    elif column.type in ("category", "text") and column.formats.nearly_numbers:
        share = column.formats.figures / max(1, column.rows - column.missing)
        odd = ", ".join(repr(text[:40]) for text in column.formats.odd)
        result.decisions.append(
            f"{where}: {share:.0%} of the values look like numbers, but no way of writing numbers fits them all, "
            f"such as {odd}: read as {column.type}. To learn from them as numbers, correct the file or name the "
            "markers of missing values in `missing`"
        )
    if column.way and column.way.options:
        options = _options(column.way)
        others = [_options(way) for way in column.formats.others]
        or_else = f", or {' or '.join(others)}: the values fit each" if others else ""
        result.decisions.append(f"{where}: the values are read with {options}{or_else}; is that how they are written?")
    elif column.formats.maybe_thousands:
        result.decisions.append(
            f"{where}: three digits stand behind each point, and 1.234 is read as a little more than 1; if the point "
            'parts thousands, add decimal: ",", thousands: "."'
        )


def _ask_about_spellings(column: Seen, result: Draft) -> None:
    """Values of a category that differ in case, or in what stands between words, alone."""
    alike: dict[str, list[str]] = {}
    for value in column.values or () if column.type == "category" else ():
        alike.setdefault(re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", value.casefold()), []).append(value)
    for values in alike.values():
        if len(values) > 1:
            result.decisions.append(
                f"data.columns.{column.name}: {listed([repr(value) for value in values], _SHOWN, between=' and ')} are "
                "different values; if they mean the same, write them alike before the upload"
            )


def _options(way: Way) -> str:
    return ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in way.keys().items())


def _column(column: Seen, kind: str, scan: Scan, *, required: bool) -> str:
    parts = [f"type: {kind}"]
    notes = []
    if required:
        parts.append("nullable: false")
    if column.way and column.way.options:
        parts.append(_options(column.way))
        notes.append("DECIDE: is this its format?")
    elif column.formats.maybe_thousands and kind == "number":
        notes.append("DECIDE: does the point part thousands?")
    if column.markers:
        parts.append(f"missing: [{', '.join(_text(text) for text, _ in column.markers.most_common())}]")
        notes.append(f"DECIDE: {column.markers.total() / scan.rows:.1%} marked as missing")
    if column.doubtful:
        spellings = ", ".join(_text(text) for text, _ in column.doubtful.most_common(_SHOWN))
        notes.append(f"DECIDE: {spellings} in {column.doubtful.total() / scan.rows:.1%}: missing?")
    if column.coded:
        notes.append(f"DECIDE: codes with leading zeros such as {_text(column.example or '')}?")
    elif kind in ("category", "text") and column.formats.nearly_numbers:
        notes.append("DECIDE: most values look like numbers")
    if kind == "category":
        listed = column.listed if kind == column.type else [value for value, _ in Counter(column.values).most_common()]
        if listed:
            parts.append(f"values: [{', '.join(_text(value) for value in listed)}]")
    if kind == "category" and column.type == "boolean":
        notes.append("another spelling of yes or no is refused")
    if kind == "boolean" and column.values is not None and set(column.values) <= {"0", "1"}:
        notes.append("if a count: integer")
    if kind == "text" and column.unique and not required:
        notes.append("distinct in every row: add it to features.drop unless its words carry meaning")
    if not column.filled:
        notes.append("DECIDE: has no value in this file")
    comment = f"  # {'; '.join(notes)}" if notes else ""
    return f"{_scalar(column.name)}: {{{', '.join(parts)}}}{comment}"


def _dropped(features: list[str], giveaways: Sequence[Giveaway], result: Draft) -> list[str]:
    """The `features` line; none where no column would be left to learn from."""
    names = dict.fromkeys(name for each in giveaways for name in each["columns"])
    if not names or names.keys() >= set(features):
        return []
    why = "; ".join(each["why"] for each in giveaways)
    asks = any(each["of_target"] for each in giveaways)
    undo = "; list what is known when asking in features.known_before instead" if asks else ""
    result.decisions.append(f"features.drop: without {listed(list(names), _SHOWN)} ({why}){undo}")
    line = f"features: {{drop: [{', '.join(map(_scalar, names))}]}}"
    return [f"{line}  # DECIDE: {why}{'; or known_before?' if asks else ''}"]


def _rest(
    problem_type: str,
    rows: int,
    time: Seen | None,
    result: Draft,
    refused: float,
    dropped: list[str],
    *,
    labelled: bool,
    is_series: bool,
) -> list[str]:
    lines = []
    if MAX_INVALID < refused <= MAX_REFUSED:
        limit = math.ceil(100 * refused) / 100
        lines += [
            f"  expectations: {{max_invalid_rows: {limit}}}  # DECIDE: so many rows of this file are quarantined; why?"
        ]
        result.decisions.append(
            f"data.expectations.max_invalid_rows: {refused:.1%} of the file's rows are quarantined. Correct the "
            "file, or accept that such files lose as many"
        )
    if time and is_series:
        lines += ["  split: {by: time}  # DECIDE: tests the newest rows; or random"]
    elif time:
        lines += ["  split: {by: random}  # DECIDE: or by: time, which tests the newest rows"]
    return [
        *lines,
        *dropped,
        *_training(problem_type, rows),
        "gates:",
        *_gates(problem_type, rows, labelled=labelled),
        "release:",
        _MANUAL,
        "  no_traffic: roll_back  # DECIDE: a later model without live requests; or hold, promote",
    ]


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


def _file(layout: FileLayout) -> str:
    return json.dumps(layout.model_dump(exclude_defaults=True), ensure_ascii=False)


def _scalar(name: str) -> str:
    """A name as YAML: plain where YAML reads it as this very text, else in quotes."""
    plain: Any = None
    if re.fullmatch(r"[A-Za-z_][\w.\-]*", name):
        plain = yaml.safe_load(name)
    return name if plain == name else _text(name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
