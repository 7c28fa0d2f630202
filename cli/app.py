"""The `sluice` command: one file per subcommand in cli/commands, all of them registered here."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from cli.commands import (
    approve,
    check,
    cost,
    drill,
    drop,
    follow,
    init,
    quarantine,
    register,
    reject,
    remove_endpoint,
    remove_project,
    retrain,
    runs,
    schema,
    status,
    wake,
    why,
    withdraw,
)
from cli.connection import Connection
from cli.errors import CliError
from cli.text import say
from sluice.errors import SluiceError

COMMANDS: tuple[ModuleType, ...] = (
    init,
    check,
    schema,
    cost,
    register,
    drop,
    quarantine,
    follow,
    status,
    runs,
    why,
    approve,
    reject,
    retrain,
    withdraw,
    drill,
    remove_endpoint,
    wake,
    remove_project,
)
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


def parser() -> argparse.ArgumentParser:
    """Each command module has NAME, HELP, `configure(parser)` and `run(options, connection)`."""
    top = argparse.ArgumentParser(prog="sluice", description="A file dropped into S3 becomes a guarded model.")
    stack = os.environ.get("SLUICE_STACK", "sluice")
    top.add_argument("--stack", default=stack, help="the CloudFormation stack (default: %(default)s)")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        one = commands.add_parser(module.NAME, help=module.HELP, description=module.__doc__)
        # also behind the command; SUPPRESS, so that its absence does not undo the one before
        one.add_argument("--stack", default=argparse.SUPPRESS, help="the CloudFormation stack")
        module.configure(one)
        one.set_defaults(run=module.run)
    return top


def main(arguments: Sequence[str] | None = None, connect: Callable[[str], Connection] = Connection) -> int:
    """Runs one command; 0 when it did what it says, 1 with a message when not, 2 for a wrong command line."""
    options = parser().parse_args(arguments)
    connection = connect(options.stack)
    try:
        return int(options.run(options, connection) or 0)
    except (CliError, SluiceError) as error:
        return _fail(str(error))
    except NoCredentialsError:
        return _fail("no AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    except NoRegionError:
        return _fail("no AWS region is set; set AWS_REGION")
    except EndpointConnectionError as error:
        return _fail(f"AWS cannot be reached: {error}. Is AWS_ENDPOINT_URL right, and is the local cloud running?")
    except ClientError as error:
        return _fail(_explained(error))
    except BotoCoreError as error:
        return _fail(f"the call to AWS failed: {error}")
    except BrokenPipeError:
        # the reader (head, less) has gone; without this the interpreter complains once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("stopped; what runs in the cloud goes on")


def _explained(error: ClientError) -> str:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "")
    if code in _BAD_CREDENTIALS:
        return f"AWS does not accept the credentials ({code}): sign in again, or set AWS_PROFILE to another profile"
    if code in _DENIED:
        return f"your identity may not do this ({error.operation_name}): {message}"
    return f"{error.operation_name} failed: {code}: {message}"


def _fail(message: str) -> int:
    say(f"sluice: {message}", file=sys.stderr)
    return 1
