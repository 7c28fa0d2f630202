"""`sluice cost`: arithmetic done by hand, what must rise when more is used, and refusals."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.costs.measured import measured
from cli.costs.prices import FOLDER, NAMES, table
from cli.costs.route import Route, definition, route
from cli.costs.usage import Assumptions, Line, Measured, Usage
from cli.errors import CliError
from scripts.write_costs_page import BLOCK, written
from sluice import keys
from sluice.contract import Contract, load_contract
from sluice.steps.plan_training import run_plan

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "examples/shop/project.yaml"
PLAIN = """
project: plain
problem: {type: regression, target: y}
data: {columns: {x: {type: number}, y: {type: number}}}
"""
RICH = """
project: rich
problem: {type: binary, target: y, positive: true}
data: {columns: {a: {type: number}, b: {type: number}, c: {type: number}, y: {type: boolean}}}
training:
  candidates: [logistic_regression]
  tuning: {max_jobs: 40, parallel_jobs: 4, max_minutes: 60}
  instance: ml.m5.xlarge
  spot: true
release: {steps: [50, 100], bake: 1h, instances: 3, instance: ml.c5.xlarge}
monitor: {every: 1d, quality: {metric: roc_auc, min: 0.8}}
retrain: {schedule: 7d, max_per_week: 1}
"""


@pytest.fixture
def prices(tmp_path: Path):
    """Round prices, so that sums can be done in the head: all units $1, all machines $1 an hour."""
    content = yaml.safe_load((FOLDER / "eu-west-1.yaml").read_bytes())
    content["region"] = "nowhere-1"
    for entry in content["prices"].values():
        entry |= {"usd": 1, "per": 1}
    content["instances"] = {
        name: {"usd": 1, "source": "test"} for name in ("ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge")
    }
    file = tmp_path / "prices.yaml"
    file.write_text(yaml.safe_dump(content))
    return table("nowhere-1", file)


def line(lines: list[Line], beginning: str) -> Line:
    [found] = [each for each in lines if each.what.startswith(beginning)]
    return found


def test_a_plain_contract_by_hand(prices):
    usage = Usage(load_contract(PLAIN), prices, Assumptions())
    a_run = usage.run()
    # 12 jobs of 4 minutes; two parallel ones would be stopped after 2 × 30 minutes, which is more than 48
    assert line(a_run, "tuning").usd == pytest.approx(48 / 60)
    assert line(a_run, "baseline").usd == pytest.approx(4 / 60)
    assert line(a_run, "evaluation").usd == pytest.approx(4 / 60)
    assert line(a_run, "cleaning").usd == pytest.approx(3 / 60 * 2)
    # two changes of 6 minutes with two new variants beside the old ones; then one beside the champion: for 300 pairs of
    # requests of 50 ms, four at a time, and four steps of 1 + 10 minutes
    replay = 300 * 2 * 0.05 / 4
    assert replay == 7.5
    assert line(a_run, "canary beside").usd == pytest.approx((2 * 2 * 6 + 4 * 11 + replay / 60) / 60)
    # half a gigabyte
    assert line(a_run, "the replay's time").usd == pytest.approx(3.75)
    hours = (2 * 6 + 4 * 11 + replay / 60) / 60
    assert line(a_run, "alarms of the canary").usd == pytest.approx(2 * hours / 730)
    assert line(a_run, "composite alarm").usd == pytest.approx(hours / 730)
    # ten at each of the five looks of a bake
    assert line(a_run, "metrics that the judge reads").quantity == 10 * 4 * 5
    assert line(a_run, "disks").usd == pytest.approx(10 * (56 / 60) / 730)
    a_month = usage.month()
    assert usage.runs == 4
    assert line(a_month, "endpoint, 1").usd == 730
    assert line(a_month, "tuning").usd == pytest.approx(4 * 48 / 60)
    assert line(a_month, "scheduled measurements").quantity == 720
    # drift, errors, probation
    assert line(a_month, "alarms of the project").usd == 3
    # of drift: the score, the mean, rows, inconclusive, predictions; captured requests; the probation
    assert line(a_month, "metrics of the project").usd == 8
    assert line(a_month, "polls").quantity == 648_000
    assert usage.longest_tuning_usd() == 1.0


def test_a_rich_contract_by_hand(prices):
    given = Assumptions(drops=2, serving_hours=100, batch_rows=1_000_000, spot_discount=0.75, train_minutes=10)
    usage = Usage(load_contract(RICH), prices, given)
    a_run = usage.run()
    # 400 minutes asked, 4 × 60 allowed, a quarter of the price left
    assert line(a_run, "tuning").quantity == 4
    assert line(a_run, "tuning").usd == 1.0
    assert line(a_run, "baseline").usd == pytest.approx(10 / 60 / 4)
    # 300 pairs take 7.5 s
    assert line(a_run, "canary beside").usd == pytest.approx(3 * (24 + 2 * 61 + 7.5 / 60) / 60)
    assert usage.longest_tuning_usd() == 1.0
    # 30 days / 7 by the clock, and two drops
    assert usage.runs == pytest.approx(2 + 30 / 7)
    a_month = usage.month()
    assert line(a_month, "endpoint, 3").usd == 300
    assert line(a_month, "batch transform").usd == pytest.approx((4 + 1) / 60)
    # as a plain one, and the quality: its score, its bound and its number of labels
    assert line(a_month, "alarms of the project").usd == 4
    assert line(a_month, "metrics of the project").usd == 11
    assert line(a_month, "scheduled measurements").quantity == 30


STRATEGIES = {
    "canary": "",
    "blue_green": "release: {strategy: blue_green}",
    "shadow": "release: {strategy: shadow}",
    "bandit": "problem: {type: binary, target: y, positive: 1}\nrelease: {strategy: bandit}",
}
LOOKS = 5
"""Of a bake: a slice is a fifth of it. Each is a Bake, a Judge Canary and a Canary Healthy?, of which two call."""


def of_strategy(strategy: str) -> Contract:
    kept = [text for text in PLAIN.splitlines() if strategy != "bandit" or not text.startswith("problem")]
    return load_contract("\n".join([*kept, STRATEGIES[strategy]]))


def test_a_canary_by_hand(prices):
    release = Usage(of_strategy("canary"), prices, Assumptions()).release()
    # Open Release, Plan Release, Release How?, Attach Canary, Await Canary, Canary Attached?, Replay Requests,
    # Replay Passed?; a step: Shift Traffic, Await Shift, Open Bake and the looks; Promote Model, Await Promotion,
    # Verify Promotion, Promotion Verified?, Complete Promotion, Model Promoted
    states = 8 + 4 * (3 + 3 * LOOKS) + 6
    # Plan Release, Await Canary, Replay Requests; a step: Await Shift and the looks; the last: await, verify, complete
    calls = 3 + 4 * (1 + 2 * LOOKS) + 3
    # every ten seconds: two changes of 6 minutes, four shifts of one
    asked = (2 * 6 + 4) * 6
    assert (release.route.transitions, release.route.invocations) == (states + asked, calls + asked)
    assert (release.looks, release.pairs) == (4 * LOOKS, 300)


def test_a_swapped_fleet_by_hand(prices):
    usage = Usage(of_strategy("blue_green"), prices, Assumptions())
    release = usage.release()
    # Open Release, Plan Release, Release How?, Swap Fleet, Await Swap, Fleet Swapped?, Open Bake; the looks of one
    # bake; Verify Promotion, Promotion Verified?, Complete Promotion, Model Promoted
    states = 7 + 3 * LOOKS + 4
    # Plan Release, Await Swap; the looks; Verify Promotion, Complete Promotion
    calls = 2 + 2 * LOOKS + 2
    # 6 minutes for new machines, and SageMaker bakes 10 minutes at 10 % and 10 at 100 %
    swap = 6 + 2 * 10
    assert (release.route.transitions, release.route.invocations) == (states + swap * 6, calls + swap * 6)
    assert release.machine_hours == pytest.approx(swap / 60)
    # the judge's bake comes after the old fleet is gone; the alarms stay for it
    assert release.hours == pytest.approx((swap + 10) / 60)
    assert (release.looks, release.pairs, release.replay_seconds) == (LOOKS, 0, 0)
    assert line(usage.run(), "new fleet beside").usd == pytest.approx(swap / 60)
    assert not [each for each in usage.run() if "replay" in each.what]
    # nothing was replayed on which models could be compared
    assert line(usage.month(), "metrics of the project").usd == 7
    assert line(usage.month(), "alarms of the project").usd == 3


def test_a_shadow_by_hand(prices):
    usage = Usage(of_strategy("shadow"), prices, Assumptions(requests=432_000))
    release = usage.release()
    # as a canary until the first Replay Passed?; five slices of a bake: Await Requests, Replay Requests,
    # Replay Passed?; then the last six
    states, calls = 8 + 5 * 3 + 6, 3 + 5 * 2 + 3
    assert (release.route.transitions, release.route.invocations) == (states + 2 * 6 * 6, calls + 2 * 6 * 6)
    # ten requests a minute come while ten minutes pass
    assert release.pairs == pytest.approx(300 + 100)
    assert release.replay_seconds == pytest.approx(400 * 2 * 0.05 / 4)
    assert release.machine_hours == pytest.approx((2 * 2 * 6 + 10 + 10 / 60) / 60)
    # nobody judges live requests
    assert release.looks == 0
    assert not [each for each in usage.run() if each.what.startswith("metrics that the judge reads")]


def test_a_bandit_by_hand(prices):
    usage = Usage(of_strategy("bandit"), prices, Assumptions())
    release = usage.release()
    # the longest is 30 bakes; half of them are assumed. Each: as a step of a canary, then Choose Weights and
    # Better Model Known?
    bakes = 15
    states, calls = 8 + bakes * (3 + 3 * LOOKS + 2) + 6, 3 + bakes * (1 + 2 * LOOKS + 1) + 3
    asked = (2 * 6 + bakes) * 6
    assert (release.route.transitions, release.route.invocations) == (states + asked, calls + asked)
    assert release.looks == bakes * LOOKS
    assert release.machine_hours == pytest.approx((2 * 2 * 6 + bakes * 11 + 7.5 / 60) / 60)
    sooner = Usage(of_strategy("bandit"), prices, Assumptions(bandit_share=0.0)).release()
    assert sooner.looks == LOOKS


def test_a_long_replay_is_called_again_each_minute(prices):
    plain = of_strategy("canary")
    many = plain.model_copy(update={"release": plain.release.model_copy(update={"replay": 5_000})})
    given = Assumptions(requests=1_000_000, replay_ms=60)
    few, most = (Usage(contract, prices, given).release() for contract in (plain, many))
    # 5,000 pairs of 120 ms, four at a time: 150 s are three calls, each with its Choice
    assert most.replay_seconds == pytest.approx(150)
    assert most.route == few.route + Route(2 * 2, 2, 0)
    # no more than were asked on the last day: 900 of 27,000 a month
    assert Usage(many, prices, Assumptions(requests=27_000)).release().pairs == pytest.approx(900)


def test_without_captures_there_is_no_replay(prices):
    plain = of_strategy("canary")
    blind = plain.model_copy(update={"release": plain.release.model_copy(update={"capture_percent": 0})})
    release = Usage(blind, prices, Assumptions()).release()
    assert Usage(plain, prices, Assumptions()).release().route == release.route + Route(2, 1, 0)
    assert (release.pairs, release.replay_seconds) == (0, 0)


@pytest.mark.parametrize(
    ("strategy", "told"), [("canary", (True, False)), ("blue_green", (False, False)), ("bandit", (True, True))]
)
def test_only_assumptions_that_matter_are_told(sluice, tmp_path, strategy, told):
    file = tmp_path / "project.yaml"
    contract = of_strategy(strategy)
    file.write_text(yaml.safe_dump(contract.model_dump(mode="json", exclude_defaults=True)))
    code, printed, _ = sluice("cost", str(file), "--region", "eu-west-1")
    assert code == 0
    assert ("a replayed request: 50" in printed, "a bandit's longest time" in printed) == told


def test_the_way_through_the_machines_is_counted_by_hand():
    assert route(definition("prepare_data"), "Data Prepared") == Route(2, 0, 0)
    # Open, Parallel with baseline, tuning and its description, evaluation, the end
    assert route(definition("build_model"), "Model Built").transitions >= 7
    machine = {
        "StartAt": "Ask",
        "States": {
            "Ask": {"Type": "Task", "Resource": "arn:x:states:::lambda:invoke", "Next": "Again?"},
            "Again?": {"Type": "Choice", "Choices": [{"Next": "Ask"}], "Default": "Done"},
            "Done": {"Type": "Succeed"},
            "Bad": {"Type": "Fail"},
        },
    }
    assert route(machine, "Done") == Route(3, 1, 0)
    assert route(machine, "Done", {"Again?": ["Ask", "Ask", "Done"]}) == Route(7, 3, 0)
    with pytest.raises(ValueError, match="does not follow"):
        route(machine, "Done", {"Again?": "Bad"})
    with pytest.raises(ValueError, match="ends in 'Done'"):
        route(machine, "Bad", {"Again?": "Done"})


def test_longer_bakes_cost_no_more_transitions_but_more_steps_do(prices):
    def transitions(**release: object) -> float:
        plain = load_contract(PLAIN)
        changed = plain.model_copy(update={"release": plain.release.model_copy(update=release)})
        return line(Usage(changed, prices, Assumptions()).run(), "transitions of the pipeline").quantity

    assert transitions(bake="20m") == transitions()
    assert transitions(steps=[100]) < transitions(steps=[50, 100]) < transitions()
    assert transitions(approval="manual") == transitions() + 2


MORE = {
    "rows": 1,
    "drops": 0.5,
    "requests": 1_000,
    "batch_rows": 1_000,
    "serving_hours": 1.0,
    "train_minutes": 0.1,
    "evaluate_minutes": 0.1,
    "glue_minutes": 2.0,
    "endpoint_minutes": 0.5,
    "glue_workers": 1,
    "replay_ms": 10.0,
    "bandit_share": 0.01,
}


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(MORE)), times=st.integers(1, 50), which_one=st.sampled_from(["rich", *STRATEGIES]))
def test_more_of_anything_never_costs_less(name, times, which_one):
    contract, prices = load_contract(RICH) if which_one == "rich" else of_strategy(which_one), table("eu-west-1")
    less = Assumptions()
    more = replace(less, **{name: type(getattr(less, name))(getattr(less, name) + times * MORE[name])})
    for which in ("run", "month"):
        costs = [sum(each.usd for each in getattr(Usage(contract, prices, given), which)()) for given in (less, more)]
        assert costs[0] <= costs[1] + 1e-12
    assert all(each.usd >= 0 for each in Usage(contract, prices, more).month())


def test_spot_and_smaller_machines_cost_less():
    rich, prices = load_contract(RICH), table("us-east-1")
    training = rich.training

    def cost(**changed: object) -> float:
        contract: Contract = rich.model_copy(update={"training": training.model_copy(update=changed)})
        return sum(each.usd for each in Usage(contract, prices, Assumptions()).run())

    assert cost() < cost(spot=False)
    assert cost(instance="ml.m5.large") < cost()


def test_measured_times_take_the_place_of_assumed_ones(prices):
    found = Measured("r1", "https://api.sagemaker.eu-west-1.amazonaws.com", 360.0, 7_200.0, 9, None, 30.0)
    a_run = Usage(load_contract(PLAIN), prices, Assumptions(), found).run()
    assert line(a_run, "tuning, 9 jobs").usd == 2.0
    assert line(a_run, "baseline").usd == pytest.approx(0.1)
    assert line(a_run, "evaluation").usd == pytest.approx(4 / 60)  # not measured: assumed
    assert line(a_run, "cleaning").usd == pytest.approx(2 / 60)  # Glue bills a minute at least


def test_job_times_are_read_from_the_services(world):
    start = datetime(2026, 11, 1, tzinfo=UTC)
    plan = run_plan(world.settings, load_contract(PLAIN), "r1", ["d1"], None).plain()
    plan["names"] |= {"baseline_job": "b", "tuning_job": "t", "evaluation_job": "e"}
    world.objects.write(keys.run("shop", "r1", "plan.json"), json.dumps(plan).encode())
    billed = {"b": 61, "t1": 100, "t2": 20}
    sagemaker = SimpleNamespace(
        meta=SimpleNamespace(endpoint_url="http://127.0.0.1:1"),
        describe_training_job=lambda **name: {"BillableTimeInSeconds": billed[name["TrainingJobName"]]},
        describe_processing_job=lambda **_: {
            "ProcessingStartTime": start,
            "ProcessingEndTime": start + timedelta(seconds=42),
        },
        get_paginator=lambda _: SimpleNamespace(
            paginate=lambda **_: [{"TrainingJobSummaries": [{"TrainingJobName": "t1"}, {"TrainingJobName": "t2"}]}]
        ),
    )
    runs = [
        {"Arguments": {"--run-id": "r0"}, "ExecutionTime": 9},
        {"Arguments": {"--run-id": "r1"}, "ExecutionTime": 70},
    ]
    glue = SimpleNamespace(get_job_runs=lambda **_: {"JobRuns": runs})
    connection = SimpleNamespace(world=world, stack="sluice", client={"sagemaker": sagemaker, "glue": glue}.__getitem__)
    found = measured(connection, "shop", "r1")
    assert found == Measured("r1", "http://127.0.0.1:1", 61.0, 120.0, 2, 42.0, 70.0)
    with pytest.raises(CliError, match="has no plan"):
        measured(connection, "shop", "r2")


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
def test_every_price_says_where_it_is_from(region):
    prices = table(region)
    assert prices.region == region
    assert set(prices.prices) == set(NAMES)
    assert all(
        len(price.source) > 10 and price.usd > 0 for price in [*prices.prices.values(), *prices.instances.values()]
    )
    assert {"ml.m5.large", "ml.m5.xlarge"} <= prices.instances.keys()


def test_an_unknown_region_is_refused_with_what_to_do(sluice):
    code, _, error = sluice("cost", str(SHOP), "--region", "ap-south-1")
    assert code == 1
    assert "no prices of region 'ap-south-1'" in error
    assert "eu-west-1, us-east-1" in error
    assert "--prices" in error


def test_cost_needs_no_region(sluice, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    code, printed, error = sluice("cost", str(SHOP))
    assert code == 0
    assert "shop in eu-west-1" in printed
    assert "No region is set: these are the prices of eu-west-1" in error


def test_a_machine_without_a_price_is_refused(sluice, tmp_path):
    file = tmp_path / "project.yaml"
    file.write_text(PLAIN + "training: {instance: ml.p4d.24xlarge}\n")
    code, _, error = sluice("cost", str(file), "--region", "eu-west-1")
    assert code == 1
    assert "has no price of ml.p4d.24xlarge" in error
    assert "--prices" in error


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t["prices"].pop("kms_keys"), "lacks kms_keys"),
        (lambda t: t["prices"].update(kms_keyz=t["prices"]["kms_keys"]), "did you mean 'kms_keys'"),
        (lambda t: t.update(date="soon"), "must name the `date`"),
        (lambda t: t.update(currency="EUR"), "currency: USD"),
        (lambda t: t["prices"]["kms_keys"].update(usd=-1), "kms_keys: usd must be"),
        (lambda t: t["prices"]["kms_keys"].pop("source"), "must have usd, per, unit and source"),
        (lambda t: t["instances"]["ml.m5.large"].update(usd="cheap"), "ml.m5.large: usd must be"),
        (lambda t: t.update(region="us-east-1"), "has the prices of us-east-1, not of eu-west-1"),
    ],
)
def test_a_price_table_that_is_not_whole_is_refused(tmp_path, change, told):
    content = yaml.safe_load((FOLDER / "eu-west-1.yaml").read_bytes())
    change(content)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(CliError, match=re.escape(told)):
        table("eu-west-1", file)


def test_an_endpoint_that_may_sleep_is_told(sluice, tmp_path):
    file = tmp_path / "project.yaml"
    file.write_text(PLAIN + "release: {idle_after: 2h}\n")
    told = sluice("cost", str(file), "--region", "eu-west-1", "--serving-hours", "100")[1]
    assert "sleeps 2h after the last request" in told
    assert "100 hours" in told
    assert "sleeps" not in sluice("cost", str(SHOP), "--region", "eu-west-1")[1]


def test_impossible_assumptions_are_refused(sluice):
    assert "cannot be negative" in sluice("cost", str(SHOP), "--region", "eu-west-1", "--drops", "-1")[2]
    assert "a share from 0 to 1" in sluice("cost", str(SHOP), "--region", "eu-west-1", "--spot-discount", "2")[2]
    assert "a share from 0 to 1" in sluice("cost", str(SHOP), "--region", "eu-west-1", "--bandit-share", "2")[2]


def test_json_adds_up_and_begins_with_the_greatest(sluice):
    code, printed, _ = sluice("cost", str(SHOP), "--region", "eu-west-1", "--json")
    assert code == 0
    told = json.loads(printed)
    for which in ("run", "month"):
        costs = [each["usd"] for each in told[which]["lines"]]
        assert told[which]["usd"] == pytest.approx(sum(costs))
        assert costs == sorted(costs, reverse=True)
    assert told["prices"]["date"]


def test_the_page_shows_what_the_command_prints():
    page = (ROOT / "docs/costs.md").read_text(encoding="utf-8")
    assert BLOCK.search(page)
    assert page == written(page), "say: python scripts/write_costs_page.py"
