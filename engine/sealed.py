"""Numbers and words in one safetensors file that is written whole or not at all; how characters are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from omote.engine.nouns import printable
from omote.engine.storage import atomic_write

Arrays = Mapping[str, NDArray[Any]]
_KEY = "omote"  # of the words in the file's metadata


class CharacterError(ValueError):
    """No such character, or a file that is none; the message says which and the cure."""


def damaged(path: Path, what: str) -> CharacterError:
    """To be raised of a file that can be read, and makes no sense."""
    return CharacterError(f"{path} is damaged: {what}; make the character again, or choose another")


@dataclass(frozen=True)
class Sealed:
    """What such a file holds. Nothing of it has been checked but that it can be read."""

    words: Mapping[str, object]
    arrays: Arrays


def seal(path: Path, sealed: Sealed) -> None:
    """Writes all of it or nothing; CharacterError where the place cannot be written to."""
    try:
        # Not by `save_file`, which does not ask the user's umask who may read: this may be somebody's face.
        content = save(dict(sealed.arrays), {_KEY: json.dumps(sealed.words, sort_keys=True)})
        with atomic_write(path) as partial:
            partial.write_bytes(content)
    except (SafetensorError, OSError) as error:
        raise CharacterError(f"cannot write {path} ({error}): make the folder, or choose another place") from error


def unsealed(path: Path) -> Sealed:
    """What is in a file; CharacterError where it is no such file."""
    try:
        with safe_open(path, framework="numpy") as file:
            words = json.loads((file.metadata() or {}).get(_KEY, "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if not isinstance(words, dict):
            raise ValueError(f"its words must be a map, got {type(words).__name__}")
        if any(text != printable(text, len(text)) for text in _texts(words)):
            raise ValueError("its words hold characters that cannot be printed")
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
        raise CharacterError(
            f"{path} is no character file or damaged ({error}): make the character again, or choose another"
        ) from error
    return Sealed(words, arrays)


def _texts(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict | list):
        for one in [*said, *said.values()] if isinstance(said, dict) else said:
            yield from _texts(one)
