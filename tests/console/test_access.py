"""Which requests are answered: with the token or its cookie, to the right host, from this very origin."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from console.access import POLICY, Access, Guard

ACCESS = Access(8900, token="the-token", session="the-session")
HERE = "127.0.0.1:8900"
OWN = {"host": HERE, "cookie": f"{ACCESS.cookie}=the-session"}
ACTS = OWN | {"origin": f"http://{HERE}", "sec-fetch-site": "same-origin"}


async def inside(request: Request) -> PlainTextResponse:
    return PlainTextResponse("inside")


async def socket(websocket: Any) -> None:
    raise AssertionError("a web socket was opened")


APP = Starlette(
    routes=[Route("/{rest:path}", inside, methods=["GET", "POST", "DELETE", "PUT"]), WebSocketRoute("/ws", socket)],
    middleware=[Middleware(Guard, access=ACCESS)],
)


def asked(
    method: str, path: str, headers: dict[str, str], kind: str = "http", app: Any = APP
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer, without a socket."""
    path, _, query = path.partition("?")
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "scheme": "http",
        "server": ("127.0.0.1", 8900),
        "client": ("127.0.0.1", 50_000),
        "http_version": "1.1",
        "root_path": "",
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(app(scope, receive, send))
    start = sent[0]
    if start["type"] != "http.response.start":
        return int(start["code"]), {}, b""
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return int(start["status"]), told, b"".join(message.get("body", b"") for message in sent[1:])


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address():
    status, headers, _ = asked("GET", "/projects/shop?token=the-token&page=2", {"host": HERE})
    assert (status, headers["location"]) == (303, "/projects/shop?page=2")
    cookie = headers["set-cookie"].lower()
    assert f"{ACCESS.cookie}=the-session" in headers["set-cookie"]
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "the-token" not in cookie


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "///evil.example/x"])
def test_the_exchange_leads_nowhere_else(path: str):
    status, headers, _ = asked("GET", f"{path}?token=the-token", {"host": HERE})
    assert status == 303
    assert headers["location"].startswith("/")
    assert not headers["location"].startswith(("//", "/\\"))


def test_the_cookie_is_let_in():
    assert asked("GET", "/api/projects", OWN)[::2] == (200, b"inside")
    assert asked("POST", "/api/act", ACTS)[::2] == (200, b"inside")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"host": HERE}),
        ("/api/projects", {"host": HERE, "cookie": f"{ACCESS.cookie}=guess"}),
        ("/api/projects", {"host": HERE, "cookie": f"{ACCESS.cookie}="}),
        ("/api/projects", {"host": HERE, "cookie": "sluice-console-8901=the-session"}),
        ("/?token=guess", {"host": HERE}),
        ("/?token=", {"host": HERE}),
        ("/?token=the-session", {"host": HERE}),
        ("/static/main.js", {"host": HERE}),
    ],
    ids=["nothing", "guessed", "empty", "another port's", "guessed token", "empty token", "session as token", "a file"],
)
def test_without_the_token_nothing_is_answered(path: str, headers: dict[str, str]):
    status, told, body = asked("GET", path, headers)
    assert status == 403
    assert b"inside" not in body
    assert "set-cookie" not in told


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8900", "127.0.0.1", "127.0.0.1:8901", "localhost", ""])
def test_another_host_is_refused_even_with_token_or_cookie(host: str):
    """A name that was rebound to 127.0.0.1 sends its own Host header."""
    assert asked("GET", "/", OWN | {"host": host})[0] == 403
    assert asked("GET", "/?token=the-token", {"host": host})[0] == 403


def test_localhost_is_this_machine_too():
    assert asked("GET", "/", OWN | {"host": "localhost:8900"})[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:4566"},
        {"origin": "https://127.0.0.1:8900"},
        {"origin": "http://localhost:8900"},
        {"origin": f"http://{HERE}", "sec-fetch-site": "same-site"},
        {"origin": f"http://{HERE}", "sec-fetch-site": "cross-site"},
        {"origin": f"http://{HERE}", "sec-fetch-site": "none"},
    ],
    ids=["none", "null", "foreign", "other port", "https", "other name", "same-site", "cross-site", "typed"],
)
def test_no_other_origin_may_act_even_with_the_cookie(method: str, headers: dict[str, str]):
    status, _, body = asked(method, "/api/act", OWN | headers)
    assert status == 403
    assert b"inside" not in body


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_origin_may_not_read(site: str):
    headers = OWN | {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    assert asked("GET", "/api/projects", headers)[0] == 403


def test_a_token_in_the_address_does_not_let_a_foreign_page_act():
    assert asked("POST", "/api/act?token=the-token", {"host": HERE, "origin": "http://evil.example"})[0] == 403


def test_a_web_socket_is_closed():
    assert asked("GET", "/ws", OWN, kind="websocket")[0] == 1008


@pytest.mark.parametrize("headers", [OWN, {"host": "evil.example"}], ids=["answered", "refused"])
def test_every_answer_has_the_policy_and_allows_no_other_origin(headers: dict[str, str]):
    _, told, _ = asked("GET", "/", headers)
    assert told["content-security-policy"] == POLICY
    assert told["x-content-type-options"] == "nosniff"
    assert told["cache-control"] == "no-store"
    assert told["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in told if name.startswith("access-control-")]


def test_the_policy_allows_neither_inline_code_nor_a_foreign_address():
    rules = dict(rule.strip().partition(" ")[::2] for rule in POLICY.split(";"))
    assert rules["default-src"] == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert rules["require-trusted-types-for"] == "'script'"


def test_each_process_has_its_own_secrets():
    first, second = Access(1), Access(1)
    assert len({first.token, first.session, second.token, second.session}) == 4
    assert min(len(first.token), len(first.session)) >= 43
    assert first.token in first.address()
    assert first.session not in first.address()
