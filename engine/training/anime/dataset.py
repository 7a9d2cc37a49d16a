"""Writes many pictures of anime characters and their exact labels as shards, in the form of `faces.dataset`."""

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

from omote.engine.training.faces.dataset import REFERENCE, VARIED, Plan, Shard, encode

from .character import sample_character
from .expression import anchors, sample_pose
from .figure import Figure
from .kit import Kit, load
from .render import Picture, render

ANCHOR = 4  # a kind of picture, besides those of `faces.dataset`
PEOPLE_STYLE, ANIME_STYLE = 0, 1


@dataclass(frozen=True)
class AnimePlan(Plan):
    """As `Plan`; `per_person` pictures of each character begin with the anchors, then poses vary."""

    is_held_out: bool = False  # characters with parts that no other has, `character.HELD_OUT`

    def kind(self, k: int) -> int:
        """What a character's k-th picture is."""
        if k == 0:
            return REFERENCE
        return ANCHOR if k < len(anchors()) else VARIED


def pictures_of(kit: Kit, plan: AnimePlan, person: int) -> Iterator[Picture]:
    """The first five pictures are the anchors. The rest vary."""
    figure = Figure(kit, sample_character(kit, plan.seed * 1_000_003 + person, plan.is_held_out))
    fixed = anchors()
    for k in range(plan.per_person):
        pose = fixed[k] if k < len(fixed) else sample_pose(np.random.default_rng([plan.seed, person, k, ANIME_STYLE]))
        yield render(figure, *pose, plan.size, plan.supersampling)


def drawn(plan: AnimePlan, shard: int) -> Shard:
    """One shard, the same bytes wherever it is drawn; FileNotFoundError where the kit is not on this machine."""
    rows: dict[str, list[NDArray[np.generic]]] = {}
    kit, pictures, labels = _kit(plan.kit), io.BytesIO(), io.BytesIO()
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


def _labels(plan: AnimePlan, person: int, k: int, picture: Picture) -> dict[str, NDArray[np.generic]]:
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
def _kit(folder: Path) -> Kit:
    """Read once by each worker."""
    if not (folder / "hair.npz").is_file():
        raise FileNotFoundError(
            f"{folder} on {platform.node()} is no anime kit (it holds no hair.npz): "
            "the kit's folder must be at this place on every machine that draws"
        )
    return load(folder)
