"""The projects: contracts that are not registered, endpoints that are gone, schedules that are off."""

from __future__ import annotations

from cli.connection import Connection, described
from cli.doctor.finding import Finding, failed, passed, warned
from cli.outcomes import misplaced_lines
from cli.text import plural
from sluice import keys, names
from sluice.bootstrap import World
from sluice.model.shortening import listed


def contracts(connection: Connection) -> list[Finding]:
    """Every project.yaml in the bucket is the registered one, and none lies where nothing is read."""
    world = connection.world
    registered = world.ledger.projects()
    findings = [
        each
        for stored in world.objects.list("projects/")
        if stored.key == keys.contract(project := keys.project_of(stored.key))
        for each in _registered(world, project)
    ]
    if lost := misplaced_lines(world, kind="contract"):
        findings += warned("contracts", f"not read: {listed(lost, 3, between='; ')}", "sluice register project.yaml")
    if not registered and not findings:
        return warned("contracts", "no project is registered", "sluice init FILE, then sluice register project.yaml")
    return findings or passed("contracts", f"{plural(len(registered), 'project')} registered as in the bucket")


def _registered(world: World, project: str) -> list[Finding]:
    known, version = world.ledger.contract(project), world.objects.version(keys.contract(project))
    if known and known[1] == version:
        return []
    what = "is not registered" if known is None else "was changed, and the change is not registered"
    return failed(
        "contracts",
        f"{keys.contract(project)} {what}",
        f"see the alert `Contract Refused`; correct it, then sluice register project.yaml (project {project})",
    )


def endpoints(connection: Connection) -> list[Finding]:
    """The endpoint of each serving model is there and in service."""
    world, findings, count = connection.world, [], 0
    for project in world.ledger.projects():
        champion = world.ledger.champion(project)
        if champion is None or champion.serving == "asleep":
            continue
        count += 1
        endpoint = world.models.endpoint(champion.endpoint)
        if endpoint is None:
            findings += failed(
                "endpoints", f"{champion.endpoint} of {project} does not exist", f"sluice wake {project}"
            )
        elif endpoint.status in ("Failed", "OutOfService", "UpdateRollbackFailed"):
            why = f": {endpoint.failure}" if endpoint.failure else ""
            fix = f"sluice status {project}; then sluice rollback {project} --reason …, or sluice wake {project}"
            findings += failed("endpoints", f"{champion.endpoint} of {project} is {endpoint.status}{why}", fix)
    return findings or passed("endpoints", f"{plural(count, 'endpoint')} awake and there")


def schedules(connection: Connection) -> list[Finding]:
    """The monitor's schedule of each project that serves; it measures drift and quality."""
    world, scheduler, findings = connection.world, connection.client("scheduler"), []
    for project in world.ledger.projects():
        if world.ledger.champion(project) is None:
            continue
        name = names.monitor_schedule(world.settings.stack, project)
        found = described(scheduler.get_schedule, Name=name)
        if not found:
            fix = f"sluice retrain {project} --reason …: the next promotion makes it again"
            findings += failed("schedules", f"{name} does not exist: {project} is not monitored", fix)
        elif found.get("State") == "DISABLED":
            command = f"aws scheduler update-schedule --name {name} --state ENABLED"
            fix = f"enable it: {command}, with the settings that get-schedule shows"
            findings += failed("schedules", f"{name} is disabled: {project} is not monitored", fix)
    return findings or passed("schedules", "every serving project is monitored")
