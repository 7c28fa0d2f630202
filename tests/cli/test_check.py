"""`sluice check` with data files: the intake's verdict before any upload."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
import yaml

from tests.cli.tables import as_csv, shoppers

CONTRACT = """
project: shop
problem: {type: binary, target: bought, positive: true}
data:
  columns: {pages: {type: integer}, bought: {type: boolean}}
  expectations: {max_invalid_rows: 0.5}
gates: [{metric: roc_auc, min: 0.6}]
"""


@pytest.fixture
def contract(tmp_path: Path) -> str:
    path = tmp_path / "project.yaml"
    path.write_text(CONTRACT)
    return str(path)


def test_rows_are_judged_and_the_first_refused_ones_told(sluice, contract, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("pages;bought;Notiz\n1;true;x\nmany;false;y\n3;false;z\n")
    code, printed, _ = sluice("check", contract, str(rows))
    assert code == 0
    assert "accepted: 2 rows accepted, 1 refused" in printed
    assert "row 3: pages: is not an integer" in printed
    assert "1 column that the contract does not name, left out: Notiz" in printed
    assert "read as: semicolon" in printed


def test_columns_that_the_contract_does_not_name_are_counted_and_named(sluice, contract, tmp_path):
    rows, others = tmp_path / "rows.csv", [f"other{i}" for i in range(25)]
    rows.write_text(f"pages,bought,{','.join(others)}\n1,true,{','.join('x' * 25)}\n")
    code, printed, _ = sluice("check", contract, str(rows))
    told = f"25 columns that the contract does not name, left out: {', '.join(others[:20])} and 5 more"
    assert (code, told in printed) == (0, True)


def test_a_file_that_would_be_refused_is_told_as_json_too(sluice, contract, tmp_path):
    good, bad, other = (tmp_path / name for name in ("good.csv", "bad.csv", "other.csv"))
    good.write_text("pages,bought\n1,true\n")
    bad.write_text("pages,bought\nx,true\ny,true\n3,false\n")
    other.write_text("a,b\n1,2\n")
    code, printed, _ = sluice("check", contract, *map(str, (good, bad, other)), "--json")
    found = json.loads(printed)["data"]
    assert code == 1
    assert [(each["status"], each["rows"], each["quarantined_rows"]) for each in found] == [
        ("accepted", 1, 0),
        ("quarantined", 1, 2),
        ("failed", 0, 0),
    ]
    assert found[1]["reasons"] == [{"rule": "type", "column": "pages", "rows": 2}]
    assert "67" in found[1]["message"]
    assert found[2]["error"] == "HeaderMismatchError"


def test_rows_without_a_target_are_counted(sluice, contract, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("pages,bought\n1,true\n2,\n3,false\n")
    code, printed, _ = sluice("check", contract, str(rows))
    assert (code, "  1 row without the target: not used to learn" in printed) == (0, True)


def test_the_good_rows_of_a_refused_file_are_counted(sluice, contract, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("pages,bought\nx,true\ny,true\n3,false\n")
    code, printed, _ = sluice("check", contract, str(rows))
    assert (code, "no row accepted, 2 of 3 refused, 1 good and held back" in printed) == (1, True)
    assert "the file's 1 good row would count as well: correct the file before you drop it" in printed


def test_each_gate_is_named_as_a_run_names_it(sluice, tmp_path):
    gates = [
        "{metric: roc_auc, above_baseline_by: 0.0}",
        "{metric: roc_auc, not_worse_than_champion_by: 0.01}",
        "{metric: recall, slice: pages, max_gap: 0.1}",
        "{metric: suspected_leaks, max: 0}",
    ]
    path = tmp_path / "project.yaml"
    path.write_text(CONTRACT.replace("{metric: roc_auc, min: 0.6}", ", ".join(gates)))
    told = "  gates: roc_auc better than the baseline; roc_auc beside the champion; recall, gap between segments; "
    assert f"{told}suspected_leaks\n" in sluice("check", str(path))[1]


def test_a_file_that_is_not_there_is_named(sluice, contract, tmp_path):
    code, _, error = sluice("check", contract, str(tmp_path / "none.csv"))
    assert code == 1
    assert "there is no file" in error
    assert "none.csv" in error


RIDES = """
project: rides
problem: {type: regression, target: cnt}
data:
  columns:
    n: {type: integer}
    temp: {type: number}
    casual: {type: integer}
    registered: {type: integer}
    cnt: {type: integer}
