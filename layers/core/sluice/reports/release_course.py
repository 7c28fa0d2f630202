"""The course of a release in figures: measurements of a canary step by step, and the pairs of a replay.

What is read comes from decision records (`looks` of the judge, the pairs of `replay/pairs.json`); members that an older
record lacks are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sluice import figures
from sluice.figures import Axis, Line
from sluice.page import Safe, element
from sluice.ports import Json
from sluice.records.words import in_words

PAIRS_SHOWN = 60
_TESTS = ("failures", "latency", "scores", "split", "error_rate", "better", "worse")
_UNITS = (
    (120.0, "seconds", 1.0),
    (3 * 3_600.0, "minutes", 60.0),
    (72 * 3_600.0, "hours", 3_600.0),
    (float("inf"), "days", 86_400.0),
)
"""Longest span in seconds, the unit that suits it, and the unit in seconds."""


def steps(looks: Sequence[Json]) -> list[Json]:
    """One row for each step of traffic."""
    found: dict[int, Json] = {}
    for look in looks:
        inputs = look.get("inputs") or {}
        step = found.setdefault(int(look.get("step_index") or 0), {"measured": 0})
        step["measured"] += 1
        step |= {
            "percent": inputs.get("percent"),
            "canary": inputs.get("step_canary") or {},
            "control": inputs.get("step_control") or {},
            "tail_ms": inputs.get("tail_ms"),
            "decision": look.get("decision"),
            "log_e": max(_evidence(look).values(), default=None),
        }
    return [found[index] for index in sorted(found)]


def evidence(looks: Sequence[Json]) -> Safe | None:
    """ln E of each test over time, against the line at which the canary is aborted."""
    times, unit = _times(looks)
    limits = [
        limit for look in looks if isinstance(limit := (look.get("statistic") or {}).get("log_limit"), int | float)
    ]
    names = [name for name in _TESTS if any(name in _evidence(look) for look in looks)]
    if len(times) < 2 or not names or not limits:
        return None
    series = []
    for place, name in enumerate(names):
        points = [(at, _evidence(look)[name]) for at, look in zip(times, looks, strict=True) if name in _evidence(look)]
        series.append(
            Line(in_words(name), [x for x, _ in points], [y for _, y in points], "" if not place else "thin", place)
        )
    limit = limits[-1]
    values = [*(value for line in series for value in line.ys), limit, 0.0]
    x, y = (
        Axis(unit, 0.0, max(times[-1], 0.1)),
        Axis.around("evidence against it (ln E)", [min(values), max(values) * 1.08]),
    )
    drawn = figures.lines(f"evidence; aborts at {limit:.3g}", x, y, series, level=limit)
    return element("div", drawn, figures.key([in_words(name) for name in names]))


def traffic(looks: Sequence[Json]) -> Safe | None:
    """The new model's share of the traffic over time, in percent."""
    times, unit = _times(looks)
    shares = [float((look.get("inputs") or {}).get("percent") or 0) for look in looks]
    if len(times) < 2:
        return None
    xs: list[float] = []
    ys: list[float] = []
    for at, share in zip(times, shares, strict=True):
        if ys and ys[-1] != share:
            xs.append(at)
            ys.append(ys[-1])
        xs.append(at)
        ys.append(share)
    x, y = Axis(unit, 0.0, max(times[-1], 0.1)), Axis("share of the requests in %", 0.0, 100.0)
    return figures.lines("share of the traffic", x, y, [Line("new model", xs, ys)])


def bandit_steps(record: Json) -> list[Json]:
    """The choices of shares, and what each rests on."""
    return [
        {
            "share": (step.get("actions") or {}).get("challenger"),
            "rewards": step.get("rewards") or {},
            "best": (step.get("posterior") or {}).get("challenger_best"),
            "log_e": (step.get("evidence") or {}).get("log_e") or {},
            "limit": (step.get("evidence") or {}).get("log_limit"),
            "decision": step.get("decision"),
        }
        for step in record.get("steps") or []
        if isinstance(step, dict)
    ]


def pairs_of(pairs: Sequence[Json]) -> Json:
    """Both models' answers to the same requests: counts, a plot of the scores, and those that differ most."""
    told = [_pair(number, each) for number, each in enumerate(pairs, 1) if isinstance(each, dict)]
    apart = sorted(told, key=lambda each: (each["same"], -(each["apart"] or 0.0), each["number"]))
    statuses = Counter(f"{each['champion']['status']} / {each['challenger']['status']}" for each in told)
    return {
        "pairs": apart[:PAIRS_SHOWN],
        "pairs_in_all": len(told),
        "disagree": sum(not each["same"] for each in told),
        "statuses": dict(statuses.most_common(8)),
        "figure": _scores(told),
    }


def _pair(number: int, pair: Json) -> Json:
    both = {who: _answer(pair.get(who) or {}) for who in ("champion", "challenger")}
    scores = [each["score"] for each in both.values()]
    known = all(isinstance(score, int | float) for score in scores)
    return {
        "number": number,
        **both,
        "same": both["champion"]["label"] == both["challenger"]["label"]
        and both["champion"]["status"] == both["challenger"]["status"],
        "apart": abs(scores[0] - scores[1]) if known else None,
    }


def _answer(stored: Json) -> Json:
    labels, scores = stored.get("labels") or [], stored.get("scores") or []
    return {
        "status": stored.get("status"),
        "label": " ".join(map(str, labels)) or None,
        "score": scores[0] if scores and isinstance(scores[0], int | float) else None,
        "ms": stored.get("milliseconds"),
    }


def _scores(told: Sequence[Json]) -> Safe | None:
    known = [each for each in told if each["apart"] is not None]
    if len(known) < 3:
        return None
    xs = [float(each["champion"]["score"]) for each in known]
    ys = [float(each["challenger"]["score"]) for each in known]
    both = [*xs, *ys]
    ends = [0.0, 1.0] if min(both) >= 0 and max(both) <= 1 else both
    x, y = Axis.around("champion's answer", ends), Axis.around("new model's answer", ends)
    return figures.lines("answers of both models", x, y, [Line("pairs", xs, ys, "dots")], diagonal=True)


def _evidence(look: Json) -> dict[str, float]:
    found = (look.get("statistic") or {}).get("log_e") or {}
    return {str(name): float(value) for name, value in found.items() if isinstance(value, int | float)}


def _times(looks: Sequence[Json]) -> tuple[list[float], str]:
    """When each measurement was made, from the first on, and the unit of that; none if one has no time."""
    try:
        at = [datetime.fromisoformat(str(look.get("at"))) for look in looks]
    except ValueError:
        at = []
    seconds = [(each - at[0]).total_seconds() for each in at]
    span = seconds[-1] if seconds else 0.0
    unit, size = next((unit, size) for most, unit, size in _UNITS if span <= most)
    return [each / size for each in seconds], unit
