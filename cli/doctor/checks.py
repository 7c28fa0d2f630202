"""All checks in their order, and how they are run: what rests on something that failed is not asked."""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from cli.connection import Connection
from cli.doctor import access, machine, projects, resources
from cli.doctor.finding import Finding, warned
from cli.errors import CliError
from sluice.errors import SluiceError

Check = Callable[[Connection], list[Finding]]
FIRST: tuple[Check, ...] = (machine.python, machine.environments, access.region, access.credentials, access.stack)
"""The later ones rest on these."""
THEN: tuple[Check, ...] = (
    resources.bucket,
    resources.table,
    resources.subscriptions,
    resources.dead_letters,
    resources.rules,
    resources.alarms,
    projects.contracts,
    projects.endpoints,
    projects.schedules,
)
CHECKS = (*FIRST, *THEN)


def findings(connection: Connection) -> tuple[list[Finding], list[str]]:
    """(findings, names of checks that were not made because region, credentials or stack failed)."""
    found: list[Finding] = []
    for place, check in enumerate(CHECKS):
        blocking = [
            each for each in found if each.status == "FAIL" and each.check in ("region", "credentials", "stack")
        ]
        if blocking:
            return found, [_name(each) for each in CHECKS[place:]]
        found += _made(check, connection)
    return found, []


def _made(check: Check, connection: Connection) -> list[Finding]:
    try:
        return check(connection)
    except (ClientError, BotoCoreError, CliError, SluiceError) as error:
        told = str(error).splitlines()[0]
        return warned(_name(check), f"could not be checked: {told}", "set AWS_PROFILE to an identity that may read it")


def _name(check: Check) -> str:
    return check.__name__.replace("_", " ")
