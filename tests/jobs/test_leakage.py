"""The leakage alarm finds what was planted, and says nothing of honest columns, however strong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from leakage import examine
from sklearn import datasets

from sluice.model.dominance.sampled import codes, sampled
from sluice.model.dominance.skill import alone, skill
from sluice.model.labels import Labels
from sluice.model.schema import Schema


def typed(values: Any) -> tuple[str, list[Any]]:
    values = np.asarray(values)
    if values.dtype.kind == "b":
        return "boolean", [bool(value) for value in values]
    if values.dtype.kind in "iu":
        return "integer", [float(value) for value in values]
    if values.dtype.kind == "f":
        return "number", [None if value != value else float(value) for value in values]
    return "category", [str(value) for value in values]


def found(
    columns: dict[str, Any], target: Any, kind: str, known: tuple[str, ...] = (), drop: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What the alarm says of these columns."""
    read = {name: typed(values) for name, values in {**columns, "y": target}.items()}
    if kind == "multiclass":
        read["y"] = ("category", [str(value) for value in target])
    contract = {
        "problem": {"type": kind, "target": "y", "positive": True, "metric": "any"},
        "data": {"columns": {name: {"type": type_} for name, (type_, _) in read.items()}},
        "features": {"known_before": list(known), "drop": list(drop)},
    }
    schema = Schema.from_contract(contract)
    rows = [dict(zip(read, values)) for values in zip(*(values for _, values in read.values()))]
    labels = Labels.fit(contract, rows, "train")
    return examine(contract, schema, rows, labels, labels.encode(rows, "train"))


def kinds(answer: dict[str, Any], part: str = "suspects") -> dict[tuple[str, ...], str]:
    return {tuple(sorted(each["columns"])): each["kind"] for each in answer[part]}


def honest(rows: int = 1500) -> tuple[dict[str, Any], np.ndarray]:
    """Columns of every kind, of which several together tell a good part of the outcome; and the outcome."""
    chance = np.random.default_rng(5)
    columns = {
        "age": chance.integers(18, 80, rows),
        "income": chance.lognormal(10, 1, rows),
        "visits": chance.poisson(0.4, rows).astype(float),
        "plan": chance.choice(["free", "pro", "team"], rows),
        "member": chance.random(rows) < 0.5,
        "rating": np.where(chance.random(rows) < 0.6, np.nan, chance.integers(1, 6, rows).astype(float)),
    }
    pull = columns["age"] / 20 + np.log(columns["income"]) + 1.5 * (columns["plan"] == "pro") + columns["visits"]
    return columns, pull + chance.normal(0, 1, rows) > np.median(pull)


def test_honest_columns_raise_no_alarm():
    columns, y = honest()
    assert found(columns, y, "binary") == {"suspects": [], "accepted": [], "notes": []}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("breast_cancer", "binary"), ("wine", "multiclass"), ("digits", "multiclass"), ("diabetes", "regression")],
)
def test_data_that_were_not_looked_at_raise_no_alarm(name, kind):
    frame = getattr(datasets, f"load_{name}")()
    columns = dict(zip(frame.feature_names, frame.data.T))
    target = frame.target.astype(bool) if kind == "binary" else frame.target
    assert found(columns, target, kind)["suspects"] == []


def planted(y: np.ndarray) -> dict[tuple[str, Any], str]:
    """(Column, its values) → the kind that the alarm should name."""
    rows = len(y)
    noise = np.random.default_rng(1)
    return {
        ("status", tuple(np.where(y, "closed", "open"))): "copy",
        ("score", tuple(np.where(y, noise.uniform(5, 9, rows), noise.uniform(0, 5, rows)))): "near_perfect",
        ("ticket_id", tuple(noise.permutation(rows) + 70_000)): "identifier",
        ("code", tuple(f"K{place:07d}" for place in noise.permutation(rows))): "identifier",
        ("refund", tuple(np.where(y & (noise.random(rows) < 0.4), noise.uniform(1, 50, rows), np.nan))): "filled",
        ("paid_back", tuple(np.where(y & (noise.random(rows) < 0.4), noise.uniform(1, 50, rows), 0.0))): "filled",
        ("guess", tuple(np.where(noise.random(rows) < 0.02, ~y, y).astype(str))): "near_perfect",
        ("value", tuple(np.where(y & (noise.random(rows) < 0.8), noise.exponential(20, rows), 0.0)
                        + (noise.random(rows) < 0.05))): "dominant",
    }  # fmt: skip


