"""What is typed after --set is understood, or refused with what there is."""

from __future__ import annotations

import pytest

from omote.engine.character import CharacterError
from omote.engine.identity.wishes import COLOURS, WORDS, understood

STYLES = ("bald", "bob02", "bob02", "short01", "short02", "short02")


def test_colours_numbers_and_a_style_are_understood() -> None:
    wishes = understood(("hair=#ff0000", "Iris = teal", "age=0.25", "style=bob"), STYLES)
    assert wishes.colours["hair"] == (1.0, 0.0, 0.0)
    assert set(wishes.colours) == {"hair", "iris"}
    assert wishes.numbers == {"age": 0.25}
    assert wishes.style == "bob02"
    assert wishes


def test_nothing_typed_is_no_wish() -> None:
    assert not understood((), STYLES)


def test_a_word_means_what_it_means_of_hair() -> None:
    red, green, blue = understood(("hair=brown",), STYLES).colours["hair"]
    assert (red, green, blue) == (0x52 / 255, 0x3A / 255, 0x29 / 255)  # CSS's brown is a red
    assert understood(("cloth=brown",), STYLES).colours["cloth"] == (165 / 255, 42 / 255, 42 / 255)
    assert understood(("hair=dark blond",), STYLES).colours == understood(("hair=dark-blond",), STYLES).colours


@pytest.mark.parametrize("name", COLOURS)
def test_every_word_of_our_own_is_a_colour(name: str) -> None:
    for word in WORDS[name]:
        assert all(0.0 <= c <= 1.0 for c in understood((f"{name}={word}",), STYLES).colours[name])


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (("hair",), '--set "hair": wanted ATTRIBUTE=VALUE'),
        (("hare=teal",), 'no attribute "hare", did you mean "hair"?: --set takes skin, hair, iris, cloth, brow, masc'),
        (("hair=teel",), 'no colour "teel", did you mean "teal"?: hair takes #rrggbb, one of black'),
        (("hair=#12",), 'no colour "#12"'),
        (("age=old",), "--set age takes a number from 0 to 1, got old"),
        (("age=1.5",), "--set age takes a number from 0 to 1, got 1.5"),
        (("age=nan",), "--set age takes a number from 0 to 1, got nan"),
        (("style=short",), r"short01 or short02? --set style takes bald, bob02, short01, short02"),
        (("style=mohawk",), 'no style "mohawk": --set style takes bald'),
        (("hair=teal", "hair=red"), "--set hair is given twice"),
        (("style=bald", "style=bob"), "--set style is given twice"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_there_is(typed: tuple[str, ...], says: str) -> None:
    with pytest.raises(CharacterError) as caught:
        understood(typed, STYLES)
    assert says in str(caught.value)
