"""Who is drawn: all of a photoreal character that stays the same from picture to picture, made ready for networks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..data import AnyCharacter, BankRows, PhotorealCharacter
from ..errors import AnimatorError
from ..runtime.session import Feeds, Shapes
from .networks import Networks
from .pose import Relief

Array = NDArray[np.float32]
_WHOLLY = np.ones(1, np.float32)  # how strongly each block heeds the expression
_EVERY_PICTURE = frozenset(("x", "t", "expression"))  # inputs of the UNet that no character settles
_serial = itertools.count()
_reliefs: WeakKeyDictionary[PhotorealCharacter, Relief] = WeakKeyDictionary()  # each takes a second to find


@dataclass(frozen=True, eq=False)
class Sitter:
    """One character, checked against the networks that are to draw it."""

    character: PhotorealCharacter
    relief: Relief
    standing: Feeds  # of the UNet: the same arrays at every picture, so that they need not be sent again
    number: int = field(default_factory=lambda: next(_serial))  # no two sitters have the same

    @classmethod
    def of(cls, character: AnyCharacter, networks: Networks, sampler: str) -> Self:
        """AnimatorError where this character cannot be drawn by these networks in this sampler's steps."""
        fit = fitting(character, networks, sampler)
        wanted = {name: shape for name, shape in networks.shapes.items() if name not in _EVERY_PICTURE}
        said = {"tokens": fit.tokens, "scale": _WHOLLY, **_bank(fit.bank)}
        standing = {name: _as(said[name], shape) for name, shape in wanted.items()}
        return cls(fit, relief_of(fit), standing)


def relief_of(character: PhotorealCharacter) -> Relief:
    """How the head of this character turns, kept as long as the character is; AnimatorError where no face is found."""
    if character not in _reliefs:
        try:
            _reliefs[character] = Relief.of(character.points, character.size)
        except ValueError as error:
            raise AnimatorError(f'character "{character.name}": {error}; make it again') from error
    return _reliefs[character]


def fitting(character: AnyCharacter, networks: Networks, sampler: str) -> PhotorealCharacter:
    """The same character; AnimatorError where these networks do not draw it so."""
    name = f'character "{character.name}"'
    if not isinstance(character, PhotorealCharacter):
        raise AnimatorError(f"{name} is of the open kind, and photoreal ones are drawn{_cure(character)}")
    if (character.model, character.sampler) != (networks.model, sampler):
        mine, its = f"{networks.model[:12]} ({sampler})", f"{character.model[:12]} ({character.sampler})"
        raise AnimatorError(f"{name} was made for the weights {its}, these are {mine}{_cure(character)}")
    if character.size != networks.size:
        sizes = f"{character.size} pixels on a side, and {networks.size} are drawn"
        raise AnimatorError(f"{name} has {sizes}{_cure(character)}")
    if _rows(character.bank) != _wanted_rows(networks.shapes):
        raise AnimatorError(f"{name} has another bank of its reference than is drawn with{_cure(character)}")
    return character


def _cure(character: AnyCharacter) -> str:
    return f": start again with --character {character.name}"


def _rows(bank: BankRows) -> dict[str, tuple[int, ...]]:
    return {name: rows.shape for name, rows in _bank(bank).items()}


def _wanted_rows(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """The bank's rows have shapes of the network too."""
    return {name: shape[1:] for name, shape in shapes.items() if name.startswith(("key_", "value_", "bias_"))}


def _bank(rows: BankRows) -> dict[str, NDArray[np.generic]]:
    """By the names of the UNet's inputs."""
    parts: dict[str, Sequence[NDArray[np.generic]]] = {"key": rows.keys, "value": rows.values, "bias": rows.bias}
    return {f"{part}_{block:02d}": array for part, arrays in parts.items() for block, array in enumerate(arrays)}


def _as(array: NDArray[np.generic], shape: tuple[int, ...]) -> Array:
    """Float32 in this shape: once for each picture of a batch where it has a batch."""
    return np.ascontiguousarray(np.broadcast_to(array.astype(np.float32), shape))
