"""A contract says what is wrong with it in the person's own terms."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from sluice.contract import Contract, load_contract, schema
from sluice.errors import ContractError

GOOD: dict[str, Any] = {
    "project": "shop",
    "problem": {"type": "binary", "target": "bought", "positive": True},
    "data": {"columns": {"pages": {"type": "integer", "min": 0}, "bought": {"type": "boolean"}}},
}


def changed(path: str, value: Any) -> bytes:
    raw = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    place = raw
    for part in parents:
        place = place.setdefault(part, {})
    place[last] = value
    return yaml.safe_dump(raw).encode()


def test_defaults_are_filled_in_and_survive_json() -> None:
    contract = load_contract(yaml.safe_dump(GOOD), project="shop")
    assert contract.problem.metric == "roc_auc"
    assert contract.feature_columns == ["pages"]
    assert Contract.model_validate(json.loads(contract.model_dump_json())) == contract


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("problm", {}, r"problm: unknown key 'problm' \(did you mean 'problem'\?"),
        ("problem.tagret", "x", r"problem.tagret: unknown key 'tagret' \(did you mean 'target'\?"),
        ("data.columns.pages.mim", 1, r"did you mean 'min'\?"),
        ("data.columns.pages.type", "intger", r"did you mean 'integer'\?"),
        ("training.tuning.max_job", 3, r"did you mean 'max_jobs'\?"),
        ("problem.target", "bougt", r"did you mean 'bought'\?"),
        ("problem.metric", "rmse", "not for a binary problem"),
        ("problem.type", "clustering", "a clustering problem has no target"),
        ("problem.type", "binry", r"did you mean 'binary'\?"),
        ("problem.type", ["binary"], "problem.type"),
        (
            "problem",
            {"type": "clustering", "clusters": 1},
            r"^project.yaml: problem.clusters: .* equal to 2, or 'auto', got 1$",
        ),
        (
            "problem",
            {"type": "anomaly", "contamination": "5%"},
            r"problem.contamination: .* valid number, .*, or 'auto'",
        ),
        ("training.candidates", ["kmean"], r"^project.yaml: training.candidates.0: [^\n]*did you mean 'kmeans'"),
        ("alerts.emails", ["a@example.com", "b at example.com"], "alerts.emails: 'b at example.com' is not an email"),
        ("alerts.emails", ["a@example"], "'a@example' is not an email address"),
        ("alerts.emails", ["a@example.com, b@example.com"], "is not an email address"),
        ("retrain.schedule", "90s", "whole minutes"),
        ("release.bake", "10 minutes", "not a duration"),
        ("release.steps", [50, 10], "rising percentages"),
        (
            "release",
            {"bake": "10m", "max_bake": "3d"},
            r"this release may measure 8,640 times, every 120 s .* 112,520 events .* 25,000; the limit is 17,000",
        ),
        ("release", {"steps": [*range(1, 101)]}, "may measure 1,500 times, .* 24,500 events"),
        ("release", {"strategy": "bandit", "bake": "10m", "max_bake": "3d"}, "may measure 4,320 times"),
        (
            "release",
            {"bake": "1d", "max_bake": "4d"},
            "may take 16 days in all; the limit is 13.*`max_bake` shorter",
        ),
        ("release", {"bake": "4d", "max_bake": "1d"}, "may take 16 days in all"),
        ("release", {"strategy": "shadow", "bake": "2h", "max_bake": "14d"}, "may take 14 days in all"),
        ("release", {"strategy": "bandit", "bake": "12h"}, "may take 30 days .*30 × `bake` for a bandit"),
        (
            "release",
            {"strategy": "blue_green", "steps": [*range(10, 101, 10)], "bake": "1h"},
            r"a swap 8 h in all, .* waits of this one take 10 h .*`bake` shorter, or use fewer `steps`",
        ),
        ("problem.positive", 1, "problem.positive is 1, but 'bought' is boolean: write true or false"),
        ("problem.positive", "maybe", "is boolean: write true or false"),
        (
            "data.columns.bought",
            {"type": "category", "values": ["true", "false"]},
            r"problem.positive is True, which 'bought' does not have among its values \(did you mean 'true'\?",
        ),
        ("gates", [{"metric": "roc_auc"}], "exactly one of"),
        ("data.split", {"by": "time"}, "data.time must name"),
        ("project", "other", r"projects/shop/"),
    ],
)
def test_mistakes_name_the_key_and_the_nearest(path: str, value: Any, told: str) -> None:
    with pytest.raises(ContractError, match=told):
        load_contract(changed(path, value), project="shop")


@pytest.mark.parametrize(
    "release",
    [
        *({"strategy": strategy} for strategy in ("canary", "blue_green", "shadow", "bandit")),
        {"bake": "1d"},
        {"bake": "1s"},
        {"bake": "10m", "max_bake": "6h"},
        {"strategy": "bandit", "bake": "5h"},
        {"strategy": "blue_green", "steps": [*range(10, 101, 10)], "bake": "45m"},
    ],
)
def test_a_release_that_ends_in_time_is_taken(release: dict[str, Any]) -> None:
    load_contract(changed("release", release))


@pytest.mark.parametrize("text", ["", "- a", "a: [", "\x00", b"\xff\xfe\x00", "42"])
def test_what_is_no_mapping_is_refused(text: str | bytes) -> None:
    with pytest.raises(ContractError, match=r"project\.yaml"):
        load_contract(text)


def test_addresses_are_taken_as_they_are() -> None:
    emails = ["Anna.Müller+alerts@mail.example.co.uk", "team@example.com"]
    assert load_contract(changed("alerts.emails", emails)).alerts.emails == emails


def test_on_is_not_the_boolean_that_yaml_makes_of_it() -> None:
    text = yaml.safe_dump(GOOD) + "retrain:\n  on: [drift]\n"
    assert load_contract(text).retrain.on == ["drift"]


def test_there_is_a_schema_for_editors() -> None:
    assert "problem" in schema()["properties"]


def test_a_number_that_names_a_column_or_stands_for_a_cell_keeps_its_digits() -> None:
    text = """
project: shop
problem: {type: binary, target: y, positive: 010}
data:
  key: [2024, 010]
  columns:
    2024: {type: text}
    010: {type: text}
    c: {type: category, values: [01, 1.10, 1e3, +5, 2.0, 7], missing: [00, -999]}
    x: {type: number, min: 010}
    y: {type: category, values: [010, 011]}
"""
    contract = load_contract(text)
    assert contract.data.key == ["2024", "010"]
    assert contract.data.columns["c"].values == ["01", "1.10", "1e3", "+5", "2", "7"]
    assert contract.data.columns["c"].missing == ["00", "-999"]
    assert contract.data.columns["x"].min == 10
    assert (contract.problem.positive, contract.data.columns["y"].values) == ("010", ["010", "011"])


def test_a_class_that_yaml_reads_as_nothing_is_said_to_need_quotes() -> None:
    with pytest.raises(ContractError, match=r"columns\.c\.values: .*write 'null' or '~' in quotes"):
        load_contract(changed("data.columns.c", {"type": "category", "values": ["a", None]}))
