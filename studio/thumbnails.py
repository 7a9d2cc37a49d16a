"""Small pictures of characters: the first reference on grey, or the photo of a photoreal one."""

from __future__ import annotations

import io

from PIL import Image

from omote.engine.nouns import AnyCharacter, PhotorealCharacter

SIDE = 160  # pixels
_GROUND = (128, 128, 128)
_QUALITY = 85
_LEFT, _TOP, _RIGHT = 0.09, 0.0, 0.91  # of the picture: the head with its hair, in a square


def thumbnail(character: AnyCharacter) -> bytes:
    """WebP of `SIDE` x `SIDE` pixels."""
    if isinstance(character, PhotorealCharacter):
        return _webp(Image.fromarray(character.reference))
    rgba = Image.fromarray(character.references[0].rgba)
    side = rgba.width
    box = (round(_LEFT * side), round(_TOP * side), round(_RIGHT * side), round((_TOP + _RIGHT - _LEFT) * side))
    ground = Image.new("RGBA", rgba.size, (*_GROUND, 255))
    return _webp(Image.alpha_composite(ground, rgba).convert("RGB").crop(box))


def _webp(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(file, "WEBP", quality=_QUALITY, method=4)
    return file.getvalue()
