import csv
import json
import shutil
from collections import Counter

import numpy as np
import pytest

from jobs.learn.channels import read_rows
from sluice.model import manifest
from sluice.model.schema import Schema
from sluice.records.baseline import Baseline
from sluice.records.evaluation import Evaluation
from sluice.records.plots import Plots
from tests.jobs.learning_data import make_data, write_csv


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def inputs(request, workspace, tmp_path_factory):
    data = make_data(tmp_path_factory.mktemp("data") / request.param, request.param)
    packed = {}
    for role, family in (("candidate", "gradient_boosting"), ("baseline", "baseline"), ("champion", "random_forest")):
        done, model = workspace.train(data, family)
        assert done.returncode == 0, done.stderr
        packed[role] = workspace.pack(model, f"{request.param}-{role}")
    return data, packed


def arguments(data, packed, output):
    message = output.parent / f"{output.name}-message"
    pairs = {"test": data / "test", "contract": data / "contract", "output": output, "message": message, **packed}
    return [text for name, path in pairs.items() for text in (f"--{name}", path)]


def test_models_are_compared_on_the_same_rows(workspace, inputs, tmp_path):
    data, packed = inputs
    done = workspace.run("evaluate.py", *arguments(data, packed, tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "evaluation.json").read_text())
    Evaluation.model_validate(result)  # each member that the job writes, and no other, is known to those who read it
    assert "too few training rows: 400 of the 1,000 needed" in result["learning_curve"]["skipped"]
    leakage = result["leakage"]
    assert (leakage["suspects"], leakage["accepted"]) == ([], [])
    assert "it takes 500 training rows" in leakage["notes"][0], "the baseline's job has looked, at 400"
    metric = result["metric"]
    paired = result["paired"][metric]
    candidate, champion = result["candidate"]["metrics"], result["champion"]["metrics"]
    assert paired["difference"] == pytest.approx(candidate[metric] - champion[metric])
    assert paired["low"] <= paired["difference"] <= paired["high"]
    assert paired["confidence"] == 0.9
    better = result["paired_baseline"][metric]
    assert (better["high"] < 0) if result["lower_is_better"] else (better["low"] > 0)
    assert result["slices"]["channel"]["ads"]["rows"] >= 30
    assert result["candidate"]["latency_ms"]["p50"] <= result["candidate"]["latency_ms"]["p99"]
    assert set(result["intervals"]["models"]["candidate"]) == set(candidate)
    assert result["candidate"]["size_bytes"] > 1_000
    # the target depends on pages and channel, and on nothing else
    lost = {name: mean for name, (mean, _, _) in result["importance"]["columns"].items()}
    assert {"pages", "channel"} == set(sorted(lost, key=lost.__getitem__)[-2:])
    assert set(result["robustness"]["missing"]) == {"0.05", "0.1", "0.2"}
    assert set(result["fairness"]["channel"]["groups"]) == {"search", "ads", "email"}
    drawn = json.loads((tmp_path / "plots.json").read_text())
    Plots.model_validate(drawn)
    assert ("predicted" in drawn) == (result["problem"] == "regression") != bool(drawn.get("roc"))
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as saved:
        assert len(saved["y"]) == len(saved["candidate"]) == len(saved["champion"]) == result["rows"] == 400
    profile = json.loads((tmp_path / "baseline.json").read_text())
    Baseline.model_validate(profile)
    assert sum(profile["columns"]["channel"]["shares"].values()) == pytest.approx(1)
    assert len(profile["scores"]["shares"]) == 20
    asked = [json.loads(line) for line in (tmp_path / "held_out.jsonl").read_text().splitlines()]
    contract = json.loads((data / "contract" / "contract.json").read_text())
    schema = Schema.from_contract(contract)
    # what the model reads of such a request is what it was tested with
    read = Counter(repr(schema.typed_json(record)) for record in asked)
    tested = read_rows(data / "test", schema, "test", needed=set())
    assert read == Counter(repr({name: row[name] for name in schema.features}) for row in tested)
    target = contract["problem"]["target"]
    assert not any(target in record for record in asked)
    reference = [json.loads(line) for line in (tmp_path / "reference.jsonl").read_text().splitlines()]
    assert Counter(repr(schema.typed_json(each["row"])) for each in reference) == read
    assert not any(target in each["row"] for each in reference)
    assert Counter(each["at"] for each in reference) == Counter(row.get(contract["data"].get("time")) for row in tested)
    assert sum(each["label"] is not None for each in reference) == len(tested)
    assert all("prediction" in each["said"] for each in reference)


