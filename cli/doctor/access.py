"""The way to AWS: region, credentials, and the stack with its outputs."""

from __future__ import annotations

from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, PartialCredentialsError

from cli.connection import Connection
from cli.doctor.finding import Finding, failed, passed, warned
from cli.errors import CliError
from cli.target import is_local

_LOCAL = 'for the local cloud: eval "$(sluice env)"'


def region(connection: Connection) -> list[Finding]:
    if not connection.known:
        return failed("region", "no AWS region is set", f"export AWS_REGION=eu-west-1; {_LOCAL}")
    return passed("region", str(connection.client("sts").meta.region_name))


def credentials(connection: Connection) -> list[Finding]:
    """Whether AWS, or the local cloud, takes them."""
    sts = connection.client("sts")
    where = str(sts.meta.endpoint_url)
    try:
        who = sts.get_caller_identity()
    except (NoCredentialsError, PartialCredentialsError):
        return failed("credentials", "none were found", f"export AWS_PROFILE=…, or aws sso login; {_LOCAL}")
    except EndpointConnectionError:
        if is_local(where):
            return failed(
                "credentials", f"no local cloud answers at {where}", 'make cloud, or: eval "$(sluice env --unset)"'
            )
        return failed("credentials", f"{where} cannot be reached", "check the network and AWS_ENDPOINT_URL")
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        return failed("credentials", f"AWS does not accept them ({code})", "aws sso login, or export AWS_PROFILE=…")
    return passed("credentials", f"{who['Arn']} at {where}")


def stack(connection: Connection) -> list[Finding]:
    """Deployed, with all outputs, and not left half-way by a failed update."""
    try:
        outputs = connection.outputs
    except CliError as error:
        return failed(
            "stack", str(error).split(". ")[0], "make build && .venv/bin/sam deploy; another one: --stack NAME"
        )
    (found,) = connection.client("cloudformation").describe_stacks(StackName=connection.stack)["Stacks"]
    status = str(found["StackStatus"])
    if status.endswith("_FAILED"):
        return failed("stack", f"{connection.stack} is {status}", _events(connection))
    if "ROLLBACK" in status or status.endswith("_IN_PROGRESS"):
        return warned("stack", f"{connection.stack} is {status}: its last update is not in force", _events(connection))
    return passed("stack", f"{connection.stack} is {status}, with {len(outputs)} outputs")


def _events(connection: Connection) -> str:
    return f"aws cloudformation describe-stack-events --stack-name {connection.stack}, then deploy again"
