"""Which Omote this is."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

_DECIDING = (".py", ".npz", ".onnx", ".safetensors")  # code and weights


def version() -> str:
    """The installed version; "not installed" where it runs from its source folder."""
    try:
        return metadata.version("omote")
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def edition() -> str:
    """The version, and a seal of the engine's files: source folders of one version may draw different pictures."""
    found, folder = hashlib.sha256(), Path(__file__).parent
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.suffix in _DECIDING}
    for name in sorted(files):
        found.update(name.encode())
        found.update(hashlib.sha256(files[name].read_bytes()).digest())
    return f"{version()} ({found.hexdigest()[:12]})"
