"""ask, rollback, label, batch, env; what status, why and watch say of drift, families, approvals and canaries."""

from __future__ import annotations

import json
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from cli.candidates import Search, ranked, search_of, told
from cli.commands import env, rollback
from cli.outcomes import described
from sluice import keys
from sluice.contract import Contract
from sluice.ports import Answer
from sluice.steps.plan_training import run_plan
from testing.release_world import CONTRACT
from tests.cli.conftest import CONTRACT as SHOP
from tests.cli.conftest import save
from tests.cli.stack import OTHER, RUN, serve, start, write


class TestAsk:
    def test_json_text_and_files_are_sent_as_what_they_are(self, sluice, world, tmp_path, monkeypatch):
        serve(world)
        asked: list[tuple[str, bytes, str]] = []

        def invoke(endpoint: str, body: bytes, content_type: str = "", **_: Any) -> Answer:
            asked.append((endpoint, body, content_type))
            return Answer(200, b'{"prediction": true}', "v1")

        monkeypatch.setattr(world.models, "invoke", invoke)
        code, printed, _ = sluice("ask", "shop", '{"pages": 3}')
        assert (code, json.loads(printed)) == (0, {"prediction": True})
        rows = tmp_path / "rows.csv"
        rows.write_text("pages\n3\n")
        document = json.loads(sluice("ask", "shop", str(rows), "--json")[1])
        answer = {"status": 200, "variant": "v1", "body": {"prediction": True}}
        assert document == {"request": None, **answer, "notes": []}
        assert asked == [
            ("sluice-shop", b'{"pages": 3}', "application/json"),
            ("sluice-shop", b"pages\n3\n", "text/csv"),
        ]

    def test_refusals_say_what_to_do(self, sluice, world, monkeypatch):
        for request in ((), ('{"pages": 3}',)):
            code, printed, said = sluice("ask", "shop", *request)
            assert (code, printed, "no model of shop yet" in said) == (1, "", True)
        run = {"run_id": "r1", "project": "shop", "started_at": "2026-11-30T09:00:00+00:00", "outcome": "rejected"}
        monkeypatch.setattr(world.ledger, "runs", lambda _: [run])
        assert "its last run ended, rejected; `sluice why r1` says why" in sluice("ask", "shop")[2]
        assert "is not JSON" in sluice("ask", "shop", "{pages: 3}")[2]
        assert "neither JSON" in sluice("ask", "shop", "rows.csv")[2]
        serve(world)
        monkeypatch.setattr(world.models, "invoke", lambda *_, **__: Answer(400, b"no known field", "v1"))
        code, _, error = sluice("ask", "shop", '{"pages": "x"}')
        assert code == 1
        assert "answered 400: no known field" in error
        refused = Answer(400, b'{"error": "no known field", "field": "pagse"}', "v1")
        monkeypatch.setattr(world.models, "invoke", lambda *_, **__: refused)
        error = sluice("ask", "shop", '{"pages": "x"}')[2]
        assert "shop refused the request: no known field. `sluice ask shop` prints" in error

    @pytest.mark.parametrize("request_", ["{}", '{"pagse": 3, "pages": null}', '{"instances": [{"bought": true}]}'])
    def test_a_request_without_any_feature_is_not_sent(self, sluice, world, monkeypatch, request_):
        serve(world)
        asked = []
        monkeypatch.setattr(world.models, "invoke", lambda *sent, **__: asked.append(sent))
        code, printed, error = sluice("ask", "shop", request_)
        assert (code, printed, asked) == (1, "", [])
        assert "it has no value for any feature of shop" in error
        assert "1 of 1 features are missing (read as empty cells): pages. `sluice ask shop` prints one to copy" in error

    @pytest.mark.parametrize("request_", ['{"visits": 1, "pagse": 3}', '{"instances": [{"visits": 1, "pagse": 3}]}'])
    def test_what_the_model_did_not_use_or_get_is_said(self, sluice, world, monkeypatch, request_):
        serve(world)
        contract = SHOP.model_dump(mode="json", exclude_defaults=True)
        contract["data"]["columns"]["visits"] = {"type": "integer"}
        save(world, Contract.model_validate(contract))
        monkeypatch.setattr(world.models, "invoke", lambda *_, **__: Answer(200, b'{"prediction": true}', "v1"))
        said = sluice("ask", "shop", request_)[2]
        assert "note: not in the contract, so not used: pagse" in said
        assert "features are missing (read as empty cells): pages" in said
        assert len(json.loads(sluice("ask", "shop", request_, "--json")[1])["notes"]) == 2

    def test_without_a_request_it_prints_one_to_start_from(self, sluice, world):
        serve(world)
        assert sluice("ask", "shop")[:2] == (0, """sluice ask shop '{"pages": 1}'\n""")
        world.ledger.add_dataset("shop", "d1", world.clock.now(), {"rows": 3})
        seen = {"pages": {"type": "integer", "moments": {"mean": 6.7}}}
        world.objects.write(keys.profile("shop", "d1"), json.dumps({"columns": seen}).encode())
        assert sluice("ask", "shop")[:2] == (0, """sluice ask shop '{"pages": 7}'\n""")
        assert json.loads(sluice("ask", "shop", "--json")[1])["request"] == {"pages": 7}

    def test_a_text_that_has_no_usual_value_is_to_be_filled_in(self, sluice, world):
        serve(world)
        contract = SHOP.model_dump(mode="json", exclude_defaults=True)
        contract["data"]["columns"] |= {"zip": {"type": "text"}, "note": {"type": "text"}}
        save(world, Contract.model_validate(contract))
        told = "fill in zip, note: Sluice keeps no values of text columns"
        code, printed, said = sluice("ask", "shop")
        assert (code, said) == (0, f"note: {told}\n")
        assert """"zip": "", "note": "\"""" in printed
        assert json.loads(sluice("ask", "shop", "--json")[1])["notes"] == [told]

    def test_a_number_is_said_with_the_digits_that_a_person_reads(self, sluice, world, monkeypatch):
        serve(world)
        body = b'{"predictions": [{"prediction": 44.55186673975032}], "model": "r1"}'
        monkeypatch.setattr(world.models, "invoke", lambda *_, **__: Answer(200, body, "v1"))
        _, printed, said = sluice("ask", "shop", '{"pages": 3}')
        assert "44.55186673975032" in printed, "the answer itself has all digits"
        assert ": 44.5519; answered by the model of run r1" in said

    def test_the_answer_is_said_in_words(self, sluice, world, monkeypatch):
        serve(world)
        body = b'{"predictions": [{"prediction": true, "probability": 0.6321}], "model": "r1"}'
        monkeypatch.setattr(world.models, "invoke", lambda *_, **__: Answer(200, body, "v1"))
        code, _, said = sluice("ask", "shop", '{"pages": 3}')
        assert code == 0
        assert ": true (probability of true: 0.632); answered by the model of run r1" in said

    @pytest.mark.parametrize(
        ("problem", "answer", "told"),
        [
            (
                "clustering",
                {"prediction": "segment 2", "probability": 0.91},
                "segment: segment 2 (probability of segment 2: 0.91)",
            ),
            (
                "anomaly",
                {"prediction": True, "score": 0.75},
                "flagged as an anomaly: true (anomaly score 0.75, flagged",
            ),
        ],
    )
    def test_answers_without_a_target_are_said_in_words(self, sluice, world, monkeypatch, problem, answer, told):
        serve(world)
        columns = {"pages": {"type": "integer"}}
        contract = {"project": "shop", "problem": {"type": problem}, "data": {"columns": columns}}
        world.ledger.save_contract("shop", Contract.model_validate(contract).model_dump(mode="json"), "v9")
        body = json.dumps({"predictions": [answer], "model": "r1"}).encode()
        monkeypatch.setattr(world.models, "invoke", lambda *_, **__: Answer(200, body, "v1"))
        code, _, said = sluice("ask", "shop", '{"pages": 3}')
        assert (code, told in said) == (0, True), said


