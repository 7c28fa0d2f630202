import json

import numpy as np
import pytest
from conftest import make_data


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
    pairs = {"test": data / "test", "contract": data / "contract", "output": output, **packed}
    return [text for name, path in pairs.items() for text in (f"--{name}", path)]


def test_models_are_compared_on_the_same_rows(workspace, inputs, tmp_path):
    data, packed = inputs
    done = workspace.run("evaluate.py", *arguments(data, packed, tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "evaluation.json").read_text())
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
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as saved:
        assert len(saved["y"]) == len(saved["candidate"]) == len(saved["champion"]) == result["rows"] == 400
    profile = json.loads((tmp_path / "baseline.json").read_text())
    assert sum(profile["columns"]["channel"]["shares"].values()) == pytest.approx(1)
    assert len(profile["scores"]["shares"]) == 20


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
