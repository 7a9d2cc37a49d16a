"""Who is drawn: everything about a character that stays the same from picture to picture, made ready for a network."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .face.head import Shaped, open_head
from .face.maps import MapMaker
from .nouns import AnyCharacter, Character
from .weights import NetworkFile

Array = NDArray[np.float32]
_serial = itertools.count()


class AnimatorError(ValueError):
    """What was asked for cannot be drawn; the message says what there is."""


@dataclass(frozen=True, eq=False)
class Look:
    """One character, checked against a network."""

    character: Character
    shaped: Shaped
    texture: Array  # [1,16,256,128]
    identity: Array  # [1,64]
    bank: Array  # [1,R,128]
    present: Array  # [1,1] 1 where there are rows for the bank, else 0
    number: int = field(default_factory=lambda: next(_serial))  # no two looks have the same
    _makers: dict[int, MapMaker] = field(default_factory=dict)

    @classmethod
    def of(cls, character: AnyCharacter, file: NetworkFile) -> Look:
        """AnimatorError where this character does not fit this network."""
        if not isinstance(character, Character):
            raise AnimatorError(
                f'character "{character.name}" is photoreal, and this network draws others: start again with '
                f"--character {character.name}"
            )
        _check(character, file)
        has_bank = bool(len(character.bank))
        bank = character.bank if has_bank else np.zeros((file.bank_rows, file.bank_width), np.float32)
        try:
            shaped = open_head().shaped(character.shape)
        except ValueError as error:
            raise AnimatorError(f'character "{character.name}": {error}') from error
        return cls(
            character,
            shaped,
            texture=character.texture[None],
            identity=character.identity[None],
            bank=bank[None],
            present=np.array([[has_bank]], np.float32),
        )

    def maker(self, grid: int) -> MapMaker:
        """Draws this character's maps with so many pixels on a side; made at the first asking."""
        if grid not in self._makers:
            self._makers[grid] = _maker(grid).of(self.shaped)
        return self._makers[grid]


@cache
def _maker(grid: int) -> MapMaker:
    """Of the mean head, from which others are made."""
    head = open_head()
    return MapMaker(head.shaped(np.zeros(head.shape_size, np.float32)), grid=grid)


def _check(character: Character, file: NetworkFile) -> None:
    if character.model != file.model:
        raise AnimatorError(
            f'character "{character.name}" was made for model "{character.model}", this network is '
            f'"{file.model}": make the character again, or install the Omote that it was made with'
        )
    found = (character.texture.shape, character.identity.shape)
    wanted = (file.texture, (file.identity,))
    if found != wanted:
        raise AnimatorError(f'character "{character.name}" has texture and tokens of {found}, wanted {wanted}')
    rows = (file.bank_rows, file.bank_width)
    if len(character.bank) and character.bank.shape != rows:
        raise AnimatorError(
            f'character "{character.name}" has bank rows of {character.bank.shape}, wanted none or {rows}'
        )
