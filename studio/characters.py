"""`omote characters`: who can be shown."""

from __future__ import annotations

from omote.engine.character import DEFAULT_CHARACTER, character_names, load_character


def run() -> int:
    """Prints a line a character."""
    for name in character_names():
        character = load_character(name)
        default = " (default)" if name == DEFAULT_CHARACTER else ""
        print(f"{name}{default}: {character.licence}; {character.made_from}")
    return 0