def test_watch_shows_a_run_that_was_recorded_but_has_no_lock_yet(sluice, world, monkeypatch):
    world.ledger.start_run("shop", RUN, world.clock.now(), {"status": "starting", "trigger": "data"})
    ticks = iter(range(0, 10_000, 100))
    ended = {"outcome": "rejected", "ended_at": world.clock.now().isoformat()}
    monkeypatch.setattr(
        "cli.commands.watch.time",
        SimpleNamespace(
            sleep=lambda _: world.ledger.update_run("shop", RUN, ended),
            monotonic=lambda: next(ticks),
            time=lambda: 0.0,
        ),
    )
    monkeypatch.setattr("cli.executions.Histories.fresh", lambda self: [])
    code, printed, _ = sluice("watch", "shop")
    assert code == 3  # rejected
    assert printed.startswith(f"{RUN} of shop (data)")
    assert "waiting" not in printed.lower()


def test_watch_says_that_nothing_runs_and_how_the_last_run_ended(sluice, world, monkeypatch):
    ticks = iter(range(0, 10_000, 100))
    monkeypatch.setattr(
        "cli.commands.watch.time",
        SimpleNamespace(sleep=lambda _: None, monotonic=lambda: next(ticks)),
    )
    code, printed, said = sluice("watch", "shop", "--wait", "120")
    assert code == 1
    assert "waiting up to 120 s for the first run of shop to start" in printed
    assert "none started in 120 s" in said


