"""Who may ask: this machine's browser that has the token, for pages of this server, and nobody's foreign page.

The server listens on the loopback interface, but every page of every site can send requests there. Against each way in:

a guessed address      the token: 256 random bits, exchanged once for a cookie that no script can read
a link from elsewhere  SameSite=Strict: the browser sends no cookie with what another site began
DNS rebinding          the Host header must be 127.0.0.1 or localhost with this port
another local server   is the same site, whatever its port: Origin and Sec-Fetch-Site must be this very origin
a frame around it      frame-ancestors 'none'
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
"""On every answer, refusals included."""
_OPEN = "Open the address that `sluice console` printed: it has the token that this page needs.\n"


@dataclass(frozen=True)
class Access:
    """`port` is where the server listens. Token and session are made anew for each process."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def cookie(self) -> str:
        """Cookies do not know ports: two consoles on this machine must not overwrite each other's."""
        return f"sluice-console-{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    def address(self, page: str = "/") -> str:
        """For the person who started it; `page`: path and query of what it opens."""
        return f"http://127.0.0.1:{self.port}{page}{'&' if '?' in page else '?'}token={self.token}"

    def refusal(self, request: Request) -> str | None:
        """Why the request may not be answered; None when it may. The token is not looked at."""
        host = request.headers.get("host", "")
        if host not in self.hosts:
            return "the Host header is not this console's address\n"
        fetched = request.headers.get("sec-fetch-site")
        origin = request.headers.get("origin")
        if request.method in SAFE:
            # a foreign page may only lead here, and then it has no cookie
            if fetched in ("cross-site", "same-site") and request.headers.get("sec-fetch-mode") != "navigate":
                return "another origin may not read this console\n"
        elif origin != f"http://{host}" or fetched not in (None, "same-origin"):
            return "another origin may not act here\n"
        if not _same(request.cookies.get(self.cookie, ""), self.session):
            return _OPEN
        return None

    def entry(self, request: Request) -> Response | None:
        """The answer to a request with the right token in its address: the cookie, and the same address without it."""
        if request.method not in SAFE or request.headers.get("host", "") not in self.hosts:
            return None
        if not _same(request.query_params.get("token", ""), self.token):
            return None
        rest = [(name, value) for name, value in parse_qsl(request.url.query) if name != "token"]
        path = "/" + request.url.path.lstrip("/")
        answer = RedirectResponse(path + (f"?{urlencode(rest)}" if rest else ""), 303)
        answer.set_cookie(self.cookie, self.session, path="/", httponly=True, samesite="strict")
        return answer


class Guard:
    """Before everything else: refuses, or lets through; puts HEADERS on every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # no page of ours opens a web socket
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        request = Request(scope)
        answer = self._access.entry(request)
        if answer is None and (why := self._access.refusal(request)):
            answer = PlainTextResponse(why, 403)
        await (answer or self._app)(scope, receive, guarded)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
