"""What `omote doctor` looks at of a person's own files: settings, calibrations, characters, the folder for takes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from omote.calibration.actor_file import ActorError, actors_folder, load_actor
from omote.calibration.actor_name import SUFFIX
from omote.engine.character import CharacterError, load_any, own_names

from .check import Check
from .config import Config, user_config_path
from .plain_json import JsonError, read_json
from .recording import takes_folder
from .settings import FILE, settings_folder

LEAST_FREE = 500_000_000  # bytes: three hours of a phone's 60 faces a second
_DAMAGED = "damaged"


def files(config: Config) -> Iterator[Check]:
    """One thing after another; what is damaged is left as it is."""
    yield from _settings()
    yield from _actors()
    yield from _characters()
    yield _takes(config.record.parent if config.record else takes_folder())


def _settings() -> Iterator[Check]:
    """The user's own file was read already, or the doctor would not be here."""
    own = user_config_path()
    yield Check("settings", True, str(own) if own.is_file() else f"none of your own: {own} would be read")
    path = settings_folder() / FILE
    if not path.exists():
        return
    try:
        if not isinstance(read_json(path.read_bytes()), dict):
            raise JsonError("it is no object")
    except (OSError, JsonError) as error:
        cure = "remove it, or let the next omote live put it aside"
        yield Check("page's settings", False, f"{path} is damaged: {error}", cure, wrong=_DAMAGED)
    else:
        yield Check("page's settings", True, str(path))


def _actors() -> Iterator[Check]:
    """Each calibration that is kept; one that is damaged leaves its performer as the tracker sees them."""
    paths = sorted(path for path in actors_folder().glob(f"*@*{SUFFIX}") if not path.name.startswith("."))
    whole = []
    for path in paths:
        try:
            load_actor(path)
        except ActorError as error:
            yield Check("actor", False, str(error), wrong=_DAMAGED)
        else:
            whole.append(path.name.removesuffix(SUFFIX))
    if whole or not paths:
        yield Check("actors", True, ", ".join(whole) or "nobody is calibrated yet: omote calibrate")


def _characters() -> Iterator[Check]:
    """Each that was made here and cannot be shown; those that are shipped are looked at with the weights."""
    damaged = []
    for name in own_names():
        try:
            load_any(name)
        except CharacterError as error:
            damaged.append(name)
            yield Check("character", False, str(error), wrong=_DAMAGED)
    if found := ", ".join(name for name in own_names() if name not in damaged):
        yield Check("own characters", True, found)


def _takes(folder: Path) -> Check:
    """Whether a recording could begin there, and go on for a while."""
    name = "takes"
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), Path())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        found = f"{folder} cannot be written to ({error.strerror or error})"
        return Check(name, False, found, "make it writable, or record elsewhere with --record FILE.csv")
    found = f"{folder}, {free / 1e9:.1f} GB free"
    return Check(name, free >= LEAST_FREE, found, "make room: an hour of a phone's face takes 150 MB")
