"""The settings of the page, kept in `page.json` beside config.toml from one run to the next."""

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

from omote.bridge.endpoint import BindError
from omote.engine.face.lipsync import VoiceTuning
from omote.engine.face.tuning import Tuning
from omote.engine.model.character_file import load_any_character
from omote.engine.storage import user_path, write_text
from omote.engine.tensor_file import CharacterError

from .cameras import CameraChoice, read_camera_choice
from .config import DEFAULTS, Config, user_config_path
from .endpoints import EndpointChoice, read_endpoints
from .guests import Guest, read_guests
from .hotkeys import DEFAULT_HOTKEYS, Hotkey, read_hotkeys
from .items import Item, read_items
from .lighting import LightChoice
from .outputs import MOST_OUTPUTS, MOST_SPEC
from .quality import QualityChoice
from .scenes import SceneChoice, read_scene_choice
from .validation import parse_json

FOLDER_VARIABLE = "OMOTE_SETTINGS"
SETTINGS_FILE = "page.json"
VERSION = 1
WRITE_DELAY_S = 0.5  # after the first change that is not written, so that dragging a slider writes seldom

_MAX_FILE_BYTES = 1_000_000
_MAX_NAME = 128

log = logging.getLogger(__name__)


def settings_folder() -> Path:
    """The folder of the page's settings and tokens: $OMOTE_SETTINGS, else that of the user's config.toml."""
    data = os.environ.get(FOLDER_VARIABLE)
    return user_path(data) if data else user_config_path().parent


@dataclass(frozen=True)
class Settings:
    """Everything that the page sets. Flags and config.toml override `character` and `actor`."""

    tuning: Tuning = field(default_factory=Tuning)
    light: LightChoice = field(default_factory=LightChoice)
    scene: SceneChoice = field(default_factory=SceneChoice)
    voice: VoiceTuning = field(default_factory=VoiceTuning)
    items: tuple[Item, ...] = ()
    hotkeys: tuple[Hotkey, ...] = DEFAULT_HOTKEYS
    character: str | None = None  # as last chosen on the page
    actor: str | None = None
    global_hotkeys: bool = False  # heard while another program has the keyboard
    quality: QualityChoice | None = None  # as last chosen on the page
    outputs: tuple[str, ...] = ()  # destinations that were switched on on the page
    camera: CameraChoice | None = None  # as last chosen on the page
    endpoints: Mapping[str, EndpointChoice] = field(default_factory=dict)  # of ZeroMQ, those that were changed
    guests: tuple[Guest, ...] = ()  # beside the main character, from back to front

    def as_json(self) -> dict[str, object]:
        """The same as JSON values, for the file."""
        return {
            "version": VERSION,
            "tuning": self.tuning.as_json(),
            "light": asdict(self.light),
            "scene": self.scene.as_json(),
            "voice": self.voice.as_json(),
            "items": [asdict(one) for one in self.items],
            "hotkeys": [one.as_json() for one in self.hotkeys],
            "character": self.character,
            "actor": self.actor,
            "global_hotkeys": self.global_hotkeys,
            "endpoints": {name: asdict(one) for name, one in self.endpoints.items()},
            "guests": [asdict(one) for one in self.guests],
            "outputs": list(self.outputs),
            "quality": self.quality.as_json() if self.quality else None,
            "camera": self.camera.as_json() if self.camera else None,
        }


def load_settings(folder: Path) -> Settings:
    """Reads the settings of this folder, or returns the defaults.

    A damaged file is renamed, and replaced by the sections of it that can be read. One line in the log says so.
    """
    path = folder / SETTINGS_FILE
    try:
        with path.open("rb") as file:
            data = parse_json(file.read(_MAX_FILE_BYTES))
        if not isinstance(data, dict):
            raise ValueError(f"it must be an object, got {type(data).__name__}")
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except OSError as error:
        log.warning("%s cannot be read (%s): the page starts with the default settings", path, error.strerror)
        return Settings()
    except ValueError as error:
        _set_aside(path, str(error))
        return Settings()
    settings, errors = read_settings(data)
    if errors:
        _set_aside(path, "; ".join(errors))
        with suppress(OSError):  # the settings still hold for this run
            _write(settings, path)
    return settings


