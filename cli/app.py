"""The `sluice` command: one file per subcommand in cli/commands, all of them registered here."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import ModuleType

import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from cli.commandline import Connect, Stopped, application
from cli.commands import (
    accept_drift,
    annotate,
    approve,
    ask,
    batch,
    check,
    cloud,
    compare,
    console,
    cost,
    doctor,
    down,
    drill,
    drop,
    end_fault,
    env,
    export,
    follow,
    init,
    label,
    lineage,
    quarantine,
    redrive,
    register,
    reject,
    remove_endpoint,
    remove_project,
    report,
    responses,
    retrain,
    rollback,
    runs,
    schema,
    status,
    track,
    up,
    wake,
    watch,
    why,
    withdraw,
)
from cli.connection import Connection
from cli.errors import NO_REGION, CliError, CommandError, WrongCommandLine
from cli.options import INTERRUPTED, REFUSED, USAGE
from cli.text import print_whatever_comes, say
from sluice.errors import SluiceError

COMMANDS: tuple[ModuleType, ...] = (
    init,
    check,
    schema,
    cost,
    doctor,
    up,
    down,
    cloud,
    env,
    register,
    drop,
    quarantine,
    redrive,
    watch,
    follow,
    status,
    console,
    runs,
    why,
    compare,
    lineage,
    responses,
    report,
    export,
    track,
    approve,
    reject,
    ask,
    label,
    annotate,
    batch,
    rollback,
    retrain,
    withdraw,
    accept_drift,
    end_fault,
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


def main(arguments: Sequence[str] | None = None, connect: Connect = Connection) -> int:
    """Runs one command. Returns 0 when it did what it says, 1 with a message when not, 2 for a wrong command line.

    `watch` has more codes.
    """
    app = application(COMMANDS, connect, os.environ.get("SLUICE_STACK") or "sluice")
    command = typer.main.get_command(app)
    print_whatever_comes()
    try:
        command.main(args=None if arguments is None else list(arguments), prog_name="sluice")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else USAGE if ended.code else 0
    except WrongCommandLine as error:
        _fail(str(error))
        return USAGE
    except (CliError, SluiceError, CommandError) as error:
        return _fail(str(error))
    except NoCredentialsError:
        return _fail(
            "no AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. For the "
            'local cloud run `eval "$(sluice env)"`'
        )
    except NoRegionError:
        return _fail(NO_REGION)
    except (ProfileNotFound, InvalidRegionError) as error:
        return _fail(f"{str(error).rstrip('.')}: correct AWS_PROFILE or AWS_REGION; `sluice doctor` checks the setup")
    except EndpointConnectionError as error:
        return _fail(f"AWS cannot be reached: {error}. Is AWS_ENDPOINT_URL right, and is the local cloud running?")
    except ClientError as error:
        return _fail(_explained(error))
    except BotoCoreError as error:
        return _fail(f"the call to AWS failed: {str(error).rstrip('.')}. Try again; `sluice doctor` checks the setup")
    except ValueError as error:
        if not str(error).startswith("Invalid endpoint"):  # botocore has no class of its own for it
            raise
        return _fail(
            f"{str(error).lower()}. AWS_ENDPOINT_URL, or the profile's endpoint_url, is an address such as "
            'http://127.0.0.1:4566; `eval "$(sluice env --unset)"` unsets it'
        )
    except BrokenPipeError:
        # the reader (head, less) has gone; without this the interpreter complains once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except OSError as error:
        return _fail(_of_file(error))
    except Stopped:
        say("sluice: stopped; runs in the cloud continue", file=sys.stderr)
        return INTERRUPTED
    return 0


def _explained(error: ClientError) -> str:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "")
    if code in _BAD_CREDENTIALS:
        return f"AWS does not accept the credentials ({code}): sign in again, or set AWS_PROFILE to another profile"
    if code in _DENIED:
        return (
            f"your identity may not do this ({error.operation_name}): {message}. Set AWS_PROFILE to an identity that "
            f"may, or ask for the permission"
        )
    return f"{error.operation_name} failed: {code}: {message}. `sluice doctor` checks the setup"


def _of_file(error: OSError) -> str:
    """What the machine did not allow: a disk that is full, a path that cannot be written."""
    what = error.strerror or str(error)
    if error.filename is None:
        return f"this machine did not allow it: {what}. `sluice doctor` checks the setup"
    return f"{error.filename} cannot be read or written: {what}. Give another path, or change what prevents it"


def _fail(message: str) -> int:
    say(f"sluice: {message}", file=sys.stderr)
    return REFUSED
