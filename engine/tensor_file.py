"""Named arrays and words in one safetensors file: the container of every kind of character."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from omote.bridge.errors import OmoteError, printable

from .storage import atomic_write

_METADATA_KEY = "omote"  # of the words in the file's metadata

Arrays = Mapping[str, NDArray[Any]]


class CharacterError(OmoteError, ValueError):
    """An unknown character or an unusable file; the message says which, and the cure."""


def damaged_file_error(path: Path, reason: str) -> CharacterError:
    """For a file that can be read, with contents that make no sense."""
    return CharacterError(f"{path} is damaged: {reason}; make the character again, or choose another")


@dataclass(frozen=True)
class TensorFile:
    """The contents of a safetensors file; only that they can be read has been checked."""

    words: Mapping[str, object]
    arrays: Arrays


def write_tensor_file(path: Path, file: TensorFile) -> None:
    """Writes a file atomically; CharacterError if it cannot be written."""
    try:
        # Not `save_file`, which ignores the user's umask: the file may hold a person's face.
        content = save(dict(file.arrays), {_METADATA_KEY: json.dumps(file.words, sort_keys=True)})
        with atomic_write(path) as partial:
            partial.write_bytes(content)
    except (SafetensorError, OSError) as error:
        raise CharacterError(
            f"cannot write {path} ({_reason(error)}): make the folder, or choose another place"
        ) from error


def read_tensor_file(path: Path) -> TensorFile:
    """The contents of a file; CharacterError if it is no such file."""
    try:
        with safe_open(path, framework="numpy") as opened:
            words = json.loads((opened.metadata() or {}).get(_METADATA_KEY, "{}"))
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        if not isinstance(words, dict):
            raise ValueError(f"its words must be a map, got {type(words).__name__}")
        if any(text != printable(text, len(text)) for text in _texts(words)):
            raise ValueError("its words hold characters that cannot be printed")
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
        raise CharacterError(
            f"{path} is no character file or damaged ({error}): make the character again, or choose another"
        ) from error
    return TensorFile(words, arrays)


def _texts(value: object) -> Iterator[str]:
    """All strings in a value of JSON's types."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(one)


def _reason(error: Exception) -> str:
    """What an error says, without its number."""
    return getattr(error, "strerror", None) or str(error)
