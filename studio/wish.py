"""What the page wishes of a new character, checked before anything is begun and put as `omote character new` would."""

from __future__ import annotations

from collections.abc import Mapping

from omote.engine.capture.photo_file import is_photo
from omote.engine.character import CharacterError, character_names, own_names
from omote.engine.identity.prior import shipped_prior
from omote.engine.identity.wishes import understood

from .character import Order, own_path, quotable

MOST_BYTES = 16 << 20  # of a photo
_MOST_SEED = 2**53  # to which a whole number is the same in every JSON
_LONGEST_VALUE = 64  # characters of what an attribute is set to
_SOURCES = ("seed", "blend", "from")
_KEYS = {"name", "set", "consent", *_SOURCES}


def ordered(wish: Mapping[str, object], photo: bytes | None) -> Order:
    """The order for this wish, as `Casting.make` describes it; CharacterError says what is wrong with it."""
    if unknown := [key for key in wish if key not in _KEYS]:
        raise CharacterError(f'no "{quotable(unknown[0])}" in a wish: there are {", ".join(sorted(_KEYS))}')
    name = _text(wish, "name")
    if own_path(name).exists():
        raise CharacterError(f'"{name}" is there already: choose another name')
    given = [key for key in _SOURCES if wish.get(key) is not None]
    if (count := len(given) + (photo is not None)) != 1:
        raise CharacterError(f"a character is made from one of {', '.join(_SOURCES)} or a photo, got {count}")
    wishes = _wishes(wish.get("set"))
    if given == ["from"] and not wishes:
        raise CharacterError("the same character again: choose something that is to be different")
    return Order(
        name=name,
        seed=_seed(wish["seed"]) if given == ["seed"] else None,
        blend=_blend(wish["blend"]) if given == ["blend"] else None,
        source=_known(wish["from"]) if given == ["from"] else None,
        wishes=wishes,
        upload=b"" if photo is None else _photo(wish, photo),
    )


def _text(wish: Mapping[str, object], key: str) -> str:
    value = wish.get(key)
    if not isinstance(value, str):
        raise CharacterError(f'"{key}" must be a text, got {type(value).__name__}')
    return value


def _photo(wish: Mapping[str, object], photo: bytes) -> bytes:
    if wish.get("consent") not in ("yes", True):
        raise CharacterError("no character was made: tick that the person in the photo agrees to it")
    if len(photo) > MOST_BYTES:
        raise CharacterError(f"the photo has {len(photo) >> 20} MB, {MOST_BYTES >> 20} at most: scale it down")
    if not is_photo(photo):
        raise CharacterError("this is no photo that can be read: wanted a JPEG, PNG or WebP file")
    return photo


def _seed(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_SEED:
        raise CharacterError(f"a seed is a whole number from 0 to {_MOST_SEED}, got {quotable(value)}")
    return value


def _blend(value: object) -> tuple[str, str, str]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise CharacterError("a blend is two characters and a share, such as hana, aoi, 0.4")
    first, second, share = value
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0.0 <= share <= 1.0:
        raise CharacterError(f"a share goes from 0 (the first) to 1 (the second), got {quotable(share)}")
    return _known(first), _known(second), repr(float(share))


def _known(value: object) -> str:
    """By name, never by a path."""
    if not isinstance(value, str) or value not in (*character_names(), *own_names()):
        raise CharacterError(f'there is no character "{quotable(value)}"')
    return value


def _wishes(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise CharacterError(f'"set" must say what of what is to be different, got {type(value).__name__}')
    for key, one in value.items():
        if not isinstance(one, str | int | float) or isinstance(one, bool) or len(str(one)) > _LONGEST_VALUE:
            raise CharacterError(f'"{quotable(key)}" is set to what is no colour, name or number')
        if quotable(key) != key or quotable(one) != str(one):
            raise CharacterError(f'no attribute "{quotable(key)}" can be set to "{quotable(one)}"')
    said = tuple(f"{key}={one}" for key, one in value.items())
    return understood(said, shipped_prior().looks.styles).said
