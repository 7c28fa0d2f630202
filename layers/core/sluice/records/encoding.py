"""A part of evaluation.json: what preparation made of the columns, and what it no longer tells apart."""

from __future__ import annotations

from pydantic import Field

from sluice.model.family_names import family_name
from sluice.records.evidence import Evidence
from sluice.records.record import Record


class Grouped(Record):
    """Categories of a column that the encoder takes for one, "other", and the training rows that have them."""

    categories: int
    rows: int


class Alike(Record):
    """Categories of a column with several spellings that count as one (`features.categories.similar: fold`), and the
    training rows with another spelling than the most frequent one of their category."""

    categories: int
    spellings: int
    rows: int


class SimilarValues(Record):
    """Categories of a column that are spelled alike; see `jobs/learn/similar_values.py`. Nothing of this is changed."""

    folded: Alike | None = None
    """What `features.categories.similar: fold` would take as one; None where it does so already, or nothing."""
    near: list[tuple[str, str]] = Field(default_factory=list)
    """A rare category and the frequent one that differs from it by one letter: some of `near_pairs`."""
    near_pairs: int = 0
    not_examined: int = 0
    """Rare categories that the time did not suffice for."""

    def notes(self, name: str) -> list[str]:
        """The same in words, without the categories themselves."""
        found = []
        if self.folded is not None:
            found.append(
                f"{name!r}: {self.folded.spellings:,} categories are {self.folded.categories:,} that differ in case, "
                f"blanks, separators or accents only, in {self.folded.rows:,} training rows: "
                "features.categories.similar: fold takes them as one"
            )
        if self.near_pairs:
            found.append(
                f"{name!r}: {self.near_pairs:,} rare categories differ by one letter from a frequent one; "
                "evaluation.json names them. They stay apart; correct the data if they are spelling mistakes"
            )
        if self.not_examined:
            found.append(f"{name!r}: {self.not_examined:,} rare categories were not compared, for lack of time")
        return found


class LearntText(Record):
    """What training kept of a text column: `terms` of `texts_learnt` texts; `terms_dropped` occur in one text only, or
    are beyond the limit; `cut` texts are longer than what is read of one."""

    terms: int
    terms_dropped: int
    terms_too_frequent: int = 0
    texts_learnt: int
    cut: int


class Columns(Record):
    """Columns of the matrix before and after selection and principal components."""

    before: int
    after: int


class Tried(Record):
    """A preparation of the columns: the mean gain of the metric over thirds of a sample of the training rows (positive
    is better), and on how many thirds it was better."""

    gain: Evidence = None
    better: int = 0


class Preparation(Record):
    """What `features.preparation: auto` has chosen, and what it was measured with; see `jobs/learn/choosing.py`."""

    family: str
    chosen: str
    metric: str
    rows: int
    standard: Evidence = None
    tried: dict[str, Tried] = Field(default_factory=dict)
    why_not: str | None = None

    def note(self, problem: str | None = None) -> str:
        """The same in words; `problem` is the contract's `problem.type`."""
        family = family_name(self.family, problem)
        if self.why_not is not None:
            return f"preparation for {family}: standard, since there were {self.why_not}"
        gains = ", ".join(
            f"{name} {each.gain:+.4f}" if each.gain is not None else f"{name} not measurable"
            for name, each in self.tried.items()
        )
        compared = f"{self.metric} against standard on {self.rows:,} training rows: {gains}"
        return f"preparation for {family}: {self.chosen}; {compared}"


class Seasons(Record):
    """The parts of the time column that are features, and the others with the reason; see
    `sluice.model.preparation.seasons`."""

    used: list[str] = Field(default_factory=list)
    left_out: dict[str, str] = Field(default_factory=dict)

    def note(self, name: str) -> str:
        told = f"{name!r} is a feature by its {' and '.join(self.used)}" if self.used else f"{name!r} has no season"
        return told + "".join(f"; {unit} is left out: {why}" for unit, why in self.left_out.items())


class Encoding(Record):
    """What the candidate's encoder does not tell apart; see `sluice.model.encoder`."""

    grouped: dict[str, Grouped] = Field(default_factory=dict)
    alike: dict[str, Alike] = Field(default_factory=dict)
    limited: dict[str, int] = Field(default_factory=dict)
    """Column → training values beyond its outlier limits, which count as the limit."""
    without_interactions: list[str] = Field(default_factory=list)
    texts: dict[str, LearntText] = Field(default_factory=dict)
    forms: dict[str, list[str]] = Field(default_factory=dict)
    """Column → the forms that it takes in the matrix."""
    seasons: dict[str, Seasons] = Field(default_factory=dict)
    """The time column, if `features.time` is seasonal."""
    rows_dropped: int = 0
    """Training rows that `features.rows` left out."""
    rows_of_lost_classes: int = 0
    """Rows that it would have left out, and that stay because their class would have none left."""
    rows_why_not: str = ""
    """Why it looked at no row."""
    rows_learned: int = 0
    """Training rows that the family learned from, where it takes no more; 0: all."""
    columns: Columns | None = None
    preparations: list[Preparation] = Field(default_factory=list)

    def notes(self, problem: str | None = None) -> list[str]:
        """The same in words; `problem` is the contract's `problem.type`."""
        found = [
            f"{name!r}: {each.categories:,} rare categories count as one, in {each.rows:,} training rows"
            for name, each in self.grouped.items()
        ]
        found += [
            f"{name!r}: {each.spellings:,} spellings of {each.categories:,} categories count as one each; "
            f"{each.rows:,} training rows have another spelling than most"
            for name, each in self.alike.items()
        ]
        found += [each.note(problem) for each in self.preparations]
        found += [each.note(name) for name, each in self.seasons.items()]
        if self.rows_dropped:
            found.append(f"{self.rows_dropped:,} training rows were unlike the others and were left out")
        if self.rows_of_lost_classes:
            found.append(
                f"{self.rows_of_lost_classes:,} training rows are unlike the others and stay in any case: their class "
                "would have none left (features.rows.outliers)"
            )
        if self.rows_why_not:
            found.append(f"features.rows.outliers left out no row: {self.rows_why_not}")
        if self.rows_learned:
            found.append(f"learned from {self.rows_learned:,} training rows, drawn by chance: the family takes no more")
        if self.columns is not None:
            found.append(f"{self.columns.after:,} columns are used of {self.columns.before:,}")
        for name, values in self.limited.items():
            found.append(f"{name!r}: {values:,} training values are beyond the outlier limits and count as the limit")
        for name, text in self.texts.items():
            others = f"{text.terms_dropped:,} rare" + (" or very frequent" if text.terms_too_frequent else "")
            found.append(f"{name!r}: {text.terms:,} terms are used, {others} ones are not")
            if text.cut:
                found.append(f"{name!r}: {text.cut:,} texts are longer than what is read of one, and are cut")
        if self.without_interactions:
            columns = ", ".join(repr(name) for name in self.without_interactions)
            found.append(f"features.interactions leaves out {columns}: it multiplies the first number columns only")
        return found