features: {drop: [registered], log: [temp]}
gates: [{metric: suspected_leaks, max: 0}]
"""


def test_columns_that_give_the_target_away_are_warned_of_with_the_line_to_write(sluice, tmp_path):
    (tmp_path / "project.yaml").write_text(RIDES)
    rows = tmp_path / "rows.csv"
    chance = random.Random(1)
    lines = []
    for i in range(300):
        temp, casual, registered = chance.random(), chance.randrange(50), chance.randrange(90)
        lines.append(f"{i},{temp:.3f},{casual},{registered},{casual + registered}")
    rows.write_text("n,temp,casual,registered,cnt\n" + "\n".join(lines) + "\n")
    code, printed, _ = sluice("check", str(tmp_path / "project.yaml"), str(rows))
    assert code == 0
    assert "! 'n' counts the rows" in printed
    assert "! 'cnt' is 'registered' + 'casual'" in printed
    (line,) = re.findall(r"write `(features: .*)`; known_before instead of drop", printed)
    assert yaml.safe_load(line) == {"features": {"log": ["temp"], "drop": ["registered", "n", "casual"]}}
    (tmp_path / "project.yaml").write_text(re.sub("features: .*", line, RIDES))
    code, printed, _ = sluice("check", str(tmp_path / "project.yaml"), str(rows), "--json")
    assert (code, json.loads(printed)["data"][0]["giveaways"]) == (0, [])


def test_a_column_that_predicts_as_well_as_all_is_warned_of_unless_it_is_known_before(sluice, tmp_path):
    (tmp_path / "rows.csv").write_text(as_csv(shoppers()))
    columns = ", ".join(f"{name}: {{type: {'boolean' if name == 'bought' else 'number'}}}" for name in shoppers())
    contract = (
        f"{{project: shop, problem: {{type: binary, target: bought, positive: true}}, data: {{columns: {{{columns}}}}}"
    )
    warning = "! 'page_value' alone predicts 'bought' nearly as well as all columns together"
    for features, warned in (("", True), (", features: {known_before: [page_value]}", False)):
        (tmp_path / "project.yaml").write_text(f"{contract}{features}}}")
        code, printed, _ = sluice("check", str(tmp_path / "project.yaml"), str(tmp_path / "rows.csv"))
        assert (code, warning in printed) == (0, warned)


@pytest.mark.parametrize(
    ("section", "told"),
    [("", True), ("features: {time: none}", False), ("features: {time: seasonal}", False), ("features: {}", True)],
)
def test_what_repeats_in_regular_times_is_named_until_the_contract_decides(sluice, tmp_path, section, told):
    path, rows = tmp_path / "project.yaml", tmp_path / "rows.csv"
    data = "data: {time: at, columns: {at: {type: timestamp}, n: {type: number}, y: {type: number}}}"
    path.write_text(f"project: shop\nproblem: {{type: regression, target: y}}\n{data}\n{section}\n")
    times = [f"2026-01-{1 + hour // 24:02} {hour % 24:02}:00:00" for hour in range(400)]
    rows.write_text(as_csv({"at": times, "n": list(range(400)), "y": [hour % 7 for hour in range(400)]}))
    code, printed, _ = sluice("check", str(path), str(rows))
    assert code == 0
    note = "  note: hour, weekday of 'at' repeat, and the model does not learn them: features.time: seasonal makes them"
    assert (note in printed) == told
