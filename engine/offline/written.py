"""What a person wrote in a TOML or JSON file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path


def written(path: Path) -> object:
    """In Python's types; OSError where it cannot be read, ValueError where it is not what its suffix says.

    JSON is read as TOML is: a name that is said twice is an error, and no value is lost.
    """
    text = path.read_text("utf-8-sig")
    try:
        return tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text, object_pairs_hook=_once)
    except RecursionError as error:
        raise ValueError("tables or lists lie too deep within each other") from error


def texts(said: object) -> Iterator[str]:
    """Every text in what was written."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping | list):
        for one in said.values() if isinstance(said, Mapping) else said:
            yield from texts(one)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f'"{name}" is said twice')
        found[name] = value
    return found
