"""What a committed figure must say of itself: when, at which commit and on what it was measured."""

from __future__ import annotations

import subprocess
import time
from dataclasses import asdict

from ..hardware import this_machine


def provenance() -> dict[str, object]:
    """Date, commit ("unknown" outside a checkout) and hardware, to stand first in a file of results."""
    try:
        asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
        commit = asked.stdout.strip() or "unknown"
    except OSError:
        commit = "unknown"
    return {"date": time.strftime("%Y-%m-%d"), "commit": commit, "hardware": asdict(this_machine())}
