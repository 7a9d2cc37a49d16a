"""Where what a person made is kept on this machine: characters, and what is measured of them or of their files."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def data_folder(platform: str | None = None) -> Path:
    """Omote's folder in the user's data folder, whether it is there or not."""
    return _of_the_user(platform or sys.platform) / "omote"


def _of_the_user(platform: str) -> Path:
    if platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
