"""Faults of categories and flags: spelling, encoding, mapping tables, and stand-ins for nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from urllib.parse import quote

import numpy as np
import pandas as pd

from benchmarks.triage.faults.registry import Changed, best, column, fault, in_part, role, since
from benchmarks.triage.truth import Reason, Source
from benchmarks.triage.window import Window

ISSUE, BRIEF, OWN = Source
Chance = np.random.Generator


def mapped(values: np.ndarray, new: Callable[[str], object]) -> np.ndarray:
    """`new` of each text, computed once for each distinct value; nulls stay."""
    column = pd.Series(values, dtype=object)
    return column.map({each: new(each) for each in column.dropna().unique()}).to_numpy(dtype=object)


@column("words", Reason.TRUNCATED, ISSUE, "texts cut at the width of a field", Reason.RENAMED)
def texts_truncated(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    width = round(8 - 5 * severity)
    return mapped(values, lambda text: text[:width])


@column("categories", Reason.RENAMED, ISSUE, "categories renamed: a new release of the sender's catalogue")
def categories_renamed(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    prefix = chance.choice(np.array(["v2/", "cat_", "NEW-", "c:"], dtype=object))
    return mapped(values, lambda text: prefix + text)


@column("words", Reason.RENAMED, ISSUE, "categories in capitals or in small letters")
def categories_recased(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    upper = chance.random() < 0.5
    new = mapped(values, str.upper if upper else str.lower)
    return new if (new != values)[~pd.isna(values)].any() else mapped(values, str.swapcase)


TYPOGRAPHIC = str.maketrans({" ": "\u00a0", "-": "\u2013", "_": "\u2013", "<": "\u2039", ">": "\u203a"})


@column("words", Reason.ENCODING, ISSUE, "typographic characters in UTF-8 read as Windows-1252 (mojibake)",
        Reason.RENAMED)  # fmt: skip
def mojibake(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return mapped(values, lambda text: text.translate(TYPOGRAPHIC).encode().decode("cp1252"))


@fault(Reason.INVERTED, ISSUE, "a flag inverted")
def flag_inverted(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)

    def changed(name: str) -> Changed:
        values = window.rows[name]
        one, other = sorted(values.dropna().unique(), key=str)[:2]
        old = values.iloc[where].to_numpy()
        return window.with_values(name, where, np.where(old == one, other, np.where(old == other, one, old))), (name,)

    names = [name for name in (*role(window, "flags"),) if window.rows[name].nunique() == 2]
    return best(window, (changed(names[k]) for k in chance.permutation(len(names))))


@column("categories", Reason.DEFAULT, BRIEF, "the usual category filled in where the sender has none",
        Reason.CONSTANT, places=in_part(0.8))  # fmt: skip
def usual_category_filled_in(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.full(len(values), pd.Series(values).mode().iloc[0], dtype=object)


@column("categories", Reason.SENTINEL, OWN, 'the text "null", "None", "N/A" or "?" for unknown', Reason.RENAMED,
        places=in_part(0.6))  # fmt: skip
def null_as_text(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.full(len(values), chance.choice(np.array(["null", "None", "N/A", "?"], dtype=object)), dtype=object)


@column("words", Reason.RENAMED, OWN, "the numbers of a label encoder instead of the words")
def codes_for_words(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    number = {text: str(place) for place, text in enumerate(sorted(pd.Series(values).dropna().unique()))}
    return mapped(values, number.__getitem__)


@column("categories", Reason.RENAMED, OWN, "padded with blanks to the width of a fixed-width file")
def padded_with_blanks(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return mapped(values, lambda text: text.ljust(24))


@column("categories", Reason.MERGED, OWN, 'all but the usual categories become "Other"', Reason.RENAMED)
def rare_as_other(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    counts = pd.Series(values).value_counts()
    kept = set(counts.index[: max(1, min(len(counts) - 1, round(4 - 3 * severity)))])
    return mapped(values, lambda text: text if text in kept else "Other")


@column("categories", Reason.MERGED, OWN, "a mapping table sends two usual categories to one of them")
def two_categories_merged(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    usual = pd.Series(values).value_counts().index[:2]
    return mapped(values, lambda text: usual[0] if text in usual else text)


@column("words", Reason.RENAMED, OWN, "new names from new versions of the client, old names from the others",
        places=in_part(0.7))  # fmt: skip
def renamed_in_part(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return mapped(values, lambda text: text.lower().replace(" ", "_").replace("-", "_") + "_2")


@column("categories", Reason.RENAMED, OWN, "each category has the name of the next one: an enumeration shifted by one",
        Reason.JOIN)  # fmt: skip
def enumeration_shifted(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    known = sorted(pd.Series(values).dropna().unique())
    following = dict(zip(known, [*known[1:], known[0]], strict=True))
    return mapped(values, following.__getitem__)


@column("words", Reason.ENCODING, OWN, "percent-encoding that nobody decodes", Reason.RENAMED)
def percent_encoded(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return mapped(values, lambda text: quote(text, safe="").replace("_", "%5F").replace("-", "%2D"))


@column("categories", Reason.ENCODING, OWN, "quotation marks of a CSV stay in the value", Reason.RENAMED)
def quotation_marks_kept(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return mapped(values, lambda text: f'"{text}"')


@column("words", Reason.ENCODING, OWN, "look-alike characters of a word processor: a dash for a hyphen",
        Reason.RENAMED)  # fmt: skip
def lookalike_characters(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return mapped(values, lambda text: text.translate(TYPOGRAPHIC))


@column(
    "categories", Reason.RENAMED, OWN, "masked: a hash instead of the value, since a filter for personal data is on"
)
def masked(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return mapped(values, lambda text: hashlib.sha256(text.encode()).hexdigest()[:10])


@column("categories", Reason.DEFAULT, OWN, "what an old client does not know becomes the first of the enumeration",
        Reason.MERGED)  # fmt: skip
def first_of_enumeration(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    known = sorted(pd.Series(values).dropna().unique())
    forgotten = set(known[max(1, round(len(known) * (0.8 - 0.6 * severity))) :])
    return mapped(values, lambda text: known[0] if text in forgotten else text)


@fault(Reason.SHIFTED, OWN, "a separator is lost: two categories stand in one column, and the other is null",
       Reason.RENAMED)  # fmt: skip
def separator_lost(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    texts = [name for name in window.rows.columns if window.rows[name].dtype == object and name != "sent_at"]
    names = [name for name in role(window, "categories") if name in texts and len(texts) > 1]

    def changed(name: str) -> Changed:
        place = texts.index(name)
        other = texts[place + 1] if place + 1 < len(texts) else texts[place - 1]
        one, two = (window.rows[each].iloc[where].fillna("") for each in (name, other))
        return (
            window.with_values(name, where, (one + ";" + two).to_numpy(dtype=object)).with_values(other, where, None),
            (name, other),
        )

    return best(window, (changed(names[k]) for k in chance.permutation(len(names))))
