"""Draws the pictures of docs/gallery with `omote render`, and writes the page that shows them."""

from __future__ import annotations

import io
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# As `omote` does, before NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from PIL import Image

from omote.engine.offline.writers import xmp
from omote.studio.cli.main import main as omote

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
FPS = 20  # a delay of 50 ms is exact in a WebP
SIZE = 256
MOMENTS = 8
TILE, CLIP = 144, 192  # pixels on a side
LEFT, TOP, SHARE = 0.11, 0.02, 0.78  # the part of a picture that is shown: the head
BACKDROP = (203, 208, 216)  # shows dark and fair hair, on a light and on a dark page
MOST_BYTES = 5 << 19  # of the whole folder
# One performance by three characters, at the top of the README.
CAST, CAST_TILE, CAST_FPS = ("noah", "aoi", "hana"), 288, 15
CAST_COMMAND = "--timeline docs/gallery/cast.toml"


@dataclass(frozen=True)
class Piece:
    """One transition of the gallery."""

    name: str
    title: str
    caption: str
    arguments: str  # of `omote render`, without --out; paths from the root of the repository
    row_s: tuple[float, float]  # time of the first and the last moment of the row

    @property
    def command(self) -> str:
        """The command as a user types it."""
        return f"omote render {self.arguments} --out {self.name}.mp4"


GALLERY: tuple[Piece, ...] = (
    Piece(
        "smile",
        "A smile",
        "From rest to a smile and back. Velocity is 0 at both ends, so the turn is smooth.",
        "--from neutral --to smile --seconds 0.9 --hold 0.4 --there-and-back --character hana",
        (0.0, 0.9),
    ),
    Piece(
        "surprise",
        "Surprise",
        "Half a second, fast at first: brows, lids and jaw at once.",
        "--from neutral --to surprise --seconds 0.6 --ease out --hold 0.6 --there-and-back --character noah",
        (0.0, 0.6),
    ),
    Piece(
        "relief",
        "From sad to a laugh",
        "Two expressions that share no muscle: each takes its own way through FLAME's space.",
        "--from sad --to laugh --seconds 1.0 --hold 0.4 --there-and-back --character ruth",
        (0.0, 1.0),
    ),
    Piece(
        "wink",
        "A wink",
        "One eye and half a mouth, in 300 milliseconds.",
        "--from neutral --to wink_left --seconds 0.3 --hold 0.3 --there-and-back --character aoi",
        (0.0, 0.9),
    ),
    Piece(
        "glance",
        "A glance aside",
        "The eyes go first, the head follows, a blink falls between them.",
        "--timeline docs/gallery/glance.toml",
        (0.15, 1.2),
    ),
    Piece(
        "dusk",
        "The light goes down",
        "The face stays. The lamp moves from a soft window to sunset and into night.",
        "--timeline docs/gallery/dusk.toml",
        (0.0, 1.6),
    ),
    Piece(
        "kin",
        "One becomes another",
        "Both smile, and one picture fades into the other.",
        "--timeline docs/gallery/kin.toml",
        (0.2, 1.2),
    ),
    Piece(
        "flash",
        "A flash of anger",
        "A micro-expression of 160 milliseconds in a polite face, with blinks and idle motion.",
        "--timeline docs/gallery/flash.toml",
        (0.75, 1.1),
    ),
)


def render(piece: Piece, folder: Path) -> list[Path]:
    """The pictures of its command, in order; SystemExit if that fails."""
    arguments = [*shlex.split(piece.arguments), "--fps", str(FPS), "--size", str(SIZE), "--out", str(folder)]
    if code := omote(["render", *arguments]):
        raise SystemExit(f"omote render {shlex.join(arguments)} ended with {code}")
    return sorted(folder.glob("[0-9]*.png"))


def crop_head(picture: Image.Image, side: int) -> Image.Image:
    """The head on the backdrop, with so many pixels on a side."""
    left, top, share = (part * picture.width for part in (LEFT, TOP, SHARE))
    box = (left, top, left + share, top + share)
    head = picture.convert("RGBA").resize((side, side), Image.Resampling.LANCZOS, box)
    tile = Image.new("RGB", (side, side), BACKDROP)
    tile.paste(head, mask=head)
    return tile


