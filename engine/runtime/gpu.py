"""Which NVIDIA GPUs this machine has, asked of the driver alone: no package has to be there, nothing big is loaded."""

from __future__ import annotations

import ctypes
import sys

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_LONGEST_NAME = 256


def gpu_names() -> tuple[str, ...]:
    """Their names in the driver's order; none where there is no driver or it sees no GPU."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return ()
    count = ctypes.c_int()
    # Each call of the driver returns 0 where it did what it was asked.
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return ()
    return tuple(_name(driver, index) for index in range(count.value))


def _name(driver: ctypes.CDLL, index: int) -> str:
    device, name = ctypes.c_int(), ctypes.create_string_buffer(_LONGEST_NAME)
    if driver.cuDeviceGet(ctypes.byref(device), index) or driver.cuDeviceGetName(name, _LONGEST_NAME, device):
        return f"NVIDIA GPU {index}"
    return name.value.decode(errors="replace")
