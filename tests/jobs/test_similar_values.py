"""Categories that are spelled alike are told and stay as they are."""

import time

import similar_values

from sluice.records.encoding import SimilarValues

VALUES = ["New York"] * 60 + ["new york "] * 4 + ["Nwe York"] * 2 + ["Paris"] * 50 + ["Pari"] + ["Rome"] * 40 + ["Rom"]
FAR = time.monotonic() + 1e6


def test_alike_and_near_categories_are_counted_and_named():
    told = similar_values.examine(VALUES, FAR, folds=False)
    assert told == {
        "folded": {"categories": 1, "spellings": 2, "rows": 4},
        "near": [("Nwe York", "New York")],
        "near_pairs": 1,
    }
    notes = SimilarValues.model_validate(told).notes("city")
    assert "'city': 2 categories are 1 that differ in case" in notes[0]
    assert "1 rare categories differ by one letter" in notes[1]
    assert "York" not in " ".join(notes), "no value of a row"
    assert "folded" not in similar_values.examine(VALUES, FAR, folds=True)


def test_numbers_and_categories_of_like_frequency_are_no_mistakes():
    values = ["item 1"] * 50 + ["item 2"] * 2 + ["cheese"] * 20 + ["cheesy"] * 15
    assert similar_values.examine(values, FAR, folds=False) == {}


def test_what_the_time_does_not_suffice_for_is_counted():
    assert similar_values.examine(VALUES, 0.0, folds=True) == {"not_examined": 3}


def test_many_categories_are_compared_in_little_time():
    values = [
        f"{first}{second}land{third}" for first in "abcdefghij" for second in "klmnopqrst" for third in "uvwxyzabc"
    ]
    began = time.perf_counter()
    similar_values.examine([*values, *["germany"] * 30, "gremany"], FAR, folds=False)
    assert time.perf_counter() - began < 3
