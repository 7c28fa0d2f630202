"""`sluice drill rollback` over the world in memory, in which the real machine and its functions run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli import executions
from cli.commands import drill
from cli.state_sentences import sentence
from proofs.stateful.asl import Execution, definition
from proofs.stateful.cloud import Cloud
from sluice.bootstrap import World
from sluice.ports import ENDPOINT
from testing import release_world as shop
from tests.cli.conftest import FakeConnection, Sluice

ANNOUNCED = "→ the local cloud at http://127.0.0.1:4566, stack sluice\n"
MACHINES = {"sluice-rollback": "roll_back", "sluice-release": "release_model"}


class Account(Cloud):
    """Goes on by itself while the command sleeps. `deaf`: no rule of EventBridge hears an alarm."""

    def __init__(self, **release: Any) -> None:
        super().__init__(**release)
        self.deaf = False
        self.denied = False
        self.requests = 0
        self.at: Callable[[Execution], None] = lambda execution: None
        """Called before each look of the command, with the drill's execution."""
        self._told = 0
        self._entered: dict[str, int] = {}

    def _start_requested(self) -> None:
        started: dict[str, Any] = self.world.executions.started  # type: ignore[attr-defined]
        for arn, payload in started.items():
            machine, name = arn.split(":")[-2:]
            execution = Execution(MACHINES[machine], name, payload, self)
            if execution.arn not in self.executions:
                self._add(execution)

    def sleep(self, seconds: float) -> None:
        self._start_requested()
        self.at(self.drill)
        self.pass_time(seconds)
        if self.requests:
            self.traffic(self.requests)
        waiting, self.events = self.events, []
        for event in waiting:
            assert self.deaf or self.deliver(event)
        for execution in self.active:
            while execution.advance():
                pass

    @property
    def drill(self) -> Execution:
        """The latest."""
        return [each for each in self.executions.values() if each.machine == "release_model"][-1]

    # --- what boto3 answers ---------------------------------------------------------------------------------------

    def set_alarm_state(self, **request: Any) -> None:
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "SetAlarmState")
        states: dict[str, str] = self.world.alarms.state  # type: ignore[attr-defined]
        assert request["AlarmName"] in states
        assert request["AlarmName"].endswith("/canary-errors")
        states[request["AlarmName"]] = request["StateValue"]
        composites: dict[str, Any] = self.world.alarms.composites  # type: ignore[attr-defined]
        for name, children in composites.items():
            if request["AlarmName"] in children:
                self._turn(name, True)

    def describe_execution(self, **request: str) -> Any:
        self._start_requested()
        found = self._named(request["executionArn"])
        if found is None:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": ""}}, "DescribeExecution")
        return {"status": found.status, "error": found.error, "cause": found.cause}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "get_execution_history"

        def paginate(**request: Any) -> list[Any]:
            found = self._named(request["executionArn"])
            entered = (
                [entry for entry in found.trail if entry in definition("release_model")["States"]] if found else []
            )
            events = [
                {
                    "id": number,
                    "type": "StateEntered",
                    "timestamp": self.now(),
                    "stateEnteredEventDetails": {"name": name},
                }
                for number, name in enumerate(entered, 1)
            ]
            return [{"events": events[::-1]}]

        return SimpleNamespace(paginate=paginate)

    def _named(self, arn: str) -> Execution | None:
        return next((each for each in self.executions.values() if each.name == arn.split(":")[-1]), None)


class DrillConnection(FakeConnection):
    account: Account

    def client(self, service: str) -> Any:
        assert service in ("cloudwatch", "stepfunctions")
        return self.account


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    made = Account()
    monkeypatch.setattr(drill, "time", SimpleNamespace(sleep=made.sleep))
    monkeypatch.setattr(executions.Histories, "_machines", lambda self: {})
    yield made
    logging.disable(logging.NOTSET)  # which the account's begin has switched off


@pytest.fixture
def world(account: Account) -> World:
    return account.world


@pytest.fixture
def connection(account: Account) -> DrillConnection:
    made = DrillConnection(account.world)
    made.account = account
    return made


def drills(world: World) -> list[dict[str, Any]]:
    return [record for record in world.ledger.runs(shop.PROJECT) if record.get("trigger") == "drill"]


