"""The version of Omote."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

_SUFFIXES = (".py", ".npz", ".onnx", ".safetensors")  # of code and weights


def version() -> str:
    """The installed version; "not installed" if it runs from its source folder."""
    try:
        return metadata.version("omote")
    except metadata.PackageNotFoundError:
        return "not installed"


def library_version(name: str) -> str:
    """The installed version of a library; "" if it is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


@cache
def edition() -> str:
    """The version, and a digest of the engine's files: source folders of one version may draw different pictures."""
    found, folder = hashlib.sha256(), Path(__file__).parent
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.suffix in _SUFFIXES}
    for name in sorted(files):
        found.update(name.encode())
        found.update(hashlib.sha256(files[name].read_bytes()).digest())
    return f"{version()} ({found.hexdigest()[:12]})"
