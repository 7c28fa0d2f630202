"""Clustering and anomaly detection, where answers, labels and plans are read: each form that the model answers in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore import loaders, model, validate

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.datasets.batch_answers import join_answers
from sluice.records.training_plan import ChampionModel
from sluice.release.answers import read_answer
from sluice.steps.monitor_model import monitor_model
from sluice.steps.plan_training import run_plan
from sluice.watch.captures import score_of
from sluice.watch.report import render
from testing.fakes import SETTINGS
from testing.release_world import OLD, PROJECT, build
from tests.unit.steps.captures import lay
from tests.unit.steps.label_files import send_labels
from tests.unit.steps.test_watch_steps import BASELINE

COLUMNS = {"id": {"type": "text"}, "pages": {"type": "number"}, "fraud": {"type": "category"}}


def contract(**problem: Any) -> Contract:
    data = {"key": ["id"], "columns": COLUMNS}
    return Contract.model_validate({"project": PROJECT, "problem": problem, "data": data})


SEGMENTS = contract(type="clustering")
RARE = contract(type="anomaly", target="fraud", positive="yes")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"predictions": [{"prediction": true, "score": 0.75}]}', "application/json"),
        ('{"prediction": true, "score": 0.75, "model": "r1", "inference_id": "i"}\n', "application/jsonlines"),
        ("true,0.75\n", "text/csv"),
        ("prediction,score,model,inference_id\ntrue,0.75,r1,i\n", "text/csv"),
    ],
)
def test_an_anomalys_answer_is_read_in_each_form(body: str, kind: str) -> None:
    found = read_answer(body.encode(), kind, 1, RARE)
    assert (found.valid, found.labels, found.scores) == (True, ("true",), (0.75,))


@pytest.mark.parametrize(
    "answer",
    [{"prediction": True, "probability": 0.7}, {"prediction": "odd", "score": 0.7}, {"prediction": True, "score": 1.2}],
)
def test_an_anomalys_answer_of_another_form_is_malformed(answer: dict[str, Any]) -> None:
    body = json.dumps({"predictions": [answer]}).encode()
    assert read_answer(body, "application/json", 1, RARE).valid is False


def test_a_segment_is_a_class_without_a_score_to_bin() -> None:
    body = b'{"predictions": [{"prediction": "segment 2", "probability": 0.9}]}'
    found = read_answer(body, "application/json", 1, SEGMENTS)
    assert (found.valid, found.labels, found.scores) == (True, ('"segment 2"',), ())
    assert score_of({"prediction": True, "score": 0.25}) == 0.25


def test_a_batchs_table_names_the_score(tmp_path: Any) -> None:
    index, raw, out = (tmp_path / name for name in ("index", "raw", "out"))
    index.write_text('[2, "a"]\n[3, "b"]\n')
    raw.write_text("true,0.9\nfalse,0.1\n")
    assert join_answers(index, raw, out, "csv", ["id"], RARE.score_member) == 2
    assert out.read_text().splitlines()[:2] == ["_row,id,prediction,score", "2,a,true,0.9"]


def test_training_jobs_of_segments_are_given_the_champion() -> None:
    champion = ChampionModel(run_id="r1", artifact_uri="s3://data/models/shop/r1/model.tar.gz")
    shapes = model.ServiceModel(loaders.Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
    request = shapes.operation_model("CreateHyperParameterTuningJob").input_shape
    for each, beside in ((SEGMENTS, champion), (SEGMENTS, None), (RARE, champion)):
        plan = run_plan(SETTINGS, each, "r0123456789ab", ["d1"], beside).plain()
        named = [
            {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}
            for channels in (plan["channels"], *(job["InputDataConfig"] for job in plan["tuning"]["definitions"]))
        ]
        wanted = champion.artifact_uri if beside and each is SEGMENTS else None
        assert [found.get("champion") for found in named] == [wanted] * 4
        report = validate.ParamValidator().validate(
            {
                "HyperParameterTuningJobName": "x",
                "HyperParameterTuningJobConfig": plan["tuning"]["config"],
                "TrainingJobDefinitions": plan["tuning"]["definitions"],
            },
            request,
        )
        assert not report.has_errors(), report.generate_report()


def watched(contract: Contract, predictions: dict[str, float]) -> World:
    world = build()
    world.ledger.save_contract(PROJECT, contract.model_dump(mode="json"), "v2")
    baseline = {**BASELINE, "predictions": predictions}
    world.objects.write(keys.run(PROJECT, OLD, "evaluation", "baseline.json"), json.dumps(baseline).encode())
    return world


def test_shares_of_segments_are_monitored() -> None:
    world = watched(SEGMENTS, {"segment 1": 0.5, "segment 2": 0.5})
    rows = [{"id": str(i), "pages": 1 if i % 2 else 7} for i in range(300)]
    answer = {"predictions": [{"prediction": "segment 1", "probability": 0.9}]}
    lay(world, "v-r1", rows, at=world.clock.now(), answer=answer)
    world.call(monitor_model, PROJECT)
    report = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    assert report["problems"] == {}
    assert report["predictions"]["segment 2"] == {"expected": 0.5, "seen": 0.0}
    assert report["drift"]["predictions"] > 1
    assert "segment 2" in render(report)


def test_delayed_labels_measure_anomalies() -> None:
    quality = {"metric": "roc_auc", "min": 0.9, "min_labels": 20}
    watched_contract = Contract.model_validate({**RARE.model_dump(mode="json"), "monitor": {"quality": quality}})
    world = watched(watched_contract, {"true": 0.1, "false": 0.9})
    for name, score, label in (("odd", 0.8, "yes"), ("usual", 0.3, "no")):
        rows = [{"id": f"{name}{i}", "pages": 1} for i in range(20)]
        answer = {"predictions": [{"prediction": score >= 0.5, "score": score}]}
        lay(world, "v-r1", rows, at=world.clock.now(), prefix=name, answer=answer)
        text = "inference_id,fraud\n" + "".join(f"{name}{i},{label}\n" for i in range(20))
        send_labels(world, f"{name}.csv", text)
    world.call(monitor_model, PROJECT)
    report = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    assert report["problems"] == {}
    assert report["quality"]["value"] == 1.0


def test_groups_that_people_give_measure_segments() -> None:
    quality = {"metric": "adjusted_rand", "min": 0.5, "min_labels": 20, "label": "persona"}
    asked = Contract.model_validate({**SEGMENTS.model_dump(mode="json"), "monitor": {"quality": quality}})
    world = watched(asked, {"segment 1": 0.5, "segment 2": 0.5})
    for segment, group in (("segment 1", "family"), ("segment 2", "single")):
        name = group[0]
        rows = [{"id": f"{name}{i}", "pages": 1} for i in range(40)]
        answer = {"predictions": [{"prediction": segment, "probability": 0.9}]}
        lay(world, "v-r1", rows, at=world.clock.now(), prefix=name, answer=answer)
        text = "inference_id,persona\n" + "".join(f"{name}{i},{group}\n" for i in range(40))
        assert send_labels(world, f"{group}.csv", text)["labels"] == 40
    world.call(monitor_model, PROJECT)
    report = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    assert report["problems"] == {}
    assert report["quality"]["value"] == 1.0, "other names, the same groups"
    assert report["quality"]["metrics"]["v_measure"]["value"] == 1.0


def test_labels_of_segments_are_refused_in_words() -> None:
    world = watched(SEGMENTS, {"segment 1": 1.0})
    answer = send_labels(world, "labels.csv", "inference_id,fraud\ni0,yes\n")
    assert answer["status"] == "failed"
    assert "nothing that a label could be compared with" in answer["message"]
