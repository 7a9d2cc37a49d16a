"""What machine this is: a measured number means nothing without it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hardware:
    """The machine, as a report names it."""

    cpu: str
    cores: int  # logical ones that this process may use, where the system says
    platform: str
    python: str


def this_machine() -> Hardware:
    return Hardware(_cpu(), cores(), platform.platform(), platform.python_version())


def cores() -> int:
    """How many cores this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    """The processor's model by name, else its architecture."""
    try:
        if sys.platform == "linux":
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
            named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
            return named[0] if named else platform.machine()
        if sys.platform == "darwin":
            return subprocess.check_output(("sysctl", "-n", "machdep.cpu.brand_string"), text=True).strip()
    except (OSError, subprocess.SubprocessError):
        pass
    return platform.processor() or platform.machine()