def row(pictures: Sequence[Image.Image], seconds: tuple[float, float]) -> bytes:
    """Moments between these two times side by side, as a WebP."""
    first, last = (min(round(at * FPS), len(pictures) - 1) for at in seconds)
    strip = Image.new("RGB", (MOMENTS * TILE, TILE), BACKDROP)
    for number in range(MOMENTS):
        at = first + round((last - first) * number / (MOMENTS - 1))
        strip.paste(crop_head(pictures[at], TILE), (number * TILE, 0))
    return _webp([strip], quality=88)


def clip(pictures: Sequence[Image.Image]) -> bytes:
    """All pictures as an animated WebP that loops."""
    return _webp([crop_head(picture, CLIP) for picture in pictures], quality=78)


def _webp(pictures: list[Image.Image], quality: int, fps: int = FPS) -> bytes:
    file = io.BytesIO()
    animation = {"save_all": True, "append_images": pictures[1:], "duration": round(1000 / fps), "loop": 0}
    options = {"quality": quality, "method": 6, "xmp": xmp.xmp_packet()}
    pictures[0].save(file, "WEBP", **options, **(animation if len(pictures) > 1 else {}))
    return file.getvalue()


def draw_cast() -> None:
    """One performance by several characters side by side, as an animated WebP that loops."""
    with tempfile.TemporaryDirectory() as folder:
        columns = []
        for name in CAST:
            arguments = f"{CAST_COMMAND} --character {name} --fps {CAST_FPS} --size 512 --out {folder}/{name}"
            if code := omote(["render", *shlex.split(arguments)]):
                raise SystemExit(f"omote render {arguments} ended with {code}")
            paths = sorted((Path(folder) / name).glob("[0-9]*.png"))
            columns.append([crop_head(Image.open(path), CAST_TILE) for path in paths])
    strips = []
    for pictures in zip(*columns, strict=True):
        strip = Image.new("RGB", (len(CAST) * CAST_TILE, CAST_TILE), BACKDROP)
        for column, picture in enumerate(pictures):
            strip.paste(picture, (column * CAST_TILE, 0))
        strips.append(strip)
    file = _webp(strips, quality=72, fps=CAST_FPS)
    (FOLDER / "cast.webp").write_bytes(file)
    print(f"cast.webp  {len(file)} bytes")


def page(gallery: Sequence[Piece] = GALLERY) -> str:
    """The text of docs/gallery.md."""
    return "\n".join([_INTRODUCTION, *(_entry(piece) for piece in gallery)])


_INTRODUCTION = f"""# Gallery

Eight transitions, drawn by `make gallery` (`python tools/run.py tools/gallery.py`), which runs the commands below with
`--size {SIZE} --fps {FPS}` and writes this page. A row shows {MOMENTS} moments from left to right. These people do not
exist, and every file says in its metadata that a model made it. The drawn characters: Seed-san model by VirtualCast,
Inc. To make your own, see [rendering.md](rendering.md) and [timelines.md](timelines.md).

One performance by two people and a drawn character, and below it all characters that are shipped:

![One performance by {", ".join(CAST)}](gallery/cast.webp)

![The shipped characters](sheets/characters.webp)
"""


def _entry(piece: Piece) -> str:
    return (
        f"## {piece.title}\n\n{piece.caption}\n\n"
        f"![{piece.title}, {MOMENTS} moments](gallery/{piece.name}_row.webp)\n\n"
        f"![{piece.title}, moving](gallery/{piece.name}.webp)\n\n"
        f"```\n{piece.command}\n```\n"
    )


def main(names: Sequence[str]) -> int:
    """Draws the named pieces and the cast, or all of them; returns 2 for an unknown name."""
    known = ["cast", *(piece.name for piece in GALLERY)]
    if unknown := [name for name in names if name not in known]:
        print(f"there are {', '.join(known)}, not {', '.join(unknown)}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    if not names or "cast" in names:
        draw_cast()
    for piece in GALLERY:
        if not names or piece.name in names:
            _draw(piece)
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"{sum(file.stat().st_size for file in FOLDER.iterdir())} bytes in {FOLDER}")
    return 0


def _draw(piece: Piece) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pictures = [Image.open(path) for path in render(piece, Path(folder) / piece.name)]
        files = {f"{piece.name}_row.webp": row(pictures, piece.row_s), f"{piece.name}.webp": clip(pictures)}
        for picture in pictures:
            picture.close()
    for name, file in files.items():
        (FOLDER / name).write_bytes(file)
        print(f"{name}  {len(file)} bytes")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
