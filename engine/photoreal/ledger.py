"""Which bytes each published file had when it was first used, so that it cannot become another unnoticed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..models import ModelError
from ..storage import write_text

log = logging.getLogger(__name__)


class PublishedError(ModelError):
    """A published file is missing, is another than before, or cannot be fetched; the message ends with the cure."""


@dataclass(frozen=True)
class Seen:
    """What was known of a file after its bytes were read."""

    size: int  # bytes
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Ledger:
    """A small file of what was seen; a file of the same size and time is not read again, for it may be gigabytes."""

    path: Path

    def sha256(self, file: Path) -> str:
        """Of all its bytes; PublishedError where they are others than when it was first used."""
        entries, key = self._entries(), str(file.resolve())
        known, stat = entries.get(key), _stat(file)
        if known and (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            return known.sha256
        found = Seen(stat.st_size, stat.st_mtime_ns, _hashed(file))
        if known and known.sha256 != found.sha256:
            raise PublishedError(
                f"{file} is not the file that was first used: its sha256 was {known.sha256[:16]}… and is "
                f"{found.sha256[:16]}…; put the earlier one back, or delete {self.path} if you replaced it yourself"
            )
        self._keep({**entries, key: found})
        return found.sha256

    def record(self, file: Path, sha256: str) -> None:
        """Notes a file whose bytes were read as they came, and so need not be read again."""
        stat = _stat(file)
        self._keep({**self._entries(), str(file.resolve()): Seen(stat.st_size, stat.st_mtime_ns, sha256)})

    def _entries(self) -> dict[str, Seen]:
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            return {str(file): Seen(**_checked(seen)) for file, seen in said.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise PublishedError(f"{self.path} cannot be read ({error}): delete it, and it is written anew") from error

    def _keep(self, entries: Mapping[str, Seen]) -> None:
        text = json.dumps({file: asdict(seen) for file, seen in sorted(entries.items())}, indent=1)
        try:
            write_text(self.path, text)
        except OSError as error:  # what is shared may be for reading only: then files are read at each start
            log.warning("%s cannot be written (%s): published files are read whole at each start", self.path, error)


def _checked(seen: object) -> dict[str, Any]:
    kinds = {"size": int, "mtime_ns": int, "sha256": str}
    if not isinstance(seen, dict) or {word: type(value) for word, value in seen.items()} != kinds:
        raise ValueError(f"a file must have {', '.join(kinds)}, got {seen!r}")
    return seen


def _stat(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise _unreadable(file, error) from error


def _hashed(file: Path) -> str:
    log.info("reading %s once, to know it again", file)
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> PublishedError:
    return PublishedError(f"cannot read {file} ({error.strerror or error}); make it readable, or fetch it again")
