"""The read model of a run: its machines and their histories, how far it is, why it ended, and what to do next."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from cli import machines
from console.reading import decisions, progress, run
from console.reading.run import summary
from console.source import Source
from sluice import keys
from tests.console import recorded

PROMOTED = recorded.run_with("promoted")
ROLLED_BACK = recorded.run_with("rolled_back")
FIRST = recorded.run_ids()[-1]


def test_a_run_is_its_machines_coloured_by_their_histories(source: Source):
    found = run.read(source, "shop", ROLLED_BACK)
    assert [each["machine"] for each in found["machines"]] == ["Lifecycle", "PrepareData", "BuildModel", "ReleaseModel"]
    lifecycle, *_, released = found["machines"]
    assert lifecycle["from"] == "the machine as deployed"
    assert lifecycle["status"] == "SUCCEEDED"
    assert lifecycle["states"]["Model Rolled Back"]["status"] == "otherwise"
    assert [(each["end"], each["promoted"]) for each in found["machines"]] == [
        ("Model Rolled Back", False),
        ("Data Prepared", True),
        ("Model Built", True),
        ("Model Rolled Back", False),
    ]
    assert "status" not in lifecycle["states"]["Model Promoted"]
    assert ("Candidate Good Enough?", "Register Model") in lifecycle["taken"]
    assert ("Candidate Good Enough?", "Finish Run") not in lifecycle["taken"]
    assert released["started_by"] == "Release Model"
    assert released["states"]["Judge Canary"]["entries"] > 1
    assert found["pages"]["evaluation"]
    assert not found["live"]


def test_every_end_without_a_promotion_is_known():
    """A machine succeeds at them, too; a new end must be put on one side or the other."""
    ends = set()
    for source in machines.sources():
        definition = json.loads(json.dumps(machines.definition(source)))
        ends |= {name for name, each in definition["States"].items() if each["Type"] == "Succeed"}
    assert ends - run.NO_PROMOTION == {
        *("Model Promoted", "Model Built", "Data Prepared", "File Scored", "File Recorded")
    }
    assert ends >= run.NO_PROMOTION


def test_a_first_model_proposes_the_gate_that_watch_proposes(source: Source):
    first = recorded.run_with("promoted", "homes")
    found = run.read(source, "homes", first)["next"]["paste"]
    assert found[-1]["lines"] == ["- {metric: rmse, max: 47000}"]
    assert decisions.read(source, "homes", first)["next"]["paste"] == found
    # the contract of this one has such a gate
    assert [each["lines"] for each in run.read(source, "shop", PROMOTED)["next"]["paste"]] == [["sluice ask shop"]]
    # another model serves now
    stack = recorded.stack()
    champion = stack.world.ledger.champion("homes")
    assert champion
    stack.world.ledger.set_champion("homes", replace(champion, run_id="r2"), first)
    assert run.read(Source(stack), "homes", first)["next"]["paste"] == []


def test_a_run_says_what_to_do_next(source: Source):
    rejected = run.read(source, "visits", recorded.run_with("rejected", "visits"))["next"]
    assert [each["lines"] for each in rejected["paste"]] == [
        ["features: {drop: [order_value]}"],
        ['sluice register project.yaml && sluice retrain visits --reason "leaks dropped"'],
    ]
    assert decisions.read(source, "visits", recorded.run_with("rejected", "visits"))["next"] == rejected
    waits = run.read(source, "visits", recorded.run_with(None, "visits"))
    assert (waits["waits"] is None, waits["next"]["pages"][0]) == (False, ["Decisions", "decisions"])
    assert run.read(source, "shop", recorded.run_with(None))["next"] is None
    stack = recorded.stack()
    error = {"state": "Seal Candidate", "error": "ArtifactError", "cause": "x"}
    stack.world.ledger.update_run("shop", FIRST, {"outcome": "failed", "error": error})
    failed = run.read(Source(stack), "shop", FIRST)["next"]
    assert failed["pages"][0] == ["The state that failed", "?machine=BuildModel&state=Seal+Candidate"]


def test_a_run_in_progress_says_how_far_it_is():
    live = recorded.run_with(None)
    [line] = progress.read(Source(recorded.stack()), "shop", live)
    assert re.match(r"The new model has 100 % of the traffic; 0 of its \d+ requests failed; .* of the bake at", line)
    assert progress.read(Source(recorded.stack()), "shop", PROMOTED) == []
    stack = recorded.stack()
    stack.world.objects.write(keys.decision("shop", live, "canary"), b"{}")
    assert progress.read(Source(stack), "shop", live) == [], "the search is over"
    name = next(each for each in stack.clients.tuning if live in each)
    stack.clients.tuning[name] |= {"HyperParameterTuningJobStatus": "InProgress"}
    [line] = progress.read(Source(stack), "shop", live)
    assert re.fullmatch(r"\d+ training jobs with a score; the best so far is 0\.\d{4}", line)
    stack.clients.denied = {"describe_hyper_parameter_tuning_job"}
    assert progress.read(Source(stack), "shop", live) == []


def test_the_reasons_of_a_judge_are_sentences(source: Source):
    error = {"state": "Replay Requests", "error": "CanaryAborted", "cause": '["the scores differ", "it is slow"]'}
    assert summary({"outcome": "rolled_back", "error": error})["because"] == "the scores differ; it is slow"
    other = {"state": "Tune", "error": "States.Timeout", "cause": "1 h"}
    assert summary({"outcome": "failed", "error": other})["because"] == "Tune: States.Timeout: 1 h"
