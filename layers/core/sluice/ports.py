"""The boundaries: what a function may use of the outside, one interface each, and asks for by its name.

`sluice.aws` implements them on AWS, testing/fakes in memory. `sluice.bootstrap` gives them to the functions that name
them. Both implementations pass the same tests (tests/contract). All times are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True)
class StoredObject:
    key: str
    size: int
    modified: datetime
    version_id: str | None = None
    etag: str = ""
    """Set in a listing; it differs if the content differs."""


class ObjectStore(Protocol):
    """The data bucket."""

    @property
    def bucket(self) -> str: ...

    def uri(self, key: str) -> str:
        """`s3://bucket/key`."""

    def read(self, key: str, version_id: str | None = None) -> bytes:
        """Raises NotFoundError."""

    def download(self, key: str, path: Path, version_id: str | None = None) -> None:
        """Streams the object to `path`. Raises NotFoundError."""

    def chunks(
        self, key: str, version_id: str | None = None, start: int = 0, end: int | None = None
    ) -> Generator[bytes, None, None]:
        """The object's bytes from `start` up to `end`, range by range; all are of one version. Raises NotFoundError."""

    def write(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None: ...

    def upload(self, path: Path, key: str, content_type: str = "application/octet-stream") -> None: ...

    def write_chunks(self, key: str, chunks: Iterable[bytes], content_type: str = "application/octet-stream") -> None:
        """Writes the object from a stream; some megabytes of it are in memory."""

    def copy(self, key: str, to: str, version_id: str | None = None) -> None:
        """Within the bucket, without the object's tags. Raises NotFoundError."""

    def exists(self, key: str) -> bool: ...

    def version(self, key: str) -> str | None:
        """Version id of the newest version; None when there is no such object."""

    def list(self, prefix: str) -> list[StoredObject]:
        """All objects below `prefix`, by key."""


@dataclass(frozen=True)
class Champion:
    """The model that serves a project."""

    run_id: str
    variant: str
    endpoint: str
    endpoint_config: str
    model: str
    package_arn: str
    promoted_at: datetime
    probation_until: datetime
    previous: Json | None = None
    metrics: Json = field(default_factory=dict)
    serving: str = "awake"
    """`asleep`: its endpoint was idle and is deleted on purpose. `missing`: it is gone or broken, and people know."""
    anchor: Json | None = None
    """`{"run_id", "artifact_uri"}` of the best champion so far; None: this one, or one of before anchors."""


RUN, ENDPOINT = "run", "endpoint"
"""A project's two locks: of the current run, and of the process that changes its endpoint (a release, a rollback,
a drill)."""


class Ledger(Protocol):
    """State and history, in one table, changed by conditional writes."""

    def save_contract(self, project: str, contract: Json, version_id: str) -> None: ...

    def contract(self, project: str) -> tuple[Json, str] | None:
        """The registered contract as JSON and its S3 version id."""

    def projects(self) -> list[str]: ...

    def claim_arrival(self, bucket: str, key: str, version_id: str, now: datetime, lease: timedelta) -> bool:
        """True if the caller may process this object version: it is unclaimed, or its claim is older than `lease`."""

    def record_arrival(self, bucket: str, key: str, version_id: str, record: Json) -> bool:
        """Writes the terminal record of an object version once. False when there was one already."""

    def arrival(self, bucket: str, key: str, version_id: str) -> Json | None: ...

    def add_dataset(
        self, project: str, dataset_id: str, accepted_at: datetime, facts: Json, record: Json | None = None
    ) -> None:
        """Lists an accepted dataset once. `record`: the terminal record that its upload is going to have."""

    def add_correction(
        self, project: str, dataset_id: str, accepted_at: datetime, facts: Json, record: Json, lines_of: str, after: int
    ) -> bool:
        """Lists a dataset of corrected rows, with its terminal `record`, in one write.

        False, and nothing is written, unless exactly `after` corrections of the dataset `lines_of` are listed: of two
        at the same instant, the second has to judge its rows again.
        """

    def judged(self, project: str, dataset_id: str) -> Json | None:
        """The `record` of a dataset that is listed, or else its facts; None for a dataset that is not listed."""

    def first_with_content(self, project: str, sha256: str, dataset_id: str, key: str) -> Json:
        """`{"dataset_id", "key"}` of the first dataset that was named here with this content: this one, or another."""

    def same_content(self, project: str, sha256: str) -> Json | None:
        """What `first_with_content` gave first for this content; None if it was not asked yet."""

    def datasets(self, project: str) -> list[Json]:
        """Accepted datasets in order of acceptance; each has `dataset_id`, `accepted_at` (ISO) and its facts.

        A withdrawn one has `withdrawn_at` (ISO) and `withdrawn_because` as well.
        """

    def withdraw_dataset(self, project: str, dataset_id: str, at: datetime, reason: str) -> bool:
        """Marks a dataset as withdrawn, permanently. False if it was withdrawn before. Raises NotFoundError."""

    def add_ignored(self, project: str, at: datetime, facts: Json) -> None:
        """Counts an object that is not a data file; `facts` has its `key` and `what` it is. Each key counts once."""

    def ignored(self, project: str) -> list[Json]:
        """What was ignored: `key`, `what`, and `at` of its first arrival."""

    def acquire_lock(self, project: str, run_id: str, now: datetime, of: str = RUN) -> bool:
        """True when `run_id` now holds (or already held) the project's lock `of` the run or the endpoint."""

    def lock(self, project: str, of: str = RUN) -> Json | None:
        """`{"run_id", "acquired_at", "pending": [dataset ids], "pending_reason"}` of the lock's holder."""

    def add_pending(self, project: str, dataset_id: str, reason: str) -> bool:
        """Notes an arrival during a run. False when no run holds the lock (any more).

        Of thousands of datasets the first ones are named: the run that they ask for takes every accepted dataset.
        """

    def release_lock(self, project: str, run_id: str, of: str = RUN) -> Json | None:
        """Frees the lock if `run_id` holds it; gives the lock's last content, None when it was not held by it."""

    def champion(self, project: str) -> Champion | None: ...

    def set_champion(self, project: str, champion: Champion, expected_run_id: str | None) -> None:
        """Raises ConflictError when the champion is not that of `expected_run_id` (None: there is none yet)."""

    def start_run(self, project: str, run_id: str, started_at: datetime, facts: Json) -> bool:
        """False when the run has a record already."""

    def update_run(self, project: str, run_id: str, facts: Json) -> None:
        """Merges `facts` into the run's record. Raises NotFoundError."""

    def run(self, project: str, run_id: str) -> Json | None: ...

    def runs(self, project: str) -> list[Json]:
        """Newest first."""

    def add_response(self, project: str, at: datetime, facts: Json) -> None:
        """An alarm response, for cool-down and the weekly limit."""

    def responses(self, project: str, since: datetime) -> list[Json]:
        """Oldest first; each has `at` (ISO) and its facts."""


class Alerts(Protocol):
    """SNS."""

    def publish(self, kind: str, project: str, subject: str, message: str, facts: Json | None = None) -> None:
        """`kind` is one of docs/alerts.md's: `Dataset Accepted`, `Dataset Quarantined`, `Model Promoted`, …"""

    def subscribe(self, project: str, addresses: Sequence[str]) -> None:
        """Sends the project's alerts to email addresses, beside what they get already. The same again does nothing.

        Raises InputError with the address that SNS refuses.
        """


class Events(Protocol):
    """The stack's event bus."""

    def put(self, detail_type: str, detail: Json) -> None: ...


@dataclass(frozen=True)
class Metric:
    name: str
    value: float
    unit: str = "None"
    dimensions: Mapping[str, str] = field(default_factory=dict)


class Metrics(Protocol):
    """CloudWatch metrics."""

    def put(self, metrics: Sequence[Metric]) -> None:
        """Into the namespace `Sluice`."""

    def variant_sum(self, endpoint: str, variant: str, name: str, start: datetime, end: datetime) -> float:
        """Sum of an `AWS/SageMaker` metric of one variant; 0 when there are no data."""

    def variant_latency(
        self, endpoint: str, variant: str, start: datetime, end: datetime, percentile: float
    ) -> float | None:
        """Percentile of ModelLatency in milliseconds; None when there are no data."""

    def variant_seconds(self, endpoint: str, variant: str, start: datetime, end: datetime) -> float:
        """Seconds for which the variant's machines reported how they are, in whole minutes: the rest is unknown."""


@dataclass(frozen=True)
class Alarm:
    """A CloudWatch metric alarm. `period` in seconds; `missing` is a TreatMissingData value.

    With `share_of`, a metric beside `metric`, it is the sum of the one over the sum of the other that is compared, and
    0 while `metric` sums up to less than `at_least`.
    """

    name: str
    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    comparison: str
    threshold: float
    period: int = 60
    evaluation_periods: int = 1
    datapoints: int = 1
    missing: str = "notBreaching"
    share_of: str | None = None
    at_least: float = 0.0


class Alarms(Protocol):
    def put(self, alarm: Alarm) -> None: ...

    def put_any(self, name: str, description: str, children: Sequence[str]) -> None:
        """A composite alarm that is in ALARM while any of `children` is."""

    def delete(self, names: Iterable[str]) -> None:
        """Absent ones are deleted already. A composite goes before its children."""

    def states(self, names: Iterable[str]) -> dict[str, str]:
        """Alarm name → OK | ALARM | INSUFFICIENT_DATA; absent alarms are absent."""


@dataclass(frozen=True)
class VariantState:
    name: str
    weight: float
    desired_weight: float
    instances: int
    serverless: bool = False


@dataclass(frozen=True)
class EndpointState:
    name: str
    status: str
    config: str
    variants: tuple[VariantState, ...] = ()
    failure: str | None = None
    created: datetime | None = None


@dataclass(frozen=True)
class Variant:
    """A production variant of an endpoint configuration."""

    name: str
    model: str
    weight: float
    instance_type: str
    instance_count: int


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered. `status` is 200, the container's own when it failed, 0 without an answer in time."""

    status: int
    body: bytes
    variant: str | None = None
    content_type: str = "application/json"


class Models(Protocol):
    """SageMaker models, endpoint configurations and endpoints."""

    def ensure_model(self, name: str, artifact_uri: str, image: str, environment: Mapping[str, str]) -> None:
        """Creates the model unless it exists."""

    def ensure_endpoint_config(self, name: str, variants: Sequence[Variant], capture_uri: str, percent: int) -> None:
        """Creates the configuration unless it exists; requests and answers are captured below `capture_uri`."""

    def endpoint(self, name: str) -> EndpointState | None:
        """Raises EndpointBusyError when SageMaker does not say now (throttling): the caller asks again."""

    def scaled_variants(self, endpoint: str) -> list[str]:
        """Variants whose number of machines Application Auto Scaling changes."""

    def create_endpoint(self, name: str, config: str, project: str) -> None:
        """Unless there is one of that name."""

    def delete_endpoint(self, name: str) -> None:
        """Its models and configurations stay. One that is not there is deleted already."""

    def invoke(
        self,
        endpoint: str,
        body: bytes,
        content_type: str = "application/json",
        variant: str | None = None,
        inference_id: str | None = None,
    ) -> Answer:
        """One question, asked once. `variant` answers it whatever its weight; `inference_id` is kept in the capture.

        Raises NotFoundError when there is no such endpoint or variant.
        """


class Registry(Protocol):
    """The model registry."""

    def register(self, group: str, artifact_uri: str, image: str, facts: Mapping[str, str], approved: bool) -> str:
        """Creates the group if it is missing, and a package unless one with the same `run_id` fact exists.

        Returns the package's ARN.
        """

    def decide(self, package_arn: str, status: str, reason: str) -> None:
        """`status` is Approved or Rejected."""

    def package(self, package_arn: str) -> Json:
        """`{"status", "artifact_uri", "facts"}`. Raises NotFoundError."""


class Signer(Protocol):
    """The stack's signing key. Only the function that seals models may sign; who lets one act may verify."""

    @property
    def key(self) -> str:
        """The key's ARN."""

    def sign(self, message: bytes) -> bytes: ...

    def verify(self, message: bytes, signature: bytes) -> bool: ...


class Executions(Protocol):
    """Step Functions."""

    def start(self, machine_arn: str, name: str, payload: Json) -> str:
        """ARN of the execution; if one with the same name exists already, its ARN."""

    def succeed(self, token: str, output: Json) -> None: ...

    def fail(self, token: str, error: str, cause: str) -> None: ...


class Schedules(Protocol):
    """EventBridge Scheduler."""

    def ensure(self, name: str, expression: str, target_arn: str, payload: Json) -> None: ...

    def delete(self, name: str) -> None: ...


class Clock(Protocol):
    def now(self) -> datetime: ...


@dataclass(frozen=True)
class Settings:
    """What the template tells a function through its environment. Empty where a function does not need it."""

    stack: str = "sluice"
    bucket: str = ""
    table: str = ""
    topic_arn: str = ""
    bus: str = ""
    lifecycle_arn: str = ""
    rollback_arn: str = ""
    release_arn: str = ""
    batch_arn: str = ""
    parts_arn: str = ""
    monitor_function_arn: str = ""
    scheduler_role_arn: str = ""
    execution_role_arn: str = ""
    data_key_arn: str = ""
    image: str = ""
    frameworks_registry: str = ""
    source_uri: str = ""
    learn_uri: str = ""
    glue_script_uri: str = ""
    signing_key: str = ""
    scratch_mb: str = ""
    memory_mb: str = ""
    part_mb: str = ""
    dead_arrivals_arn: str = ""
