"""`omote characters`: lists the characters that can be shown."""

from __future__ import annotations

import sys

from omote.engine.character import DEFAULT_CHARACTER, CharacterError, character_names, load_any, own_names
from omote.engine.nouns import PhotorealCharacter


def run() -> int:
    """Prints a line a character, shipped ones first. Returns 1 if a file cannot be read, else 0."""
    code = 0
    for name in (*character_names(), *own_names()):
        try:
            character = load_any(name, most=1)
        except CharacterError as error:  # the others are listed all the same
            print(f"{name}: {error}", file=sys.stderr)
            code = 1
            continue
        kind = " (photoreal)" if isinstance(character, PhotorealCharacter) else ""
        default = " (default)" if name == DEFAULT_CHARACTER else ""
        consent = "" if isinstance(character, PhotorealCharacter) else character.consent
        about = "; ".join(filter(None, (character.licence, character.made_from, consent)))
        print(f"{name}{kind}{default}: {about}")
    return code
