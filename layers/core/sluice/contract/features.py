"""`features`: how columns become numbers. What is not said is chosen for each model family.

`sluice.model.preparation.options` carries it out; a test holds the two together.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sluice.contract.part import Part

Similar = Literal["keep", "fold"]
Encoding = Literal["auto", "one_hot", "ordinal", "target", "frequency"]
Dates = Literal["auto", "parts", "calendar", "cycles"]
Time = Literal["none", "seasonal"]
_LIMITS = {"quantile": (0.0, 0.25), "z_score": (1.0, 100.0), "iqr": (0.5, 100.0)}


class Numbers(Part):
    """The steps for all number columns, or for one, in the order of the keys."""

    impute: Literal["none", "median", "mean", "most_frequent"] | float | None = Field(
        None,
        description="what replaces a missing number: a statistic of the training rows, or this number. Without it, "
        "trees send missing values their own way, and linear models use the median",
    )
    missing_indicator: bool | None = Field(None, description="adds a column that is 1 where the value is missing")
    outliers: Literal["keep", "quantile", "z_score", "iqr"] | None = Field(
        None, description="values beyond limits learned from the training rows become the limit, and are counted"
    )
    outlier_limit: float | None = Field(
        None,
        description="quantile: the share at each end, default 0.005; z_score: standard deviations, default 4; iqr: "
        "quartile ranges, default 3",
    )
    transform: Literal["none", "log", "square_root", "yeo_johnson"] | None = Field(
        None, description="log: sign(x)·log1p(|x|); square_root: sign(x)·√|x|; yeo_johnson learns its power"
    )
    scale: Literal["none", "standard", "min_max", "max_abs", "robust"] | None = Field(
        None, description="linear models standardise anyway, and trees do not need it"
    )

    @model_validator(mode="after")
    def _limit_fits(self) -> Numbers:
        if self.outlier_limit is None:
            return self
        if self.outliers in (None, "keep"):
            raise ValueError("`outlier_limit` needs `outliers`: quantile, z_score or iqr")
        low, high = _LIMITS[self.outliers]
        if not low < self.outlier_limit <= high:
            raise ValueError(
                f"`outlier_limit` {self.outlier_limit:g} does not fit `outliers: {self.outliers}`: it must be above "
                f"{low:g} and at most {high:g}"
            )
        return self


class ColumnFeatures(Numbers):
    """What is different for one column."""

    encoding: Encoding | None = Field(None, description="category columns only: see `categories.encoding`")
    similar: Similar | None = Field(None, description="category columns only: see `categories.similar`")
    dates: Dates | None = Field(None, description="timestamp columns only: see `dates`")


class Categories(Part):
    encoding: Encoding = Field(
        "auto",
        description="one_hot: a column for each category; ordinal: a code by frequency; target: the target's mean of "
        "each category, out of fold in training; frequency: its share of rows. auto: what suits the model family",
    )
    max_one_hot: int | None = Field(
        None,
        ge=2,
        le=1_000,
        description="categories with a column of their own; the others share one. Default: 50, or up to 200 where "
        "there are 100 rows for each",
    )
    min_rows: int = Field(
        5, ge=1, le=10_000, description="categories with fewer training rows share one column or code"
    )
    similar: Similar = Field(
        "keep",
        description="fold: categories that differ only in case, accents of Latin letters, and blanks, hyphens, points "
        "or the like beside a letter are one, in training and in serving; how many were taken as one is reported",
    )


class Rows(Part):
    outliers: Literal[
        "keep", "z_score", "iqr", "isolation_forest", "lof", "elliptic_envelope", "one_class_svm", "dbscan"
    ] = Field(
        "keep",
        description="training rows that the method finds unlike the others are dropped, and counted; rows to predict "
        "never are. z_score and iqr look at each number column by itself, the others at the whole row",
    )
    share: float = Field(
        0.01, gt=0, le=0.2, description="share of training rows that is dropped; z_score, iqr and dbscan find their own"
    )
    limit: float | None = Field(
        None,
        gt=0.5,
        le=100,
        description="z_score: standard deviations from the mean, default 4; iqr: quartile ranges beyond the quartiles, "
        "default 3. A row is dropped if any of its numbers is further away",
    )

    @model_validator(mode="after")
    def _limit_is_for_numbers(self) -> Rows:
        if self.limit is not None and self.outliers not in ("z_score", "iqr"):
            raise ValueError("`limit` needs `outliers`: z_score or iqr; the other methods have `share`")
        return self


class Select(Part):
    min_variance: float | None = Field(
        None, ge=0, description="matrix columns with this variance or less are left out, after scaling to 0–1"
    )
    mutual_information: int | None = Field(
        None, ge=1, le=10_000, description="keeps this many columns, those that say most about the target"
    )
    model: int | None = Field(
        None, ge=1, le=10_000, description="keeps this many columns, those that extra trees split on most"
    )


class Features(Part):
    drop: list[str] = Field(default_factory=list, description="columns that the model does not see")
    preparation: Literal["standard", "auto"] = Field(
        "standard",
        description="standard: what suits the model family, where this section says nothing else. auto: each family "
        "tries others on a sample of the training rows, keeps one that is better on every third of it, and the "
        "evaluation reports the gain; costs up to 18 more fits on at most 6,000 rows for each family",
    )
    known_before: list[str] = Field(
        default_factory=list,
        description="columns whose value is known when a prediction is asked for: the leakage alarm accepts them",
    )
    bins: dict[str, int] = Field(
        default_factory=dict, description="number columns cut into this many quantile bins, 2–100"
    )
    log: list[str] = Field(default_factory=list, description="number columns replaced by sign(x)·log1p(|x|)")
    interactions: bool = Field(False, description="adds the products of pairs of number columns")
    numbers: Numbers = Field(Numbers(), description="how number columns are prepared")
    categories: Categories = Field(Categories(), description="how category columns are encoded")
    dates: Dates = Field(
        "auto",
        description="parts: hour, weekday, month and days; calendar: also day, week, minute and weekend; cycles: sine "
        "and cosine of the parts. auto: what suits the model family",
    )
    time: Time = Field(
        "none",
        description="seasonal: hour, weekday and month of `data.time` are features as well, each if the training rows "
        "have seen it come back, in two days, weeks or years; never the date itself, which would only count on. "
        "Requests then carry the time. none: it orders rows only",
    )
    columns: dict[str, ColumnFeatures] = Field(default_factory=dict, description="what is different for a column")
    rows: Rows = Field(Rows(), description="training rows that are left out")
    unit_norm: bool = Field(False, description="divides each row's number columns by their Euclidean length")
    select: Select = Field(Select(), description="which matrix columns are kept")
    components: int | None = Field(
        None, ge=1, le=500, description="replaces the matrix by this many principal components"
    )
