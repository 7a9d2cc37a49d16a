"""`omote characters`: who can be shown."""

from __future__ import annotations

import sys

from omote.engine.character import DEFAULT_CHARACTER, CharacterError, character_names, load_any, own_names
from omote.engine.nouns import PhotorealCharacter


def run() -> int:
    """Prints a line a character: those that are shipped, then those that were made here; 1 where one cannot be read."""
    code = 0
    for name in (*character_names(), *own_names()):
        try:
            character = load_any(name)
        except CharacterError as error:  # which hides none of the others
            print(f"{name}: {error}", file=sys.stderr)
            code = 1
            continue
        kind = " (photoreal)" if isinstance(character, PhotorealCharacter) else ""
        default = " (default)" if name == DEFAULT_CHARACTER else ""
        print(f"{name}{kind}{default}: {character.licence}; {character.made_from}")
    return code
