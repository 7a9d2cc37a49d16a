"""A published config.json: a value of the wrong kind, or one that is not built here, is told by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Config:
    """What one config.json says. Every error names its file."""

    path: Path
    values: Mapping[str, object]

    @classmethod
    def read(cls, path: Path) -> Self:
        """FileNotFoundError without the file; ValueError where it is no JSON object."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise ValueError(f"{path} must hold JSON: {error}") from error
        if not isinstance(values, dict):
            raise ValueError(f"{path} must hold a JSON object, got {type(values).__name__}")
        return cls(path, values)

    def number(self, key: str) -> int:
        """A whole number from 1."""
        value = self.values.get(key)
        if type(value) is int and value > 0:
            return value
        raise self.unbuilt(key, "a whole number from 1")

    def numbers(self, key: str) -> tuple[int, ...]:
        """A list of them."""
        value = self.values.get(key)
        if isinstance(value, list) and value and all(type(n) is int and n > 0 for n in value):
            return tuple(value)
        raise self.unbuilt(key, "a list of whole numbers from 1")

    def positive(self, key: str, default: float) -> float:
        """A number above 0, or `default` where the key is missing."""
        value = self.values.get(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0.0 < value < float("inf"):
            return float(value)
        raise self.unbuilt(key, "a number above 0")

    def only(self, built: Mapping[str, object]) -> None:
        """ValueError for the first of these keys that has another value; one that is missing has the value meant."""
        for key, wanted in built.items():
            if self.values.get(key, wanted) != wanted:
                raise self.unbuilt(key, json.dumps(wanted))

    def unbuilt(self, key: str, wanted: str) -> ValueError:
        """The error for a value that is missing or is not built here."""
        found = f"{key} = {json.dumps(self.values[key])}" if key in self.values else f"no {key}"
        return ValueError(f"{self.path} has {found}; wanted {wanted}, nothing else is built here")
