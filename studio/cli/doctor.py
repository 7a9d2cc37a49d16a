"""`omote doctor`: runs the checks and prints one line each, with the cure."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterator

from omote.engine.data import Character
from omote.engine.hardware import gpu_names, this_machine
from omote.engine.model.animator import runtime_options
from omote.engine.model.character_file import load_any_character

from ..app.config import Config
from .doctor_checks import (
    Check,
    check_drawing,
    check_files,
    check_gpu_runtime,
    check_outputs,
    check_package,
    check_runtime,
    check_sources,
    check_weights,
)
from .interrupts import run_interruptibly
from .parser import add_config_option, config_of


def main(typed: argparse.Namespace) -> int:
    """Runs `omote doctor` as it was typed; the exit code."""
    return run(config_of(typed), getattr(typed, "character", None))


def run(config: Config, character: str | None = None) -> int:
    """Prints a line a check; 1 where the demo, or `omote live` with this character, could not run, else 0."""
    if character is None:
        return _print_check(checks(config), "the demo", "omote live")
    found = load_any_character(character)
    if isinstance(found, Character):
        looked_at = checks(config, found)
    else:
        from . import doctor_photoreal

        looked_at = doctor_photoreal.checks(config, found)
    return _print_check(looked_at, found.name, f"omote live --character {character}")


def _print_check(found: Iterator[Check], what: str, command: str) -> int:
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
    yield from check_gpu_runtime(gpus)
    yield check_package("openvino", "pip install openvino", is_needed=True)
    yield from check_weights()
    yield run_interruptibly(lambda: check_drawing(config, character))
    yield from check_runtime(config)
    yield from check_sources(config)
    yield from check_outputs(config)
    yield from check_files(config)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--character", metavar="NAME", help="look at all that this one is made from and drawn by")
    parser.add_argument("--steps", type=int, help="of the sampler, as for omote live")
    parser.add_argument("--runtime", choices=runtime_options(), help="what executes the networks")
