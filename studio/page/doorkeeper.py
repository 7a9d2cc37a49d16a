"""Lets in only requests that are meant for this page: the Host and the Origin must be this server's own."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

NAMES = ("127.0.0.1", "localhost")


class Doorkeeper:
    """Wraps an application; whoever is refused gets a 403 that says why.

    A foreign Host is how DNS rebinding looks from here: a site that made its own name point at 127.0.0.1. A foreign
    Origin is another site's script. A browser always sends the Origin where it matters, so there it must be present.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = [f"{name}:{port}" for name in NAMES]
        self._origins = [f"http://{host}" for host in self._hosts]
        sockets = " ".join(f"ws://{host}" for host in self._hosts)  # older browsers do not count them as 'self'
        self._policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {sockets}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal:
            response = PlainTextResponse(refusal, status_code=403)
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).send_denial_response(response)
            else:
                await response(scope, receive, send)
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._policy
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cache-Control"] = "no-cache"
            await send(message)

        await self._app(scope, receive, send_with_policy)

    def _refusal(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return f"This page answers to {' and '.join(self._hosts)}, not to Host {host!r}.\n"
        if origin is None and (scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")):
            return f"This request must say its Origin: {' or '.join(self._origins)}.\n"
        if origin is not None and origin not in self._origins:
            return f"This page answers to its own scripts ({' and '.join(self._origins)}), not to Origin {origin!r}.\n"
        return ""
