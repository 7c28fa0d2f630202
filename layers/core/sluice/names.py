"""Deterministic names within AWS's limits, so that a retry finds the same job."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from sluice.errors import InputError

ENDPOINT_LIMIT = 63
TUNING_LIMIT = 32
EXECUTION_LIMIT = 80
REPLAYED = "replay-"
"""Beginning of the inference id of a request that Sluice sent itself: nobody's traffic."""


def digest(*parts: str, length: int = 12) -> str:
    """The first `length` hex digits of SHA-256 over the parts, each ended by a NUL."""
    joined = "".join(f"{part}\0" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:length]


def dataset_id(bucket: str, key: str, version_id: str) -> str:
    """Identity of an arrival: one object version, however often its event comes."""
    return hashlib.sha256(f"{bucket}/{key}@{version_id}".encode()).hexdigest()[:16]


def run_id(project: str, contract_version: str, dataset_ids: Iterable[str], salt: str = "") -> str:
    """Identity of a run: the same inputs give the same run; `salt` tells a retraining on the same data apart."""
    return "r" + digest(project, contract_version, salt, *sorted(dataset_ids))


def bounded(text: str, limit: int) -> str:
    """`text` as an AWS resource name of at most `limit` characters: cut and hashed when it is longer."""
    clean = re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-")
    if not clean:
        raise InputError(f"no resource name can be made of {text!r}")
    if len(clean) <= limit:
        return clean
    return f"{clean[: limit - 9].rstrip('-')}-{digest(clean, length=8)}"


def endpoint(stack: str, project: str) -> str:
    return bounded(f"{stack}-{project}", ENDPOINT_LIMIT)


def variant(run: str) -> str:
    return f"v-{run}"


def model(stack: str, project: str, run: str) -> str:
    return bounded(f"{stack}-{project}-{run}", ENDPOINT_LIMIT)


def endpoint_config(stack: str, project: str, run: str, kind: str) -> str:
    """`kind` is `only` (one variant) or `canary` (champion and challenger)."""
    return bounded(f"{stack}-{project}-{run}-{kind}", ENDPOINT_LIMIT)


def job(stack: str, project: str, run: str, kind: str) -> str:
    return bounded(f"{stack}-{project}-{run}-{kind}", ENDPOINT_LIMIT)


def tuning_job(stack: str, run: str) -> str:
    """Without the project, which the tags name: policies recognise the stack's jobs by their prefix, and 32
    characters are few."""
    return bounded(f"{stack}-{run}-t", TUNING_LIMIT)


def execution(project: str, run: str) -> str:
    return bounded(f"{project}-{run}", EXECUTION_LIMIT)


def package_group(stack: str, project: str) -> str:
    return bounded(f"{stack}-{project}", ENDPOINT_LIMIT)


def monitor_schedule(stack: str, project: str) -> str:
    return bounded(f"{stack}-{project}-monitor", 64)


def retrain_schedule(stack: str, project: str) -> str:
    return bounded(f"{stack}-{project}-retrain", 64)


def tags(stack: str, project: str, run: str = "") -> list[dict[str, str]]:
    """What AWS bills by, on everything that is made at run time; the template's resources have `sluice:part`."""
    values = {"sluice:stack": stack, "sluice:project": project} | ({"sluice:run": run} if run else {})
    return [{"Key": key, "Value": value} for key, value in values.items()]


def alarm(stack: str, project: str, *parts: str) -> str:
    """`<stack>/<project>/…`: respond_to_alarm reads the project and the kind back from it."""
    return "/".join((stack, project, *parts))