def config_from_settings(settings: Settings) -> Config:
    """The defaults of a run, with the character and the performer that were chosen on the page.

    A character that cannot be shown any more is left out, with a warning in the log.
    """
    actor = settings.actor or DEFAULTS.actor
    if settings.character is None:
        return replace(DEFAULTS, actor=actor)
    try:
        load_any_character(settings.character)
    except CharacterError as error:
        log.warning("the character that was last chosen on the page cannot be shown: %s", error)
        return replace(DEFAULTS, actor=actor)
    return replace(DEFAULTS, actor=actor, character=settings.character)


def read_settings(data: Mapping[str, object]) -> tuple[Settings, list[str]]:
    """The settings that can be read, and what is wrong with the others."""
    settings, errors = Settings(), []
    readers: dict[str, Callable[[object], object]] = {
        "tuning": lambda value: Tuning().changed(_object(value)),
        "light": lambda value: LightChoice().changed(_object(value)),
        "scene": read_scene_choice,
        "voice": lambda value: VoiceTuning().changed(_object(value)),
        "items": read_items,
        "hotkeys": read_hotkeys,
        "character": _name,
        "actor": _name,
        "camera": read_camera_choice,
        "guests": read_guests,
        "endpoints": read_endpoints,
        "outputs": _texts,
        "quality": lambda value: None if value is None else QualityChoice().changed(_object(value)),
        "global_hotkeys": _bool,
    }
    for name, read in readers.items():
        if name in data:
            try:
                settings = replace(settings, **{name: read(data[name])})  # type: ignore[arg-type]  # by its reader
            except (ValueError, BindError) as error:
                errors.append(f"{name}: {error}")
    return settings, errors


def _object(value: object) -> Mapping[str, object]:
    if isinstance(value, dict):
        return value
    raise ValueError(f"it must be an object, got {type(value).__name__}")


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list) and len(value) <= MOST_OUTPUTS and all(isinstance(one, str) for one in value):
        return tuple(one[:MOST_SPEC] for one in value)
    raise ValueError(f"it must be a list of at most {MOST_OUTPUTS} texts")


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"it must be true or false, got {type(value).__name__}")


def _name(value: object) -> str | None:
    if value is None or (isinstance(value, str) and 0 < len(value) <= _MAX_NAME and value.isprintable()):
        return value
    raise ValueError("it must be a name or null")


def _write(settings: Settings, path: Path) -> None:
    write_text(path, json.dumps(settings.as_json(), indent=2) + "\n", is_private=True)


def _set_aside(path: Path, why: str) -> None:
    aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
    try:
        path.replace(aside)
    except OSError as error:
        log.warning("%s is damaged (%s) and cannot be renamed (%s)", path, why[:200], error.strerror)
    else:
        log.warning("%s was damaged (%s): it is now %s, and what was lost has its default", path, why[:200], aside.name)


class SettingsStore:
    """Holds the settings of a run and writes them within a second of each change. Threads may share it.

    If the file cannot be written, the log says so once, and the settings hold for this run.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        folder: Path | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without a folder, nothing is written."""
        self._settings = settings or Settings()
        self._folder, self._clock_s = folder, clock_s
        self._due_s: float | None = None  # when to write, by the clock
        self._has_failed = False
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path | None:
        """Where the settings are written; None if they are not."""
        return self._folder

    @property
    def settings(self) -> Settings:
        return self._settings

    def update(self, change: Callable[[Settings], Settings]) -> None:
        """Replaces the settings by `change(settings)`."""
        with self._lock:
            self._settings = change(self._settings)
            if self._due_s is None:
                self._due_s = self._clock_s() + WRITE_DELAY_S

    def tick(self) -> None:
        """Writes the settings if a write is due; to be called often."""
        if self._due_s is not None and self._clock_s() >= self._due_s:
            self.write()

    def write(self) -> None:
        """Writes pending changes now."""
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
