"""Where what can be made again is kept on this machine: fetched models, compiled networks, what was tried."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder(platform: str = sys.platform) -> Path:
    """Omote's folder in the user's cache folder, whether it is there or not."""
    return _of_the_user(platform) / "omote"


def _of_the_user(platform: str) -> Path:
    if platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