def free_and_as_before(account: Account) -> None:
    state = account.endpoint
    assert state is not None
    assert (state.status, state.config) == ("InService", "only1")
    assert {variant.name: variant.weight for variant in state.variants} == {"v-r1": 1.0}
    assert account.world.ledger.lock(shop.PROJECT, of=ENDPOINT) is None
    (record,) = drills(account.world)
    assert record["finished"]
    assert account.canary_alarms(record["run_id"]) == set()
    assert account.champion is not None
    assert account.champion.run_id == shop.OLD


def test_an_alarm_brings_the_champion_back_and_all_is_measured(sluice: Sluice, account: Account) -> None:
    account.requests = 100
    code, printed, error = sluice("drill", "rollback", "shop")
    assert (code, error) == (0, ANNOUNCED), printed
    free_and_as_before(account)
    (record,) = drills(account.world)
    assert (record["outcome"], record["abort_requested"]["reason"]) == ("drill_passed", "alarm canary")
    assert "cloudwatch:SetAlarmState" in printed
    rows = [line for line in printed.splitlines() if line[2:3] == ":"]
    told = [line.split("  ")[-1].strip() for line in rows]
    assert told[:4] == [drill.STARTED, drill.ATTACHED, drill.SHARE, drill.ALARM]
    assert told[-1] == drill.ENDED
    assert set(told) == {
        *(drill.STARTED, drill.ATTACHED, drill.SHARE, drill.ALARM, drill.TOLD),
        *(drill.WEIGHT, drill.CONFIG, drill.VERIFIED, drill.ENDED),
    }
    # the weights take `settle` seconds, the configuration as long again
    after = {line.split("  ")[-1].strip(): float(line.split()[2]) for line in rows[4:]}
    assert 20 <= after[drill.WEIGHT] <= 35
    assert after[drill.WEIGHT] + 20 <= after[drill.CONFIG] <= after[drill.VERIFIED] <= 80
    for state in ("Attach Canary", "Shift Traffic", "Bake", "Cut Canary Traffic", "Verify Rollback"):
        assert f"{sentence('Drill', state)}\n" in printed
    assert sentence("Drill", "Promote Model") not in printed
    assert "no user's request was moved" not in printed
    (alert,) = [each for each in account.alerts if each.kind == "Rollback Drill"]
    assert "passed" in alert.subject


def test_the_run_is_listed_as_a_drill(sluice: Sluice, account: Account) -> None:
    sluice("drill", "rollback", "shop")
    (record,) = drills(account.world)
    listed = sluice("runs", "shop")[1]
    assert any("drill" in line and "drill passed" in line and "alarm canary" in line for line in listed.splitlines())
    assert "drill passed" in sluice("status", "shop")[1]
    told = sluice("why", record["run_id"])[1]
    assert "by drill: rollback drill on r1" in told
    assert "Verification of the rollback" in told
    assert "Response to sluice/shop/" in told


def test_without_a_request_it_says_so(sluice: Sluice) -> None:
    code, printed, _ = sluice("drill", "rollback", "shop")
    assert code == 0
    assert "no user's request was moved" in printed


def test_without_an_alarm_the_judge_ends_it(sluice: Sluice, account: Account) -> None:
    code, printed, _ = sluice("drill", "rollback", "shop", "--no-alarm")
    assert code == 0, printed
    free_and_as_before(account)
    assert drill.ALARM not in printed
    assert drills(account.world)[0].get("abort_requested") is None


def test_a_way_of_the_alarm_that_is_broken_fails_the_drill(sluice: Sluice, account: Account) -> None:
    """The judge sees the alarm at its next look and rolls back: all is well, but not by the way that was exercised."""
    account.deaf = True
    code, _, error = sluice("drill", "rollback", "shop")
    assert code == 1
    assert "nothing responded to the alarm, which was set " in error
    free_and_as_before(account)
    assert drills(account.world)[0]["outcome"] == "drill_passed"


def test_an_alarm_that_cloudwatch_takes_back_unheard_is_set_again(sluice: Sluice, account: Account) -> None:
    account.deaf = True

    def take_back(execution: Execution) -> None:
        if any(state == "ALARM" for state in account.world.alarms.state.values()):  # type: ignore[attr-defined]
            account._ring({f"v-{execution.name.removeprefix('shop-')}": (0, 0, 0.0)})
            account.deaf = account.now() < began + timedelta(seconds=100)

    began, account.at = account.now(), take_back
    code, printed, error = sluice("drill", "rollback", "shop")
    assert (code, error) == (0, ANNOUNCED)
    assert printed.count("set alarm sluice/shop/") >= 2
    assert printed.count(drill.ALARM) == 1
    free_and_as_before(account)


