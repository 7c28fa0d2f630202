"""Runs the server until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import uvicorn

from cli.errors import CliError
from console.access import Access
from console.inbox import Inbox
from console.server import application
from console.source import Source, Stack

HOST = "127.0.0.1"


def serve(
    connection: Stack,
    port: int,
    *,
    opened: Callable[[str], None],
    read_only: bool = False,
    listen: bool = False,
    page: str = "/",
) -> None:
    """Calls `opened` with the address of `page` and its token.

    Raises CliError for a taken port, and what the connection does.
    """
    source = Source(connection)
    source.warm()
    with _listening(port) as listening:
        access = Access(int(listening.getsockname()[1]))
        # on a local cloud a queue costs nothing and ends with it
        inbox = Inbox(source, wanted=listen or (connection.target.account is None and not read_only))
        app = application(source, access, read_only=read_only, inbox=inbox)
        # one worker thread pool; no access log, whose lines would have the token
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, ws="none")
        opened(access.address(page))
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
        inbox.end()


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise CliError(
            f"port {port} of {HOST} cannot be used ({error.strerror}); choose another with --port"
        ) from error
    return listening