def test_no_champion_and_a_damaged_candidate(workspace, inputs, tmp_path):
    data, packed = inputs
    (tmp_path / "none").mkdir()
    done = workspace.run("evaluate.py", *arguments(data, {**packed, "champion": tmp_path / "none"}, tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert (result["champion"], result["paired"]) == (None, None)
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "model.tar.gz").write_bytes((packed["candidate"] / "model.tar.gz").read_bytes()[:-500])
    done = workspace.run("evaluate.py", *arguments(data, {**packed, "candidate": bad}, tmp_path / "out2"))
    assert done.returncode == 1
    assert done.stderr.startswith("evaluate.py: error: input candidate:")
    assert not (tmp_path / "out2").exists()
    told = (tmp_path / "out2-message").read_text()
    assert told.startswith("input candidate:"), "SageMaker shows this file as the reason of the failure"


def changed(data, target, change, contract_change=None):
    """A copy of the project's data whose records `change` may edit in place; `contract_change` edits its contract."""
    shutil.copytree(data, target)
    for part in ("train", "validation", "test"):
        path = target / part / "data.csv"
        with path.open(newline="") as file:
            header, *rows = csv.reader(file)
        for row in rows:
            change(part, row)
        write_csv(path, header, rows)
    if contract_change:
        path = target / "contract" / "contract.json"
        contract = json.loads(path.read_text())
        contract_change(contract)
        path.write_text(json.dumps(contract))
    return target


def evaluated(workspace, data, packed, output):
    done = workspace.run("evaluate.py", *arguments(data, packed, output))
    assert done.returncode == 0, done.stderr
    result = json.loads((output / "evaluation.json").read_text())
    Evaluation.model_validate(result)
    return result


@pytest.fixture(scope="module")
def multiclass(workspace, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    data = make_data(folder / "mc", "multiclass")
    done, model = workspace.train(data, "baseline", "mc-model")
    assert done.returncode == 0, done.stderr
    role = workspace.pack(model, "mc-model")
    return folder, data, {"candidate": role, "baseline": role, "champion": role}


def test_a_champion_with_other_classes_is_a_verdict_and_not_a_failed_job(workspace, multiclass, tmp_path):
    _, data, packed = multiclass

    def merge(part, row):
        row[-1] = "top" if row[-1] == "high" else row[-1]

    other = changed(data, tmp_path / "other", merge)
    done, model = workspace.train(other, "baseline", "mc-other")
    assert done.returncode == 0, done.stderr
    result = evaluated(workspace, data, {**packed, "champion": workspace.pack(model, "mc-other")}, tmp_path / "out")
    assert (result["champion"], result["paired"]) == (None, None)
    assert "1 of the candidate's 3 are new to it, and 1 of its own" in result["not_compared"]["champion"]
    assert "macro_f1" in result["candidate"]["metrics"], "the candidate is measured all the same"


def test_a_champion_that_reads_other_columns_is_not_compared(workspace, multiclass, tmp_path):
    _, data, packed = multiclass

    def without_seconds(contract):
        del contract["data"]["columns"]["seconds"]
        contract["features"]["log"] = []

    newer = changed(data, tmp_path / "newer", lambda part, row: None, without_seconds)
    done, model = workspace.train(newer, "baseline", "mc-newer")
    assert done.returncode == 0, done.stderr
    role = workspace.pack(model, "mc-newer")
    result = evaluated(workspace, newer, {**packed, "candidate": role, "baseline": role}, tmp_path / "out")
    assert "the champion reads 'seconds', which the contract no longer has" in result["not_compared"]["champion"]


def test_rows_that_champion_or_anchor_were_trained_on_are_left_out(workspace, multiclass, tmp_path):
    """The champion on 300 of the 400 rows; of the best champion so far too few are left."""
    _, data, packed = multiclass
    marked = tmp_path / "data"
    shutil.copytree(data, marked)
    path = marked / "test" / "data.csv"
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    marks = [["true" if i < 100 else "false", "true" if i < 375 else "false"] for i in range(len(rows))]
    header = [*header, "_seen_by_champion", "_seen_by_anchor"]
    write_csv(path, header, [[*row, *mark] for row, mark in zip(rows, marks, strict=True)])
    result = evaluated(workspace, marked, {**packed, "anchor": packed["champion"]}, tmp_path / "out")
    assert result["compared"]["champion"] == {"rows": 300, "test_rows": 400, "known": True}
    truth = [row[-1] for row in rows[100:]]
    share = max(truth.count(label) for label in set(truth)) / 300
    assert result["champion"]["metrics"]["accuracy"] == pytest.approx(share), "a baseline names the largest class"
    assert result["paired"]["macro_f1"]["difference"] == 0
    low, high = result["intervals"]["models"]["champion"]["accuracy"]
    assert low < share < high
    assert "anchor" not in result["intervals"]["models"]
    assert "champion" not in json.loads((tmp_path / "out" / "plots.json").read_text())["calibration"]
    assert (result["anchor"], result["paired_anchor"]) == (None, None)
    assert "trained on 375 of the 400 test rows, and 25 are too few" in result["not_compared"]["anchor"]


def test_gates_get_the_evidence_that_they_ask_for(workspace, multiclass, tmp_path):
    """Segments of a column that is no feature, ranges of a number and of a time, and an interval."""
    _, data, packed = multiclass

    def gated(contract):
        contract["features"]["drop"] = ["channel"]
        contract["gates"] = [
            {"metric": "accuracy", "slice": column, "max_gap": 0.2, "bins": 3, "confidence": 0.9}
            for column in ("channel", "seconds", "at")
        ]
        contract["gates"].append({"metric": "accuracy", "min": 0.1, "decided_by": "interval", "confidence": 0.99})

    result = evaluated(
        workspace, changed(data, tmp_path / "data", lambda part, row: None, gated), packed, tmp_path / "o"
    )
    assert [(gap["slice"], len(gap["segments"])) for gap in result["gaps"]] == [
        ("channel", 3),
        ("seconds", 3),
        ("at", 3),
    ]
    assert set(result["gaps"][0]["segments"]) == {"ads", "email", "search"} == set(result["slices"]["channel"])
    assert all(" to 2026-" in name for name in result["gaps"][2]["segments"])
    assert all(0 <= gap["low"] <= gap["difference"] + gap["margin"] == gap["high"] for gap in result["gaps"])
    assert result["gaps"][0]["missing"] == sum(cell == "" for cell in column_of(data, "channel"))
    low, high, confidence = result["gate_intervals"]["accuracy"]
    assert low < result["candidate"]["metrics"]["accuracy"] < high
    assert confidence == 0.99


def column_of(data, name):
    with (data / "test" / "data.csv").open(newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def test_a_champion_that_cannot_be_read_is_a_verdict(workspace, multiclass, tmp_path):
    _, data, packed = multiclass
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "model.tar.gz").write_bytes((packed["champion"] / "model.tar.gz").read_bytes()[:-500])
    result = evaluated(workspace, data, {**packed, "champion": bad}, tmp_path / "out")
    assert result["not_compared"]["champion"].startswith("the champion cannot be read or asked: input champion:")
    assert result["compared"]["champion"] == {"rows": 400, "test_rows": 400, "known": False}


def test_test_rows_of_an_unknown_class_leave_the_candidate_unmeasured(workspace, multiclass, tmp_path):
    _, data, packed = multiclass

    def strange(part, row):
        if part == "test" and row[0] in ("test3", "test4"):
            row[-1] = "never seen"

    result = evaluated(workspace, changed(data, tmp_path / "data", strange), packed, tmp_path / "out")
    assert result["candidate"]["metrics"] == {}
    assert result["not_compared"]["candidate"].startswith("2 of 400 test rows have a 'y' that no training row has")
    assert "never seen" not in json.dumps(result), "a raw value"


def test_test_rows_of_one_class_say_which_metrics_they_cannot_give(workspace, tmp_path):
    data = make_data(tmp_path / "binary", "binary")

    def one_class(part, row):
        row[-1] = "True" if part == "test" else row[-1]

    data = changed(data, tmp_path / "data", one_class)
    done, model = workspace.train(data, "baseline", "one-class")
    assert done.returncode == 0, done.stderr
    role = workspace.pack(model, "one-class")
    result = evaluated(workspace, data, dict.fromkeys(("candidate", "baseline", "champion"), role), tmp_path / "out")
    assert result["undefined"]["roc_auc"].startswith("all 400 test rows have one class only")
    assert "accuracy" not in result["undefined"]


@pytest.mark.parametrize("inputs", ["binary"], indirect=True)
def test_each_model_decides_by_its_own_threshold(workspace, inputs, tmp_path):
    data, packed = inputs
    done, model = workspace.train(data, "gradient_boosting", "own-threshold")
    assert done.returncode == 0, done.stderr
    state = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**state, "threshold": 0.25}))
    manifest.seal(model)
    path = data / "contract" / "contract.json"
    contract = json.loads(path.read_text())
    folder = tmp_path / "contract"
    folder.mkdir()
    contract["gates"] += [{"metric": "accuracy", "not_worse_than_champion_by": 0.1}]
    (folder / "contract.json").write_text(json.dumps(contract))
    given = {**packed, "candidate": workspace.pack(model, "own-threshold"), "contract": folder}
    done = workspace.run("evaluate.py", *arguments(data, given, tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    with np.load(tmp_path / "out" / "predictions.npz") as saved:
        y, scores = saved["y"], {role: saved[role][:, 1] for role in ("candidate", "champion", "baseline")}
    right = {role: float(np.mean((p >= (0.25 if role == "candidate" else 0.5)) == y)) for role, p in scores.items()}
    assert result["thresholds"]["classification"] == 0.25
    for role, accuracy in right.items():
        assert result[role]["metrics"]["accuracy"] == pytest.approx(accuracy)
        low, high = result["intervals"]["models"][role]["accuracy"]
        assert low <= accuracy <= high
    assert right["candidate"] != pytest.approx(float(np.mean((scores["candidate"] >= 0.5) == y))), (
        "else it says nothing"
    )
    assert result["paired"]["accuracy"]["difference"] == pytest.approx(right["candidate"] - right["champion"])
    whole = sum(v["rows"] * v["selection_rate"] for v in result["slices"]["channel"].values())
    rows = sum(v["rows"] for v in result["slices"]["channel"].values())
    assert whole / rows == pytest.approx(float(np.mean(scores["candidate"] >= 0.25)), abs=0.05)
