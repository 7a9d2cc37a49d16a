"""Lets in only requests that are meant for this page, from whoever has its address with the token."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from .tokens import Role, Tickets, Tokens

NAMES = ("127.0.0.1", "localhost")
USUAL_PORT = 80  # which browsers leave out
PUBLIC = "/static/"  # scripts, styles and pictures that everybody has who has Omote
VIEW = ("/clean", "/pictures")  # what the view token opens; the control token opens everything
OWN_SITES = ("same-origin", "none")  # none: typed, a bookmark, or no browser at all

_WRONG_TOKEN = "This address lacks the page's token, or has an old one: use the address that `omote live` printed."
_WRONG_TOKEN_PAGE = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Omote</title></head>
  <body>
    <h1>This address lacks the page's token</h1>
    <p>Or it has an old one. Use the address that <code>omote live</code> printed in its window.</p>
  </body>
</html>
"""


class Doorkeeper:
    """Wraps an application; whoever is refused gets a 403 that says why. `scope["role"]` says what the token opens.

    A foreign Host is how DNS rebinding looks from here: a site that made its own name point at 127.0.0.1. A foreign
    Origin is another site's script, which is refused whatever token it has; so is what another site loads as a picture
    or follows as a form, which has no Origin but a Sec-Fetch-Site. A program has neither: the token decides.
    """

    def __init__(self, app: ASGIApp, port: int, tokens: Tokens, tickets: Tickets) -> None:
        self._app, self._tokens, self._tickets = app, tokens, tickets
        self._hosts = [f"{name}:{port}" for name in NAMES] + (list(NAMES) if port == USUAL_PORT else [])
        self._origins = [f"http://{host}" for host in self._hosts]
        sockets = " ".join(f"ws://{host}" for host in self._hosts)  # older browsers do not count them as 'self'
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
            f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self._policy)  # a report has a stricter one
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cache-Control"] = "no-cache" if scope["path"].startswith(PUBLIC) else "no-store"
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_with_policy)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send_with_policy).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send_with_policy)

    def _refusal(self, scope: Scope) -> Response | None:
        """What is answered instead of the page, which for a ticket is where the page is."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return _refused(scope, f"This page answers to {' and '.join(self._hosts)}, not to Host {host!r}.")
        if origin is not None and origin not in self._origins:
            own = " and ".join(self._origins)
            return _refused(scope, f"This page answers to its own scripts ({own}), not to Origin {origin!r}.")
        path: str = scope["path"]
        if scope["type"] == "http" and not _is_of_our_own(scope, headers):
            return _refused(scope, "This page answers to itself and to programs, not to other sites.")
        if path.startswith(PUBLIC) and scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            return None
        if scope["type"] == "http" and path == "/" and scope["method"] == "GET" and self._has_ticket(scope):
            return RedirectResponse(f"/?token={self._tokens.control}", 303)
        role = self._role(scope, headers)
        scope["role"] = role
        if role == "control" or (role == "view" and path in VIEW):
            return None
        is_page = scope["type"] == "http" and not path.startswith("/api/")
        return HTMLResponse(_WRONG_TOKEN_PAGE, 403) if is_page else _refused(scope, _WRONG_TOKEN)

    def _role(self, scope: Scope, headers: Headers) -> Role | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._tokens.role_of(token.strip())
        given = _said(scope, "token")
        return self._tokens.role_of(given[0]) if len(given) == 1 else None

    def _has_ticket(self, scope: Scope) -> bool:
        given = _said(scope, "ticket")
        return len(given) == 1 and self._tickets.take(given[0])


def _said(scope: Scope, name: str) -> list[str]:
    """What the address says under this name."""
    return parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=None).get(name, [])


def _is_of_our_own(scope: Scope, headers: Headers) -> bool:
    """Whether no other site's page makes this request; a link to a page of ours may be followed from anywhere."""
    if headers.get("sec-fetch-site", "none") in OWN_SITES:
        return True
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return is_link and scope["method"] == "GET" and not scope["path"].startswith("/api/")


def _refused(scope: Scope, sentence: str) -> Response:
    if scope["path"].startswith("/api/"):
        return JSONResponse({"error": sentence}, 403)
    return PlainTextResponse(f"{sentence}\n", 403)
