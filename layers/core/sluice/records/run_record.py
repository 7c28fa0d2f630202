"""A run's record in the state store: how far it is, what was decided, which alerts were sent.

Each step writes its own facts (`RunFacts`, with the members that it sets); `RunRecord` is what they add up to.
"""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from sluice.records.record import Record


class GateDecision(Record):
    decision: str
    reasons: list[str]


class StageDecision(Record):
    """The latest decision of the replay, of the judge or of the bandit."""

    decision: str
    reasons: list[str]
    inconclusive: bool = False
    result: str | None = None
    """The replay's decision for people; None in records of older runs, and of the other stages."""
    no_traffic: str | None = None
    """What the contract wants of a release without live requests."""
    percent: int | None = None
    replayed: int | None = None


class Approval(Record):
    """The wait for a person's decision, and the decision."""

    package_arn: str
    token: str = ""
    requested_at: str | None = None
    decision: str | None = None
    reason: str | None = None
    decided_at: str | None = None


class AbortRequest(Record):
    reason: str
    at: str | None = None
    by: str | None = None


class StartedRelease(Record):
    mode: str
    endpoint: str | None = None
    package_arn: str | None = None


class RolledBack(Record):
    """A rollback after the promotion."""

    reason: str
    verified: bool
    failures: list[str] | None = None
    at: str | None = None
    """Absent in older records."""


class RunFacts(Record):
    """What may be known of a run. A step makes one of the members that it knows."""

    trigger: str | None = None
    reason: str | None = None
    datasets: list[str] | None = None
    contract_version: str | None = None
    champion: str | None = None
    """The run whose model a drill exercises."""
    status: str | None = None
    execution_arn: str | None = None
    data: dict[str, Any] | None = None
    """What became of the accepted rows: `sluice.store.prepared_data`."""
    warm_start_refused: str | None = None
    """Why SageMaker refused to start the search from the earlier run: it then started from scratch."""
    gates: GateDecision | None = None
    suspected_leaks: list[str] | None = None
    """What the leakage alarm suspects, a sentence each."""
    without_leaks: list[str] | None = None
    """Lines for people: what to paste so that the next run leaves the suspected columns out."""
    few_trials: str | None = None
    """A sentence if the search's budget was too short."""
    report: str | None = None
    """Address of the evaluation's report; absent if none could be written."""
    release_report: str | None = None
    """Address of the release's report; absent where none was written."""
    package_arn: str | None = None
    artifact_uri: str | None = None
    artifact_sha256: str | None = None
    approval: Approval | None = None
    release: StartedRelease | None = None
    replay: StageDecision | None = None
    canary: StageDecision | None = None
    bandit: StageDecision | None = None
    bake_token: str | None = None
    """Ends the release's wait, when there is one."""
    abort_requested: AbortRequest | None = None
    told_of_hold: bool | None = None
    release_outcome: str | None = None
    release_told: str | None = None
    rollback_verified: bool | None = None
    overcome: list[str] | None = None
    """Failures after which the promotion went on."""
    reasons: list[str] | None = None
    rolled_back: RolledBack | None = None
    pending: list[str] | None = None
    pending_reason: str | None = None
    pending_forwarded: bool | None = None
    outcome: str | None = None
    ended_at: str | None = None
    error: dict[str, str] | None = None
    finished: bool | None = None

    @field_validator("abort_requested", mode="before")
    @classmethod
    def _by_a_person(cls, value: Any) -> Any:
        """A person may set anything in the table to ask for an abort."""
        if not value or isinstance(value, AbortRequest):
            return value or None
        return value if isinstance(value, dict) and value.get("reason") else {"reason": "by a person"}

    def set_facts(self) -> dict[str, Any]:
        """The members that were given, as JSON: what the state store merges into the record."""
        return self.model_dump(mode="json", exclude_unset=True)


class RunRecord(RunFacts):
    run_id: str
    started_at: str
