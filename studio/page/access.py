"""Access control of the page: tokens, tickets, and checks of Host and Origin."""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import secrets
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from omote.engine.storage import write_text

from ..app.validation import JsonError, parse_json

HOST_NAMES = ("127.0.0.1", "localhost")
HTTP_PORT = 80  # which browsers leave out
PUBLIC_PATH = "/static/"  # scripts, styles and pictures, the same for every installation
CLEAN_PATH = "/clean"
PICTURES_PATH = "/pictures"
FILE_ORIGINS = ("null", "file://", "http://absolute")  # of a local file: in browsers, in OBS, and in older OBS
APPS_PATH = "/apps"  # where programs without a token may ask the user for one
VIEW_PATHS = (CLEAN_PATH, "/pictures", "/faces")  # what the view token opens; the control token opens everything
SHARED_PATHS = ("/pictures", "/faces")  # the sockets that a page of an allowed origin may open, with a token
OWN_FETCH_SITES = ("same-origin", "none")  # none: typed, a bookmark, or no browser at all

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
# In a scene of OBS, viewers would read a sentence, and a white page would cover the scene.
_BLANK_PAGE = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Omote, clean</title></head></html>'

TOKENS_FILE = "page-tokens.json"
Role = Literal["control", "view"]
_BYTES = 24  # 192 bits in 32 characters
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,128}\Z", re.ASCII)  # 22 characters hold 132 bits
_MAX_FILE_BYTES = 4096
log = logging.getLogger(__name__)


class AccessControl:
    """Wraps an application and refuses what may not use it, with a 403 that says why. `scope["role"]` is the token's.

    A foreign Host is a sign of DNS rebinding: a site whose name points at 127.0.0.1. A foreign Origin is a script of
    another site, which is refused whatever its token; so is a request that another site makes by a picture or a form,
    which has no Origin but a Sec-Fetch-Site. Programs send neither header: their token decides. The user may allow
    `origins`, whose pages may open `SHARED_PATHS` with a token, and nothing else.
    """

    def __init__(
        self, app: ASGIApp, port: int, tokens: Tokens, tickets: Tickets, origins: Collection[str] = ()
    ) -> None:
        self._app, self._tokens, self._tickets, self._shared_origins = app, tokens, tickets, frozenset(origins)
        self._hosts = [f"{name}:{port}" for name in HOST_NAMES] + (list(HOST_NAMES) if port == HTTP_PORT else [])
        self._origins = [f"http://{host}" for host in self._hosts]
        sockets = " ".join(f"ws://{host}" for host in self._hosts)  # older browsers do not include them in 'self'
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
            f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self._policy)  # the report has a stricter one
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cache-Control"] = "no-cache" if scope["path"].startswith(PUBLIC_PATH) else "no-store"
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_with_policy)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send_with_policy).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send_with_policy)

    def _refusal(self, scope: Scope) -> Response | None:
        """The response to a request that is not let through; for a valid ticket, a redirect to the page."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return _forbidden(scope, f"This page answers to {' and '.join(self._hosts)}, not to Host {host!r}.")
        is_known = origin in self._origins or self._is_local_file(scope, headers)
        if origin is not None and not is_known and not self._is_shared(scope, origin):
            own = " and ".join(self._origins)
            return _forbidden(scope, f"This page answers to its own scripts ({own}), not to Origin {origin!r}.")
        path: str = scope["path"]
        if scope["type"] == "http" and not _is_of_our_own(scope, headers):
            return _forbidden(scope, "This page answers to itself and to programs, not to other sites.")
        if path == APPS_PATH and scope["type"] == "websocket":
            return None
        if path.startswith(PUBLIC_PATH) and scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            return None
        if scope["type"] == "http" and path == "/" and scope["method"] == "GET" and self._has_ticket(scope):
            return RedirectResponse(f"/?token={self._tokens.control}", 303)
        role = self._role(scope, headers)
        scope["role"] = role
        if role == "control" or (role == "view" and path in VIEW_PATHS):
            return None
        is_page = scope["type"] == "http" and not path.startswith("/api/")
        if is_page and path == CLEAN_PATH:
            return HTMLResponse(_BLANK_PAGE, 403)
        return HTMLResponse(_WRONG_TOKEN_PAGE, 403) if is_page else _forbidden(scope, _WRONG_TOKEN)

    def _is_shared(self, scope: Scope, origin: str) -> bool:
        return scope["type"] == "websocket" and scope["path"] in SHARED_PATHS and origin in self._shared_origins

    def _is_local_file(self, scope: Scope, headers: Headers) -> bool:
        """Whether a file of this machine asks for pictures with the view token, as `obs_page` does."""
        is_for_pictures = scope["type"] == "websocket" and scope["path"] == PICTURES_PATH
        return is_for_pictures and headers.get("origin") in FILE_ORIGINS and self._role(scope, headers) == "view"

    def _role(self, scope: Scope, headers: Headers) -> Role | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._tokens.role_of(token.strip())
        given = _query_values(scope, "token")
        return self._tokens.role_of(given[0]) if len(given) == 1 else None

    def _has_ticket(self, scope: Scope) -> bool:
        given = _query_values(scope, "ticket")
        return len(given) == 1 and self._tickets.take(given[0])


def _query_values(scope: Scope, name: str) -> list[str]:
    """The values of this name in the query string."""
    return parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=None).get(name, [])


def _is_of_our_own(scope: Scope, headers: Headers) -> bool:
    """Whether no other site makes this request; following a link to one of our pages is allowed."""
    if headers.get("sec-fetch-site", "none") in OWN_FETCH_SITES:
        return True
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return is_link and scope["method"] == "GET" and not scope["path"].startswith("/api/")


def _forbidden(scope: Scope, sentence: str) -> Response:
    if scope["path"].startswith("/api/"):
        return JSONResponse({"error": sentence}, 403)
    return PlainTextResponse(f"{sentence}\n", 403)


@dataclass(frozen=True)
class Tokens:
    """`control` opens everything. `view` opens only the clean page and its pictures, for a scene of OBS."""

    control: str = field(repr=False)
    view: str = field(repr=False)

    @classmethod
    def random(cls) -> Tokens:
        """New tokens."""
        return cls(secrets.token_urlsafe(_BYTES), secrets.token_urlsafe(_BYTES))

    def role_of(self, token: str) -> Role | None:
        """The role of this token, or None, compared in constant time."""
        encoded = token.encode("utf-8", "surrogatepass")
        is_control = hmac.compare_digest(encoded, self.control.encode())
        is_view = hmac.compare_digest(encoded, self.view.encode())
        return "control" if is_control else "view" if is_view else None


class Tickets:
    """Each ticket opens the page once, because other users can list the command line that starts a browser."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def new(self) -> str:
        """A new ticket."""
        ticket = secrets.token_urlsafe(_BYTES)
        self._open.add(ticket)
        return ticket

    def take(self, ticket: str) -> bool:
        """Whether this ticket is valid; it is used up."""
        is_open = ticket in self._open
        self._open.discard(ticket)
        return is_open


