"""The origin of a committed figure: date, commit and hardware."""

from __future__ import annotations

import subprocess
import time
from dataclasses import asdict

from ..hardware import this_machine


def provenance() -> dict[str, object]:
    """Date, commit ("unknown" outside a checkout) and hardware, the first entries of a file of results."""
    try:
        done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
        commit = done.stdout.strip() or "unknown"
    except OSError:
        commit = "unknown"
    return {"date": time.strftime("%Y-%m-%d"), "commit": commit, "hardware": asdict(this_machine())}
