"""Where OpenVINO keeps what it compiled for the next start, which takes it as it lies there: so only if it is whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from importlib import metadata
from pathlib import Path

from omote.engine.storage import cache_folder

from .build import Build
from .session import ExportedGraph, shapes_digest

_SUMS = "sums.json"


def model_folder(graph: ExportedGraph, build: Build) -> Path | None:
    """For one build of this graph by this OpenVINO, emptied of what is damaged; None where nothing can be kept.

    A denoiser takes tens of megabytes there, so what belonged to another version of it goes.
    """
    try:
        of_network = cache_folder() / "openvino" / f"{metadata.version('openvino')}-{graph.sha256[:16]}"
        for other in of_network.parent.glob("*"):
            if other != of_network:
                shutil.rmtree(other, ignore_errors=True)
        folder = of_network / f"{build.name}-{shapes_digest(graph.shapes)[:12]}-{build.threads or 'all'}"
        if folder.exists() and _sums(folder) != _sealed(folder):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, metadata.PackageNotFoundError):
        return None
    return folder if os.access(folder, os.W_OK) else None


def seal(folder: Path) -> None:
    """Remembers what lies there now: anything else, at the next start, is damaged, or of somebody who was cut off."""
    with contextlib.suppress(OSError):
        if {path.name for path in folder.glob("*.blob")} != set(_sealed(folder) or ()):
            (folder / _SUMS).write_text(json.dumps(_sums(folder)), encoding="utf-8")


def _sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.blob")}


def _sealed(folder: Path) -> dict[str, str] | None:
    try:
        said = json.loads((folder / _SUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None
