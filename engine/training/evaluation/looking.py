"""What MediaPipe and a face recogniser see in single pictures: weights read back, and an embedding of who it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.capture.photo import Finder
from omote.engine.nouns import Array

from .embedding import Embedder
from .quality import Rgb


@dataclass(frozen=True)
class Seen:
    """Pictures as the instruments see them; rows of NaN where they find no face."""

    weights: Array  # [n,52]
    embedding: NDArray[np.float64]  # [n,D]; [0,0] where nobody embeds

    @property
    def found(self) -> NDArray[np.bool_]:
        """[n] whether a face was found."""
        return np.asarray(np.isfinite(self.weights[:, 0]))

    def embedded(self) -> NDArray[np.float64]:
        """[m,D] of those that were."""
        return self.embedding[np.isfinite(self.embedding).all(1)]


def look(pictures: Sequence[Rgb], finder: Finder, embedder: Embedder | None) -> Seen:
    """Each picture by itself; of several faces the largest counts."""
    weights = np.full((len(pictures), arkit.COUNT), np.nan, np.float32)
    embedding = np.full((len(pictures), embedder.size) if embedder else (0, 0), np.nan)
    for k, rgb in enumerate(pictures):
        if not (faces := finder.faces(rgb)):
            continue
        face = max(faces, key=lambda one: one.size_px)
        weights[k] = face.weights
        if embedder:
            embedding[k] = embedder.embed(rgb, face.points[:, :2])
    return Seen(weights, embedding)
