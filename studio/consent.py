"""Consent of the person in a photo, in the words that the character's file keeps."""

from __future__ import annotations

from collections.abc import Callable

from omote.engine.character import CharacterError

_QUESTION = "A face is personal data. Has the person in {photos} agreed that a character is made of them? [yes/no] "


def consent_words(photos: int, is_given: bool, ask: Callable[[str], str] | None, today: str) -> str:
    """What the file will say of the person's consent; CharacterError without it."""
    some = "this photo" if photos == 1 else "these photos"
    if is_given:
        return f"On {today} the maker declared that the person in {some} agrees to it (--consent)"
    if ask is None:
        raise CharacterError(
            f"the person in {some} has to agree, and this is no terminal that can ask: run it in one, or add --consent "
            "if they do"
        )
    try:
        answer = ask(_QUESTION.format(photos=some)).strip()
    except EOFError:  # Ctrl-D
        answer = ""
    if answer.lower() not in ("y", "yes"):
        raise CharacterError(f'no character was made: the answer was "{answer}", and without a yes there is none')
    return f"On {today} the maker was asked whether the person in {some} agrees to it and answered {answer}"


def ticked_words(today: str) -> str:
    """What the file will say of consent that was ticked on the page."""
    return f"On {today} the maker declared that the person in this photo agrees to it (ticked on the page)"
