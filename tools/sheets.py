"""Draws sheets of characters: at rest, in expressions, turned, in other lights, and beside their photos.

`python tools/run.py tools/sheets.py` draws the shipped characters into docs/sheets. With `--photos` it draws photos, or
characters made from photos, beside six expressions. Pictures of real people are never committed, so that needs `--out`.
With `--kit` it draws characters made from drawings in several techniques, beside the drawings.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

# As `omote` does, before NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge import arkit
from omote.engine.data import Character
from omote.engine.face.expressions import NAMED_EXPRESSIONS
from omote.engine.face.light import LIGHT_PRESETS, studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import read_character
from omote.engine.model.networks import Networks
from omote.engine.model.renderer import PreparedCharacter, Renderer

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "sheets"
WEIGHTS = ROOT / "engine" / "weights"
SIZE = 512  # pixels on a side of a drawn picture
TILE = 256  # and of the same in a sheet
COLUMNS, SHAPE_COLUMNS = 4, 13
QUALITY = 85  # of WebP
BACKDROP = (203, 208, 216)  # fits a light and a dark page
EXPRESSIONS: dict[str, dict[str, float]] = {
    **{name: dict(weights) for name, weights in NAMED_EXPRESSIONS.items()},
    "jaw open": {"jawOpen": 0.7},
    "look aside": {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8},
}
TURNS_DEG = (-45, -30, -15, 0, 15, 30, 45)
LIGHTS = ("soft", "warm", "cool", "stage", "sunset", "night")
IN_PHOTOS = ("smile", "jaw open", "surprise", "closed_eyes", "wink_left")  # and 20 degrees of yaw
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
Tile = NDArray[np.uint8]  # [T,T,3]


def draw(
    renderer: Renderer,
    look: PreparedCharacter,
    weights: dict[str, float],
    yaw_deg: float = 0.0,
    light: NDArray[np.float32] | None = None,
    tile: int = TILE,
) -> Tile:
    """One drawn picture on the backdrop."""
    turn = np.array([0.0, np.radians(yaw_deg), 0.0], np.float32)
    params = from_weights(arkit.weights(weights), None, turn)
    return on_backdrop(renderer.draw(look, params, studio_light() if light is None else light, SIZE), tile)


def on_backdrop(rgba: NDArray[np.uint8], tile: int) -> Tile:
    """A picture with straight alpha, composited on the backdrop."""
    picture = Image.fromarray(rgba)
    ground = Image.new("RGB", picture.size, BACKDROP)
    ground.paste(picture, mask=picture)
    return np.asarray(ground.resize((tile, tile), Image.Resampling.LANCZOS))


def grid(tiles: Sequence[Tile], columns: int = COLUMNS) -> NDArray[np.uint8]:
    """Rows of tiles; the last one is filled up with the backdrop."""
    side = len(tiles[0])
    empty = np.full((side, side, 3), BACKDROP, np.uint8)
    padded = [*tiles, *[empty] * (-len(tiles) % columns)]
    rows = [np.concatenate(padded[k : k + columns], 1) for k in range(0, len(padded), columns)]
    return np.concatenate(rows)


def sheets(renderer: Renderer, characters: Sequence[Character], tile: int = TILE) -> Iterable[tuple[str, Tile]]:
    """Names and sheets: all characters at rest, then one of each kind in expressions, turns and lights."""
    looks = [renderer.prepare(one) for one in characters]
    yield "characters", grid([draw(renderer, look, {}, tile=tile) for look in looks])
    for head in ("open", "anime"):
        some = [look for look in looks if look.character.head == head]
        if not some:
            continue
        first = some[0]
        yield (
            f"{head}_expressions",
            grid([draw(renderer, first, weights, tile=tile) for weights in EXPRESSIONS.values()]),
        )
        yield (
            f"{head}_turns",
            grid([draw(renderer, first, {}, yaw, tile=tile) for yaw in TURNS_DEG], len(TURNS_DEG)),
        )
        lights = [LIGHT_PRESETS[name].setting.harmonics() for name in LIGHTS]
        if head == "anime":
            shapes = [draw(renderer, first, {name: 1.0}, tile=tile // 2) for name in arkit.NAMES]
            yield "anime_shapes", grid(shapes, SHAPE_COLUMNS)
        yield (
            f"{head}_lights",
            grid([draw(renderer, first, {}, 0.0, light, tile) for light in lights], len(LIGHTS)),
        )


def beside_source(
    renderer: Renderer, characters: Sequence[Character], tile: int = TILE, sources: Sequence[Tile] = ()
) -> Tile:
    """A row for each character: its source (or its reference picture), then drawings in the same light."""
    rows = []
    for k, one in enumerate(characters):
        look, reference = renderer.prepare(one), one.references[0]
        tiles = [sources[k] if sources else on_backdrop(reference.rgba, tile)]
        tiles += [draw(renderer, look, EXPRESSIONS[name], 0.0, reference.light, tile) for name in IN_PHOTOS]
        tiles.append(draw(renderer, look, {}, 20.0, reference.light, tile))
        rows.append(np.concatenate(tiles, 1))
    return np.concatenate(rows)


def characters_from_photos(folder: Path) -> list[Character]:
    """The character files in a folder, and a character from each of its photos."""
    from omote.engine.capture.photo import read_photos
    from omote.engine.model.photos import references_of

    found = [read_character(path) for path in sorted(folder.glob("*.omote"))]
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES):
        made = references_of(read_photos((path,)))
        references = tuple(one.reference() for one in made.references)
        found.append(Character(path.stem[:64], "open", made.shape, references, "private", "a photo"))
    return found


def characters_from_drawings(kit: Path, tile: int) -> tuple[list[Character], list[Tile]]:
    """Characters from drawings in several techniques, which training never saw, and the drawings."""
    from omote.engine.model.drawings import made_from_drawing, on_grey
    from omote.engine.training.anime.kit import load as load_kit
    from omote.engine.training.drawing_points import TECHNIQUES
    from omote.engine.training.evaluation.truth import REST, UNSEEN_SEED, RenderedCharacter
    from omote.engine.training.faces.light import studio

    loaded, made, sources = load_kit(kit / "anime"), [], []
    for k, (name, technique) in enumerate(TECHNIQUES.items()):
        rgba = RenderedCharacter.drawing(loaded, UNSEEN_SEED + k, 2 * SIZE).truth(studio())(REST)
        alpha = rgba[..., 3:] / 255.0
        paper = np.asarray(rgba[..., :3] * alpha + 255.0 * (1.0 - alpha), np.uint8)
        drawing = technique(paper, np.random.default_rng(k))
        solid = np.dstack([drawing, np.full(drawing.shape[:2], 255, np.uint8)])
        made.append(made_from_drawing(name, solid, None, "rendered by our own code").character)
        sources.append(np.asarray(Image.fromarray(on_grey(solid)).resize((tile, tile), Image.Resampling.LANCZOS)))
    return made, sources


def save(sheet: Tile, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".webp":
        from omote.engine.offline.writers import xmp

        Image.fromarray(sheet).save(path, quality=QUALITY, method=6, xmp=xmp.xmp_packet())
    else:
        Image.fromarray(sheet).save(path)
    print(f"{path}  {path.stat().st_size} bytes", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", type=Path, default=WEIGHTS / "characters", metavar="DIR")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="photos, or characters of photos; needs --out")
    parser.add_argument("--kit", type=Path, metavar="DIR", help="the face kit; draws characters from drawings instead")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, metavar="DIR", help="the folder of both networks")
    parser.add_argument("--out", type=Path, metavar="DIR", help="a folder for PNGs instead of docs/sheets")
    parser.add_argument("--tile", type=int, default=TILE, help="pixels on a side of each picture in a sheet")
    args = parser.parse_args(arguments)
    if args.photos and not args.out:
        parser.error("--photos needs --out: pictures of real people do not belong in docs")
    renderer = Renderer(Networks(args.weights))
    if args.photos:
        save(beside_source(renderer, characters_from_photos(args.photos), args.tile), args.out / "photos.png")
        return 0
    if args.kit:
        if not (args.kit / "anime" / "head.npz").is_file():
            parser.error(f"{args.kit} has no anime/head.npz: give the face kit's folder")
        made, sources = characters_from_drawings(args.kit, args.tile)
        sheet = beside_source(renderer, made, args.tile, sources)
        save(sheet, (args.out / "anime_drawings.png") if args.out else (FOLDER / "anime_drawings.webp"))
        return 0
    characters = [read_character(path) for path in sorted(args.characters.glob("*.omote"))]
    if not characters:
        parser.error(f"no characters in {args.characters}")
    for name, sheet in sheets(renderer, characters, args.tile):
        save(sheet, (args.out / f"{name}.png") if args.out else (FOLDER / f"{name}.webp"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
