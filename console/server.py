"""The console's addresses: a question of the read model for each page, the actions, and the files of the front end."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cli.errors import CliError
from console import actions, failures, given_labels
from console.access import Access, Guard
from console.inbox import Inbox
from console.plain import body_of, plain
from console.reading import (
    alarms,
    alerts,
    annotation,
    comparison,
    data,
    decisions,
    evaluation,
    lineage,
    monitor,
    progress,
    project,
    projects,
    release,
    run,
    state,
    trials,
)
from console.source import Source
from sluice.errors import InputError
from sluice.ports import Json

STATIC = Path(__file__).with_name("static")
LONGEST = 0.35
"""Seconds for which an answer is kept, so that several tabs share it; pages ask every half second."""
Asked = dict[str, str]
"""The parts of an address and of its query."""
Read = Callable[[Source, Asked], Any]
Act = Callable[[Source, Asked, Json], Any]
MAX_BODY = 131_072
"""Bytes: of the labels of a whole labelling job."""
ACTIONS: dict[str, Act] = {
    "/api/projects/{project}/runs/{run}/approve": lambda source, asked, given: actions.decide(
        source, asked["project"], asked["run"], "Approved", _text(given, "reason")
    ),
    "/api/projects/{project}/runs/{run}/reject": lambda source, asked, given: actions.decide(
        source, asked["project"], asked["run"], "Rejected", _text(given, "reason")
    ),
    "/api/projects/{project}/rollback": lambda source, asked, given: actions.roll_back(
        source, asked["project"], _text(given, "reason")
    ),
    "/api/projects/{project}/retrain": lambda source, asked, given: actions.retrain(
        source, asked["project"], _text(given, "reason")
    ),
    "/api/projects/{project}/accept-drift": lambda source, asked, given: actions.accept_changes(
        source, asked["project"], _text(given, "reason"), _texts(given, "changes")
    ),
    "/api/projects/{project}/end-fault": lambda source, asked, given: actions.end_changes(
        source, asked["project"], _text(given, "reason"), _texts(given, "changes"), _text(given, "until")
    ),
    "/api/projects/{project}/wake": lambda source, asked, given: actions.wake(source, asked["project"]),
    "/api/projects/{project}/data/{dataset}/withdraw": lambda source, asked, given: actions.withdraw(
        source, asked["project"], asked["dataset"], _text(given, "reason")
    ),
    "/api/projects/{project}/labels": lambda source, asked, given: given_labels.write(source, asked["project"], given),
}
"""Address → what it does, with the members of the request's JSON."""


def reads(inbox: Inbox | None) -> dict[str, Read]:
    """Address → what answers it. Projects and runs are path parts, which the front end escapes."""
    one, run_of = "/api/projects/{project}", "/api/projects/{project}/runs/{run}"
    return {
        "/api/where": lambda source, asked: projects.where(source),
        "/api/projects": lambda source, asked: projects.read(source),
        "/api/alerts": lambda source, asked: alerts.read(source, inbox),
        one: lambda source, asked: project.read(source, asked["project"], _page(asked), asked.get("only", "")),
        f"{one}/annotation": lambda source, asked: annotation.read(source, asked["project"], asked),
        f"{one}/data": lambda source, asked: data.read(source, asked["project"]),
        f"{one}/data/{{dataset}}": lambda source, asked: data.dataset(source, asked["project"], asked["dataset"]),
        f"{one}/lineage": lambda source, asked: lineage.read(
            source, asked["project"], asked.get("what", ""), asked.get("days", "")
        ),
        f"{one}/monitor": lambda source, asked: monitor.read(source, asked["project"]),
        f"{one}/alarms": lambda source, asked: alarms.read(source, asked["project"]),
        f"{one}/alerts": lambda source, asked: alerts.read(source, inbox, asked["project"]),
        f"{one}/compare": lambda source, asked: comparison.read(
            source, asked["project"], asked.get("a", ""), asked.get("b", "")
        ),
        f"{one}/verdict": lambda source, asked: actions.verdict(
            source, asked["project"], asked.get("key", ""), asked.get("version", "")
        ),
        run_of: lambda source, asked: {
            **run.read(source, asked["project"], asked["run"]),
            "progress": progress.read(source, asked["project"], asked["run"]),
        },
        f"{run_of}/state": lambda source, asked: state.read(
            source, asked["project"], asked["run"], asked.get("machine", ""), asked.get("state", "")
        ),
        f"{run_of}/trials": lambda source, asked: trials.read(source, asked["project"], asked["run"]),
        f"{run_of}/evaluation": lambda source, asked: evaluation.read(source, asked["project"], asked["run"]),
        f"{run_of}/decisions": lambda source, asked: decisions.read(source, asked["project"], asked["run"]),
        f"{run_of}/release": lambda source, asked: release.read(source, asked["project"], asked["run"]),
    }


