"""What the maker of a character declares about its source, in the words that the character's file keeps."""

from __future__ import annotations

from collections.abc import Callable

from omote.engine.character import CharacterError

Ask = Callable[[str], str]

_PHOTO = "A face is personal data. Has the person in {photos} agreed that a character is made of them? [yes/no] "
_MODEL = "Do these terms allow that you make a character of the model? [yes/no] "
_TICKED = {
    "person": "the person in this photo agrees to it",
    "drawing": "this is a drawing and may be used",
    "model": "the model's terms allow this use",
}
_DRAWING = "Is this a drawing, not a photo of a real person, and may you make a character of it? [yes/no] "


def consent_words(photos: int, is_given: bool, ask: Ask | None, today: str) -> str:
    """What the file will say of the person's consent; CharacterError without it."""
    some = "this photo" if photos == 1 else "these photos"
    if is_given:
        return f"On {today} the maker declared that the person in {some} agrees to it (--consent)"
    if ask is None:
        raise CharacterError(
            f"the person in {some} has to agree, and this is no terminal that can ask: run it in one, or add --consent "
            "if they do"
        )
    answer = _yes(ask, _PHOTO.format(photos=some))
    return f"On {today} the maker was asked whether the person in {some} agrees to it and answered {answer}"


def drawing_words(is_given: bool, ask: Ask | None, today: str) -> str:
    """What the file will say of the right to use a drawing; CharacterError without it."""
    if is_given:
        return f"On {today} the maker declared that this is a drawing and may be used (--consent)"
    if ask is None:
        raise CharacterError(
            "the artist has to agree, and this is no terminal that can ask: run it in one, or add --consent if they do"
        )
    answer = _yes(ask, _DRAWING)
    return f"On {today} the maker was asked whether this is a drawing that may be used and answered {answer}"


def model_words(is_given: bool, ask: Ask | None, today: str) -> str:
    """What the file will say of the right to use a 3D model; CharacterError without it."""
    if is_given:
        return f"On {today} the maker declared that the model's terms allow this use (--consent)"
    if ask is None:
        raise CharacterError(
            "the model's terms have to allow it, and this is no terminal that can ask: run it in one, or add --consent "
            "if they do"
        )
    answer = _yes(ask, _MODEL)
    return f"On {today} the maker was asked whether the model's terms allow this use and answered {answer}"


def ticked_words(today: str, of: str) -> str:
    """What the file will say of what was ticked on the page, of a "person", "drawing" or "model"."""
    return f"On {today} the maker declared that {_TICKED[of]} (ticked on the page)"


def _yes(ask: Ask, question: str) -> str:
    """The answer, if it is a yes; CharacterError else."""
    try:
        answer = ask(question).strip()
    except EOFError:  # Ctrl-D
        answer = ""
    if answer.lower() not in ("y", "yes"):
        raise CharacterError(f'no character was made: the answer was "{answer}", and without a yes there is none')
    return answer
