"""How a person and a camera are called in a file's name, on every system."""

from __future__ import annotations

import unicodedata

from .actor_json import ActorError

SUFFIX = ".json"
_MOST = 40  # letters of each part; four bytes each fit into a file's name
_FIRST_PORT = 1000  # a number from here on is a port, which says nothing about the camera; below it counts cameras


def person_slug(name: str) -> str:
    """ "Ana Maria" is ana-maria, whether that is typed or read from a file's name; ActorError for no name."""
    if not (found := _slug(name)) or len(name) > _MOST:
        raise ActorError(
            f"{name[: _MOST + 1]!r} is no name for a person: wanted 1 to {_MOST} letters, as in --actor ana"
        )
    return found


def source_slug(source_name: str) -> str:
    """ "webcam 0" is webcam-0; "livelink 11111" is livelink, for a phone stays the same on another port."""
    kind, _, number = source_name.rpartition(" ")
    if kind and number.isascii() and number.isdigit() and int(number[:6]) >= _FIRST_PORT:
        source_name = kind
    return _slug(source_name)[:_MOST] or "source"


def _slug(text: str) -> str:
    """Small letters, digits and single hyphens; "" where the text has neither letters nor digits."""
    letters = unicodedata.normalize("NFKC", text).casefold()
    return "-".join("".join(one if one.isalnum() else " " for one in letters).split())
