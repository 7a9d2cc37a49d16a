"""Renders the characters that ship: invented people and drawn characters, each with the references of a portrait.

`python -m omote.engine.training.shipped_characters --kit DIR --out DIR` writes their files; `--sheet PNG` shows them.
"""

from __future__ import annotations

import os

# One process per core is faster than threads inside NumPy, which would compete for the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from omote.bridge import arkit

from ..data import Character, Reference
from ..face.retarget import from_weights
from ..model.character_file import save_character
from .anime import kit as anime_kit
from .anime.dataset import VOWELS
from .anime.designs import DESIGNS
from .anime.figure import Figure as AnimeFigure
from .anime.head import shape_of as anime_shape_of
from .anime.render import Picture as AnimePicture
from .anime.render import render as render_anime
from .faces.expression import both_sides
from .faces.figure import Figure
from .faces.haircut import STYLES
from .faces.head import shape_of
from .faces.kit import Kit, load
from .faces.light import Light, studio
from .faces.person import BEARDS, FANTASY_HAIR, NATURAL_HAIR, RGB, Person, sample_person
from .faces.render import Picture, render

Array = NDArray[np.float32]

LICENCE = "Apache-2.0"
MADE_FROM = (
    "A person who does not exist, rendered from MakeHuman (CC0), faceunits01 (CC0) and ICT-FaceKit (MIT) assets; "
    "person seed {seed}"
)
ANIME_LICENCE = (
    "VRM Public License 1.0 (https://vrm.dev/en/licenses/1.0/index), commercial use allowed; name where pictures of it "
    "go out: Seed-san model by VirtualCast, Inc."
)
ANIME_MADE_FROM = (
    "A drawn character that does not exist, made from Seed-san by VirtualCast, Inc. (VRM Public License 1.0, modified) "
    "and hair of VRoid sample models by pixiv Inc. (CC0)"
)
SIZE = 768
_SUPERSAMPLING = 2
_TURNS_DEG = (15.0, 30.0, 45.0)
_BACKDROP = (205, 208, 214)


@dataclass(frozen=True)
class ShippedCharacter:
    """A person of the renderer, with choices that replace those of the seed."""

    seed: int
    hair: str = ""  # a style of `haircut.STYLES`; as sampled if empty
    hair_color: str = ""  # of `NATURAL_HAIR` or `FANTASY_HAIR`; as sampled if empty
    haircut: Mapping[str, float] = field(default_factory=dict)  # fields of the haircut
    beard: str | None = None  # of `BEARDS`; "" for none
    glasses: str | None = None  # "" for none
    traits: Mapping[str, object] = field(default_factory=dict)  # other fields of the person

    def person(self, kit: Kit) -> Person:
        person = sample_person(kit, self.seed, is_even=True)
        if self.hair:
            person = replace(person, hair=STYLES[self.hair])
        if person.hair is not None and self.haircut:
            person = replace(person, hair=replace(person.hair, **self.haircut))  # type: ignore[arg-type]
        if self.hair_color:
            color = (NATURAL_HAIR | FANTASY_HAIR)[self.hair_color]
            person = replace(person, hair_color=color)
            if self.hair_color in NATURAL_HAIR:
                person = replace(person, beard_color=_times(color, 0.75), brow_color=_times(color, 0.6))
        if self.beard is not None:
            beard = BEARDS[self.beard] if self.beard else None
            person = replace(person, beard=beard, shadow=0.5 if beard else 0.1)
        if self.glasses is not None:
            person = replace(person, glasses=self.glasses)
        return replace(person, **self.traits)  # type: ignore[arg-type]


def _times(color: RGB, by: float) -> RGB:
    r, g, b = (max(by * part, 0.006) for part in color)
    return r, g, b


_SEED = 31 * 1_000_003


def _of(person: int) -> int:
    return _SEED + person


