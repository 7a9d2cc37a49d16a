"""Who may look and who may touch: two random words in the page's addresses, kept from one run to the next."""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from omote.engine.storage import write_text

from ..plain_json import JsonError, read_json

FILE = "page-tokens.json"
Role = Literal["control", "view"]

_BYTES = 24  # 192 bits, 32 letters
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,128}\Z", re.ASCII)  # 22 letters have 132 bits
_MAX_FILE_BYTES = 4096

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tokens:
    """`control` opens everything; `view` the clean page and its pictures, so that it may stand in a scene of OBS."""

    control: str = field(repr=False)
    view: str = field(repr=False)

    @classmethod
    def random(cls) -> Tokens:
        """New ones, that nobody can guess."""
        return cls(secrets.token_urlsafe(_BYTES), secrets.token_urlsafe(_BYTES))

    def role_of(self, token: str) -> Role | None:
        """What this token opens. How long the answer takes tells nothing about the right one."""
        said = token.encode("utf-8", "surrogatepass")
        is_control = hmac.compare_digest(said, self.control.encode())
        is_view = hmac.compare_digest(said, self.view.encode())
        return "control" if is_control else "view" if is_view else None


class Tickets:
    """Each opens the page once: the address that a browser is started with stands where other users can list it."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def new(self) -> str:
        """One that nobody can guess."""
        word = secrets.token_urlsafe(_BYTES)
        self._open.add(word)
        return word

    def take(self, word: str) -> bool:
        """Whether it opens the page; from now on it does no more."""
        is_open = word in self._open
        self._open.discard(word)
        return is_open


def kept_tokens(folder: Path) -> Tokens:
    """Those of this folder, which are made where there are none, so that addresses live on.

    Where none can be kept there are new ones for this run, and the log says so.
    """
    path = folder / FILE
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        log.warning("%s is not used (%s): the page's addresses are new", path, error)
    return renewed_tokens(folder)


def renewed_tokens(folder: Path) -> Tokens:
    """New ones in the place of those kept: whoever has an old address is out."""
    tokens, path = Tokens.random(), folder / FILE
    try:
        write_text(path, json.dumps({"control": tokens.control, "view": tokens.view}, indent=2) + "\n", is_private=True)
    except OSError as error:
        log.warning("%s cannot be written (%s): the page's addresses hold for this run only", path, error)
    return tokens


def _read(path: Path) -> Tokens:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & 0o077:
            raise JsonError(f"others on this machine can read it (mode {mode:o}), and with it control Omote")
        said = read_json(file.read(_MAX_FILE_BYTES))
    if not isinstance(said, dict):
        raise JsonError("it must be an object")
    control, view = said.get("control"), said.get("view")
    if not (isinstance(control, str) and isinstance(view, str) and _TOKEN.match(control) and _TOKEN.match(view)):
        raise JsonError('wanted a "control" and a "view" of 22 letters or more')
    if control == view:
        raise JsonError('"control" and "view" must not be the same')
    return Tokens(control, view)