class TestRollback:
    def test_without_a_champion_or_predecessor_it_says_what_else_there_is(self, sluice, world):
        assert "nothing to roll back" in sluice("rollback", "shop", "--reason", "x")[2]
        serve(world)
        assert "has no predecessor" in sluice("rollback", "shop", "--reason", "x")[2]
        assert world.executions.started == {}

    @pytest.mark.parametrize("ends_well", [True, False])
    def test_it_is_done_when_the_predecessor_serves(self, sluice, world, monkeypatch, ends_well):
        serve(world)
        champion = world.ledger.champion("shop")
        before = champion.__class__(**{**vars(champion), "run_id": OTHER})
        world.ledger.set_champion(
            "shop", champion.__class__(**{**vars(champion), "previous": {"run_id": OTHER}}), champion.run_id
        )
        states = iter(("RUNNING", "SUCCEEDED"))

        def state(connection: Any, arn: str) -> dict[str, Any]:
            status = next(states)
            if status == "SUCCEEDED" and ends_well:
                world.ledger.set_champion("shop", before, RUN)
            return {"status": status, "error": None, "cause": None}

        monkeypatch.setattr(rollback, "execution_state", state)
        monkeypatch.setattr(rollback, "_POLL_SECONDS", 0)
        code, printed, error = sluice("rollback", "shop", "--reason", "wrong prices")
        assert code == (0 if ends_well else 1), error
        if ends_well:
            assert f"{OTHER} serves shop again" in printed
        else:
            assert f"{RUN} serves: the alert says why" in error
        (request,) = world.executions.started.values()
        assert (request["project"], request["from_run"]) == ("shop", RUN)
        assert request["reason"].startswith("wrong prices")


