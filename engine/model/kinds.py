"""Optional kinds of characters: the one place where the package that loads, draws and makes them is named.

Nothing else imports such a package. Without its folder, Omote runs and says that it lacks this kind.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ..data import AnyCharacter, FlameParams, PhotorealCharacter
from ..tensor_file import CharacterError, TensorFile
from .portrait_renderer import PortraitRenderer

# Each has a module `kind` with a `KIND`.
_PACKAGES = {"photoreal": "omote.engine.arc2face"}


@dataclass(frozen=True)
class Settings:
    """What such a package reads of config.toml and of what was typed."""

    files: Path | None = None  # the folder of its files; None: where `omote models` says
    flame_map: Path | None = None  # None: the user's own
    allow_noncommercial: bool = False
    size: int | None = None  # pixels; None: the character's own
    steps: int = 1
    runtime: str = "auto"
    is_live: bool = False
    guidance: float = 1.0
    expression_scale: float = 1.0
    pose: str = "warp"  # what turns the head in many steps, or "controlnet"


class Renderer(PortraitRenderer, Protocol):
    """Draws characters of its kind."""

    def reset(self) -> None:
        """Forgets what was drawn before: the next picture stands alone."""
        ...


@dataclass(frozen=True)
class Opened:
    """What draws, and why other runtimes were not taken, in lines."""

    renderer: Renderer
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stills:
    """How a set of stills is drawn; None is the usual."""

    steps: int | None = None
    guidance: float | None = None
    share: float | None = None  # how readily each picture reads that of the face at rest, 0 to 1
    expression_scale: float = 1.0


@dataclass(frozen=True)
class Made:
    """A new character, and sentences about it."""

    character: AnyCharacter
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor looked at."""

    name: str
    is_ok: bool
    found: str
    cure: str = ""
    is_needed: bool = False  # the character cannot be drawn without it
    wrong: str = "missing"  # what is said where it is not ok


class Kind(Protocol):
    """What such a package does. Errors that a user can mend are raised as ValueError or ModelError."""

    format: str  # of its characters' files

    def load(self, sealed: TensorFile, path: Path) -> PhotorealCharacter:
        """The character that was sealed; CharacterError says what is wrong with the file."""
        ...

    def save(self, character: PhotorealCharacter, path: Path) -> None: ...

    def open(self, character: PhotorealCharacter, settings: Settings) -> Opened:
        """What draws this character live; what costs no time is checked first."""
        ...

    def render_settings(self, people: Sequence[AnyCharacter], settings: Settings, threads: int | None) -> object:
        """The `offline.render.RenderSettings` of these characters; offline lies above this module."""
        ...

    def stills(
        self, character: PhotorealCharacter, faces: Sequence[FlameParams], how: Stills, settings: Settings
    ) -> Iterator[NDArray[np.uint8]]:
        """[S,S,3] each face at full quality; what forbids it is raised before the first is drawn."""
        ...

    def read_expression(self, photo: Path, settings: Settings) -> FlameParams:
        """The expression in a photo, in FLAME 2020's basis."""
        ...

    def add_arguments(self, group: argparse._ArgumentGroup) -> None:
        """The options of `omote character new` that are of this kind alone."""
        ...

    def names(self, name: str, typed: argparse.Namespace) -> list[str]:
        """The names of the characters that `make` would make; what was typed is checked."""
        ...

    def make(
        self, name: str, photo: Path, consent: str, typed: argparse.Namespace, settings: Settings
    ) -> Iterator[Made]:
        """The characters that were asked for, of one photo, each as soon as it is made."""
        ...

    def compile(
        self, character: PhotorealCharacter, settings: Settings, targets: Sequence[str], out: Path, *, again: bool
    ) -> Iterator[str]:
        """Exports and compiles what draws this character; lines about it."""
        ...

    def doctor(self, character: PhotorealCharacter, settings: Settings, compare: Path | None) -> Iterator[Finding]:
        """Looks at all that this character is made from and drawn by; `compare` is a folder for a comparison."""
        ...

    def files(self, settings: Settings) -> Iterator[str]:
        """Its files in lines: what is where, under which licence."""
        ...

    def fetch(self, settings: Settings, folder: Path | None) -> Iterator[str]:
        """Downloads what is nowhere yet; a line a file."""
        ...

    def train(self, arguments: Sequence[str], settings: Settings) -> None: ...


def kind_of_file(sealed: TensorFile) -> Kind | None:
    """The kind of the character in a file, "omote photoreal 2"; None for an ordinary one."""
    words = str(sealed.words.get("format")).split()
    return kind(words[1]) if len(words) == 3 and words[1] in _PACKAGES else None


def is_here(name: str = "photoreal") -> bool:
    return find_spec(_PACKAGES[name]) is not None


@cache
def kind(name: str = "photoreal") -> Kind:
    """The kind of this name; CharacterError where its package is not installed."""
    if not is_here(name):
        raise CharacterError(f"this Omote has no {name} characters: its folder {_PACKAGES[name]} is missing")
    return cast("Kind", import_module(f"{_PACKAGES[name]}.kind").KIND)
