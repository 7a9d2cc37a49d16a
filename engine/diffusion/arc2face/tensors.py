"""Reads the tensors of a published file, of whichever kind it is, without running what may be hidden in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .pickles import read_pickle


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a .safetensors file or of one that torch has pickled, by its dotted name, on the CPU.

    FileNotFoundError without the file; ValueError where it is broken or holds anything but tensors.
    """
    return _safe(path) if path.suffix == ".safetensors" else read_pickle(path)


def listed(names: Sequence[str]) -> str:
    """The first few of many names, for a sentence."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "") or "none"


def _safe(path: Path) -> dict[str, Tensor]:
    try:
        found: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file, or is cut off: {error}") from error
    return found