def load_tokens(folder: Path) -> Tokens:
    """Reads the tokens of this folder, so that addresses stay valid, or makes new ones.

    If the file cannot be used or written, the log says so.
    """
    path = folder / TOKENS_FILE
    try:
        return _read_tokens(path)
    except (FileNotFoundError, NotADirectoryError):  # the latter for a user without a home folder
        pass
    except (OSError, ValueError) as error:
        log.warning("%s is not used (%s): the page's addresses are new", path, error)
    return renew_tokens(folder)


def renew_tokens(folder: Path) -> Tokens:
    """Makes new tokens and replaces the file; old addresses become invalid."""
    tokens, path = Tokens.random(), folder / TOKENS_FILE
    try:
        write_text(path, json.dumps({"control": tokens.control, "view": tokens.view}, indent=2) + "\n", is_private=True)
    except OSError as error:
        log.warning("%s cannot be written (%s): the page's addresses hold for this run only", path, error)
    return tokens


def _read_tokens(path: Path) -> Tokens:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & 0o077:
            raise JsonError(f"others on this machine can read it (mode {mode:o}), and with it control Omote")
        data = parse_json(file.read(_MAX_FILE_BYTES))
    if not isinstance(data, dict):
        raise JsonError("it must be an object")
    control, view = data.get("control"), data.get("view")
    if not (isinstance(control, str) and isinstance(view, str) and _TOKEN.match(control) and _TOKEN.match(view)):
        raise JsonError('it must have a "control" and a "view" of 22 characters or more')
    if control == view:
        raise JsonError('"control" and "view" must not be the same')
    return Tokens(control, view)
