"""`sluice compare`: what differs between two runs, and what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.commands import compare
from cli.comparison import Side, compared, differences, told
from sluice import keys
from sluice.records.evaluation import Evaluation
from testing.release_world import artifact, freeze
from tests.cli.conftest import CONTRACT
from tests.cli.stack import OTHER, RUN, start, write


def evaluation(auc: float, champion: str | None = None) -> dict[str, Any]:
    model = {"metrics": {"roc_auc": auc, "log_loss": 0.3}, "family": "linear"}
    found: dict[str, Any] = {
        "metric": "roc_auc",
        "lower_is_better": False,
        "problem": "binary",
        "rows": 200,
        "candidate": model,
        "intervals": {
            "method": "bootstrap",
            "confidence": 0.95,
            "resamples": 100,
            "rows": 200,
            "models": {"candidate": {"roc_auc": [auc - 0.01, auc + 0.01]}},
        },
    }
    if champion:
        found["champion"] = {**model, "run_id": champion}
        found["paired"] = {"roc_auc": {"difference": 0.02, "low": 0.01, "high": 0.03}}
    return found


def side(run_id: str, auc: float, champion: str | None = None, **more: Any) -> Side:
    record = {"run_id": run_id, "outcome": "promoted", "datasets": ["d1", f"d-{run_id}"], "contract_version": "v1"}
    return Side(record, evaluation=Evaluation.parse(json.dumps(evaluation(auc, champion)).encode(), "x"), **more)


def verdict(outcome: str, value: float) -> dict[str, Any]:
    return {
        "verdicts": [{"metric": "roc_auc", "rule": "min", "outcome": outcome, "statistic": value, "threshold": 0.8}]
    }


def test_metrics_have_their_intervals_and_the_contract_s_own_is_first():
    found = compared("shop", side("a", 0.9), side("b", 0.92))
    assert [each["metric"] for each in found["metrics"]] == ["roc_auc", "log_loss"]
    first = found["metrics"][0]
    assert first["a"] == {"value": 0.9, "low": pytest.approx(0.89), "high": pytest.approx(0.91)}
    assert first["difference"] == pytest.approx(0.02)
    assert found["metrics"][1]["a"]["low"] is None
    assert "0.9 [0.89, 0.91]" in told(found)


def test_on_the_same_rows_where_one_was_the_champion():
    found = compared("shop", side("a", 0.9), side("b", 0.92, champion="a"))
    assert found["paired"] == [
        {"metric": "roc_auc", "of": "b", "against": "a", "difference": 0.02, "low": 0.01, "high": 0.03}
    ]
    assert "On the same rows (b − a): roc_auc 0.02 [0.01, 0.03]" in told(found)
    assert compared("shop", side("a", 0.9), side("b", 0.92, champion="other"))["paired"] == []


def test_settings_data_contract_and_gates():
    one = {"family": "linear", "training": {"hyperparameters": {"c": 1.0}, "leakage": {"x": 1}}}
    other = {"family": "linear", "training": {"hyperparameters": {"c": 2.0}, "leakage": {"x": 2}}}
    a = side("a", 0.9, model=one, gates=verdict("pass", 0.9), contract={"gates": [1], "project": "shop"})
    b = side("b", 0.7, model=other, gates=verdict("fail", 0.7), contract={"gates": [2], "project": "shop"})
    found = compared("shop", a, b)
    assert found["settings"] == [{"key": "hyperparameters.c", "a": 1.0, "b": 2.0}]
    assert found["contract"] == [{"key": "gates", "a": [1], "b": [2]}]
    assert (found["data"]["both"], found["data"]["only_b"]) == (["d1"], ["d-b"])
    assert [found["gates"][0][each]["outcome"] for each in "ab"] == ["pass", "fail"]
    shown = told(found)
    assert "Settings: 1 difference" in shown
    assert "fail: 0.7 (at least 0.8)" in shown
    assert "Contract: no difference" in told(compared("shop", side("a", 0.9), side("b", 0.9)))


def test_a_key_that_one_lacks_is_null_there():
    assert differences({"a": {}, "b": 1}, {"b": 1, "c": {"d": 2}}) == [
        {"key": "a", "a": {}, "b": None},
        {"key": "c.d", "a": None, "b": 2},
    ]


def test_the_command_reads_both_runs(sluice, world):
    for run_id, auc in ((RUN, 0.9), (OTHER, 0.8)):
        start(world, run_id, outcome="rejected")
        freeze(world, run_id, CONTRACT.model_dump(mode="json"))
        write(world, keys.run("shop", run_id, "evaluation", "evaluation.json"), evaluation(auc))
        write(world, keys.decision("shop", run_id, "gates"), verdict("pass", auc))
    world.objects.write(keys.sealed("shop", RUN, "model.tar.gz"), artifact(tamper=True)[0])
    code, printed, _ = sluice("compare", RUN, OTHER)
    assert code == 0
    assert "roc_auc" in printed
    assert f"not read: {RUN}: model.tar.gz: model: model.json was changed after training" in printed
    document = json.loads(sluice("compare", RUN, OTHER, "--json")[1])
    assert compare.JSON.mistakes(document) == []
    assert document["contract"] == []
    assert document["metrics"][0]["difference"] == pytest.approx(-0.1)
    assert json.loads(sluice("compare", "shop", RUN, OTHER, "--json")[1]) == document  # the former order
    assert json.loads(sluice("compare", RUN, OTHER, "--project", "shop", "--json")[1]) == document


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("shop", RUN, "zzz"), "no run 'zzz' in project shop"),
        (("shop", RUN), "'shop' is a project"),
        ((RUN,), "1 run given"),
        ((RUN, OTHER, RUN), "3 runs given"),
    ],
)
def test_what_was_given_instead_of_two_runs_is_said_with_what_to_type(sluice, world, words, says):
    for run_id in (RUN, OTHER):
        start(world, run_id, outcome="rejected")
    code, _, error = sluice("compare", *words)
    assert code == (1 if "zzz" in words else 2)
    assert says in error
    assert "sluice compare RUN RUN" in error or "zzz" in words


def test_of_a_list_of_gates_the_ones_that_differ_are_shown():
    one, other = {"metric": "roc_auc", "min": 0.8, "max": None}, {"metric": "f1", "min": 0.5, "max": None}
    assert differences({"gates": [one, other]}, {"gates": [other]}) == [
        {"key": "gates", "a": [{"metric": "roc_auc", "min": 0.8}], "b": []}
    ]
