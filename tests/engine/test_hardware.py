"""The machine as results name it, its GPUs and threads, and results that hold only for it."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omote.engine.hardware import (
    SCARCE_CORES,
    SPARE_CORES,
    ResultCache,
    cpu_flags,
    gpu_names,
    machine_facts,
    this_machine,
    thread_plan_for,
)

CPUINFO = """processor\t: 0
model name\t: AMD EPYC 9454
flags\t\t: fpu avx2 fma avx512f avx512_bf16 avx512_vnni
processor\t: 1
flags\t\t: fpu
"""

OPEN_ON_GPU = """
import sys
from omote.engine.runtime.session import Build, RuntimeUnavailable
from omote.engine.model.networks import Networks
for runtime in ("tensorrt-rtx", "tensorrt"):
    try:
        Networks(build=Build.named(runtime)).denoiser(1)
    except RuntimeUnavailable:
        pass
print([name for name in ("cuda", "onnx", "tensorrt", "tensorrt_rtx", "torch") if name in sys.modules])
"""


def test_only_flags_that_decide_the_speed_of_matrices_are_listed() -> None:
    assert cpu_flags(CPUINFO) == ("avx2", "avx512f", "avx512_bf16", "avx512_vnni")
    assert cpu_flags("Features : asimd") == ()


def test_this_machine_has_a_processor_cores_and_memory() -> None:
    machine = this_machine()
    assert machine.cpu and machine.cores >= 1
    assert machine.memory_gib is None or machine.memory_gib > 0.0


_HOLES = """
import psutil
from omote.engine.hardware import return_free_memory
held = [b"x" * 60_000 for _ in range(2000)]
del held[:-1]  # the last one keeps the heap from shrinking by itself
before = psutil.Process().memory_info().rss
return_free_memory()
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc holds on to free memory")
def test_memory_between_what_is_still_used_goes_back_to_the_system() -> None:
    ran = subprocess.run([sys.executable, "-c", _HOLES], capture_output=True, text=True, check=True)
    assert int(ran.stdout) > 100e6


@pytest.mark.parametrize(
    ("cores", "ahead", "apart", "decoding"),
    [
        (1, False, True, 1),
        (SCARCE_CORES, False, True, 1),
        (SCARCE_CORES + 1, False, False, 1),
        (SPARE_CORES - 1, False, False, 1),
        (SPARE_CORES, True, False, 2),
        (64, True, False, 2),
    ],
)
def test_threads_are_shared_by_the_number_of_cores(cores: int, ahead: bool, apart: bool, decoding: int) -> None:
    plan = thread_plan_for(cores)
    assert (plan.tracks_ahead, plan.tracks_apart, plan.decoding) == (ahead, apart, decoding)


# GPUs.


def driver_of(*names: str, status: int = 0) -> Any:
    """NVIDIA's driver with these GPUs; one without a name has an error."""

    def count(into: Any) -> int:
        into._obj.value = len(names)
        return 0

    def device(into: Any, index: int) -> int:
        into._obj.value = index
        return 0

    def name(into: Any, size: int, which: ctypes.c_int) -> int:
        into.value = names[which.value].encode()[: size - 1]
        return 0 if names[which.value] else 1

    return SimpleNamespace(
        cuInit=lambda flags: status, cuDeviceGetCount=count, cuDeviceGet=device, cuDeviceGetName=name
    )


@pytest.mark.parametrize(
    ("driver", "names"),
    [
        (
            driver_of("NVIDIA GeForce RTX 4070", "", "NVIDIA L4"),
            ("NVIDIA GeForce RTX 4070", "NVIDIA GPU 1", "NVIDIA L4"),
        ),
        (driver_of("NVIDIA L4", status=100), ()),
        (None, ()),
    ],
    ids=["in the driver's order", "a driver that does not start", "no driver"],
)
def test_gpus_are_named(monkeypatch: pytest.MonkeyPatch, driver: Any, names: tuple[str, ...]) -> None:
    def load(name: str) -> Any:
        if driver is None:
            raise OSError(f"{name}: cannot open shared object file")
        return driver

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert gpu_names() == names


@pytest.mark.skipif(bool(gpu_names()), reason="an NVIDIA GPU is here")
def test_without_a_gpu_no_library_of_nvidia_is_loaded() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", OPEN_ON_GPU], check=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]"


# Results that hold for this machine.


def test_a_result_is_found_under_the_same_facts_only(tmp_path: Path) -> None:
    ResultCache(tmp_path).put({"size": 256, "cores": 2}, {"build": "openvino"})
    assert ResultCache(tmp_path).get({"cores": 2, "size": 256}) == {"build": "openvino"}
    assert ResultCache(tmp_path).get({"size": 256, "cores": 4}) is None
    ResultCache(tmp_path).clear()
    assert ResultCache(tmp_path).get({"cores": 2, "size": 256}) is None


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "3", '{"facts": {"size": 1}}', '{"facts": {"size": 1}, "answer": 3}']
)
def test_a_damaged_result_is_none(tmp_path: Path, damage: str) -> None:
    cache = ResultCache(tmp_path)
    cache.put({"size": 1}, {"build": "openvino"})
    (path,) = tmp_path.iterdir()
    path.write_text(damage, encoding="utf-8")
    assert cache.get({"size": 1}) is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    cache = ResultCache(tmp_path / "file")  # not even root can make a folder here
    cache.put({"size": 1}, {"build": "openvino"})
    assert cache.get({"size": 1}) is None


def test_the_facts_have_processor_cores_and_versions() -> None:
    facts = machine_facts()
    assert facts["cpu"] and facts["cores"]
    assert "openvino" in str(facts["versions"])
