"""A document as a person wrote it, read table by table: what it does not say right is told with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .asked_face import near
from .script import RenderError
from .written import written

LATEST_S = 36_000.0
_SHORT = 60  # letters of what was found


@dataclass(frozen=True)
class Table:
    """Names and values, of which each name is known."""

    said: Mapping[str, object]
    place: str  # for people: "scene.toml: expression 2"
    folder: Path  # against which the files that it names are looked for

    @classmethod
    def of(cls, said: object, known: Sequence[str], place: str, folder: Path) -> Table:
        """RenderError where this is no table, or a name in it is not known."""
        if not isinstance(said, Mapping):
            raise RenderError(f"{place} must be a table, got {shown(said)}")
        for name in said:
            if name not in known:
                hint = near(str(name), known) or f": there are {', '.join(known)}"
                raise RenderError(f'{place}: nothing is called "{name}"{hint}')
        return cls(said, place, folder)

    def number(self, name: str, least: float, most: float, usual: float | None = None) -> float:
        """RenderError where it is no number from `least` to `most`, or is missing and there is no usual one."""
        if name not in self.said and usual is not None:
            return usual
        return number(self.need(name), least, most, f'{self.place}: "{name}"')

    def need(self, name: str) -> object:
        if name not in self.said:
            raise RenderError(f'{self.place}: "{name}" is missing')
        return self.said[name]

    def tables(self, name: str, known: Sequence[str]) -> tuple[Table, ...]:
        """Those of the list under this name, each with its number; none where the name is not there."""
        listed = self.said.get(name, [])
        if not isinstance(listed, list):
            raise RenderError(f'{self.place}: "{name}" must be a list of tables, got {shown(listed)}')
        return tuple(
            Table.of(one, known, f"{self.place}: {name} {count}", self.folder) for count, one in enumerate(listed, 1)
        )

    def table(self, name: str, known: Sequence[str]) -> Table | None:
        """The one under this name, where it is there."""
        if name not in self.said:
            return None
        return Table.of(self.said[name], known, f"{self.place}: {name}", self.folder)


def number(value: object, least: float, most: float, what: str) -> float:
    """RenderError unless this is a number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise RenderError(f"{what} must be a number from {least:g} to {most:g}, got {shown(value)}")
    return float(value)


def numbers(value: object, count: int, what: str) -> list[float]:
    """RenderError unless this is a list of so many numbers."""
    if not isinstance(value, list) or len(value) != count:
        raise RenderError(f"{what} must be a list of {count} numbers, got {shown(value)}")
    return [number(one, -1e6, 1e6, what) for one in value]


def shown(value: object) -> str:
    """What was found, short enough to be told."""
    text = repr(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."


def read_document(path: Path, known: Sequence[str]) -> Table:
    """What the TOML or JSON file says; RenderError where it cannot be read, or a name in it is not known."""
    kind = path.suffix.lower()
    if kind not in (".toml", ".json"):
        raise RenderError(f"{path} is neither .toml nor .json, in which timelines are written; see docs/timelines.md")
    try:
        said = written(path)
    except OSError as error:
        raise RenderError(f"cannot read the timeline {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise RenderError(f"{path} is no {kind[1:].upper()}: {error}") from error
    return Table.of(said, known, path.name, path.parent)
