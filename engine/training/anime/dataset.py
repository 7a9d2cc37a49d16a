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

from ..faces import arkit
from ..faces.dataset import REFERENCE, VARIED, DatasetSpec, Shard, encode
from ..faces.expression import sample_expression, sample_gaze, settle
from ..faces.light import Light, sample_light, studio
from .character import sample_character
from .figure import Figure
from .kit import Kit, load
from .render import Picture, render

ANCHOR = 4  # a kind of picture, besides those of `faces.dataset`
PEOPLE_STYLE, ANIME_STYLE = 0, 1


@dataclass(frozen=True)
class AnimeDatasetSpec(DatasetSpec):
    """As `Plan`; `per_person` pictures of each character begin with the anchors, then poses vary."""

    is_held_out: bool = False  # characters with parts that no other has, `character.HELD_OUT`

    def kind(self, k: int) -> int:
        """What a character's k-th picture is."""
        if k == 0:
            return REFERENCE
        return ANCHOR if k < len(anchor_poses()) else VARIED


def pictures_of(kit: Kit, plan: AnimeDatasetSpec, person: int) -> Iterator[Picture]:
    """The first five pictures are the anchors. The rest vary."""
    figure = Figure(kit, sample_character(kit, plan.seed * 1_000_003 + person, plan.is_held_out))
    fixed = anchor_poses()
    for k in range(plan.per_person):
        pose = fixed[k] if k < len(fixed) else sample_pose(np.random.default_rng([plan.seed, person, k, ANIME_STYLE]))
        yield render(figure, *pose, plan.size, plan.supersampling)


def draw_shard(plan: AnimeDatasetSpec, shard: int) -> Shard:
    """One shard, the same bytes wherever it is drawn; FileNotFoundError where the kit is not on this machine."""
    rows: dict[str, list[NDArray[np.generic]]] = {}
    kit, pictures, labels = _cached_kit(plan.kit), io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=pictures, mode="w") as tar:
        for person in plan.people_of(shard):
            for k, picture in enumerate(pictures_of(kit, plan, person)):
                data = encode(picture.rgba)
                entry = tarfile.TarInfo(f"{person:06d}-{k:03d}.webp")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
                for key, value in _labels(plan, person, k, picture).items():
                    rows.setdefault(key, []).append(value)
    np.savez_compressed(labels, allow_pickle=False, **{key: np.stack(values) for key, values in rows.items()})
    return Shard(pictures.getvalue(), labels.getvalue(), len(rows["person"]))