PEOPLE: dict[str, ShippedCharacter] = {
    "akane": ShippedCharacter(_of(27)),
    "amara": ShippedCharacter(_of(79)),
    "elias": ShippedCharacter(_of(107), "textured", "dark blond"),
    "freya": ShippedCharacter(_of(1)),
    "hana": ShippedCharacter(_of(68), "bob cut", "dark brown", {"strands": 24_000}),
    "kenji": ShippedCharacter(_of(97)),
    "marcus": ShippedCharacter(_of(120)),
    "mori": ShippedCharacter(_of(66), "quiff", "brown"),
    "noah": ShippedCharacter(_of(34)),
    "ruth": ShippedCharacter(_of(243), "bob cut", "grey", {"strands": 22_000}, glasses="round"),
    "sol": ShippedCharacter(_of(94)),
    "sumire": ShippedCharacter(_of(75), "pixie", "lavender", {"strands": 24_000}, glasses=""),
    "walter": ShippedCharacter(_of(301), "side part", "white", beard="short beard"),
    "zuri": ShippedCharacter(_of(114), "short afro"),
}


def portrait_light() -> Light:
    """A broad soft key near the camera and a bright room, so that references have little shadow."""
    return studio(
        azimuth_rad=0.32,
        elevation_rad=0.36,
        key=(1.32, 1.28, 1.22),
        ambient=(0.86, 0.87, 0.90),
        ground=0.72,
        softness=0.42,
        rim=0.7,
    )


# The references of a portrait: ARKit weights, and yaw in degrees to the subject's left. One that is not turned may show
# lids, gaze, mouth and brows doing something at once: each part of it is copied alone. A smile bends lids, so they
# close in other pictures.
Poses = Mapping[str, tuple[Mapping[str, float], float]]
_LOWERED, _LOW = both_sides(eyeBlink=0.4), both_sides(eyeBlink=0.75)
_BROWS_DOWN, _BROWS_UP = both_sides(browDown=1.0), both_sides(browOuterUp=0.8) | {"browInnerUp": 0.8}
_TEETH = both_sides(mouthUpperUp=0.5, mouthLowerDown=0.5)
_TONGUE = {"jawOpen": 0.5, "tongueOut": 1.0}
_LEFT = {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8}
_RIGHT = {"eyeLookInLeft": 0.8, "eyeLookOutRight": 0.8}
_UP, _DOWN = both_sides(eyeLookUp=0.8), both_sides(eyeLookDown=0.8)
TURNED: Poses = {
    f"{side} {deg:g}": ({}, sign * deg) for deg in _TURNS_DEG for side, sign in (("left", 1), ("right", -1))
}
POSES: Poses = {
    "rest": ({}, 0.0),
    **TURNED,
    "open": (_LOWERED | _BROWS_DOWN | both_sides(mouthUpperUp=0.3, mouthLowerDown=0.45) | {"jawOpen": 0.85}, 0.0),
    "pucker": (_LOW | {"mouthPucker": 1.0}, 0.0),
    "closed": (both_sides(eyeBlink=1.0) | _BROWS_UP, 0.0),
    "smile": (
        both_sides(mouthSmile=0.85, cheekSquint=0.5, mouthUpperUp=0.5, mouthLowerDown=0.4, eyeSquint=0.2)
        | {"jawOpen": 0.12},
        0.0,
    ),
    "laugh": (
        both_sides(mouthSmile=0.85, cheekSquint=0.5, mouthUpperUp=0.4, mouthLowerDown=0.2, eyeSquint=0.4)
        | {"jawOpen": 0.5},
        0.0,
    ),
    "left": (_LEFT | {"jawOpen": 0.3, "mouthFunnel": 0.8}, 0.0),
    "right": (_RIGHT | both_sides(mouthFrown=0.9), 0.0),
    "up": (_UP | _TEETH, 0.0),
    "down": (_DOWN | _TONGUE, 0.0),
}
ANIME_POSES: Poses = {
    "rest": ({}, 0.0),
    **TURNED,
    "A": (_LOWERED | _BROWS_DOWN | VOWELS["A"], 0.0),
    "E": (_LOW | VOWELS["E"], 0.0),
    "closed": (both_sides(eyeBlink=1.0) | _TONGUE, 0.0),
    "left": (_LEFT | VOWELS["U"], 0.0),
    "right": (_RIGHT | both_sides(mouthSmile=0.9), 0.0),
    "up": (_UP | _TEETH, 0.0),
    "down": (_DOWN | both_sides(mouthFrown=0.9), 0.0),
    "wide": (both_sides(eyeWide=1.0) | _BROWS_UP | VOWELS["O"], 0.0),
    "laugh": (both_sides(eyeBlink=1.0, mouthSmile=1.0) | {"jawOpen": 0.5}, 0.0),
}


