"""`omote keys`: who else may receive the pictures, over CURVE."""

from __future__ import annotations

import os
from pathlib import Path

from .config import user_config_path


def keys_folder() -> Path:
    """Where this machine's keys stand: beside the user's settings, or where OMOTE_KEYS says."""
    said = os.environ.get("OMOTE_KEYS")
    return Path(said).expanduser() if said else user_config_path().with_name("keys")
