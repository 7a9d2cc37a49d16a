"""The tokens by which VTube Studio knows Omote again, kept in the settings' folder."""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path

FILE = "vtubestudio.json"
_MAX_BYTES = 16384
_TOKEN = re.compile(r"[\x21-\x7e]{1,64}\Z")

_log = logging.getLogger(__name__)


class Tokens:
    """One token for each place; without a folder they are forgotten when Omote ends."""

    def __init__(self, folder: Path | None) -> None:
        self.path = folder / FILE if folder else None
        self._tokens: dict[str, str] = {}

    def load(self, place: str) -> str | None:
        """The token of `host:port`; None where there is none, or none that can be read."""
        if place not in self._tokens:
            self._tokens |= self._kept()
        return self._tokens.get(place)

    def keep(self, place: str, token: str) -> None:
        """Remembers it, in a file that only this user can read where the system has such files."""
        self._tokens = {**self._kept(), **self._tokens, place: token}
        self._write()

    def forget(self, place: str) -> None:
        self._tokens = {**self._kept(), **self._tokens}
        if self._tokens.pop(place, None) is not None:
            self._write()

    def _kept(self) -> dict[str, str]:
        if self.path is None or not self.path.is_file():
            return {}
        try:
            with self.path.open("rb") as file:
                said = json.loads(file.read(_MAX_BYTES))
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("%s cannot be read (%s): VTube Studio will ask anew", self.path, error)
            return {}
        found = said.items() if isinstance(said, dict) else ()
        return {place: token for place, token in found if is_token(token)}

    def _write(self) -> None:
        if self.path is None:
            return
        new = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                json.dump(self._tokens, file)
            new.replace(self.path)
        except OSError as error:
            _log.warning("%s cannot be written (%s): VTube Studio will ask again next time", self.path, error)


def is_token(token: object) -> bool:
    """As VTube Studio gives them: 1 to 64 letters of ASCII."""
    return isinstance(token, str) and bool(_TOKEN.match(token))