def test_an_alarm_that_may_not_be_set_fails_the_drill_and_the_champion_comes_back(
    sluice: Sluice, account: Account
) -> None:
    account.denied = True
    code, printed, error = sluice("drill", "rollback", "shop")
    assert code == 1
    assert "could not be set" in error
    assert "the judge brings the champion back" in printed
    free_and_as_before(account)


def test_a_machine_that_fails_leaves_the_endpoint_free(sluice: Sluice, account: Account) -> None:
    account.models.scaled["sluice-shop"] = {"v-r1"}
    code, _, error = sluice("drill", "rollback", "shop")
    assert code == 1
    assert "autoscaling" in error
    free_and_as_before(account)
    assert drills(account.world)[0]["outcome"] == "drill_failed"


def test_a_champion_that_does_not_answer_fails_the_drill_though_the_endpoint_looks_right(
    sluice: Sluice, account: Account
) -> None:
    account.health[shop.OLD] = "failing"
    code, _, error = sluice("drill", "rollback", "shop")
    assert code == 1
    assert "RollbackNotVerified" in error
    assert "its outcome is drill_failed" in error
    free_and_as_before(account)
    (alert,) = [each for each in account.alerts if each.kind == "Rollback Drill"]
    assert "FAILED: ACT NOW" in alert.subject


def test_what_the_endpoint_says_counts_for_more_than_the_record(sluice: Sluice, account: Account) -> None:
    call = account._lambda

    def meddling(caller: str, name: str, event: dict[str, Any]) -> Any:
        answer = call(caller, name, event)
        if name == "complete_release":
            half = next(config for config in account.models.configs if config.endswith("-canary"))
            account.models.put_endpoint(
                "sluice-shop", half, "Updating", {f"v-{drills(account.world)[0]['run_id']}": 0.1}
            )
        return answer

    account._lambda = meddling  # type: ignore[method-assign]
    code, _, error = sluice("drill", "rollback", "shop")
    assert code == 1
    for told in (
        "is Updating",
        "update-endpoint --endpoint-name sluice-shop --endpoint-config-name only1",
        "go to v-r1,",
    ):
        assert told in error
    assert drills(account.world)[0]["outcome"] == "drill_passed"


@pytest.mark.parametrize(
    ("state", "told"), [("Attach Canary", "its alarm will not be set"), ("Await Cut", "went into ALARM")]
)
def test_whoever_stops_watching_is_told_what_goes_on(sluice: Sluice, account: Account, state: str, told: str) -> None:
    def stop(execution: Execution) -> None:
        if state in execution.trail:
            raise KeyboardInterrupt

    account.at = stop
    code, _, error = sluice("drill", "rollback", "shop")
    assert code == 1
    assert told in error
    account.at = lambda execution: None
    while account.active:
        account.sleep(1.0)
    assert account.drill.status == "SUCCEEDED"
    account.pass_time(60)
    # nobody has freed the lock, but a finished drill holds nobody up
    assert sluice("drill", "rollback", "shop")[0] == 0


def test_the_next_drill_closes_one_that_failed_unwatched(sluice: Sluice, account: Account) -> None:
    def stop(execution: Execution) -> None:
        raise KeyboardInterrupt

    account.at = stop
    sluice("drill", "rollback", "shop")
    account.drill.stop()
    account.pass_time(60)
    account.at = lambda execution: None
    code, printed, _ = sluice("drill", "rollback", "shop")
    assert "the earlier drill" in printed
    assert [record["outcome"] for record in drills(account.world)][-1] == "drill_failed"
    assert code == 0


def test_it_refuses_beside_a_release_and_names_it(sluice: Sluice, account: Account) -> None:
    account.world.ledger.acquire_lock(shop.PROJECT, shop.NEW, account.now(), of=ENDPOINT)
    code, _, error = sluice("drill", "rollback", "shop")
    assert code == 1
    assert "the release of run r2" in error
    assert drills(account.world) == []


def test_an_unknown_project_brings_the_nearest(sluice: Sluice) -> None:
    assert "did you mean 'shop'?" in sluice("drill", "rollback", "shpo")[2]
