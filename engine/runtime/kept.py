"""What was found out about this machine once, kept between starts: small answers under everything they depend on."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from omote.engine.hardware import this_machine
from omote.engine.storage import cache_folder, write_text

from .gpu import gpu_names

Facts = Mapping[str, object]

# Another version of one of these may compute another picture, or the same in another time.
_PACKAGES = ("omote", "openvino", "onnxruntime", "tensorrt-rtx-cu13", "tensorrt", "cuda-bindings", "onnx", "torch")


class Kept:
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
    versions = {name: found for name in _PACKAGES if (found := _version(name))}
    return {
        "cpu": machine.cpu,
        "flags": list(machine.flags),
        "cores": machine.cores,
        "gpus": list(gpu_names()),
        "versions": versions,
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
