"""Renders anime characters with exact labels as shards: which poses, expressions and lights each gets."""

from __future__ import annotations

import io
import platform
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..faces.dataset import ANCHOR, REFERENCE, VARIED, DatasetSpec, Shard, encode
from ..faces.expression import both_sides, sample_expression, sample_gaze, settle
from ..faces.light import Light, sample_light, studio
from .character import sample_character
from .figure import Figure
from .kit import Kit, load
from .render import Picture, render

Array = NDArray[np.float32]
Pose = tuple[Array, Array, Light]
ANIME_STYLE = 1  # of the label `style`; people have 0
YAW_DEG, PITCH_DEG, ROLL_DEG = 45.0, 25.0, 15.0  # how far a character's head turns
_ANCHOR_YAW_DEG = 30.0
_FRONT = np.zeros(3, np.float32)


@dataclass(frozen=True)
class AnimeDatasetSpec(DatasetSpec):
    """The spec of characters, whose `per_person` pictures begin with the anchors; the other poses vary."""

    is_held_out: bool = False  # characters with the parts of `character.HELD_OUT`

    def kind(self, k: int) -> int:
        """The kind of a character's k-th picture."""
        if k == 0:
            return REFERENCE
        return ANCHOR if k < len(anchor_poses()) else VARIED


def pictures_of(kit: Kit, spec: AnimeDatasetSpec, person: int) -> Iterator[Picture]:
    """Draws a character: the five anchors, then varied poses."""
    figure = Figure(kit, sample_character(kit, spec.seed * 1_000_003 + person, spec.is_held_out))
    fixed = anchor_poses()
    for k in range(spec.per_person):
        pose = fixed[k] if k < len(fixed) else sample_pose(np.random.default_rng([spec.seed, person, k, ANIME_STYLE]))
        yield render(figure, *pose, spec.size, spec.supersampling)


def draw_shard(spec: AnimeDatasetSpec, shard: int) -> Shard:
    """Draws one shard, with the same bytes on every machine. Raises FileNotFoundError if the kit is not on this one."""
    rows: dict[str, list[NDArray[np.generic]]] = {}
    kit, pictures, labels = _cached_kit(spec.kit), io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=pictures, mode="w") as tar:
        for person in spec.people_of(shard):
            for k, picture in enumerate(pictures_of(kit, spec, person)):
                data = encode(picture.rgba)
                entry = tarfile.TarInfo(f"{person:06d}-{k:03d}.webp")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
                for key, value in _labels(spec, person, k, picture).items():
                    rows.setdefault(key, []).append(value)
    np.savez_compressed(labels, allow_pickle=False, **{key: np.stack(values) for key, values in rows.items()})
    return Shard(pictures.getvalue(), labels.getvalue(), len(rows["person"]))


def _labels(spec: AnimeDatasetSpec, person: int, k: int, picture: Picture) -> dict[str, NDArray[np.generic]]:
    """The row of one picture."""
    label = picture.label
    return {
        "person": np.array(person, np.int32),
        "kind": np.array(spec.kind(k), np.int8),
        "style": np.array(ANIME_STYLE, np.int8),
        "weights": label.weights,
        "head_rotation": label.head_rotation,
        "gaze": label.gaze,
        "light": label.light,
        "landmarks": picture.landmarks,
        "material": picture.material,
    }


@lru_cache(maxsize=1)
def _cached_kit(folder: Path) -> Kit:
    """Each worker reads the kit once."""
    if not (folder / "hair.npz").is_file():
        raise FileNotFoundError(
            f"{folder} on {platform.node()} is no anime kit (it holds no hair.npz): "
            "the folder must be at this place on every machine that draws"
        )
    return load(folder)


def anchor_poses() -> list[Pose]:
    """The first pictures of each character: at rest, mouth open, eyes closed, turned right and left; portrait light."""
    yaw = np.array([0.0, np.radians(_ANCHOR_YAW_DEG), 0.0], np.float32)
    rest, light = arkit.weights({}), studio()
    mouth, eyes = arkit.weights(VOWELS["A"]), arkit.weights(FACES["calm"])
    return [
        (rest, _FRONT, light),
        (mouth, _FRONT, light),
        (eyes, _FRONT, light),
        (rest, -yaw, light),
        (rest, yaw, light),
    ]


