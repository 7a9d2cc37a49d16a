"""What a training step sees: two pictures of each of a few people, and a reference that is another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omote.engine.face.light import whitened
from omote.engine.face.tone import relit

from .augment import as_photo
from .faces.dataset import CLIP, REFERENCE
from .pack import Pack

Rows = NDArray[np.intp]
_CLIP_SHARE = 0.45  # of the steps that show two moments of one clip; the others show any two pictures
_AT_REST_SHARE = 0.4  # of the references that are the picture at rest


@dataclass(frozen=True)
class Batch:
    """Pictures and what they show, one row each."""

    picture: Tensor  # [B,4,S,S] straight RGBA, -1 to 1
    geometry: Tensor
    uv: Tensor
    person: Tensor  # [B]
    face: Tensor
    light: Tensor


@dataclass(frozen=True)
class References:
    """One picture of each person, and where its texels are."""

    picture: Tensor  # [P,3,S,S] sRGB -1 to 1, on any ground
    geometry: Tensor
    xy: Tensor  # [P,256,128,2]
    weight: Tensor  # [P,1,256,128]


@dataclass(frozen=True)
class Choice:
    """Rows of a pack: a first and a second picture of each person, and a reference."""

    first: Rows
    second: Rows
    reference: Rows
    is_clip: bool  # the second is the moment after the first


class Chooser:
    """Draws people and pictures of a pack that are not held out."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        usable = np.flatnonzero(~pack.is_held_out)
        order = usable[np.argsort(pack.person[usable], kind="stable")]
        self._people = np.unique(pack.person[order])
        self._rows = np.split(order, np.flatnonzero(np.diff(pack.person[order])) + 1)

    def choose(self, people: int, rng: np.random.Generator) -> Choice:
        """Of so many different people."""
        is_clip = bool(rng.random() < _CLIP_SHARE)
        first, second, reference = [], [], []
        for k in rng.choice(len(self._people), people, replace=False):
            rows = self._rows[k]
            kinds = self.pack.kind[rows]
            moving, still = rows[kinds == CLIP], rows[kinds != CLIP]
            rest = rows[kinds == REFERENCE]
            shown = rng.choice(rest if len(rest) and rng.random() < _AT_REST_SHARE else still)
            if is_clip and len(moving) > 1:
                at = int(rng.integers(len(moving) - 1))
                a, b = moving[at], moving[at + 1]
            else:
                a, b = rng.choice(rows[rows != shown], 2, replace=False)
            first.append(a)
            second.append(b)
            reference.append(shown)
        return Choice(np.array(first), np.array(second), np.array(reference), is_clip)


def batch_of(pack: Pack, rows: Rows, device: str) -> Batch:
    """These pictures of a pack as tensors, in light that is as a whole white and of usual strength.

    The rest of the light is the animator's affair, who puts it on the finished picture.
    """
    white, gain = zip(*(whitened(light) for light in pack.light[rows]), strict=True)
    light = np.stack(white)
    pictures = np.stack([relit(one, 1.0 / g) for one, g in zip(pack.picture[rows], gain, strict=True)])
    picture = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(device, torch.float32)
    return Batch(
        picture=picture / 127.5 - 1.0,
        geometry=torch.from_numpy(pack.geometry[rows]).to(device, torch.float32),
        uv=torch.from_numpy(pack.uv[rows]).to(device, torch.float32),
        person=torch.from_numpy(pack.person[rows]).long().to(device),
        face=torch.from_numpy(pack.face[rows]).to(device),
        light=torch.from_numpy(light).to(device),
    )


def references_of(pack: Pack, rows: Rows, device: str, rng: np.random.Generator | None) -> References:
    """These pictures as references; on mid-grey, or with `rng` as anybody's photos."""
    rgba = pack.picture[rows]
    if rng is None:
        alpha = rgba[..., 3:] / 255.0
        photos = np.asarray(rgba[..., :3] * alpha + 127.5 * (1.0 - alpha), np.uint8)
    else:
        photos = np.stack([as_photo(one, rng, rgba) for one in rgba])
    lift = torch.from_numpy(pack.lift[rows]).to(device, torch.float32)
    return References(
        picture=torch.from_numpy(photos).permute(0, 3, 1, 2).to(device, torch.float32) / 127.5 - 1.0,
        geometry=torch.from_numpy(pack.geometry[rows]).to(device, torch.float32),
        xy=lift[..., :2],
        weight=lift[..., 2:].permute(0, 3, 1, 2),
    )
