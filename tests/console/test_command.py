"""`sluice console`: listens on the loopback interface alone, says where, and asks before it may write."""

from __future__ import annotations

import json
import socket
import urllib.request
from typing import Any

import pytest
import uvicorn

from cli.app import main
from cli.commands import console as command
from cli.demo.__main__ import keep
from cli.target import Target
from tests.console import recorded


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be served: (host, port, application), without serving it."""
    seen: list[Any] = []

    def run(self: uvicorn.Server, sockets: list[socket.socket]) -> None:
        seen.append((*sockets[0].getsockname(), self.config.app))

    monkeypatch.setattr(uvicorn.Server, "run", run)
    return seen


def sluice(capsys: pytest.CaptureFixture[str], *arguments: str, stack: Any = None) -> tuple[int, str, str]:
    code = main(arguments, lambda _: stack or recorded.stack())
    told = capsys.readouterr()
    return code, told.out, told.err


def test_it_prints_an_address_with_a_token_on_the_loopback_interface(ran: list[Any], capsys: Any):
    code, told, _ = sluice(capsys, "console")
    (host, port, _), *_ = ran
    assert (code, host) == (0, "127.0.0.1")
    address = next(word for word in told.split() if word.startswith("http"))
    assert address.startswith(f"http://127.0.0.1:{port}/?token=")
    assert len(address.partition("token=")[2]) >= 43


def test_as_json_it_is_the_document_that_the_command_declares(ran: list[Any], capsys: Any):
    code, told, _ = sluice(capsys, "console", "--read-only", "--json")
    document = json.loads(told)
    assert (code, command.JSON.mistakes(document), document["read_only"]) == (0, [], True)


def test_a_port_that_is_taken_is_said_so(ran: list[Any], capsys: Any):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, _, error = sluice(capsys, "console", "--port", str(other.getsockname()[1]))
    assert (code, ran) == (1, [])
    assert "choose another with --port" in error


def test_the_first_console_that_could_write_to_an_account_asks(
    ran: list[Any], capsys: Any, monkeypatch: Any, tmp_path: Any
):
    monkeypatch.setattr("typer.get_app_dir", lambda _: str(tmp_path))
    stack = recorded.stack()
    stack.target = Target("https://sts.eu-west-1.amazonaws.com", "eu-west-1", "123456789012")
    code, _, error = sluice(capsys, "console", stack=stack)
    assert (code, ran) == (1, [])
    assert "first write" in error
    assert sluice(capsys, "console", "--read-only", stack=stack)[0] == 0
    assert sluice(capsys, "console", "--yes", stack=stack)[0] == 0
    assert len(ran) == 2


def test_it_serves_until_it_is_ended(capsys: Any, monkeypatch: Any):
    """The real server, asked once over a socket, then ended as by Ctrl-C."""
    answered: list[bytes] = []

    async def once(self: uvicorn.Server, counter: int) -> bool:
        if counter == 2:
            port = self.config.app.user_middleware[0].kwargs["access"].port
            import asyncio

            def ask() -> None:
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)
                answered.append(refused.value.read())

            await asyncio.to_thread(ask)
        return counter > 2

    monkeypatch.setattr(uvicorn.Server, "on_tick", once)
    monkeypatch.setattr(uvicorn.Server, "capture_signals", lambda self: __import__("contextlib").nullcontext())
    code, _, _ = sluice(capsys, "console", "--read-only")
    assert code == 0
    assert b"has the token" in answered[0]


def test_a_demonstration_that_is_kept_ends_in_the_console(ran: list[Any], capsys: Any):
    keep(recorded.stack())
    assert len(ran) == 1
    assert "http://127.0.0.1:" in capsys.readouterr().out