def draw_poses(kit: Path, name: str, poses: Sequence[str], size: int) -> list[Picture] | list[AnimePicture]:
    """A shipped character in these poses, in portrait light; `kit` is the folder of the face kit."""
    if name in DESIGNS:
        parts = anime_kit.load(kit / "anime")
        drawing = AnimeFigure(parts, DESIGNS[name])
        return [render_anime(drawing, *pose_of(ANIME_POSES, pose), studio(), size, _SUPERSAMPLING) for pose in poses]
    people = load(kit)
    figure = Figure(people, PEOPLE[name].person(people))
    return [render(figure, *pose_of(POSES, pose), portrait_light(), size, _SUPERSAMPLING) for pose in poses]


def pose_of(poses: Poses, name: str) -> tuple[Array, Array]:
    """[52] weights and [3] rotation of the head in one of these poses."""
    named, yaw_deg = poses[name]
    return arkit.weights(dict(named)), np.array([0.0, np.radians(yaw_deg), 0.0], np.float32)


def make_character(kit: Path, name: str, size: int = SIZE) -> Character:
    """A shipped character with a reference for each pose; `kit` is the folder of the face kit."""
    is_anime = name in DESIGNS
    pictures = draw_poses(kit, name, tuple(ANIME_POSES if is_anime else POSES), size)
    return Character(
        name=name,
        head="anime" if is_anime else "open",
        shape=_shape(kit, name),
        references=tuple(_reference(picture) for picture in pictures),
        licence=ANIME_LICENCE if is_anime else LICENCE,
        made_from=ANIME_MADE_FROM if is_anime else MADE_FROM.format(seed=PEOPLE[name].seed),
    )


def _shape(kit: Path, name: str) -> Array:
    """[100] the shape of a character's head."""
    if name in DESIGNS:
        parts = anime_kit.load(kit / "anime")
        return anime_shape_of(parts, DESIGNS[name])
    people = load(kit)
    return shape_of(people, PEOPLE[name].person(people))


def _reference(picture: Picture | AnimePicture) -> Reference:
    label = picture.label
    return Reference(picture.rgba, from_weights(label.weights, None, label.head_rotation), label.light, "rendered")


def sheet(rows: list[list[NDArray[np.uint8]]], size: int) -> Image.Image:
    """Pictures [S,S,4] on a plain backdrop, a row for each list."""
    grid = Image.new("RGB", (max(map(len, rows)) * size, len(rows) * size), _BACKDROP)
    for y, row in enumerate(rows):
        for x, rgba in enumerate(row):
            tile = Image.fromarray(rgba).resize((size, size), Image.Resampling.LANCZOS)
            grid.paste(tile, (x * size, y * size), tile)
    return grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="folder of the face kit, with the anime kit in it")
    parser.add_argument("--out", type=Path, help="the folder for the character files")
    parser.add_argument("--sheet", type=Path, help="a picture of them: at rest, or with --out in all poses")
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--columns", type=int, default=6, help="of a sheet at rest")
    parser.add_argument("names", nargs="*", default=[*PEOPLE, *DESIGNS], help="only these characters")
    args = parser.parse_args()
    rows: list[list[NDArray[np.uint8]]] = []
    if args.out is None:
        shown = [draw_poses(args.kit, name, ["rest"], args.size)[0].rgba for name in tqdm(args.names, unit="character")]
        rows = [shown[k : k + args.columns] for k in range(0, len(shown), args.columns)]
    else:
        args.out.mkdir(parents=True, exist_ok=True)
        for name in tqdm(args.names, unit="character"):
            made = make_character(args.kit, name, args.size)
            save_character(made, args.out / f"{name}.omote")
            rows.append([one.rgba for one in made.references])
    if args.sheet:
        sheet(rows, 256 if args.out else args.size).save(args.sheet)


if __name__ == "__main__":
    main()