@pytest.mark.parametrize("case", range(8))
def test_a_planted_leak_is_named_by_its_kind(case):
    columns, y = honest()
    (name, values), kind = list(planted(y).items())[case]
    if kind == "dominant":
        # the others are weak beside it, or it would be missed by nobody
        columns = {
            key: np.random.default_rng(3).permutation(column) if key == "age" else column
            for key, column in columns.items()
        }
    answer = found({**columns, name: list(values)}, y, "binary")
    assert kinds(answer) == {(name,): kind}
    assert "features.drop" in answer["suspects"][0]["advice"]
    assert "features.known_before" in answer["suspects"][0]["advice"]


def test_all_of_them_at_once_are_all_named():
    columns, y = honest()
    leaks = {name: (list(values), kind) for (name, values), kind in planted(y).items() if kind != "dominant"}
    answer = found({**columns, **{name: values for name, (values, _) in leaks.items()}}, y, "binary")
    assert kinds(answer) == {(name,): kind for name, (_, kind) in leaks.items()}


def test_parts_that_add_up_to_the_target_and_its_logarithm():
    columns, _ = honest()
    chance = np.random.default_rng(4)
    y = chance.gamma(2, 30, len(columns["age"]))
    share = chance.random(len(y))
    columns |= {"app": y * share, "shop": y * (1 - share)}
    assert kinds(found(columns, y, "regression")) == {("app", "shop"): "sum"}
    assert kinds(found({**columns, "logged": np.log(y)}, y, "regression")) == {
        ("app", "shop"): "sum",
        ("logged",): "copy",
    }


PARTS = {
    "sum": lambda a, b, c: a + b,
    "difference": lambda a, b, c: a - b,
    "weighted sum of three": lambda a, b, c: 2 * a - 0.5 * b + 3 * c + 7,
    "rounded sum": lambda a, b, c: np.round(a + b),
    "product": lambda a, b, c: a * b,
    "quotient": lambda a, b, c: a / b,
    "product of three": lambda a, b, c: a * b * c,
}


@pytest.mark.parametrize("of", PARTS)
def test_every_part_is_suspected_and_one_that_is_left_in_when_the_others_are_dropped(of):
    columns, chance = things(600)
    parts = {name: chance.gamma(4, 20, 600) for name in "abc"}
    y = PARTS[of](*parts.values())
    several = ("a", "b", "c") if "three" in of else ("a", "b")
    columns |= {name: parts[name] for name in several}
    kind = "sum" if "sum" in of or of == "difference" else "formula"
    answer = found(columns, y, "regression")
    assert kinds(answer)[several] == kind
    advice = next(each["advice"] for each in answer["suspects"] if each["kind"] == kind)
    assert advice.startswith("all of them are parts of the target: list each in features.drop")
    for left in several:
        answer = found(columns, y, "regression", drop=tuple(name for name in several if name != left))
        assert kinds(answer)[left,] == kind
        assert "left out already" in next(each["evidence"] for each in answer["suspects"] if each["kind"] == kind)
    assert found(columns, y, "regression", drop=several)["suspects"] == []


def test_a_part_that_is_known_before_is_answered_for_and_the_other_is_not():
    columns, chance = things()
    columns |= {"known": chance.gamma(4, 20, 480), "later": chance.gamma(4, 20, 480)}
    y = columns["known"] + columns["later"]
    assert kinds(found(columns, y, "regression", known=("known",))) == {("later",): "sum"}
    answer = found(columns, y, "regression", known=("known",), drop=("later",))
    assert (answer["suspects"], kinds(answer, "accepted")) == ([], {("known",): "sum"})


def test_what_stands_for_a_dropped_part_is_suspected():
    columns, chance = things()
    a, b = chance.gamma(4, 20, 480), chance.gamma(4, 20, 480)
    columns |= {"a": a, "b": b, "in cents": 100 * b}
    assert kinds(found(columns, a + b, "regression", drop=("a", "b"))) == {("in cents",): "sum"}
    both = kinds(found(columns, a + b, "regression"))
    assert {name for names in both for name in names} == {"a", "b", "in cents"}