def sample_pose(rng: np.random.Generator) -> Pose:
    """Expression, head rotation and light: half of them turned far, three in five in light other than the studio's."""
    if rng.random() < 0.5:
        limit = np.radians([PITCH_DEG, YAW_DEG, ROLL_DEG])
        turn = rng.uniform(-limit, limit)
    else:
        turn = rng.normal(0.0, np.radians([5.0, 8.0, 4.0])) * (rng.random() < 0.7)
    light = sample_light(rng) if rng.random() < 0.6 else studio()
    return sample_anime_expression(rng), turn.astype(np.float32), light


def sample_anime_expression(rng: np.random.Generator) -> Array:
    """[52] one face: two in five as of people, the others a drawn mood, a vowel, or both."""
    if rng.random() < 0.4:
        return sample_expression(rng)
    weights = np.zeros(arkit.COUNT, np.float32)
    kind = rng.random()
    if kind < 0.75:
        weights += arkit.weights(FACES[str(rng.choice(list(FACES)))]) * np.float32(rng.uniform(0.5, 1.1))
    if kind > 0.55:
        weights += arkit.weights(VOWELS[str(rng.choice(list(VOWELS)))]) * np.float32(rng.uniform(0.4, 1.1))
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        at = arkit.INDEX[name]  # drawn lids are mostly open or closed
        if weights[at] > 0.7:
            weights[at] = 1.0
    if rng.random() < 0.15:
        weights[arkit.INDEX["eyeBlinkLeft"]] = weights[arkit.INDEX["eyeBlinkRight"]] = rng.uniform(0.2, 1.0)
    return settle(weights + sample_gaze(rng))


VOWELS: dict[str, dict[str, float]] = {
    "A": both_sides(mouthLowerDown=0.25, mouthUpperUp=0.2) | {"jawOpen": 0.8},
    "I": both_sides(mouthStretch=0.6, mouthLowerDown=0.5, mouthUpperUp=0.35, mouthSmile=0.2) | {"jawOpen": 0.08},
    "U": {"jawOpen": 0.22, "mouthPucker": 0.8, "mouthFunnel": 0.2},
    "E": both_sides(mouthStretch=0.4, mouthLowerDown=0.4, mouthUpperUp=0.2) | {"jawOpen": 0.35},
    "O": {"jawOpen": 0.6, "mouthFunnel": 0.7, "mouthPucker": 0.2},
}

FACES: dict[str, dict[str, float]] = {
    "smile": both_sides(mouthSmile=0.8, cheekSquint=0.3),
    "laugh": both_sides(eyeBlink=1.0, mouthSmile=0.9, cheekSquint=0.8, browOuterUp=0.4)
    | {"jawOpen": 0.75, "browInnerUp": 0.4},
    "grin": both_sides(mouthSmile=0.9, mouthUpperUp=0.5, mouthLowerDown=0.5) | {"jawOpen": 0.15},
    "wink_left": both_sides(mouthSmile=0.6) | {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.5},
    "wink_right": both_sides(mouthSmile=0.6) | {"eyeBlinkRight": 1.0, "cheekSquintRight": 0.5},
    "calm": both_sides(eyeBlink=1.0),
    "sleepy": both_sides(eyeBlink=0.6, browOuterUp=0.3) | {"jawOpen": 0.1},
    "surprise": both_sides(eyeWide=1.0, browOuterUp=0.9) | {"browInnerUp": 0.9, "jawOpen": 0.5, "mouthFunnel": 0.4},
    "angry": both_sides(browDown=1.0, eyeSquint=0.4, mouthFrown=0.7, noseSneer=0.5),
    "shout": both_sides(browDown=0.9, mouthUpperUp=0.6, mouthLowerDown=0.5, noseSneer=0.6) | {"jawOpen": 1.0},
    "sad": both_sides(mouthFrown=0.8) | {"browInnerUp": 1.0, "mouthShrugLower": 0.3},
    "cry": both_sides(eyeBlink=1.0, mouthFrown=0.8) | {"browInnerUp": 1.0, "jawOpen": 0.5},
    "pout": both_sides(browDown=0.4) | {"cheekPuff": 0.9, "mouthPucker": 0.6},
    "smirk": {"mouthSmileLeft": 0.9, "browOuterUpLeft": 0.6, "mouthDimpleLeft": 0.4},
    "tongue": both_sides(mouthSmile=0.5) | {"jawOpen": 0.35, "tongueOut": 1.0, "eyeBlinkRight": 1.0},
}
