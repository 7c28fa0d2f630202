"""Every static check of the application, the cheap ones first.

`python -m proofs.checks` prints what they find, says on stderr how long each takes, and exits with 1 on a finding.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from proofs import (
    alarm_stories,
    api_calls,
    asl,
    asl_validator,
    cloudformation,
    dataflow,
    events,
    expressions,
    failures,
    handlers,
    iam,
    metrics,
    payload_types,
    payloads,
    policies,
    ports,
    posture,
    references,
    schemas,
    stores,
    substitutions,
    task_permissions,
    time_limits,
    trust,
    variables,
    wires,
)
from proofs.project import Finding, Project


@dataclass(frozen=True)
class Check:
    """`looks_at`: the fields of a Project that it reads; a mutant of another field need not be shown to it."""

    name: str
    findings: Callable[[Project], list[Finding]]
    looks_at: frozenset[str]
    proves: str


def _check(name: str, findings: Callable[[Project], list[Finding]], looks_at: str, proves: str) -> Check:
    return Check(name, findings, frozenset(looks_at.split()), proves)


CHEAP: tuple[Check, ...] = (
    _check("asl", asl.findings, "definitions", "fields, targets, ways out, errors, one query language"),
    _check("expressions", expressions.findings, "definitions", "JSONata parses; variables are assigned on every way"),
    _check("failures", failures.findings, "definitions", "a failure's reason reaches somebody on every way"),
    _check("substitutions", substitutions.findings, "source definitions", "declared, used, the right kind"),
    _check("payloads", payloads.findings, "source definitions code", "what functions are given is what they take"),
    _check("payload types", payload_types.findings, "source definitions code", "what machines read of payloads exists"),
    _check("api calls", api_calls.findings, "definitions", "botocore's models take every call of a Task"),
    _check("events", events.findings, "source", "recorded events start what they should and nothing else"),
    _check("handlers", handlers.findings, "source code", "handlers, imports, layers, runtimes"),
    _check("ports", ports.findings, "source code", "what a role grants is what its step's ports stand for"),
    _check("variables", variables.findings, "source code", "functions are told the settings that they read"),
    _check("references", references.findings, "source", "Ref, GetAtt, Sub: exist, and are of the right kind"),
    _check("trust", trust.findings, "source", "each role is taken by the service that uses it"),
    _check("metrics", metrics.findings, "source", "alarms and dashboards look at what is published"),
    _check("alarm stories", alarm_stories.findings, "source", "each alarm goes into ALARM, stays OK, and comes back"),
    _check("wires", wires.findings, "source definitions code", "what deploys and leads nowhere, seen from both ends"),
    _check("time limits", time_limits.findings, "source definitions", "who waits, waits as long as it may take"),
    _check("policies", policies.findings, "source", "actions exist, on resources that they take"),
    _check("schemas", schemas.findings, "source", "the registry's schemas take every resource, values resolved"),
    _check("task permissions", task_permissions.findings, "source definitions", "roles may do what their Tasks need"),
    _check("posture", posture.findings, "source", "keys and their grants, TLS, logs, versions, tags, SourceAccount"),
    _check("stores", stores.findings, "source", "bucket and table are as the code uses them"),
    _check("iam", iam.findings, "source", "recorded calls allowed, no action in vain, forbidden calls denied"),
    _check(
        "dataflow", dataflow.findings, "source definitions code", "expressions, evaluated on every way, fill each call"
    ),
)
COSTLY: tuple[Check, ...] = (
    _check("asl-validator", asl_validator.findings, "definitions", "asl-validator, and JSONata's reference parser"),
    _check("cfn-lint", cloudformation.findings, "source definitions", "cfn-lint, on both sides of SAM's transform"),
)
EVERY = (*CHEAP, *COSTLY)


def main() -> int:
    project = Project.load()
    found = 0
    for check in EVERY:
        begun = time.perf_counter()
        for finding in check.findings(project):
            print(finding)
            found += 1
        print(f"{check.name}: {time.perf_counter() - begun:.2f} s", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