class TestArrivals:
    def test_label_and_batch_wait_for_the_outcome(self, sluice, world, tmp_path, monkeypatch):
        file = tmp_path / "f.csv"
        file.write_text("id,bought\n1,true\n")
        counts = {"labels": 7, "without_label": 2, "quarantined_rows": 1, "duplicates": 0, "conflicts": 0}
        record = {"status": "accepted", "kind": "labels", "rows": 10, **counts, "reasons": []}
        monkeypatch.setattr(world.ledger, "arrival", lambda bucket, key, version: {**record, "key": key})
        code, printed, _ = sluice("label", "shop", str(file))
        assert code == 0
        assert "accepted: 7 labels from 10 rows, 2 rows without a label, 1 refused" in printed
        world.objects.write("predictions/shop/b1.csv.answers.csv", b'{"prediction": 1}\n')
        record = {"status": "accepted", "kind": "batch", "output_uri": ""}
        record["output_uri"] = world.objects.uri("predictions/shop/b1.csv.answers.csv")
        out = tmp_path / "out.jsonl"
        code, printed, error = sluice("batch", "shop", str(file), "-o", str(out))
        assert code == 0, error
        assert "scored" in printed
        assert out.read_bytes() == b'{"prediction": 1}\n'
        record = {"status": "failed", "kind": "batch", "reasons": ["Score Rows: the header lacks pages"]}
        code, printed, _ = sluice("batch", "shop", str(file))
        assert code == 1
        assert "not scored" in printed
        assert "the header lacks pages" in printed

    def test_a_refusal_names_the_limit_the_key_and_the_next_step(self):
        failed = {"status": "failed", "rows": 0, "quarantined_rows": 0, "error": "HeaderMismatchError"}
        failed |= {"message": "the header has no 'pages'; did you mean 'pagse'?"}
        failed |= {"reasons": [{"rule": "HeaderMismatchError", "column": None, "rows": 0}]}
        lines = "\n".join(described(failed))
        assert "did you mean 'pagse'?" in lines
        assert "data.columns" in lines
        assert "HeaderMismatchError" not in lines
        labels = "\n".join(described({**failed, "kind": "labels"}))
        assert "data.key and the target" in labels
        assert "data.columns" not in labels
        few = {"status": "quarantined", "rows": 0, "quarantined_rows": 9, "project": "shop", "dataset_id": "d1"}
        few |= {"message": "9 good rows; data.expectations.min_rows requires 100"}
        few |= {"reasons": [{"rule": "min_rows", "column": None, "rows": 9}]}
        lines = "\n".join(described(few))
        assert "data.expectations.min_rows requires 100" in lines
        assert "lower it" in lines
        assert "sluice quarantine shop d1" in lines


def job(name: str, family: str, value: float | None, status: str = "Completed") -> dict[str, Any]:
    made: dict[str, Any] = {"TrainingJobName": name, "TrainingJobDefinitionName": family, "TrainingJobStatus": status}
    if value is not None:
        made["FinalHyperParameterTuningJobObjectiveMetric"] = {"MetricName": "validation:roc_auc", "Value": value}
    return made


def test_why_ranks_the_families_with_the_winner_first():
    jobs = [
        job("a", "linear", 0.7),
        job("b", "linear", 0.8),
        job("c", "random-forest", 0.9),
        job("d", "mlp", None, "Failed"),
        job("e", "linear", 0.95, "Stopped"),  # it has no model
    ]
    found = ranked(jobs, lower=False)
    assert [(each.family, each.score, each.won) for each in found] == [
        ("random_forest", 0.9, True),
        ("linear", 0.8, False),
        ("mlp", None, False),
    ]
    words = told(Search("hyperband", 5, 1, "it started from what run r0 found", found))
    assert words.startswith(
        "Search: hyperband, 5 training jobs, 1 of them stopped early\n  it started from what run r0"
    )
    assert "random forest won, by validation:roc_auc" in words
    assert "1 job, 1 failed" in words
    assert "3 jobs, 1 stopped" in words
    assert [each.score for each in ranked(jobs[:2], lower=True)] == [0.7]
    # a tuning job with one definition gives it no name
    unnamed = [{k: v for k, v in job("a", "", 0.7).items() if k != "TrainingJobDefinitionName"}]
    assert ranked(unnamed, lower=False, only=["gradient_boosting"])[0].family == "gradient_boosting"


