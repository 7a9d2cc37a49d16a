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


def cpu_flags(cpuinfo: str) -> tuple[str, ...]:
    """The telling flags that this text of /proc/cpuinfo names, in their own order."""
    found = set(_cpuinfo_value("flags", cpuinfo).split())
    return tuple(flag for flag in TELLING_FLAGS if flag in found)


def _cpu(cpuinfo: str) -> str:
    """The processor's model by name, else its architecture."""
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
    """What stands behind the first "name :" in the text; "" where there is none."""
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
    """Their names in the driver's order; none where there is no driver or it sees no GPU."""
    try:
        driver = ctypes.CDLL(_CUDA_DRIVER)
    except OSError:
        return ()
    count = ctypes.c_int()
    # Each call of the driver returns 0 where it did what it was asked.
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    return tuple(_gpu_name(driver, index) for index in range(count.value))


def _gpu_name(driver: ctypes.CDLL, index: int) -> str:
    device, name = ctypes.c_int(), ctypes.create_string_buffer(_LONGEST_NAME)
    if driver.cuDeviceGet(ctypes.byref(device), index) or driver.cuDeviceGetName(name, _LONGEST_NAME, device):
        return f"NVIDIA GPU {index}"
    return name.value.decode(errors="replace")


SPARE_CORES = 6  # cores from which on a tracker that works all the time is not felt
SCARCE_CORES = (
    2  # cores up to which a tracker beside the network makes pictures older, though there are a tenth more of them
)


@dataclass(frozen=True)
class ThreadPlan:
    """What each part may use."""

    tracks_ahead: bool  # every picture that comes, also what another overtakes: the newest face, for a core's work
    tracks_apart: bool  # only while nothing is drawn
    decoding: int  # threads of a video file's decoder
    opencv: int  # threads within each of OpenCV's functions


def thread_plan_for(cores: int) -> ThreadPlan:
    """For a processor, or the part of it that Omote may use."""
    has_spare = cores >= SPARE_CORES
    # A camera's picture is turned from BGR to RGB in 0.05 ms: that is not worth waking anybody.
    return ThreadPlan(
        tracks_ahead=has_spare, tracks_apart=cores <= SCARCE_CORES, decoding=2 if has_spare else 1, opencv=1
    )


def thread_plan() -> ThreadPlan:
    """For this machine."""
    return thread_plan_for(cores())


Facts = Mapping[str, object]

# Another version of one of these may compute another picture, or the same in another time.
_PACKAGES = ("omote", "openvino", "onnxruntime", "tensorrt-rtx-cu13", "tensorrt", "cuda-bindings", "onnx", "torch")


class ResultCache:
    """Answers as small files. What cannot be read is found out again; where nothing can be written, nothing is kept."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder() / "found"

    def get(self, facts: Facts) -> dict[str, object] | None:
        """The answer that was kept under exactly these facts."""
        try:
            said = json.loads(self._place(facts).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        answer = said.get("answer") if isinstance(said, dict) and said.get("facts") == dict(facts) else None
        return answer if isinstance(answer, dict) else None

    def put(self, facts: Facts, answer: Facts) -> None:
        """All of it or nothing: another process sees no half file."""
        with contextlib.suppress(OSError):
            write_text(self._place(facts), json.dumps({"facts": dict(facts), "answer": dict(answer)}, indent=1))

    def forget(self) -> None:
        """Everything is found out again."""
        with contextlib.suppress(OSError):
            for place in self.folder.glob("*.json"):
                place.unlink()

    def _place(self, facts: Facts) -> Path:
        told = json.dumps(facts, sort_keys=True).encode()
        return self.folder / f"{hashlib.sha256(told).hexdigest()[:24]}.json"


@cache
def machine_facts() -> dict[str, object]:
    """What an answer about speed or arithmetic depends on, besides the network."""
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
