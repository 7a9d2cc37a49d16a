"""How a person and a camera are called in a file's name, on every system."""

from __future__ import annotations

import unicodedata

from .actor_json import ActorError

SUFFIX = ".json"
_MOST = 40  # letters of each part
_MOST_BYTES = 120  # of each part; a file's name has 255 at most, and one letter up to four
_FIRST_PORT = 1000  # a number from here on is a port, which says nothing about the camera; below it counts cameras


def person_slug(name: str) -> str:
    """ "Ana Maria" is ana-maria, whether that is typed or read from a file's name; ActorError for no name."""
    found = _slug(name) if len(name) <= _MOST else ""
    if not found or found != _shortened(found):  # a letter may stand for many: U+FDFA is eighteen
        raise ActorError(
            f"{name[: _MOST + 1]!r} is no name for a person: wanted 1 to {_MOST} letters, as in --actor ana"
        )
    return found


def source_slug(source_name: str) -> str:
    """ "webcam 0" is webcam-0; "livelink 11111" is livelink, for a phone stays the same on another port."""
    kind, _, number = source_name.rpartition(" ")
    if kind and number.isascii() and number.isdigit() and int(number[:6]) >= _FIRST_PORT:
        source_name = kind
    return _shortened(_slug(source_name)) or "source"


def _shortened(slug: str) -> str:
    """What fits into a file's name, whole letters of it."""
    return slug[:_MOST].encode("utf-8")[:_MOST_BYTES].decode("utf-8", "ignore")


def _slug(text: str) -> str:
    """Small letters, digits and single hyphens; "" where the text has neither letters nor digits."""
    letters = unicodedata.normalize("NFKC", text).casefold()
    return "-".join("".join(one if one.isalnum() else " " for one in letters).split())