@pytest.mark.parametrize(
    ("tuning", "refused", "words"),
    [
        ({"warm_start": {"run_id": "r0", "tuning_job": "sluice-r0-t"}}, "", "it started from what run r0 found"),
        ({"warm_start_note": "no earlier run"}, "", "it started from scratch: no earlier run"),
        (
            {"warm_start": {"run_id": "r0", "tuning_job": "sluice-r0-t"}},
            "gone",
            "SageMaker refused the earlier run: gone",
        ),
    ],
)
def test_why_says_what_the_search_started_from(sluice, world, tuning, refused, words):
    start(world)
    contract = Contract.model_validate({**CONTRACT, "training": {"candidates": ["gradient_boosting"]}})
    plan = run_plan(world.settings, contract, RUN, ["d1"], None).plain()
    plan["tuning"] |= tuning
    world.objects.write(keys.run("shop", RUN, "plan.json"), json.dumps(plan).encode())
    summary = {k: v for k, v in job("a", "", 0.7).items() if k != "TrainingJobDefinitionName"}
    pages = SimpleNamespace(paginate=lambda **_: [{"TrainingJobSummaries": [summary]}])
    client = SimpleNamespace(
        describe_hyper_parameter_tuning_job=lambda **_: {"HyperParameterTuningJobStatus": "Completed"},
        get_paginator=lambda _: pages,
    )
    found = search_of(SimpleNamespace(world=world, client=lambda _: client), "shop", RUN, refused)
    assert words in found.start
    assert found.families[0].family == "gradient_boosting"


def test_status_shows_drift_and_quality(sluice, world):
    serve(world)
    assert "drift      not measured yet" in sluice("status", "shop")[1]
    report = {"decision": "stable", "reasons": ["pages has PSI 0.031, within 0.25"], "rows": 900}
    report["at"] = "2026-01-01T12:00:00+00:00"
    report["quality"] = {"metric": "roc_auc", "labels": 340, "value": 0.91234}
    write(world, keys.monitor("shop", "latest.json"), report)
    printed = sluice("status", "shop")[1]
    assert "drift      stable: pages has PSI 0.031, within 0.25 (900 requests at 2026-01-01 12:00:00 UTC)" in printed
    assert "quality    roc_auc 0.9123 over 340 labels" in printed


def test_watch_says_how_to_decide_while_the_run_waits(sluice, world, monkeypatch):
    arn = world.registry.register("sluice-shop", "s3://data/m", "image", {"run_id": RUN}, approved=False)
    start(world, approval={"token": "t", "package_arn": arn}, execution_arn="arn")
    world.ledger.acquire_lock("shop", RUN, world.clock.now())

    def sleep(_: float) -> None:
        world.ledger.update_run("shop", RUN, {"outcome": "promoted", "ended_at": world.clock.now().isoformat()})

    monkeypatch.setattr("cli.commands.watch.time", SimpleNamespace(sleep=sleep, monotonic=lambda: 0.0))
    monkeypatch.setattr("cli.executions.Histories.fresh", lambda self: [])
    for options in ((), ("--verbose",), ("--once",)):
        code, printed, _ = sluice("watch", "shop", *options)
        # it ends, so that the commands can be pasted into this very shell
        assert code == (0 if options == ("--once",) else 6)
        assert printed.count(f"sluice approve {RUN} ") == 1
        assert "promoted" not in printed
    code, printed, _ = sluice("watch", "shop", "--json")
    events = [json.loads(line) for line in printed.splitlines()]
    assert [event["event"] for event in events] == ["run", "waits", "end"], (
        "a program reads of the wait, and watch continues"
    )
    assert code == 0
    code, printed, _ = sluice("watch", "shop")
    assert code == 0
    assert "promoted" in printed
    assert "sluice ask shop" in printed


class TestEnv:
    def test_the_lines_point_at_the_cloud_that_answers(self, sluice, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as server:
            endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
            (tmp_path / "localcloud.json").write_text(json.dumps({"endpoint": endpoint, "region": "eu-west-1"}))
            code, printed, _ = sluice("env", "--state", str(tmp_path))
            assert code == 0
            for line in (f"export AWS_ENDPOINT_URL={endpoint}", "export AWS_REGION=eu-west-1"):
                assert line in printed
            assert "export AWS_DEFAULT_REGION=eu-west-1" in printed
            assert "unset AWS_PROFILE" in printed

    def test_no_cloud_is_said_and_exports_nothing(self, sluice, tmp_path):
        code, printed, error = sluice("env", "--state", str(tmp_path))
        assert (code, printed) == (1, "")
        assert "make cloud" in error

    def test_unset_takes_away_what_it_set(self, sluice):
        printed = sluice("env", "--unset")[1]
        assert all(name in printed for name in env.variables("", ""))
