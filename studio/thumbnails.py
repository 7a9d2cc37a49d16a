"""Small pictures of characters: shipped ones are files, others are drawn once for each file and kept."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PIL import Image

from omote.engine.cache_folder import cache_folder
from omote.engine.character import FOLDER
from omote.engine.face.light import studio_light
from omote.engine.nouns import AnyCharacter, FlameParams, PhotorealCharacter
from omote.engine.roles import Artist

SIDE = 160  # pixels
SUFFIX = ".webp"
_GROUND = (128, 128, 128)
_QUALITY = 85
_MOST_BYTES = 64 << 10
_DRAWN_AS = "1"  # another number where they are to be drawn anew
_LEFT, _TOP, _RIGHT = 0.09, 0.0, 0.91  # of the picture: the head with its hair, in a square


def drawn(character: AnyCharacter, artist: Callable[[], Artist]) -> bytes:
    """WebP: the face at rest on grey; of a photoreal character its photo, for which no artist is asked."""
    if isinstance(character, PhotorealCharacter):
        return _webp(Image.fromarray(character.reference))
    rgba = Image.fromarray(artist().draw(FlameParams.neutral(), character, studio_light()).rgba)
    ground = Image.new("RGBA", rgba.size, (*_GROUND, 255))
    side = rgba.width
    box = (round(_LEFT * side), round(_TOP * side), round(_RIGHT * side), round((_TOP + _RIGHT - _LEFT) * side))
    return _webp(Image.alpha_composite(ground, rgba).convert("RGB").crop(box))


def shipped(name: str) -> Path:
    """Where the thumbnail of a shipped character is."""
    return FOLDER / f"{name}{SUFFIX}"


def kept(digest: str) -> Path:
    """Where that of another character's file, by the file's sha256, is kept once it is drawn."""
    return cache_folder() / "thumbnails" / f"{digest}-{_DRAWN_AS}{SUFFIX}"


def digest_of(path: Path) -> str:
    """The sha256 of a file; OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> bytes | None:
    """The thumbnail in a file; None where there is none that is whole."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError:
        return None
    is_webp = (data[:4], data[8:12]) == (b"RIFF", b"WEBP") and len(data) == 8 + int.from_bytes(data[4:8], "little")
    return data if is_webp and len(data) <= _MOST_BYTES else None


def keep(thumbnail: bytes, path: Path) -> None:
    """Writes all of it or nothing; OSError where the place cannot be written to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        partial.write_bytes(thumbnail)
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _webp(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(file, "WEBP", quality=_QUALITY, method=6)
    return file.getvalue()
