"""What MediaPipe reads off rendered pictures, beside the truth: what the fit of the head is trained on."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.engine.capture.photo import Finder, face_finder
from omote.engine.face.reading import Reading
from omote.engine.storage import atomic_write

from .faces.dataset import CLIP, picture_names


@dataclass(frozen=True)
class Readings:
    """What the tracker read off the pictures, beside the truth; one row a picture."""

    points: NDArray[np.float32]  # [N,478,2]
    scores: NDArray[np.float32]  # [N,52] the tracker's weights
    turn: NDArray[np.float32]  # [N,3] the tracker's rotation
    person: NDArray[np.int32]  # [N]
    weights: NDArray[np.float32]  # [N,52] true
    head_rotation: NDArray[np.float32]  # [N,3] true

    def reading(self, row: int) -> Reading:
        return Reading(self.points[row], self.scores[row], self.turn[row])

    def __len__(self) -> int:
        return len(self.person)


def read_shard(tar_path: Path, finder: Finder) -> Readings:
    """The tracker on a shard's pictures but clips, each on a plain ground; where no face is found it is left out."""
    labels = np.load(tar_path.with_suffix(".npz"), allow_pickle=False)
    rng = np.random.default_rng(int(tar_path.stem))
    rows, faces = [], []
    with tarfile.open(tar_path) as tar:
        for row, name in enumerate(picture_names(tar)):
            ground = rng.uniform(0.0, 255.0, 3)
            if labels["kind"][row] == CLIP:
                continue
            member = tar.extractfile(name)
            assert member is not None
            with Image.open(io.BytesIO(member.read())) as image:
                rgba = np.asarray(image.convert("RGBA"), np.float64)
            alpha = rgba[..., 3:] / 255.0
            found = finder.faces(np.round(rgba[..., :3] * alpha + ground * (1.0 - alpha)).astype(np.uint8))
            if found:
                rows.append(row)
                faces.append(max(found, key=lambda face: face.size_px))
    return Readings(
        points=np.stack([face.points for face in faces]),
        scores=np.stack([face.weights for face in faces]),
        turn=np.stack([face.rotation for face in faces]),
        **{name: labels[name][rows] for name in ("person", "weights", "head_rotation")},
    )


def read_all(shards: Path, cache: Path) -> Readings:
    """All shards; each is read once and kept."""
    cache.mkdir(parents=True, exist_ok=True)
    with face_finder() as finder:
        for path in sorted(shards.glob("*.tar")):
            kept = cache / f"{path.stem}.npz"
            if not kept.exists():
                with atomic_write(kept) as partial:
                    np.savez(partial, allow_pickle=False, **vars(read_shard(path, finder)))
                print(f"{path.name} read", flush=True)
    parts = [np.load(path, allow_pickle=False) for path in sorted(cache.glob("*.npz"))]
    return Readings(**{f.name: np.concatenate([part[f.name] for part in parts]) for f in fields(Readings)})