def _labels(plan: AnimeDatasetSpec, person: int, k: int, picture: Picture) -> dict[str, NDArray[np.generic]]:
    """The row of one picture."""
    label = picture.label
    return {
        "person": np.array(person, np.int32),
        "kind": np.array(plan.kind(k), np.int8),
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
    """Read once by each worker."""
    if not (folder / "hair.npz").is_file():
        raise FileNotFoundError(
            f"{folder} on {platform.node()} is no anime kit (it holds no hair.npz): "
            "the kit's folder must be at this place on every machine that draws"
        )
    return load(folder)


Array = NDArray[np.float32]

YAW_DEG, PITCH_DEG, ROLL_DEG = 45.0, 25.0, 15.0  # how far a character's head turns
_ANCHOR_YAW_DEG = 30.0


def _both(**named: float) -> dict[str, float]:
    return {f"{name}{side}": value for name, value in named.items() for side in ("Left", "Right")}


VOWELS: dict[str, dict[str, float]] = {
    "A": _both(mouthLowerDown=0.25, mouthUpperUp=0.2) | {"jawOpen": 0.8},
    "I": _both(mouthStretch=0.6, mouthLowerDown=0.5, mouthUpperUp=0.35, mouthSmile=0.2) | {"jawOpen": 0.08},
    "U": {"jawOpen": 0.22, "mouthPucker": 0.8, "mouthFunnel": 0.2},
    "E": _both(mouthStretch=0.4, mouthLowerDown=0.4, mouthUpperUp=0.2) | {"jawOpen": 0.35},
    "O": {"jawOpen": 0.6, "mouthFunnel": 0.7, "mouthPucker": 0.2},
}
FACES: dict[str, dict[str, float]] = {
    "smile": _both(mouthSmile=0.8, cheekSquint=0.3),
    "laugh": _both(eyeBlink=1.0, mouthSmile=0.9, cheekSquint=0.8, browOuterUp=0.4)
    | {"jawOpen": 0.75, "browInnerUp": 0.4},
    "grin": _both(mouthSmile=0.9, mouthUpperUp=0.5, mouthLowerDown=0.5) | {"jawOpen": 0.15},
    "wink_left": _both(mouthSmile=0.6) | {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.5},
    "wink_right": _both(mouthSmile=0.6) | {"eyeBlinkRight": 1.0, "cheekSquintRight": 0.5},
    "calm": _both(eyeBlink=1.0),
    "sleepy": _both(eyeBlink=0.6, browOuterUp=0.3) | {"jawOpen": 0.1},
    "surprise": _both(eyeWide=1.0, browOuterUp=0.9) | {"browInnerUp": 0.9, "jawOpen": 0.5, "mouthFunnel": 0.4},
    "angry": _both(browDown=1.0, eyeSquint=0.4, mouthFrown=0.7, noseSneer=0.5),
    "shout": _both(browDown=0.9, mouthUpperUp=0.6, mouthLowerDown=0.5, noseSneer=0.6) | {"jawOpen": 1.0},
    "sad": _both(mouthFrown=0.8) | {"browInnerUp": 1.0, "mouthShrugLower": 0.3},
    "cry": _both(eyeBlink=1.0, mouthFrown=0.8) | {"browInnerUp": 1.0, "jawOpen": 0.5},
    "pout": _both(browDown=0.4) | {"cheekPuff": 0.9, "mouthPucker": 0.6},
    "smirk": {"mouthSmileLeft": 0.9, "browOuterUpLeft": 0.6, "mouthDimpleLeft": 0.4},
    "tongue": _both(mouthSmile=0.5) | {"jawOpen": 0.35, "tongueOut": 1.0, "eyeBlinkRight": 1.0},
}


def sample_anime_expression(rng: np.random.Generator) -> Array:
    """[52] one face: half a drawn mood with or without a vowel, half as people make them."""
    if rng.random() < 0.4:
        return sample_expression(rng)
    weights = np.zeros(arkit.COUNT, np.float32)
    kind = rng.random()
    if kind < 0.75:
        weights += arkit.weights(FACES[str(rng.choice(list(FACES)))]) * np.float32(rng.uniform(0.5, 1.1))
    if kind > 0.55:
        weights += arkit.weights(VOWELS[str(rng.choice(list(VOWELS)))]) * np.float32(rng.uniform(0.4, 1.1))
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        at = arkit.INDEX[name]  # most lids of a drawing are open or closed
        if weights[at] > 0.7:
            weights[at] = 1.0
    if rng.random() < 0.15:
        weights[arkit.INDEX["eyeBlinkLeft"]] = weights[arkit.INDEX["eyeBlinkRight"]] = rng.uniform(0.2, 1.0)
    return settle(weights + sample_gaze(rng))


Pose = tuple[Array, Array, Light]
_FRONT = np.zeros(3, np.float32)


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
    """Expression, head rotation and light: half turned far, three in five in another light."""
    if rng.random() < 0.5:
        limit = np.radians([PITCH_DEG, YAW_DEG, ROLL_DEG])
        turn = rng.uniform(-limit, limit)
    else:
        turn = rng.normal(0.0, np.radians([5.0, 8.0, 4.0])) * (rng.random() < 0.7)
    light = sample_light(rng) if rng.random() < 0.6 else studio()
    return sample_anime_expression(rng), turn.astype(np.float32), light
