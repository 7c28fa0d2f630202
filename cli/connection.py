"""A deployed stack, found by its CloudFormation outputs and reached through the product's own adapters.

The usual variables say where AWS is and who asks: AWS_PROFILE, AWS_REGION or AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID,
AWS_ENDPOINT_URL, ….
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError, NoRegionError

from cli.errors import NO_REGION, CliError
from cli.outcomes import misplaced_lines
from cli.target import Target, is_local
from sluice import bootstrap
from sluice.aws.clients import Clients, absent
from sluice.bootstrap import World
from sluice.contract import nearest
from sluice.model.shortening import listed
from sluice.ports import Json, Settings

OUTPUTS = {
    "bucket": "DataBucketName",
    "table": "TableName",
    "topic_arn": "AlertTopicArn",
    "bus": "BusName",
    "lifecycle_arn": "LifecycleArn",
    "rollback_arn": "RollBackArn",
    "release_arn": "ReleaseModelArn",
    "signing_key": "SigningKeyArn",
}


def region() -> str | None:
    """AWS_REGION, which boto3 does not read, else AWS_DEFAULT_REGION; None leaves it to the profile."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None


@dataclass
class Connection:
    """One stack. Nothing is asked of AWS before it is needed."""

    stack: str = "sluice"
    clients: Clients = field(default_factory=lambda: Clients(region()))

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs. Raises CliError when there is no such stack, or it is not a Sluice stack."""
        if not self.clients("cloudformation").meta.region_name:
            raise CliError(NO_REGION)  # an empty variable does not raise NoRegionError
        try:
            stacks = self.clients("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            stacks = []
        if not stacks:
            raise CliError(
                f"there is no stack {self.stack!r} in {self.where}. Deploy it from a clone with `make build` "
                "and `sam deploy`, or name yours with --stack. Do you mean the local cloud? Then `make cloud`, and "
                'in your shell `eval "$(sluice env)"`'
            )
        found = {item["OutputKey"]: item["OutputValue"] for item in stacks[0].get("Outputs", [])}
        lacking = [name for name in OUTPUTS.values() if name not in found]
        if lacking:
            raise CliError(
                f"stack {self.stack!r} ({stacks[0]['StackStatus']}) has no output {', '.join(lacking)}: it is not a "
                f"Sluice stack, or its deployment failed: deploy again (`make build`, `sam deploy`), or "
                "name yours with --stack"
            )
        return found

    @property
    def known(self) -> bool:
        """Whether anything says where AWS is; nothing is asked of it."""
        try:
            return bool(self.clients("cloudformation").meta.region_name)
        except NoRegionError:
            return False

    @property
    def where(self) -> str:
        meta = self.clients("cloudformation").meta
        return f"region {meta.region_name} ({meta.endpoint_url})"

    @cached_property
    def target(self) -> Target:
        """The cloud that this connection talks to. Asks AWS for the account, a local cloud for nothing."""
        sts = self.clients("sts")
        endpoint, name = str(sts.meta.endpoint_url), str(sts.meta.region_name)
        if is_local(endpoint):
            return Target(endpoint, name)
        return Target(endpoint, name, str(sts.get_caller_identity()["Account"]))

    @cached_property
    def world(self) -> World:
        """The stack's state, through the product's adapters."""
        chosen = Settings(stack=self.stack, **{name: self.outputs[output] for name, output in OUTPUTS.items()})
        return bootstrap.assemble(chosen, self.clients)

    def client(self, service: str) -> Any:
        """For the few calls that the product itself never makes."""
        return self.clients(service)


def known_project(world: World, project: str) -> str:
    """`project` when it has a contract. Raises CliError with the nearest name."""
    projects = world.ledger.projects()
    if project in projects:
        return project
    if lost := misplaced_lines(world, project, "contract"):
        raise CliError(
            f"there is no project {project!r}, because its contract is not read: {'; '.join(lost)}"
            ". Register it: `sluice register project.yaml`"
        )
    if not projects:
        raise CliError(
            f"there is no project {project!r}: none is registered yet. Register one with `sluice register project.yaml`"
        )
    hint = nearest(project, projects) or f"; known: {', '.join(projects)}"
    raise CliError(f"there is no project {project!r}{hint}. `sluice status` lists them")


def find_run(world: World, run_id: str, project: str | None = None) -> tuple[str, Json]:
    """Project and record of the run whose id is, or alone begins with, `run_id`. Raises CliError."""
    projects = [known_project(world, project)] if project else world.ledger.projects()
    every = [(name, record) for name in projects for record in world.ledger.runs(name)]
    found = [(name, record) for name, record in every if record["run_id"] == run_id]
    found = found or [(name, record) for name, record in every if record["run_id"].startswith(run_id.strip().lower())]
    where = f"project {project}" if project else "any project"
    if not found:
        if run_id in projects:
            newest = next((f"; its newest is {record['run_id']}" for name, record in every if name == run_id), "")
            raise CliError(f"{run_id!r} is a project: give one of its runs{newest}; `sluice runs {run_id}` lists them")
        hint = nearest(run_id, [record["run_id"] for _, record in every])
        raise CliError(f"there is no run {run_id!r} in {where}{hint}; `sluice runs {project or 'PROJECT'}` lists them")
    if len(found) > 1:
        several = listed([f"{record['run_id']} ({name})" for name, record in found], 5)
        raise CliError(
            f"{run_id!r} is the beginning of {len(found)} runs: {several}; give more of its characters, or --project"
        )
    return found[0]


def described(describe: Callable[..., Any], **name: str) -> Any:
    """What a Describe call of that name answers; None when the thing does not exist."""
    try:
        return describe(**name)
    except ClientError as error:
        if absent(error):
            return None
        raise
