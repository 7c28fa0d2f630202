"""`monitor`, `retrain` and `alerts`: how the serving model is watched, and what follows."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from sluice.contract.durations import seconds
from sluice.contract.part import Duration, Every, Part

OTHER_DRIFT = ("ks", "kolmogorov_smirnov", "js", "jensen_shannon", "wasserstein")
"""Scores that people ask for. They are about values and the order of them, of which a baseline of bins has little."""
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")


class Drift(Part):
    score: Literal["psi"] = Field("psi", description="population stability index")
    max: float = Field(
        0.2,
        gt=0,
        description="above it the drift alarm goes into ALARM, unless chance explains it (false alarms: in one month "
        "of ten)",
    )
    min_rows: int = Field(200, ge=1, description="a window with fewer requests is inconclusive")

    @field_validator("score", mode="before")
    @classmethod
    def _has_a_chance_level(cls, value: Any) -> Any:
        if value in OTHER_DRIFT:
            raise ValueError(
                f"{value} is not supported: a model's baseline holds shares of bins, and only for psi is the effect "
                f"of chance known; use psi"
            )
        return value


class Quality(Part):
    metric: str = Field(description="computed from delayed labels; every metric that the answers allow")
    min: float | None = Field(
        None,
        description="the quality alarm goes into ALARM if the labels prove that the metric is below it, however often "
        "that is checked",
    )
    max: float | None = Field(None, description="likewise above it, for metrics where less is better")
    label: str | None = Field(
        None,
        description="clustering: the column of label files with the group that people gave a row; the metric is how "
        "well segments agree with it",
    )
    min_labels: int = Field(
        100, ge=1, description="quality is inconclusive with fewer mature labels that belong to a captured request"
    )


class Monitor(Part):
    every: Every = Field("1h", description="how often captured requests are measured")
    window: Duration = Field(
        "1d", description="how far back each measurement reads; of 6h and more it begins with a whole hour"
    )
    labels_within: Duration = Field(
        "30d",
        description="a delayed label counts for its request if it arrives within this time after it; quality reads as "
        "far back",
    )
    drift: Drift = Field(Drift(), description="requests against the training rows")
    quality: Quality | None = Field(None, description="predictions against delayed labels; absent: not monitored")


def _is_window(value: Any) -> Any:
    """A duration, or one of the two words; said in words that name all three."""
    if isinstance(value, str) and value in ("all", "since_drift"):
        return value
    try:
        seconds(str(value))
    except ValueError:
        raise ValueError(
            f"{value!r} is not a window; write all, since_drift, or how far back it reaches, for example 90d"
        ) from None
    return value


def _are_windows(value: Any) -> Any:
    if not isinstance(value, list):
        return _is_window(value)
    if len(value) < 2 or len(set(map(str, value))) < len(value):
        raise ValueError(
            f"{value!r}: windows that are compared are two or more different ones; write a single one alone"
        )
    return [_is_window(each) for each in value]


Windows = Annotated[
    str | list[str],
    BeforeValidator(_are_windows),
    Field(description="all, since_drift, or a duration such as 90d; or a list of them"),
]


class Retrain(Part):
    on: list[Literal["drift", "quality"]] = Field(["drift", "quality"], description="alarms that start a retraining")
    cooldown: Duration = Field("24h", description="between two retrainings")
    schedule: Every | None = Field(
        None, description="retrains at this interval, from the next promotion on; `cooldown` does not delay it"
    )
    max_per_week: int = Field(
        3, ge=0, description="retrainings in any seven days, by alarm, schedule or volume; 0 forbids them"
    )
    on_rows: int | float | None = Field(
        None,
        gt=0,
        description="once a model serves, arriving files start a run only when this many accepted rows are new since "
        "the last run; below 1, a share of the rows that it had. The cooldown and `max_per_week` hold for it. Absent: "
        "each arriving file starts a run",
    )
    window: Windows = Field(
        "all",
        description="accepted rows that a run learns from once a model serves: `all`; the last `90d` before the newest "
        "row; or those `since_drift`, from the beginning of the last drift that was retrained for. The time is that of "
        "`data.time`, else that of arrival. Of a list, such as `[all, 90d]`, the run takes the first one, unless "
        "another is surely better on the newest rows",
    )
    min_rows: int = Field(
        1_000,
        ge=1,
        description="a window with fewer usable rows is not used; all rows are, and the run says so. So many new rows "
        "are also enough to retrain again for a cause that a promoted model has not ended",
    )
    half_life: Duration | None = Field(
        None,
        description="rows for training are kept with a chance that halves with each such age, before the newest row; "
        "test rows are all kept",
    )

    @property
    def windows(self) -> list[str]:
        """`window` as a list: more than one are compared."""
        return self.window if isinstance(self.window, list) else [self.window]


class Alerts(Part):
    emails: list[str] = Field(
        default_factory=list,
        description="get this project's alerts once they confirm AWS's mail; the stack's AlertEmail gets every alert",
    )

    @field_validator("emails")
    @classmethod
    def _are_addresses(cls, emails: list[str]) -> list[str]:
        for email in emails:
            if not _ADDRESS.fullmatch(email):
                raise ValueError(f"{email!r} is not an email address; write one like name@example.com")
        return emails
