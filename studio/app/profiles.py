"""Profiles: what the page sets for one show or one character, under a name, each in a file of its own."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from omote.bridge.errors import OmoteError
from omote.engine.storage import data_folder, make_folder, write_text

from .settings import Settings, read_settings
from .validation import parse_json

MAX_PROFILE_BYTES = 262_144  # 24 hotkeys with weights have about 50 kB
# The performer, the camera and the quality belong to the machine and to the person, not to a show.
SECTIONS = ("tuning", "light", "scene", "items", "voice", "hotkeys", "character", "guests", "outputs")

_KEY, _VERSION = "omote_profile", 1
_SUFFIX = ".json"
_NAME = re.compile(r"\w(?:[\w -]{0,38}[\w-])?\Z")


class ProfileError(OmoteError, ValueError):
    """A profile does not exist, or cannot be read or written; the message says why, and the cure."""


class ProfileLibrary:
    """The profiles of one folder. Methods may be called from any thread."""

    def __init__(self, folder: Path | None = None) -> None:
        """Without a folder: the one in the user's data."""
        self._own_folder = folder

    @property
    def folder(self) -> Path:
        return self._own_folder or data_folder() / "profiles"

    def names(self) -> list[str]:
        """The names of all profiles, sorted."""
        return sorted(path.stem for path in self.folder.glob(f"*{_SUFFIX}") if _NAME.match(path.stem))

    def save(self, name: str, settings: Settings) -> None:
        """Writes the profile, in place of an earlier one; ProfileError if it cannot be written."""
        path, values = self._path(name), settings.as_json()
        content = {_KEY: _VERSION, **{section: values[section] for section in SECTIONS}}
        try:
            make_folder(path.parent)
            write_text(path, json.dumps(content, indent=2) + "\n", is_private=True)
        except OSError as error:
            raise ProfileError(f"cannot write {path} ({error.strerror}): make room for it") from error

    def text(self, name: str) -> str:
        """The profile as one file, for another machine."""
        path = self._path(name)
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(f'there is no profile "{name}" that can be read: save it again') from error

    def applied(self, name: str, settings: Settings) -> Settings:
        """These settings with the sections of the profile."""
        return applied_profile(self.text(name).encode(), settings)

    def add(self, name: str, data: bytes) -> None:
        """Adds a profile from another machine; ProfileError if it is none, or there is one of this name."""
        if name in self.names():
            raise ProfileError(f'there is a profile "{name}" already: rename the file, or remove that profile')
        self.save(name, applied_profile(data, Settings()))

    def remove(self, name: str) -> None:
        """Deletes a profile."""
        path = self._path(name)
        try:
            path.unlink()
        except OSError as error:
            raise ProfileError(f'cannot delete the profile "{name}" ({error.strerror})') from error

    def _path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise ProfileError("a profile's name has 1 to 40 letters, digits, spaces, - and _")
        return self.folder / f"{name}{_SUFFIX}"


def applied_profile(data: bytes, settings: Settings) -> Settings:
    """These settings with the sections of a profile's file; ProfileError if it is none or a section is invalid."""
    try:
        content = parse_json(data[: MAX_PROFILE_BYTES + 1])
    except ValueError as error:
        raise ProfileError(f"this is no profile ({error}): export one from Omote's page") from error
    if not isinstance(content, dict) or content.get(_KEY) != _VERSION:
        raise ProfileError(f'this is no profile of version {_VERSION} ("{_KEY}" is missing): export one from the page')
    read, errors = read_settings({name: content[name] for name in SECTIONS if name in content})
    if errors:
        raise ProfileError(f"the profile cannot be used: {errors[0]}")
    return replace(settings, **{name: getattr(read, name) for name in SECTIONS if name in content})
