"""The characters that are shipped or were made here, by name, and any by its file's path."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from .model import character as open_kind
from .nouns import AnyCharacter, Character
from .photoreal import character_file
from .sealed import CharacterError, unsealed
from .storage import data_folder

__all__ = ["CharacterError", "character_names", "load_any", "load_character", "own_folder", "own_names"]

FOLDER = Path(__file__).parent / "weights" / "characters"
SUFFIX = ".omote"
DEFAULT_CHARACTER = "hana"
FOLDER_VARIABLE = "OMOTE_CHARACTERS"


def character_names() -> tuple[str, ...]:
    """The characters that are shipped."""
    return tuple(sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}")))


def own_folder() -> Path:
    """Where characters that were made here are kept: $OMOTE_CHARACTERS, else in the user's data folder."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    return data_folder() / "characters"


def own_names() -> tuple[str, ...]:
    """The characters that were made here."""
    return tuple(sorted(path.stem for path in own_folder().glob(f"*{SUFFIX}")))


def load_character(name_or_path: str) -> Character:
    """The same as `load_any` where it is one of the open kind; CharacterError for a photoreal one too."""
    character = load_any(name_or_path)
    if not isinstance(character, Character):
        raise CharacterError(
            f'"{name_or_path}" is a photoreal character, and this works with the open kind only: choose one that '
            "`omote characters` does not call photoreal"
        )
    return character


def load_any(name_or_path: str, most: int | None = None) -> AnyCharacter:
    """A shipped character or one made here by name, or any by its file's path; CharacterError says what is wrong.

    With `most` it has no more references than that, for a list of many characters.
    """
    path = _path_of(name_or_path)
    sealed = unsealed(path)
    if sealed.words.get("format") == character_file.FORMAT:
        return character_file.photoreal(sealed, path)
    return open_kind.opened(sealed, path, most)


def _path_of(name_or_path: str) -> Path:
    """Where a character's file is; CharacterError where there is none of this name."""
    for names, folder in ((character_names(), FOLDER), (own_names(), own_folder())):
        if name_or_path in names:
            return folder / f"{name_or_path}{SUFFIX}"
    path = Path(name_or_path)
    if path.is_file():
        return path
    names = (*character_names(), *own_names())
    near = difflib.get_close_matches(name_or_path, names, 1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    raise CharacterError(f'no character "{name_or_path}"{hint} There are: {", ".join(names)}; or the path of a file')
