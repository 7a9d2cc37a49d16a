"""Which GPUs are here, asked of a driver that is or is not."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from omote.engine.hardware import gpu_names

LOOK_FOR_ONE = """
import sys
from omote.engine.runtime.build import Build
from omote.engine.runtime.session import RuntimeUnavailable
from omote.engine.model.networks import Networks
for runtime in ("tensorrt-rtx", "tensorrt"):
    try:
        Networks(build=Build.named(runtime)).denoiser(1)
    except RuntimeUnavailable:
        pass
print([name for name in ("cuda", "onnx", "tensorrt", "tensorrt_rtx", "torch") if name in sys.modules])
"""


def a_driver_of(*names: str, status: int = 0) -> Any:
    """NVIDIA's driver, as far as it is asked here."""

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


def test_gpus_are_named_in_the_drivers_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: a_driver_of("NVIDIA GeForce RTX 4070", "", "NVIDIA L4"))
    assert gpu_names() == ("NVIDIA GeForce RTX 4070", "NVIDIA GPU 1", "NVIDIA L4")


def test_a_driver_that_cannot_start_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    no_device = 100
    monkeypatch.setattr(ctypes, "CDLL", lambda name: a_driver_of("NVIDIA L4", status=no_device))
    assert gpu_names() == ()


def test_a_machine_without_a_driver_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert gpu_names() == ()


@pytest.mark.skipif(bool(gpu_names()), reason="an NVIDIA GPU is here")
def test_being_refused_without_a_gpu_loads_no_library_of_nvidia() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", LOOK_FOR_ONE], check=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]"