def test_a_sum_of_many_parts_with_empty_cells():
    columns, chance = things()
    months = {f"m{i}": np.where(chance.random(480) < 0.2, np.nan, chance.gamma(2, 9, 480)) for i in range(12)}
    y = np.nansum(list(months.values()), axis=0)
    assert kinds(found({**columns, **months}, y, "regression")) == {tuple(sorted(months)): "sum"}


def test_the_time_is_a_part_though_it_is_no_feature():
    columns, chance = things()
    start = 1.7e9 + chance.uniform(0, 3e7, 480)
    y = chance.gamma(2, 900, 480)
    columns |= {"began": start, "ended": start + y}
    assert kinds(found(columns, y, "regression", drop=("began",))) == {("ended",): "sum"}


def test_a_dropped_copy_of_the_target_makes_no_other_column_a_part():
    columns, chance = things(600)
    y = 3 * columns["width"] + chance.normal(0, 2, 600)
    columns |= {"copy": 5 * y, "nearly": y + 0.02 * columns["height"] + chance.normal(0, 0.01, 600)}
    assert kinds(found(columns, y, "regression", drop=("copy", "nearly"))) == {("width",): "near_perfect"}
    late = y > 10
    columns |= {"score": np.where(late, 1, 0) + chance.uniform(0, 0.1, 600)}
    assert kinds(found(columns, late, "binary", drop=("copy", "nearly", "score"))) == {("width",): "dominant"}


def test_two_classes_that_a_dropped_column_and_another_one_separate():
    columns, chance = things(600)
    columns |= {"promised": chance.uniform(0, 9, 600), "delivered": chance.uniform(0, 9, 600)}
    late = columns["delivered"] > columns["promised"]
    assert kinds(found(columns, late, "binary", drop=("delivered",)))[("promised",)] == "formula"


def test_two_copies_of_a_dominant_column_do_not_hide_each_other():
    columns, y = honest()
    weak = {name: columns[name] for name in ("plan", "member", "visits")}
    noise = np.random.default_rng(2)
    value = np.where(y & (noise.random(len(y)) < 0.8), noise.exponential(20, len(y)), noise.random(len(y)) < 0.05)
    both = {**weak, "euros": value, "cents": value * 100}
    assert kinds(found(both, y, "binary")) == {("cents", "euros"): "dominant"}


def test_known_before_ends_the_warning_and_stays_on_record():
    columns, y = honest()
    columns["status"] = np.where(y, "closed", "open")
    answer = found(columns, y, "binary", known=("status",))
    assert answer["suspects"] == []
    assert kinds(answer, "accepted") == {("status",): "copy"}


def test_a_rare_value_that_happens_to_be_of_one_class_is_not_filled_in_by_it():
    columns, y = honest()
    columns["stain"] = np.where(y & (np.random.default_rng(8).random(len(y)) < 0.07), 3.5, 0.0)
    columns["stain"][:2] = 1.0
    assert found(columns, y, "binary")["suspects"] == []


def test_too_few_rows_are_said_to_be():
    columns, y = honest(150)
    assert "it takes 500 training rows" in found(columns, y, "binary")["notes"][0]


def test_no_sentence_has_a_value_of_a_row():
    columns, y = honest()
    answer = found({**columns, **{name: list(values) for (name, values), _ in planted(y).items()}}, y, "binary")
    told = str(answer)
    assert not any(word in told for word in ("closed", "K0000001", "'pro'"))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_skill_is_one_for_the_truth_and_none_for_the_shares(kind):
    chance = np.random.default_rng(6)
    y = chance.integers(0, {"binary": 2, "multiclass": 4, "regression": 90}[kind], 600)
    sample = sampled(y.astype(float) if kind == "regression" else y, 0 if kind == "regression" else int(y.max()) + 1, 0)
    everywhere = np.ones(600, dtype=bool)
    assert skill(sample, sample.target, everywhere) == pytest.approx(1, abs=1e-5)
    shares = np.tile(sample.target.mean(axis=0), (600, 1))
    assert skill(sample, shares, everywhere) == pytest.approx(0, abs=1e-12)
    noise = alone(sample, codes([float(value) for value in chance.normal(size=600)], "number"))
    assert skill(sample, noise, everywhere) < 0.02