def _page(asked: Asked) -> int:
    text = asked.get("page", "0")
    return int(text) if text.isdecimal() and len(text) < 7 else 0


def application(
    source: Source,
    access: Access,
    *,
    read_only: bool = False,
    inbox: Inbox | None = None,
    answers: Callable[[Any], Any] | None = None,
) -> Starlette:
    """The whole server, guarded. `read_only`: every action is refused; `answers` may change what is answered."""
    routes = [Route(path, _reader(source, read, answers), methods=["GET"]) for path, read in reads(inbox).items()]
    if read_only:
        routes.append(Route("/api/{rest:path}", _refused, methods=["POST"]))
    routes += [Route(path, _actor(source, act), methods=["POST"]) for path, act in ACTIONS.items()]
    routes.append(Route("/api/projects/{project}/files", _receiver(source), methods=["POST"]))
    routes += [Route("/static/{name:path}", _file, methods=["GET"]), Route("/{rest:path}", _shell, methods=["GET"])]
    return Starlette(routes=routes, middleware=[Middleware(Guard, access=access)])


def _asked(request: Request) -> Asked:
    return {**dict(request.query_params), **{name: str(part) for name, part in request.path_params.items()}}


def _reader(source: Source, read: Read, answers: Callable[[Any], Any] | None) -> Callable[[Request], Any]:
    def made(asked: Asked) -> tuple[bytes, str]:
        found = read(source, asked)
        return body_of(answers(plain(found)) if answers else found)

    async def endpoint(request: Request) -> Response:
        asked = _asked(request)
        key = ("answer", request.scope["path"], request.url.query)
        try:
            body, etag = await run_in_threadpool(source.kept.get, key, lambda: made(asked), LONGEST)
        except failures.EXPECTED as error:
            return failed(error)
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return Response(body, media_type="application/json", headers={"ETag": etag})

    return endpoint


def _actor(source: Source, act: Act) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            given = await _given(request)
            told = await run_in_threadpool(act, source, _asked(request), given)
        except failures.EXPECTED as error:
            return failed(error)
        finally:
            source.kept.forget()
        answer = told if isinstance(told, dict) else {"told": told}
        return Response(body_of(answer)[0], media_type="application/json")

    return endpoint


async def _given(request: Request) -> Json:
    """A small JSON object. Raises InputError for anything else."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise InputError("an action's request must be small")
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise InputError("an action's request must be a JSON object")
    return given


def _text(given: Json, name: str) -> str:
    return value if isinstance(value := given.get(name), str) else ""


def _texts(given: Json, name: str) -> list[str]:
    """Raises InputError for anything but texts: a choice that is not understood must not become the choice of all."""
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise InputError(f"{name} is a list of texts")
    return value


def _receiver(source: Source) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        asked = _asked(request)
        try:
            with actions.folder() as folder:
                path = await actions.received(request.stream(), Path(folder))
                told = await run_in_threadpool(
                    actions.drop, source, asked["project"], asked.get("area", ""), asked.get("name", ""), path
                )
        except failures.EXPECTED as error:
            return failed(error)
        finally:
            source.kept.forget()
        return Response(body_of(told)[0], media_type="application/json")

    return endpoint


async def _refused(request: Request) -> Response:
    return failed(CliError("this console was started with --read-only: it changes nothing"))


def failed(error: Exception) -> Response:
    status, words = failures.told(error)
    return Response(body_of({"error": words})[0], status, media_type="application/json")


class _Files:
    """The front end, read once; only what is in the folder can be asked for."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, str]] = {}

    def get(self, name: str) -> tuple[bytes, str] | None:
        if not self._known:
            for path in STATIC.rglob("*"):
                if path.is_file():
                    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                    kind = "text/javascript" if path.suffix == ".js" else kind
                    self._known[path.relative_to(STATIC).as_posix()] = path.read_bytes(), kind
        return self._known.get(name)


FILES = _Files()


async def _file(request: Request) -> Response:
    found = FILES.get(request.path_params["name"])
    if found is None:
        return Response("there is no such file\n", 404, media_type="text/plain")
    return Response(found[0], media_type=found[1], headers={"Cache-Control": "no-cache"})


async def _shell(request: Request) -> Response:
    """Every address of a page is the same document; its script reads the address."""
    if request.path_params["rest"].startswith("api/"):
        return Response(body_of({"error": "there is no such question"})[0], 404, media_type="application/json")
    found = FILES.get("index.html")
    if found is None:
        raise RuntimeError("the package lacks its front end")
    return Response(found[0], media_type="text/html", headers={"Cache-Control": "no-cache"})
