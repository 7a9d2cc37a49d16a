"""Actors on disk: one JSON file for each person and kind of camera, written whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from omote.engine.nouns import Actor
from omote.engine.storage import data_folder, write_text

from .actor_json import ActorError, Kept, Made, kept_from_json, kept_to_json
from .actor_name import SUFFIX, person_slug, source_slug

__all__ = [
    "ActorError",
    "Kept",
    "Made",
    "actor_names",
    "actor_path",
    "actors_folder",
    "load_actor",
    "remember_rest",
    "remembered",
    "save_actor",
]

MOST_BYTES = 1 << 20  # a real one has some 10 kB


def actors_folder() -> Path:
    """Where actors are kept: OMOTE_ACTORS, else in Omote's data folder; whether it is there or not."""
    named = os.environ.get("OMOTE_ACTORS")
    return Path(named).expanduser() if named else data_folder() / "actors"


def actor_path(name: str, source_name: str) -> Path:
    """The one file of this person before this kind of camera; ActorError where the name cannot be one."""
    return actors_folder() / f"{person_slug(name)}@{source_slug(source_name)}{SUFFIX}"


def actor_names() -> tuple[str, ...]:
    """Who is remembered, before whatever camera, as their files call them; in order."""
    try:
        files = sorted(actors_folder().glob(f"*@*{SUFFIX}"))
    except OSError:
        return ()
    return tuple(dict.fromkeys(file.name.partition("@")[0] for file in files if not file.name.startswith(".")))


def remembered(name: str, source_name: str) -> Kept | None:
    """Who was calibrated before this kind of camera; None where nobody was, ActorError where the file is damaged."""
    path = actor_path(name, source_name)
    try:
        path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ActorError(f"cannot read {path} ({error.strerror}): choose another folder by OMOTE_ACTORS") from error
    return load_actor(path)


def remember_rest(actor: Actor, source_name: str, date: str) -> Path:
    """Keeps the newly found rest of an actor in their file, and of what was found before all that still holds.

    `date` is ISO 8601. ActorError where it cannot be written.
    """
    path = actor_path(actor.name, source_name)
    try:
        before = remembered(actor.name, source_name)
    except ActorError:  # a damaged file is worth less than a new one
        before = None
    made = replace(before.made, date=date, source=source_name) if before else Made(date, source_name)
    save_actor(actor, path, made)
    return path


def save_actor(actor: Actor, path: Path, made: Made) -> None:
    """Writes all of it or nothing, and makes the folder; ActorError where it makes no sense or cannot be written."""
    said = kept_to_json(Kept(actor, made))
    kept_from_json(said)  # what could not be read again is not written
    text = json.dumps(said, indent=1) + "\n"
    try:
        write_text(path, text)
    except OSError as error:
        why = error.strerror or error
        raise ActorError(f"cannot write {path} ({why}): choose another place by --out or OMOTE_ACTORS") from error


def load_actor(path: Path) -> Kept:
    """Who is in a file; ActorError, and nothing else, says what is wrong with it and the cure."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ActorError(f"cannot read {path} ({why}): run omote calibrate") from error
    if len(data) > MOST_BYTES:
        raise ActorError(f"{path} is above {MOST_BYTES} bytes, so no actor file: run omote calibrate")
    try:
        return kept_from_json(json.loads(data.decode("utf-8")))
    except ActorError as error:
        raise ActorError(f"{path} is damaged: {error}; run omote calibrate again, or remove it") from error
    except (ValueError, RecursionError) as error:
        raise ActorError(f"{path} is no actor file ({error}): run omote calibrate again, or remove it") from error
