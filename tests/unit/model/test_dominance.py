"""What comes near a whole model alone is found without scikit-learn; good predictors beside others are not."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from sluice.model.dominance import Strong, search

Columns = dict[str, Any]
KINDS = ("binary", "multiclass", "regression")


def typed(columns: Columns) -> tuple[dict[str, list[Any]], dict[str, str]]:
    values = {name: np.asarray(each).tolist() for name, each in columns.items()}
    types = {name: "category" if isinstance(each[0], str) else "number" for name, each in values.items()}
    return {name: [None if value != value else value for value in each] for name, each in values.items()}, types


def honest(rows: int = 2_000) -> tuple[Columns, np.ndarray]:
    """Columns that explain a good part of an outcome together, and the outcome as a number."""
    chance = np.random.default_rng(5)
    columns: Columns = {name: chance.normal(size=rows) for name in ("age", "income", "visits", "tenure", "spread")}
    columns["plan"] = chance.choice(["free", "pro", "team"], rows)
    columns["rating"] = np.where(chance.random(rows) < 0.6, np.nan, columns["age"] + chance.normal(size=rows))
    pull = 1.4 * columns["age"] + columns["income"] + columns["visits"] * columns["tenure"]
    return columns, pull + 1.5 * (columns["plan"] == "pro") + chance.normal(size=rows)


def as_target(outcome: np.ndarray, kind: str) -> tuple[np.ndarray, int]:
    if kind == "regression":
        return outcome, 0
    classes = 2 if kind == "binary" else 4
    edges = np.quantile(outcome, np.linspace(0, 1, classes + 1)[1:-1])
    return np.searchsorted(edges, outcome), classes


@pytest.mark.parametrize("kind", KINDS)
def test_good_predictors_are_not_found(kind):
    columns, outcome = honest()
    assert search(*typed(columns), *as_target(outcome, kind)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_no_other_comes_near_is_found_with_its_copies(kind):
    columns, outcome = honest()
    chance = np.random.default_rng(1)
    written_later = 0.1 * outcome + 2.0 * chance.normal(size=len(outcome))
    columns |= {"page_value": written_later, "in_cents": 100.0 * written_later}
    assert search(*typed(columns), *as_target(written_later + 1.3 * chance.normal(size=len(outcome)), kind)) == [
        Strong(["page_value", "in_cents"], is_near_perfect=False)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_explains_nearly_everything_is_found_alone(kind):
    columns, outcome = honest()
    y, classes = as_target(outcome, kind)
    columns["told"] = y + 0.05 * np.random.default_rng(2).normal(size=len(y))
    assert search(*typed(columns), y, classes) == [Strong(["told"], is_near_perfect=True)]


def test_few_rows_and_few_columns_are_not_compared():
    _, outcome = honest()
    strong = outcome + 2.0 * np.random.default_rng(3).normal(size=len(outcome))
    noise = {f"noise{i}": np.random.default_rng(10 + i).normal(size=len(strong)) for i in range(4)}
    y, classes = as_target(outcome, "binary")
    values, types = typed({"strong": strong, **noise})
    assert search(values, types, y, classes) == [Strong(["strong"], is_near_perfect=False)]
    assert search({name: each[:900] for name, each in values.items()}, types, y[:900], classes) == []
    assert search({name: values[name] for name in ("strong", "noise0")}, types, y, classes) == []
    assert search({}, {}, y, classes) == []


def test_of_a_target_that_hardly_follows_from_anything_the_best_column_is_no_find():
    _, outcome = honest(4_000)
    chance = np.random.default_rng(6)
    noise = {f"noise{i}": chance.normal(size=len(outcome)) for i in range(4)}
    for told, found in ((0.5, []), (2.0, [Strong(["checks"], is_near_perfect=False)])):
        checks = chance.normal(size=len(outcome))
        y = (told * checks + 1.8 * chance.logistic(size=len(outcome)) > 0).astype(int)
        assert search(*typed({"checks": checks, **noise}), y, 2) == found, told


def test_words_of_a_text_may_say_as_much():
    _, outcome = honest()
    chance = np.random.default_rng(4)
    values, types = typed({f"noise{i}": chance.normal(size=len(outcome)) for i in range(5)})
    values["strong"] = (outcome + 2.0 * chance.normal(size=len(outcome))).tolist()
    types["strong"] = "number"
    y, classes = as_target(outcome, "binary")
    assert [each.columns for each in search(values, types, y, classes)] == [["strong"]]
    values["letter"] = [f"we are {'glad' if each else 'sorry'} to write" for each in y]
    assert search(values, {**types, "letter": "text"}, y, classes) == []


def test_a_wide_table_takes_about_a_second():
    chance = np.random.default_rng(6)
    y = np.arange(5_000) % 10
    columns = {f"x{i}": y % (2 + i % 3) + chance.normal(size=5_000) for i in range(100)}
    values, types = typed(columns)
    began = time.process_time()
    assert search(values, types, y, 10) == []
    assert time.process_time() - began < 5.0
