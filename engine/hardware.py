"""The machine: its processor and GPUs, how threads share its cores, and a cache of results that hold only for it."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from .storage import cache_folder, write_text

# Flags that decide how fast matrices are multiplied, in which arithmetic; Linux's names.
CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8")
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Hardware:
    """The machine, as a report names it."""

    cpu: str
    cores: int  # logical ones that this process may use, if the system tells
    platform: str
    python: str
    flags: tuple[str, ...] = ()  # those of `CPU_FLAGS` that the processor has; on Linux only
    memory_gib: float | None = None  # None if the system does not tell
    gpus: tuple[str, ...] = ()  # NVIDIA's, by name


def this_machine() -> Hardware:
    cpuinfo = _text_of(_CPUINFO)
    return Hardware(
        cpu=_cpu(cpuinfo),
        cores=cores(),
        platform=platform.platform(),
        python=platform.python_version(),
        flags=cpu_flags(cpuinfo),
        memory_gib=_memory_gib(),
        gpus=gpu_names(),
    )


def cores() -> int:
    """How many cores this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def return_free_memory() -> None:
    """Gives memory that is free, but still held by the C library, back to the system.

    After large arrays of many sizes have come and gone, glibc keeps more than 100 MiB. macOS and Windows do not.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None  # musl has none
    if trim is not None:
        trim(0)


def cpu_flags(cpuinfo: str) -> tuple[str, ...]:
    """Those of `CPU_FLAGS` that this text of /proc/cpuinfo lists."""
    found = set(_cpuinfo_value("flags", cpuinfo).split())
    return tuple(flag for flag in CPU_FLAGS if flag in found)


def _cpu(cpuinfo: str) -> str:
    """The processor's model, else its architecture."""
    if named := _cpuinfo_value("model name", cpuinfo):
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


def _cpuinfo_value(name: str, text: str) -> str:
    """The value of the first "name : value" in the text; "" if there is none."""
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() == name:
            return value.strip()
    return ""


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


_CUDA_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_LONGEST_NAME = 256


def gpu_names() -> tuple[str, ...]:
    """The names of NVIDIA's GPUs in the driver's order; empty without a driver or a GPU."""
    try:
        driver = ctypes.CDLL(_CUDA_DRIVER)
    except OSError:
        return ()
    count = ctypes.c_int()
    # Each call of the driver returns 0 on success.
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    return tuple(_gpu_name(driver, index) for index in range(count.value))


def _gpu_name(driver: ctypes.CDLL, index: int) -> str:
    device, name = ctypes.c_int(), ctypes.create_string_buffer(_LONGEST_NAME)
    if driver.cuDeviceGet(ctypes.byref(device), index) or driver.cuDeviceGetName(name, _LONGEST_NAME, device):
        return f"NVIDIA GPU {index}"
    return name.value.decode(errors="replace")


SPARE_CORES = 6  # from so many cores on, a tracker that never rests slows nothing down
SCARCE_CORES = 2  # up to so many cores, tracking while the network runs makes pictures older, though 10 % more frequent


@dataclass(frozen=True)
class ThreadPlan:
    """How the cores are shared."""

    tracks_ahead: bool  # every picture is tracked, also if a newer one replaces it
    tracks_apart: bool  # a picture is tracked only while nothing is drawn
    decoding: int  # threads of a video file's decoder
    opencv: int  # threads within each of OpenCV's functions


def thread_plan_for(cores: int) -> ThreadPlan:
    """For so many cores."""
    has_spare = cores >= SPARE_CORES
    # BGR becomes RGB in 0.05 ms: that is not worth waking another thread.
    return ThreadPlan(
        tracks_ahead=has_spare, tracks_apart=cores <= SCARCE_CORES, decoding=2 if has_spare else 1, opencv=1
    )


def thread_plan() -> ThreadPlan:
    """For this machine."""
    return thread_plan_for(cores())


Facts = Mapping[str, object]

# Another version of one of these may draw another picture, or take another time.
_PACKAGES = ("omote", "openvino", "onnxruntime", "tensorrt-rtx-cu13", "tensorrt", "cuda-bindings", "onnx", "torch")


class ResultCache:
    """Results in small files. One that cannot be read or written counts as missing."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder() / "found"

    def get(self, facts: Facts) -> dict[str, object] | None:
        """The result that was stored under exactly these facts."""
        try:
            stored = json.loads(self._path(facts).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        result = stored.get("answer") if isinstance(stored, dict) and stored.get("facts") == dict(facts) else None
        return result if isinstance(result, dict) else None

    def put(self, facts: Facts, result: Facts) -> None:
        """Stores a result, atomically."""
        with contextlib.suppress(OSError):
            write_text(self._path(facts), json.dumps({"facts": dict(facts), "answer": dict(result)}, indent=1))

    def clear(self) -> None:
        """Removes all results."""
        with contextlib.suppress(OSError):
            for path in self.folder.glob("*.json"):
                path.unlink()

    def _path(self, facts: Facts) -> Path:
        text = json.dumps(facts, sort_keys=True).encode()
        return self.folder / f"{hashlib.sha256(text).hexdigest()[:24]}.json"


@cache
def machine_facts() -> dict[str, object]:
    """What a result about speed or arithmetic depends on, besides the network."""
    machine = this_machine()
    versions = {name: found for name in _PACKAGES if (found := _package_version(name))}
    return {
        "cpu": machine.cpu,
        "flags": list(machine.flags),
        "cores": machine.cores,
        "gpus": list(gpu_names()),
        "versions": versions,
    }


def _package_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