def things(rows: int = 480) -> tuple[dict[str, Any], np.random.Generator]:
    """Honest numbers, a few of them missing; too few rows for the comparison with all columns, which takes time."""
    chance = np.random.default_rng(11)
    columns = {
        "width": chance.uniform(1, 9, rows),
        "height": chance.uniform(2, 5, rows),
        "depth": chance.normal(0, 3, rows),
        "weight": chance.lognormal(1, 0.5, rows),
        "colour": chance.choice(["red", "blue", "green"], rows),
    }
    columns["weight"][:25] = np.nan
    return columns, chance


@pytest.mark.parametrize(
    ("formula", "parts"),
    [
        (lambda c: c["width"] * c["height"], ("height", "width")),
        (lambda c: c["width"] / c["height"], ("height", "width")),
        (lambda c: 3 * c["depth"] / c["height"] + 7, ("depth", "height")),
        (lambda c: np.round(100 * c["width"] * c["height"]), ("height", "width")),
        (lambda c: np.exp(c["depth"] - c["width"]), ("depth", "width")),
        (lambda c: c["width"] * c["height"] ** 2 * (c["depth"] ** 2 + 1), ("depth", "height", "width")),
    ],
)
def test_a_target_that_is_computed_from_columns_is_told_with_its_formula(formula, parts):
    columns, _ = things()
    y = formula(columns)
    if len(parts) == 3:
        columns["depth"] = columns["depth"] ** 2 + 1
    answer = found(columns, y, "regression")
    assert kinds(answer) == {parts: "formula"}
    assert repr(parts[0]) in answer["suspects"][0]["evidence"]


@pytest.mark.parametrize("formula", [lambda c: c["width"] > 2 * c["height"], lambda c: c["depth"] + c["width"] > 5])
def test_two_classes_that_two_columns_separate(formula):
    columns, _ = things()
    (suspicion,) = found(columns, formula(columns), "binary")["suspects"]
    assert suspicion["kind"] == "formula"
    assert set(suspicion["columns"]) <= {"width", "height", "depth"}


def test_a_formula_with_noise_is_a_relation_like_any_other():
    columns, chance = things()
    exact = columns["width"] * columns["height"]
    y = exact + chance.normal(0, 0.05 * exact.std(), len(exact))
    assert not {"formula", "sum", "copy"} & set(kinds(found(columns, y, "regression")).values())
    assert found(columns, exact + chance.normal(0, 3, len(exact)) > 15, "binary")["suspects"] == []


def test_pairs_that_the_time_does_not_suffice_for_are_counted(monkeypatch):
    columns, _ = things()
    y = np.sin(columns["depth"]) + columns["width"]
    assert not [note for note in found(columns, y, "regression")["notes"] if "pairs" in note]
    monkeypatch.setattr("sluice.model.identities.formulas.SECONDS", -1.0)
    (note,) = [note for note in found(columns, y, "regression")["notes"] if "pairs" in note]
    assert "of 6 pairs of number columns were not tried (0 were)" in note


