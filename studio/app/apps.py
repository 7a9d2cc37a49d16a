"""Programs that ask to control Omote: the user allows each on the page, for chosen things, and may take it back."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from omote.bridge.errors import OmoteError, printable
from omote.engine.storage import write_text

from .validation import parse_json, shown_value

Permission = Literal["expressions", "hotkeys", "characters", "scenes", "items", "events"]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
APPS_FILE = "page-apps.json"
MOST_ALLOWED = 32
MOST_PENDING = 3
MOST_NAME = 40  # letters
_TOKEN_BYTES = 24
_MOST_FILE_BYTES = 65_536

log = logging.getLogger(__name__)


class AppError(OmoteError, ValueError):
    """A program's request is invalid or cannot be shown, or there is no such program; the message says why."""


@dataclass(frozen=True)
class AllowedApp:
    """A program that the user has allowed; of its token only the digest is kept."""

    name: str
    developer: str
    grants: tuple[Permission, ...]
    token_sha256: str


@dataclass(frozen=True)
class AppRequest:
    """A program's question to the user. `token` is set once it is allowed."""

    id: int
    name: str
    developer: str
    wants: tuple[Permission, ...]
    is_answered: bool = False
    grants: tuple[Permission, ...] = ()
    token: str = ""


def read_request(hello: Mapping[str, object], id: int = 0) -> AppRequest:
    """The question in a program's first message; AppError if a value is invalid."""
    texts = {}
    for key, default in (("app", None), ("developer", "")):
        value = hello.get(key, default)
        if not isinstance(value, str) or len(value) > MOST_NAME or (key == "app" and not value.strip()):
            raise AppError(f'"{key}" must be a text of at most {MOST_NAME} letters, got {shown_value(value)}')
        texts[key] = printable(value.strip(), MOST_NAME)
    wants = hello.get("wants")
    if not isinstance(wants, list) or not wants or any(one not in PERMISSIONS for one in wants):
        raise AppError(f'"wants" must be a list of some of {", ".join(PERMISSIONS)}, got {shown_value(wants)}')
    return AppRequest(id, texts["app"], texts["developer"], tuple(one for one in PERMISSIONS if one in wants))


class AppRegistry:
    """The allowed programs, in a private file, and the open questions. Methods may be called from any thread."""

    def __init__(self, folder: Path | None, on_change: Callable[[], None]) -> None:
        """Without a folder, what is allowed holds for this run."""
        self._path = None if folder is None else folder / APPS_FILE
        self._on_change = on_change
        self._allowed = _load(self._path)
        self._requests: dict[int, AppRequest] = {}
        self._connected: dict[str, int] = {}  # by name, how often
        self._last_id = 0
        self._lock = threading.Lock()

    @property
    def allowed(self) -> tuple[AllowedApp, ...]:
        return self._allowed

    def grants_of(self, name: str, token: str) -> tuple[Permission, ...] | None:
        """What this program may do; None if it is not allowed, or the token is another one."""
        digest = _digest(token)
        found = next((one for one in self._allowed if one.name == name), None)
        return found.grants if found and hmac.compare_digest(found.token_sha256, digest) else None

    def ask(self, hello: Mapping[str, object]) -> int:
        """Asks the user, and returns the number of the question; AppError if too many are open."""
        with self._lock:
            if sum(not one.is_answered for one in self._requests.values()) >= MOST_PENDING:
                raise AppError("too many programs ask at the same time: answer them on the control page")
            self._last_id += 1
            self._requests[self._last_id] = read_request(hello, self._last_id)
        self._on_change()
        return self._last_id

    def answered(self, id: int) -> AppRequest | None:
        """The question with its answer, which is forgotten then; None while it is open."""
        with self._lock:
            request = self._requests.get(id)
            return self._requests.pop(id) if request is not None and request.is_answered else None

    def withdraw(self, id: int) -> None:
        """Takes a question back, as the program has gone."""
        with self._lock:
            self._requests.pop(id, None)
        self._on_change()

    def answer(self, id: object, grants: object) -> None:
        """Allows what the user granted, nothing with an empty list; AppError if there is no such question."""
        with self._lock:
            request = self._requests.get(id) if isinstance(id, int) else None
            if request is None or request.is_answered:
                raise AppError("this program no longer asks")
            if not isinstance(grants, list) or any(one not in request.wants for one in grants):
                raise AppError(f'"grants" must be some of {", ".join(request.wants)}, got {shown_value(grants)}')
            granted = tuple(one for one in request.wants if one in grants)
            token = secrets.token_urlsafe(_TOKEN_BYTES) if granted else ""
            self._requests[request.id] = replace(request, is_answered=True, grants=granted, token=token)
            if granted:
                app = AllowedApp(request.name, request.developer, granted, _digest(token))
                others = [one for one in self._allowed if one.name != app.name]
                self._keep((*others, app)[-MOST_ALLOWED:])
        self._on_change()

    def revoke(self, name: object) -> None:
        """Forgets a program, which is disconnected; AppError if it is not allowed."""
        with self._lock:
            if all(one.name != name for one in self._allowed):
                raise AppError(f"no program {shown_value(name)} is allowed")
            self._keep(tuple(one for one in self._allowed if one.name != name))
        self._on_change()

    def connect(self, name: str, is_connected: bool) -> None:
        """Counts a connection of this program."""
        with self._lock:
            count = self._connected.pop(name, 0) + (1 if is_connected else -1)
            if count > 0:
                self._connected[name] = count
        self._on_change()

    def as_json(self) -> dict[str, object]:
        """The open questions and the allowed programs, as JSON values without tokens."""
        with self._lock:
            pending = [
                {"id": one.id, "name": one.name, "developer": one.developer, "wants": list(one.wants)}
                for one in self._requests.values()
                if not one.is_answered
            ]
            allowed = [
                {
                    "name": one.name,
                    "developer": one.developer,
                    "grants": list(one.grants),
                    "is_connected": one.name in self._connected,
                }
                for one in self._allowed
            ]
        return {"pending": pending, "allowed": allowed}

    def _keep(self, allowed: tuple[AllowedApp, ...]) -> None:
        self._allowed = allowed
        if self._path is None:
            return
        try:
            write_text(self._path, json.dumps([asdict(one) for one in allowed], indent=2) + "\n", is_private=True)
        except OSError as error:
            log.warning("%s cannot be written (%s): allowed programs hold for this run only", self._path, error)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _load(path: Path | None) -> tuple[AllowedApp, ...]:
    """The allowed programs; none if the file is missing or damaged, which the log says."""
    if path is None:
        return ()
    try:
        with path.open("rb") as file:
            data = parse_json(file.read(_MOST_FILE_BYTES))
        if not isinstance(data, list):
            raise ValueError("it must be a list")
        return tuple(_allowed_app(one) for one in data[:MOST_ALLOWED])
    except (FileNotFoundError, NotADirectoryError):  # the latter for a user without a home folder
        return ()
    except (OSError, ValueError) as error:
        log.warning("%s is not used (%s): programs ask again", path, error)
        with suppress(OSError):
            path.replace(path.with_suffix(".damaged.json"))
        return ()


def _allowed_app(data: object) -> AllowedApp:
    if not isinstance(data, Mapping):
        raise AppError("a program must be an object")
    request = read_request({"app": data.get("name"), "developer": data.get("developer"), "wants": data.get("grants")})
    digest = data.get("token_sha256")
    if not isinstance(digest, str) or len(digest) != 64 or not digest.isascii():
        raise AppError("a program must have a digest of its token")
    return AllowedApp(request.name, request.developer, request.wants, digest)
