"""A window of requests: the sum of the profiles of its hours (`sluice.profile.hour`). It costs their number."""

from __future__ import annotations

import heapq
import json
import math
from bisect import bisect_right
from collections import Counter
from typing import Any

SAMPLED = 5_000
"""Rows of the sample of a window, at most."""
_LEAST = "f" * 16
Json = dict[str, Any]


def first_line(body: bytes) -> Json:
    """The profile in an hour's file, without the rows. Raises ValueError."""
    profile = json.loads(body.partition(b"\n")[0])
    if not isinstance(profile, dict):
        raise ValueError("is not a profile")
    return profile


class WindowProfile:
    """Adds up hours. Give them in one order, the oldest first: the sums of doubles are rounded in it."""

    def __init__(self) -> None:
        self.hours: list[Json] = []
        """The hours' profiles, in the order in which they were added."""
        self.counts: Counter[str] = Counter()
        """`requests`, `rows`, `refused`, `files`, and what was left out and why."""
        self.columns: dict[str, Json] = {}
        self._answered: Counter[str] = Counter()
        self._classes: Counter[str] = Counter()
        self._scores: list[int] = []
        self._refusals: Counter[tuple[str, str | None]] = Counter()
        self._chances: dict[tuple[int, int], list[int]] = {}
        self._distances: dict[str, dict[str, list[float]]] = {}
        self._lines: list[bytes] = []
        self._limit = _LEAST
        self._cut: bytes | None = None

    def add(self, profile: Json, sample: bytes = b"") -> None:
        """Adds an hour; `sample`: its file, from the second line on."""
        self.hours.append(profile)
        self.counts.update({name: value for name, value in profile.items() if type(value) is int and name != "format"})
        for each in profile["refusals"]:
            self._refusals[(each["error"], each["field"])] += each["requests"]
        for name, column in profile["columns"].items():
            self._add_column(name, column)
        self._add_answers(profile["answers"])
        if profile["sample_limit"] is not None:
            self._limit = min(self._limit, profile["sample_limit"])
        # the least hashes first: what is beyond those that are kept is not looked at
        lines = [line for line in sample.split(b"\n") if line]
        self._lines += lines if self._cut is None else lines[: bisect_right(lines, self._cut)]
        if len(self._lines) > 2 * SAMPLED:
            self._lines = self._least()
            if len(self._lines) == SAMPLED:
                self._cut = self._lines[-1]

    def _add_column(self, name: str, column: Json) -> None:
        total = self.columns.get(name)
        if total is None:
            total = json.loads(json.dumps(column))
            total.pop("exact", None)  # of this hour alone
            self.columns[name] = total
        else:
            for part in ("missing", "as_text", "unfit", "below", "above", "unseen"):
                if part in column:
                    total[part] += column[part]
            if column["type"] == "number":
                total["bins"] = [a + b for a, b in zip(total["bins"], column["bins"], strict=True)]
                for part, chosen in (("min", min), ("max", max)):
                    both = [value for value in (total[part], column[part]) if value is not None]
                    total[part] = chosen(both) if both else None
            else:
                counts: Counter[str] = Counter(total["counts"])
                counts.update(column["counts"])
                total["counts"] = dict(counts)
        if column["type"] == "number":
            kept = self._distances.setdefault(name, {"sum": [], "squares": []})
            for part, values in kept.items():
                values.append(math.nan if column[part] is None else column[part])

    def _add_answers(self, answers: Json) -> None:
        self._answered.update({part: answers[part] for part in ("scored", "unread")})
        self._classes.update(answers["classes"])
        if answers["scores"]:
            before = self._scores or [0] * len(answers["scores"])
            self._scores = [a + b for a, b in zip(before, answers["scores"], strict=True)]
        for side, place, n, units in answers["chances"]:
            cell = self._chances.setdefault((side, place), [0, 0])
            cell[0] += n
            cell[1] += units

    @property
    def answers(self) -> Json:
        """`scored`, `unread`, `scores`, `classes` and `chances`, as `sluice.profile.answered` counts them."""
        return {
            "scored": self._answered["scored"],
            "unread": self._answered["unread"],
            "scores": self._scores,
            "classes": dict(sorted(self._classes.items())),
            "chances": [[*place, *cell] for place, cell in sorted(self._chances.items())],
        }

    @property
    def rows(self) -> int:
        return self.counts["rows"]

    @property
    def refusals(self) -> list[Json]:
        """Reasons of refused requests, the most frequent first: `error`, `field`, `requests`."""
        found = sorted(self._refusals.items(), key=lambda item: (-item[1], str(item[0])))
        return [{"error": why, "field": field, "requests": n} for (why, field), n in found]

    def moments(self, name: str) -> tuple[float, float] | None:
        """Mean and standard deviation of a column of numbers; None without values, and where they overflow."""
        column = self.columns[name]
        present = sum(column["bins"])
        if not present:
            return None
        distance = math.fsum(self._distances[name]["sum"]) / present
        square = math.fsum(self._distances[name]["squares"]) / present
        mean, variance = column["center"] + distance, square - distance * distance
        return (mean, math.sqrt(max(0.0, variance))) if math.isfinite(mean) and math.isfinite(variance) else None

    def sample(self) -> list[Json]:
        """Rows drawn from the window by chance, all with the same one, in the order of their arrival.

        An hour that keeps not all of its rows limits the chance of all others: the hash below which it kept all.
        """
        found = [json.loads(line[17:]) | {"hash": line[:16].decode()} for line in self._least()]
        return sorted(found, key=lambda row: (row["at"] is None, row["at"] or 0.0, row["hash"]))

    def _least(self) -> list[bytes]:
        limit = self._limit.encode()
        return heapq.nsmallest(SAMPLED, (line for line in self._lines if line[:16] <= limit))
