"""Whatever happens around releases, users are served by a model that was judged.

Hypothesis interleaves releases and rollbacks (the real definitions, doors and steps, over the fakes) with traffic,
time, alarms that come once, twice, late or for a run that is over, requests to abort, Lambdas that die or run at the
same moment, lost answers, refusals, throttling and executions that are stopped. What must hold is at the end of the
class.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from proofs.stateful.asl import Execution
from proofs.stateful.cloud import DIED, Cloud, Fault
from sluice import keys, names
from sluice.errors import NotFoundError
from sluice.ports import ENDPOINT
from testing.release_world import OLD, PROJECT

STEPS = 50
HEALTH = st.sampled_from(["good", "good", "good", "failing", "slow", "unloadable"])
PASTS = ["a champion", "a champion", "in probation", "in probation", "in probation", "nothing serves"]
FUNCTIONS = ["complete_release", "verify_endpoint", "complete_rollback", "finish_run"]
OPERATIONS = ["", "updateEndpoint", "updateEndpointWeightsAndCapacities"]
AFTER = st.sampled_from([0, 0, 1, 2, 3])
CALLS_FAIL = st.one_of(
    st.builds(Fault, st.just("crash"), st.integers(1, 20), st.sampled_from(DIED), st.sampled_from(["", *FUNCTIONS])),
    st.builds(Fault, st.just("lost"), where=st.sampled_from(FUNCTIONS)),
    st.builds(Fault, st.just("lost"), where=st.sampled_from(OPERATIONS), after=AFTER),
    st.builds(Fault, st.just("refused"), where=st.sampled_from(OPERATIONS), after=AFTER),
    st.builds(Fault, st.just("denied"), where=st.sampled_from(OPERATIONS), after=AFTER),
)
CONTRACTS: list[dict[str, Any]] = [
    {"steps": [100]},
    {"steps": [50, 100]},
    {"steps": [10, 50, 100]},
    {"strategy": "blue_green", "steps": [10, 100]},
    {"strategy": "shadow", "replay": 20, "steps": [100]},
    {"strategy": "bandit", "steps": [100]},
]


class Releases(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cloud: Cloud
        self.release: dict[str, Any] = {}
        self.delivered: list[dict[str, Any]] = []
        self.failed = False
        self.agreed = 0
        """How many alerts there were when pointer and endpoint agreed for the last time."""

    @initialize(
        past=st.sampled_from(PASTS),
        release=st.sampled_from(CONTRACTS),
        settle=st.sampled_from([0.0, 15.0, 45.0]),
        probation=st.sampled_from(["1h", "1d"]),
        captures=st.sampled_from([0, 20, 20]),
    )
    def account(self, past: str, release: dict[str, Any], settle: float, probation: str, captures: int) -> None:
        self.release = release
        champion = past != "nothing serves"
        # few answers are enough
        sample = {"min_requests": 5, "max_error_rate": 0.2}
        plan = {"bake": "1m", "max_bake": "2m", "probation": probation, **sample, **release}
        self.cloud = Cloud(champion, settle, captures, **plan)
        if past == "in probation":
            # after a release in which nothing went wrong
            self.cloud.start_run(self._new("good"))
            self._rest(requests=800)

    # --- what is asked for ----------------------------------------------------------------------------------------

    def _new(self, health: str) -> str:
        run_id = self.cloud.new_run("good" if health == "unloadable" else health)
        if health == "unloadable":
            self.cloud.models.unloadable.add(self.cloud.model_of(run_id))
        return run_id

    @precondition(lambda self: len(self.cloud.runs) < 5)
    @rule(health=HEALTH)
    def a_run_reaches_its_release(self, health: str) -> None:
        self.cloud.start_run(self._new(health))

    @precondition(lambda self: len(self.cloud.runs) < 5)
    @rule(health=HEALTH)
    def a_person_starts_a_run(self, health: str) -> None:
        self.cloud.start_run(self._new(health), by_hand=True)

    @precondition(lambda self: self.cloud.runs)
    @rule(which=st.integers(0, 3))
    def a_person_asks_to_abort(self, which: int) -> None:
        self.cloud.ask_to_abort(self.cloud.runs[-1 - which % len(self.cloud.runs)])

    # --- what goes on ---------------------------------------------------------------------------------------------

    @precondition(lambda self: self.cloud.active)
    @rule(which=st.integers(0, 3), states=st.integers(1, 12))
    def an_execution_goes_on(self, which: int, states: int) -> None:
        active = self.cloud.active
        self.cloud.advance(active[which % len(active)], states)

    @precondition(lambda self: self.cloud.active)
    @rule(rounds=st.integers(1, 30), requests=st.sampled_from([0, 20, 800]))
    def all_go_on(self, rounds: int, requests: int) -> None:
        for _ in range(rounds):
            if not any(each.ready() for each in self.cloud.active):
                self.cloud.traffic(requests)
                self.cloud.wait()
            for execution in self.cloud.active:
                execution.advance()
                self._holds_now()

    @precondition(lambda self: self.cloud.active)
    @rule(which=st.integers(0, 3), states=st.integers(1, 12))
    def an_execution_goes_on_alone(self, which: int, states: int) -> None:
        """As the rule above, waiting included: others that wait too are late."""
        active = self.cloud.active
        execution = active[which % len(active)]
        for _ in range(states):
            if not execution.advance():
                wake = execution.wakes()
                if wake is None or execution.machine == "ml_lifecycle":
                    break
                self.cloud.pass_time((wake - self.cloud.now()).total_seconds())
            self._holds_now()

    @rule(seconds=st.sampled_from([1, 11, 61, 700, 4_000]))
    def time_passes(self, seconds: int) -> None:
        self.cloud.pass_time(seconds)

    @rule(requests=st.sampled_from([1, 30, 800]))
    def traffic_arrives(self, requests: int) -> None:
        self.cloud.traffic(requests)

    @rule()
    def everything_comes_to_rest(self) -> None:
        self.cloud.models.throttled = False
        self._rest(requests=800)

    # --- alarms ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.cloud.events)
    @rule(which=st.integers(0, 3))
    def an_alarm_is_answered(self, which: int) -> None:
        events = self.cloud.events
        event = events[which % len(events)]
        if not self.cloud.deliver(event):
            return
        events.remove(event)
        self.delivered.append(event)
        name = event["alarmName"].split("/")
        for release in self.cloud.active:
            if release.machine == "release_model" and name[-1] == "canary" and release.input["run_id"] == name[2]:
                assert release.ready() or not release.waits_for_word, "an alarm must end the wait at once"

    @precondition(lambda self: self.cloud.events)
    @rule(which=st.integers(0, 3), before=st.integers(1, 20))
    def an_alarm_will_be_answered_during_a_step(self, which: int, before: int) -> None:
        events = self.cloud.events
        event = events[which % len(events)]
        self.cloud.meanwhile = (before, lambda: self.cloud.deliver(event))

    @precondition(lambda self: len(self.cloud.active) > 1)
    @rule(which=st.integers(0, 3), before=st.integers(1, 20), states=st.integers(1, 6))
    def an_execution_will_go_on_during_a_step(self, which: int, before: int, states: int) -> None:
        other = self.cloud.active[which % len(self.cloud.active)]
        self.cloud.meanwhile = (before, lambda: self.cloud.advance_unless_busy(other, states))

    @precondition(lambda self: self.delivered)
    @rule(which=st.integers(0, 3))
    def an_alarm_comes_again(self, which: int) -> None:
        self.cloud.deliver(self.delivered[which % len(self.delivered)])

    @precondition(lambda self: self.cloud.runs)
    @rule(which=st.integers(0, 3), kind=st.sampled_from(["canary", "canary", "canary-errors"]), late=st.booleans())
    def a_canary_alarm_rings_whenever(self, which: int, kind: str, late: bool) -> None:
        run_id = self.cloud.runs[-1 - which % len(self.cloud.runs)]
        self.cloud.events.append(self.cloud.alarm_event(names.alarm("sluice", PROJECT, run_id, kind)))
        if not late:
            self.an_alarm_is_answered(len(self.cloud.events) - 1)

    @precondition(lambda self: any(each.waits_for_word for each in self.cloud.active))
    @rule()
    def a_canary_alarm_rings_during_a_wait(self) -> None:
        waiting = next(each for each in self.cloud.active if each.waits_for_word)
        name = names.alarm("sluice", PROJECT, waiting.input["run_id"], "canary")
        self.cloud.events.append(self.cloud.alarm_event(name))
        self.an_alarm_is_answered(len(self.cloud.events) - 1)

    @rule(late=st.booleans())
    def the_champions_alarm_rings(self, late: bool) -> None:
        self.cloud.events.append(self.cloud.alarm_event(names.alarm("sluice", PROJECT, "champion-errors")))
        if not late:
            self.an_alarm_is_answered(len(self.cloud.events) - 1)

    @precondition(lambda self: self.cloud.champion)
    @rule(health=st.sampled_from(["good", "failing", "slow"]))
    def the_champion_changes(self, health: str) -> None:
        champion = self.cloud.champion
        assert champion is not None
        self.cloud.health[champion.run_id] = health

    # --- what goes wrong ------------------------------------------------------------------------------------------

    @rule(trouble=st.one_of(CALLS_FAIL, st.sampled_from(["throttling", "stop"])), which=st.integers(0, 3))
    def something_goes_wrong(self, trouble: Fault | str, which: int) -> None:
        inner = [each for each in self.cloud.active if each.machine != "ml_lifecycle"]
        if isinstance(trouble, Fault):
            self.cloud.faults.append(trouble)
        elif trouble == "throttling":
            self.cloud.models.throttled = True
        elif inner:
            # the lifecycle is left alone: who stops it takes over what it would have done
            inner[which % len(inner)].stop()

    @precondition(lambda self: self.cloud.models.throttled)
    @rule()
    def the_throttling_ends(self) -> None:
        self.cloud.models.throttled = False

    @rule(which=st.integers(0, 3))
    def a_model_loads_no_more_or_again(self, which: int) -> None:
        runs = [OLD, *self.cloud.runs]
        self.cloud.models.unloadable ^= {self.cloud.model_of(runs[which % len(runs)])}

    def teardown(self) -> None:
        """Troubles end, and everything ends."""
        if hasattr(self, "cloud") and not self.failed:
            self.cloud.models.throttled = False
            self.cloud.faults.clear()
            self._rest(requests=0)

    # --- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "cloud"):
            self._holds_now()

    def _rest(self, requests: int) -> None:
        self.failed = True
        self.cloud.rest(requests)
        self._holds_now()
        self.failed = True
        self._pointer_and_endpoint_agree()
        for execution in self.cloud.executions.values():
            if execution.machine == "ml_lifecycle":
                self._run_ended(execution)
            if execution.machine == "roll_back" and execution.status != "ABORTED":
                self._rollback_ended(execution)
        self.failed = False

    def _holds_now(self) -> None:
        self.failed = True
        self._weights_sum_right()
        self._one_at_a_time()
        self._champion_has_requests()
        self.failed = False

    def _one_at_a_time(self) -> None:
        assert self.cloud.overlaps == [], "two executions change the endpoint at once"

    def _weights_sum_right(self) -> None:
        state = self.cloud.endpoint
        if state is None or not state.variants:
            return
        weights = {variant.name: variant.weight for variant in state.variants}
        assert abs(sum(weights.values()) - 1.0) < 1e-9, weights
        assert all(0 <= weight <= 1 for weight in weights.values()), weights
        if self.release.get("strategy") != "bandit":
            steps = [0, 100, *self.release.get("steps", [])]
            planned = [share for percent in steps for share in (percent / 100, 1 - percent / 100)]
            assert all(any(abs(weight - each) < 1e-9 for each in planned) for weight in weights.values()), weights

    def _champion_has_requests(self) -> None:
        """The champion has no requests only where the judge let another run have all of them, or a rollback did."""
        champion, shares = self.cloud.champion, self.cloud.shares()
        if champion is None or not shares or champion.run_id in shares:
            return
        for run_id in shares:
            assert self._judged(run_id) or self._restored(run_id), (
                f"{run_id} has all requests; the champion is {champion.run_id}"
            )

    def _judged(self, run_id: str) -> bool:
        """It may have all requests: it passed every step before that of 100 %, or what its strategy has instead."""
        strategy, steps = self.release.get("strategy", "canary"), self.release.get("steps", [100])
        if strategy == "blue_green":
            # SageMaker's guardrails let it through, or it would not have all
            return True
        if strategy == "shadow":
            return self._record(run_id, "replay").get("decision") == "pass"
        if strategy == "bandit":
            return self._record(run_id, "bandit").get("decision") == "promote"
        looks = self._record(run_id, "canary").get("looks", [])
        passed = {look["step_index"] for look in looks if look["decision"] in ("advance", "promote")}
        return set(range(len(steps) - 1)) <= passed

    def _record(self, run_id: str, name: str) -> dict[str, Any]:
        try:
            return json.loads(self.cloud.world.objects.read(keys.decision(PROJECT, run_id, name)))
        except NotFoundError:
            return {}

    def _restored(self, run_id: str) -> bool:
        plans = [each.variables.get("plan") or {} for each in self.cloud.executions.values()]
        return any(plan.get("to_run") == run_id for plan in plans)

    def _pointer_and_endpoint_agree(self) -> None:
        champion, state = self.cloud.champion, self.cloud.endpoint
        if champion is None:
            return
        told = any(alert.subject.startswith("ACT NOW") for alert in self.cloud.alerts[self.agreed :])
        found = None
        if state is not None:
            found = (state.status, state.config, {each.name for each in state.variants if each.weight > 0})
        wanted = ("InService", champion.endpoint_config, {champion.variant})
        if found == wanted:
            self.agreed = len(self.cloud.alerts)
        else:
            assert told or self.cloud.left_alone, f"nobody was told to act: {found}, not {wanted}"

    def _run_ended(self, lifecycle: Execution) -> None:
        cloud, run_id = self.cloud, lifecycle.name
        assert cloud.canary_alarms(run_id) == set(), "alarms of a run that is over"
        lock = cloud.world.ledger.lock(PROJECT)
        assert lock is None or lock["run_id"] != run_id, "the lock of a run that is over"
        lock = cloud.world.ledger.lock(PROJECT, of=ENDPOINT)
        assert lock is None or lock["run_id"] != run_id, "the endpoint's lock of a run that is over"
        alerts = [alert for alert in cloud.alerts if (alert.facts or {}).get("run_id") == run_id]
        kinds = [alert.kind for alert in alerts]
        outcome = (cloud.world.ledger.run(PROJECT, run_id) or {}).get("outcome")
        assert outcome in ("promoted", "rolled_back", "failed"), outcome
        assert set(kinds) & {"Model Promoted", "Model Rolled Back", "Rollback Not Verified", "Run Failed"}, kinds
        if outcome == "rolled_back":
            assert cloud.package(run_id) == "Rejected"
        release = next((each for each in cloud.executions.values() if each.name == f"{run_id}-release"), None)
        seen = release and {"Verify Promotion", "Back How?"} & set(release.trail)
        if release and seen and release.status != "ABORTED" and any(arn == release.arn for arn, _ in cloud.changes):
            # it was seen by users, or nearly: it is the champion (or was), or it is not to be used again
            promoted = "Model Promoted" in kinds
            assert promoted or cloud.package(run_id) == "Rejected" or "Rollback Not Verified" in kinds, release.trail
        if outcome == "promoted" and cloud.champion and cloud.champion.run_id == run_id:
            assert cloud.package(run_id) == "Approved"
        ends = [
            fault for caller, name, fault in cloud.invoked if name == "complete_release" and f":{run_id}-" in caller
        ]
        if "crash" not in ends:
            # a function that dies after it told people tells them again
            for kind in ("Model Rolled Back", "Rollback Not Verified", "Model Promoted"):
                assert kinds.count(kind) <= 1, kinds

    def _rollback_ended(self, rollback: Execution) -> None:
        lock = self.cloud.world.ledger.lock(PROJECT, of=ENDPOINT)
        assert lock is None or lock["run_id"] != rollback.name, "the endpoint's lock of a rollback that is over"


def run(examples: int, machine: type[Releases] = Releases, **changes: Any) -> None:
    """`examples` runs of STEPS steps each."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        **changes,
    )
    # each run has all its steps; without it a third of them would end early
    run_state_machine_as_test(machine, settings=chosen, _min_steps=STEPS)
