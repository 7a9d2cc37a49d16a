"""Files that other programs have already fetched from the Hub, found in the cache that these share; only ever read."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_REVISION = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class HubCache:
    """`models--OWNER--NAME/refs/main` names a revision, and `snapshots/REVISION/` holds its files."""

    folder: Path

    def find(self, repository: str, path: str) -> Path | None:
        """A file of the newest revision that was fetched; None where it is not there."""
        kept = self.folder / f"models--{repository.replace('/', '--')}"
        try:
            revision = (kept / "refs" / "main").read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return None
        found = kept / "snapshots" / revision / path
        return found if _REVISION.fullmatch(revision) and found.is_file() else None


def hub_cache() -> HubCache:
    """The user's: $HF_HUB_CACHE, else in $HF_HOME, else in the cache folder."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return HubCache(Path(chosen).expanduser())
    if home := os.environ.get("HF_HOME"):
        return HubCache(Path(home).expanduser() / "hub")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return HubCache(Path(cache).expanduser() / "huggingface" / "hub")
