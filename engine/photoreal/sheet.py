"""A sheet: stills of one character with several expressions, drawn as one set, each a file and all on one picture.

Photoreal pictures of a set read each other while they are drawn (the consistent attention of GEN-AFFECT, arXiv
2508.09461), so that what the photo leaves open comes out the same in all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge.errors import OmoteError

from ..data import Array, FlameParams, PhotorealCharacter
from ..face.retarget import from_weights
from ..images import picture_grid
from ..offline.animation import RenderError
from ..offline.face_parser import parse_arkit_weights
from ..storage import prepare_folder
from .vector import vector_of

if TYPE_CHECKING:
    from ..diffusion.arc2face.pipeline import Arc2Face
    from .pose import Relief

Picture = NDArray[np.uint8]  # [S,S,3], or [S,S,4] with straight alpha
ToFlame = Callable[[FlameParams], FlameParams]

SHEET = "sheet.png"
_PICTURES = "[0-9][0-9]_*.png"
_MOST = 99
_AT_ONCE = 4  # pictures that read each other have to be drawn at once, others need not fill the memory
_GROUPS = ("down", "up", "mid")  # of a UNet's blocks


class SheetError(OmoteError, ValueError):
    """No sheet can be made of what was asked for; the message says what was found and what was wanted."""


@dataclass(frozen=True)
class Expression:
    """One picture of the sheet."""

    name: str  # as it was asked for
    weights: Array  # [52] ARKit order

    @property
    def params(self) -> FlameParams:
        """In the open basis."""
        return from_weights(self.weights)

    def file(self, number: int) -> str:
        """The name of its picture."""
        return f"{number:02d}_{re.sub('[^A-Za-z0-9.]+', '_', self.name)[:60]}.png"


@dataclass(frozen=True)
class Strength:
    """How readily each picture of a set reads the others, by group of the UNet's blocks: 0 not at all, to 1."""

    down: float
    up: float
    mid: float

    def __bool__(self) -> bool:
        return any((self.down, self.up, self.mid))


ALONE = Strength(0.0, 0.0, 0.0)
SHARE = Strength(0.6, 0.6, 0.6)


@dataclass(frozen=True)
class Wish:
    """How a photoreal sheet is drawn."""

    steps: int = 25
    guidance: float = 3.0
    share: Strength = SHARE


def expressions(words: Sequence[str]) -> tuple[Expression, ...]:
    """What these ask for, as `asked_face.weights_of` reads them; SheetError says which there are."""
    if not 1 <= len(words) <= _MOST:
        raise SheetError(f"a sheet has 1 to {_MOST} expressions, got {len(words)}")
    return tuple(Expression(word, _weights(word)) for word in words)


def _weights(word: str) -> Array:
    try:
        return parse_arkit_weights(word)
    except RenderError as error:
        raise SheetError(str(error)) from error


def share_of(word: str) -> Strength:
    """Of "0.6", or "down=0.2,up=0.8,mid=0.5" where what is not named is 0; SheetError for what is neither."""
    if "=" not in word:
        strength = _number(word, "--share")
        return Strength(strength, strength, strength)
    found = dict.fromkeys(_GROUPS, 0.0)
    for part in word.split(","):
        group, _, value = part.partition("=")
        if group not in _GROUPS:
            raise SheetError(f'--share knows {", ".join(_GROUPS)}, got "{group}"')
        found[group] = _number(value, f"--share {group}")
    return Strength(**found)


def _number(word: str, what: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise SheetError(f'{what} must be from 0 to 1, got "{word}"')
    return value


def photoreal_set(
    arc: Arc2Face,
    character: PhotorealCharacter,
    asked: Sequence[Expression],
    to_flame: ToFlame,
    wish: Wish,
) -> list[Picture]:
    """[S,S,3] each expression, by weights without a few-step LoRA, from the character's own noise, photo and tokens.

    `to_flame` maps the open basis to FLAME 2020's; what the adapter does not know of (the eyes' turn) bends the drawn
    picture.
    """
    from ..diffusion.arc2face.bank import Share
    from .sitter import relief_of

    tokens = character.tokens[None]
    # Not the character's own rows, which the weights of its few steps have made.
    bank = arc.bank(character.reference, tokens) if character.bank else None
    share = Share(wish.share.down, wish.share.up, wish.share.mid) if wish.share else None
    vectors = np.stack([vector_of(to_flame(one.params), character.neutral) for one in asked])
    relief = relief_of(character)
    drawn: list[Picture] = []
    for begin in range(0, len(asked), len(asked) if share else _AT_ONCE):
        part = slice(begin, None if share else begin + _AT_ONCE)
        latents = arc.generate(
            tokens,
            vectors[part],
            character.noise[None],
            steps=wish.steps,
            guidance=wish.guidance,
            bank=bank,
            share=share,
        )
        drawn += [_turned(relief, rgb, one.params) for rgb, one in zip(arc.picture(latents), asked[part], strict=True)]
    return drawn


def _turned(relief: Relief, rgb: Picture, params: FlameParams) -> Picture:
    return relief.turned(rgb, params.neck_pose, params.translation, params.eye_pose, params.eyelids)


def prepare(folder: Path, *, overwrite: bool = False) -> None:
    """Makes `folder` ready for a sheet; SheetError where it holds something or cannot be written to.

    With `overwrite`, an earlier sheet in it is removed, and nothing else.
    """
    prepare_folder(folder, (_PICTURES, SHEET), SheetError, overwrite=overwrite)


def save(folder: Path, asked: Sequence[Expression], pictures: Sequence[Picture]) -> None:
    """Writes each picture, and all of them on one; SheetError where that fails."""
    try:
        for number, (one, picture) in enumerate(zip(asked, pictures, strict=True), 1):
            Image.fromarray(picture).save(folder / one.file(number))
        contact_sheet(asked, pictures).save(folder / SHEET)
    except OSError as error:
        raise SheetError(f"cannot write to {folder}: {error.strerror or error}; is the disk full?") from error


def contact_sheet(asked: Sequence[Expression], pictures: Sequence[Picture]) -> Image.Image:
    """All pictures, each over its name, in rows about as many as columns."""
    return picture_grid(pictures, [one.name for one in asked])
