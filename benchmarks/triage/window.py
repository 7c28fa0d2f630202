"""A window of rows: what was sent, by which client to which host, when, and the labels that have come since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

TIME = "sent_at"
"""The column with the sender's own clock, ISO 8601 without a zone (UTC)."""


@dataclass(frozen=True)
class Roles:
    """For which columns of a data set which mistake is plausible. Each name stands for a tuple of columns."""

    amounts: tuple[str, ...] = ()  # not negative, with a unit
    durations: tuple[str, ...] = ()
    rates: tuple[str, ...] = ()  # between 0 and 1
    decimals: tuple[str, ...] = ()  # with digits after the point
    counts: tuple[str, ...] = ()  # whole numbers
    large: tuple[str, ...] = ()  # with values of 1,000 and more
    words: tuple[str, ...] = ()  # categories spelled with letters
    codes: tuple[str, ...] = ()  # categories spelled with digits
    flags: tuple[str, ...] = ()  # two values
    pairs: tuple[tuple[str, str], ...] = ()  # alike enough for a person to swap them
    joins: tuple[tuple[str, ...], ...] = ()  # columns that come together from another table
    segments: tuple[str, ...] = ()  # categories by which a feed, a market or a consent is divided
    money: tuple[str, ...] = ()
    prices_lower_label: bool = False  # whether customers answer higher prices with fewer positive labels
    activity: tuple[str, ...] = ()  # what a busier customer, district or hour has more of
    age: tuple[str, ...] = ()
    product: tuple[str, ...] = ()  # a category that gets new values as the business grows
    newcomer: str = "new"  # what such a new value is called
    season: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # column → the values of one season

    @property
    def categories(self) -> tuple[str, ...]:
        return self.words + self.codes

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.amounts + self.durations + self.rates + self.decimals + self.counts))


@dataclass(frozen=True, eq=False)
class Seen:
    """What a judge may see of a window: all but the rows' places in the data set and the roles of the columns.

    `labels` are null where they have not come by `now`; `labelled` is NaT there.
    """

    rows: pd.DataFrame
    labels: pd.Series
    arrived: np.ndarray
    labelled: np.ndarray
    client: np.ndarray
    host: np.ndarray
    now: np.datetime64
    usual: int
    types: Mapping[str, str]
    kind: str
    target: str
    positive: Any


@dataclass(frozen=True, eq=False)
class Window:
    """Rows in the order of their arrival; all arrays have one entry a row.

    `labelled` is when a row's label came; `known` is what a judge sees of the labels at `now`. `usual` is how many rows
    such a period has when nothing is amiss. `origin` is the row of the data set, for tests: a judge must not read it.
    """

    rows: pd.DataFrame
    labels: pd.Series
    arrived: np.ndarray
    labelled: np.ndarray
    client: np.ndarray
    host: np.ndarray
    origin: np.ndarray
    now: np.datetime64
    usual: int
    types: Mapping[str, str]
    kind: str
    target: str
    positive: Any
    roles: Roles

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def known(self) -> pd.Series:
        """The labels, null where they have not come by `now`."""
        return self.labels.where(self.labelled <= self.now)

    def seen(self) -> Seen:
        """The window as a judge gets it: copies, so that a judge cannot change the case."""
        come = self.labelled <= self.now
        return Seen(
            rows=self.rows.copy(),
            labels=self.known,
            arrived=self.arrived.copy(),
            labelled=np.where(come, self.labelled, np.datetime64("NaT", "s")),
            client=self.client.copy(),
            host=self.host.copy(),
            now=self.now,
            usual=self.usual,
            types=dict(self.types),
            kind=self.kind,
            target=self.target,
            positive=self.positive,
        )

    @property
    def label_values(self) -> np.ndarray:
        """Labels as numbers: 1 for the positive class, or the value of a regression."""
        if self.kind == "binary":
            return (self.labels == self.positive).to_numpy(dtype=np.float64)
        return self.labels.to_numpy(dtype=np.float64)

    def take(self, places: np.ndarray) -> Window:
        """The rows at `places`, in that order, with everything that belongs to them."""
        return replace(
            self,
            rows=self.rows.iloc[places].reset_index(drop=True),
            labels=self.labels.iloc[places].reset_index(drop=True),
            arrived=self.arrived[places],
            labelled=self.labelled[places],
            client=self.client[places],
            host=self.host[places],
            origin=self.origin[places],
        )

    def sent_again(self, places: np.ndarray) -> Window:
        """The rows at `places` with the arrival, client and host of the rows in whose stead they come."""
        if len(places) != len(self):
            raise ValueError(f"{len(places)} places for {len(self)} rows")
        return replace(
            self.take(places), arrived=self.arrived, labelled=self.labelled, client=self.client, host=self.host
        )

    def with_columns(self, columns: Mapping[str, Any]) -> Window:
        return replace(self, rows=self.rows.assign(**columns))

    def with_values(self, column: str, places: np.ndarray, values: Any) -> Window:
        """`values` at `places` of `column`. Whole numbers stay whole as long as all of them are."""
        old = self.rows[column]
        if old.dtype == bool:
            new = old.to_numpy().copy()
            new[places] = values
        elif old.dtype.kind in "iuf":
            new = old.to_numpy(dtype=np.float64).copy()
            new[places] = values
            if old.dtype.kind in "iu" and np.isfinite(new).all() and (new == np.rint(new)).all():
                new = new.astype(np.int64)
        else:
            new = old.to_numpy(dtype=object).copy()
            new[places] = values
        return self.with_columns({column: new})

    def with_labels(self, places: np.ndarray, values: Any) -> Window:
        new = self.labels.copy()
        new.iloc[places] = values
        return replace(self, labels=new)

    def times(self) -> np.ndarray:
        """The column of the sender's clock as datetime64[s]."""
        return self.rows[TIME].to_numpy(dtype="datetime64[s]")


def as_text(times: np.ndarray) -> np.ndarray:
    """datetime64[s] → ISO 8601, as an array of objects."""
    return np.datetime_as_string(times.astype("datetime64[s]"), unit="s").astype(object)


def differs(before: pd.Series, after: pd.Series) -> np.ndarray:
    """Where two columns of equal length hold different values; null equals null."""
    if before.dtype.kind in "iuf" and after.dtype.kind in "iuf":
        one, other = before.to_numpy(dtype=np.float64), after.to_numpy(dtype=np.float64)
        return ~((one == other) | (np.isnan(one) & np.isnan(other)))
    old, new = before.to_numpy(dtype=object), after.to_numpy(dtype=object)
    both_null = pd.isna(old) & pd.isna(new)
    return ~both_null & (old != new)
