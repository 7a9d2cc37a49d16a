"""What machine this is: a measured number means nothing without it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .runtime.gpu import gpu_names

# What decides how fast a matrix is multiplied here, in which arithmetic; Linux's names.
TELLING_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8")
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Hardware:
    """The machine, as a report names it."""

    cpu: str
    cores: int  # logical ones that this process may use, where the system says
    platform: str
    python: str
    flags: tuple[str, ...] = ()  # of `TELLING_FLAGS`, those that the processor has; only Linux says
    memory_gib: float | None = None  # None where the system does not say
    gpus: tuple[str, ...] = ()  # NVIDIA's, by name


def this_machine() -> Hardware:
    cpuinfo = _read(_CPUINFO)
    return Hardware(
        cpu=_cpu(cpuinfo),
        cores=cores(),
        platform=platform.platform(),
        python=platform.python_version(),
        flags=flags_in(cpuinfo),
        memory_gib=_memory_gib(),
        gpus=gpu_names(),
    )


def cores() -> int:
    """How many cores this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def flags_in(cpuinfo: str) -> tuple[str, ...]:
    """The telling flags that this text of /proc/cpuinfo names, in their own order."""
    found = set(_named("flags", cpuinfo).split())
    return tuple(flag for flag in TELLING_FLAGS if flag in found)


def _cpu(cpuinfo: str) -> str:
    """The processor's model by name, else its architecture."""
    if named := _named("model name", cpuinfo):
        return named
    if sys.platform == "darwin":
        try:
            return subprocess.check_output(("sysctl", "-n", "machdep.cpu.brand_string"), text=True).strip()
        except (OSError, subprocess.SubprocessError):
            pass
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1)
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _named(name: str, text: str) -> str:
    """What stands behind the first "name :" in the text; "" where there is none."""
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() == name:
            return value.strip()
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
