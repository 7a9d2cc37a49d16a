"""What a person set on the page, kept from one run to the next in one file beside config.toml."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from omote.engine.face.tuning import Tuning
from omote.engine.model.character_file import CharacterError, load_any_character
from omote.engine.storage import write_text

from .config import DEFAULTS, Config, user_config_path
from .hotkeys import DEFAULT_HOTKEYS, Hotkey, read_hotkeys
from .lighting import LightChoice
from .validation import parse_json

FOLDER_VARIABLE = "OMOTE_SETTINGS"
SETTINGS_FILE = "page.json"
VERSION = 1
WRITE_DELAY_S = 1.0  # after the last change, so that a slider that is drawn writes once

_MAX_FILE_BYTES = 1_000_000
_MAX_NAME = 128

log = logging.getLogger(__name__)


def settings_folder() -> Path:
    """Where the page's settings and its tokens are kept: $OMOTE_SETTINGS, else beside the user's config.toml."""
    said = os.environ.get(FOLDER_VARIABLE)
    return Path(said).expanduser() if said else user_config_path().parent


@dataclass(frozen=True)
class Settings:
    """What was set. A flag or a line in config.toml wins over `character` and `actor`, the rest is set here alone."""

    tuning: Tuning = field(default_factory=Tuning)
    light: LightChoice = field(default_factory=LightChoice)
    hotkeys: tuple[Hotkey, ...] = DEFAULT_HOTKEYS
    character: str | None = None  # the one last chosen on the page
    actor: str | None = None

    def as_json(self) -> dict[str, object]:
        """The same in JSON's types; `read` takes it back."""
        return {
            "version": VERSION,
            "tuning": self.tuning.as_json(),
            "light": asdict(self.light),
            "hotkeys": [one.as_json() for one in self.hotkeys],
            "character": self.character,
            "actor": self.actor,
        }


def load_settings(folder: Path) -> Settings:
    """Those of this folder, or the usual ones; a damaged file is put aside, and what can be read of it takes its place.

    What went wrong is said in the log, in one line.
    """
    path = folder / SETTINGS_FILE
    try:
        with path.open("rb") as file:
            said = parse_json(file.read(_MAX_FILE_BYTES))
        if not isinstance(said, dict):
            raise ValueError(f"it must be an object, got {type(said).__name__}")
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        log.warning("%s cannot be read (%s): the page begins with the usual settings", path, error.strerror)
        return Settings()
    except ValueError as error:
        _put_aside(path, str(error))
        return Settings()
    settings, wrong = _read(said)
    if wrong:
        _put_aside(path, "; ".join(wrong))
        with suppress(OSError):  # then it counts for this run
            _write(settings, path)
    return settings


def config_from_settings(settings: Settings) -> Config:
    """The usual settings of a run, but for who was chosen on the page; one who cannot be shown is told in the log."""
    actor = settings.actor or DEFAULTS.actor
    if settings.character is None:
        return replace(DEFAULTS, actor=actor)
    try:
        load_any_character(settings.character)
    except CharacterError as error:
        log.warning("who was chosen on the page last cannot be shown: %s", error)
        return replace(DEFAULTS, actor=actor)
    return replace(DEFAULTS, actor=actor, character=settings.character)


def _read(said: Mapping[str, object]) -> tuple[Settings, list[str]]:
    """What can be read, and what is wrong with the rest."""
    settings, wrong = Settings(), []
    readers: dict[str, Callable[[object], object]] = {
        "tuning": lambda value: Tuning().changed(_object(value)),
        "light": lambda value: LightChoice().changed(_object(value)),
        "hotkeys": read_hotkeys,
        "character": _name,
        "actor": _name,
    }
    for name, read in readers.items():
        if name in said:
            try:
                settings = replace(settings, **{name: read(said[name])})  # type: ignore[arg-type]  # by its reader
            except ValueError as error:
                wrong.append(f"{name}: {error}")
    return settings, wrong


def _object(value: object) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    raise ValueError(f"wanted an object, got {type(value).__name__}")


def _name(value: object) -> str | None:
    if value is None or (isinstance(value, str) and 0 < len(value) <= _MAX_NAME and value.isprintable()):
        return value
    raise ValueError("wanted a name, or null")


def _write(settings: Settings, path: Path) -> None:
    write_text(path, json.dumps(settings.as_json(), indent=2) + "\n", is_private=True)


def _put_aside(path: Path, why: str) -> None:
    aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
    try:
        path.replace(aside)
    except OSError as error:
        log.warning("%s is damaged (%s) and cannot be put aside (%s)", path, why[:200], error.strerror)
    else:
        log.warning("%s was damaged (%s): it is now %s, and what was lost is as usual", path, why[:200], aside.name)


class SettingsStore:
    """Holds the settings of a run, and writes them a second after the last change; from any thread.

    A place that cannot be written to is told once in the log: the run goes on with what was set.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        folder: Path | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without a folder nothing is written."""
        self._settings = settings or Settings()
        self._folder, self._clock_s = folder, clock_s
        self._due_s: float | None = None  # when it is to be written
        self._has_failed = False
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        return self._settings

    def keep(self, change: Callable[[Settings], Settings]) -> None:
        """Changes them; `change` is given those of this moment."""
        with self._lock:
            self._settings = change(self._settings)
            self._due_s = self._clock_s() + WRITE_DELAY_S

    def tick(self) -> None:
        """Writes what is due."""
        if self._due_s is not None and self._clock_s() >= self._due_s:
            self.write()

    def write(self) -> None:
        """Writes now what has not been written yet."""
        with self._lock:
            if self._due_s is None or self._folder is None:
                return
            self._due_s = None
            path = self._folder / SETTINGS_FILE
            try:
                _write(self._settings, path)
            except OSError as error:
                if not self._has_failed:
                    log.warning("%s cannot be written (%s): what you set holds for this run only", path, error.strerror)
                self._has_failed = True
