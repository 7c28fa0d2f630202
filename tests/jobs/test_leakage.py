"""The leakage alarm finds what was planted, and says nothing of honest columns, however strong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from leakage import examine, skill
from leakage.sampled import codes, sampled
from sklearn import datasets

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


def found(columns: dict[str, Any], target: Any, kind: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the alarm says of these columns."""
    read = {name: typed(values) for name, values in {**columns, "y": target}.items()}
    if kind == "multiclass":
        read["y"] = ("category", [str(value) for value in target])
    contract = {
        "problem": {"type": kind, "target": "y", "positive": True, "metric": "any"},
        "data": {"columns": {name: {"type": type_} for name, (type_, _) in read.items()}},
        "features": {"known_before": list(known)},
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
    assert skill.skill(sample, sample.target, everywhere) == pytest.approx(1, abs=1e-5)
    shares = np.tile(sample.target.mean(axis=0), (600, 1))
    assert skill.skill(sample, shares, everywhere) == pytest.approx(0, abs=1e-12)
    noise = skill.alone(sample, codes([float(value) for value in chance.normal(size=600)], "number"))
    assert skill.skill(sample, noise, everywhere) < 0.02
