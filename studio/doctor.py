"""`omote doctor`: what this machine has of what Omote wants, in one line each, with the cure for what is missing."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

from omote.engine.character import load_any
from omote.engine.hardware import this_machine
from omote.engine.nouns import Character
from omote.engine.runtime.gpu import gpu_names

from . import doctor_photoreal
from .check import Check
from .config import Config
from .doctor_drawing import drawing, gpu_runtime, runtime, weights
from .doctor_files import files
from .doctor_outputs import outputs
from .doctor_sources import package, sources
from .ending import interruptibly


def run(config: Config, character: str | None = None) -> int:
    """Prints a line a check; 1 where the demo, or `omote live` with this character, could not run, else 0."""
    if character is None:
        return _told(checks(config), "the demo", "omote live")
    found = load_any(character)
    looked_at = checks(config, found) if isinstance(found, Character) else doctor_photoreal.checks(config, found)
    return _told(looked_at, found.name, f"omote live --character {character}")


def _told(found: Iterator[Check], what: str, command: str) -> int:
    can_run = True
    for check in found:
        print(check.line(), flush=True)
        can_run = can_run and (check.is_ok or not check.is_needed)
    print(f"{what} can run: {command}" if can_run else f"{what} cannot run: see what is missing above")
    return 0 if can_run else 1


def checks(config: Config, character: Character | None = None) -> Iterator[Check]:
    """Looks at one thing after another. Opens no camera and no connection, fetches nothing."""
    machine = this_machine()
    is_supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Check("python", is_supported, platform.python_version(), "Omote wants Python 3.11 to 3.13", is_needed=True)
    yield Check("system", True, machine.platform)
    yield Check("processor", True, f"{machine.cpu}, {machine.cores} cores")
    gpus = gpu_names()
    yield Check("NVIDIA GPU", True, ", ".join(gpus) or "none, and none is needed")
    yield from gpu_runtime(gpus)
    yield package("openvino", "pip install openvino", is_needed=True)
    yield from weights()
    yield interruptibly(lambda: drawing(config, character))
    yield from runtime(config)
    yield from sources(config)
    yield from outputs(config)
    yield from files(config)
