"""`omote characters`: who can be shown."""

from __future__ import annotations

from omote.engine.character import DEFAULT_CHARACTER, character_names, load_character, own_names


def run() -> int:
    """Prints a line a character: those that are shipped, then those that were made here."""
    for name in (*character_names(), *own_names()):
        character = load_character(name)
        default = " (default)" if name == DEFAULT_CHARACTER else ""
        print(f"{name}{default}: {character.licence}; {character.made_from}")
    return 0