def test_a_column_that_stands_for_the_target_one_to_one():
    columns, chance = things()
    y = chance.integers(0, 60, 480)
    table = chance.permutation(60)
    assert kinds(found({**columns, "token": table[y]}, y, "regression")) == {("token",): "copy"}
    assert kinds(found({**columns, "token": [f"t{table[k]}" for k in y]}, y, "regression")) == {("token",): "copy"}
    # a coarser column says part of it, and says it openly
    assert "copy" not in kinds(found({**columns, "token": table[y] // 4}, y, "regression")).values()


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_the_target_of_the_next_row_is_a_leak_and_of_the_one_before_a_question(kind):
    columns, chance = things(800)
    y = chance.normal(size=800).cumsum() if kind == "regression" else chance.random(800) < 0.4
    held = chance.random(800) < 0.6  # the others are for validation and test
    held = np.flatnonzero(held)[chance.permutation(int(held.sum()))]
    columns = {"day": np.arange(800) * 5, **columns}
    for shift, name in ((-1, "ahead"), (1, "lagged")):
        whole = {**columns, name: np.roll(y, shift)}
        answer = found({key: values[held] for key, values in whole.items()}, y[held], kind)
        shifted = [each for each in answer["suspects"] if each["kind"] == "shifted"]
        assert [each["columns"] for each in shifted] == ([["ahead"]] if name == "ahead" else [])
        assert bool([note for note in answer["notes"] if "the row before" in note]) == (name == "lagged")


def test_absence_that_says_the_target_is_named_for_numbers_and_for_both_columns():
    columns, chance = things()
    y = chance.normal(size=480) + 6 * (chance.random(480) < 0.3)
    gone = (y > 3) ^ (chance.random(480) < 0.03)
    columns |= {"closed_by": np.where(gone, 1.0, np.nan), "closed_at": np.where(gone, chance.random(480), np.nan)}
    assert kinds(found(columns, y, "regression")) == {("closed_at", "closed_by"): "absence"}
    weak = (y > 3) ^ (chance.random(480) < 0.3)
    columns |= {"closed_by": np.where(weak, 1.0, np.nan), "closed_at": np.where(weak, chance.random(480), np.nan)}
    assert found(columns, y, "regression")["suspects"] == []


def test_an_identifier_whose_first_letters_say_the_class():
    columns, chance = things()
    y = chance.random(480) < 0.5
    codes = [f"{'M' if k else 'B'}{i:05d}" for k, i in zip(y, chance.permutation(480))]
    (suspicion,) = found({**columns, "case": codes}, y, "binary")["suspects"]
    assert suspicion["kind"] == "identifier"
    assert "the target follows from its first 1 characters" in suspicion["evidence"]
    (suspicion,) = found({**columns, "case": chance.permutation(codes)}, y, "binary")["suspects"]
    assert "follows" not in suspicion["evidence"]


def hourly(rows: int = 1500) -> tuple[dict[str, Any], np.ndarray]:
    """A demand by the hour, of which another column tells a little."""
    chance = np.random.default_rng(8)
    times = 1.7e9 + 3600.0 * np.arange(rows)
    columns = {"at": times, "price": chance.normal(size=rows), "rain": chance.normal(size=rows)}
    y = 9 * np.sin(times / 86_400 * 2 * np.pi) + columns["price"] + chance.normal(size=rows)
    return columns, y


def of_time(columns: dict[str, Any], target: Any, kind: str, **features: Any) -> dict[str, Any]:
    read = {name: typed(values) for name, values in {**columns, "y": target}.items()}
    read["at"] = ("timestamp", read["at"][1])
    contract = {
        "problem": {"type": kind, "target": "y", "positive": True, "metric": "any"},
        "data": {"time": "at", "columns": {name: {"type": type_} for name, (type_, _) in read.items()}},
        "features": {"time": "seasonal", **features},
    }
    schema = Schema.from_contract(contract)
    rows = [dict(zip(read, values)) for values in zip(*(values for _, values in read.values()))]
    labels = Labels.fit(contract, rows, "train")
    return examine(contract, schema, rows, labels, labels.encode(rows, "train"))


def test_the_seasons_of_the_time_are_noted_and_not_suspected():
    columns, y = hourly()
    answer = of_time(columns, y, "regression")
    assert answer["suspects"] == answer["accepted"] == []
    assert any(note.startswith("'at:hour': the column alone explains") for note in answer["notes"])


def test_beside_the_seasons_a_leak_is_still_found():
    columns, y = hourly()
    answer = of_time({**columns, "billed": 2 * y + 1}, y, "regression")
    assert kinds(answer) == {("billed",): "copy"}


def test_a_time_that_one_outcome_lacks_is_suspected():
    columns, y = hourly()
    outcome = y > 0
    missing = np.where(outcome, np.nan, columns["at"])
    answer = of_time({**columns, "at": missing}, outcome, "binary")
    assert set(kinds(answer)) == {("at",)}
    assert of_time({**columns, "at": missing}, outcome, "binary", known_before=["at"])["suspects"] == []
