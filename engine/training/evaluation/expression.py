"""How far the face that a tracker reads off pictures is from the one that was asked for, by region of the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omote.bridge import arkit
from omote.engine.nouns import Array

UNSEEN = ("tongueOut",)  # the tracker has no score for it
_REGIONS = (
    ("eyelids", ("eyeBlink", "eyeSquint", "eyeWide")),
    ("gaze", ("eyeLook",)),
    ("brows", ("brow",)),
    ("jaw", ("jaw",)),
    ("mouth", ("mouth",)),
    ("cheeks and nose", ("cheek", "nose")),
)
REGIONS: tuple[tuple[str, tuple[int, ...]], ...] = tuple(
    (region, tuple(k for k, name in enumerate(arkit.NAMES) if name.startswith(parts))) for region, parts in _REGIONS
)  # and the columns of the weights that belong to each; all 51 that are seen belong to one


@dataclass(frozen=True)
class ExpressionError:
    """Mean absolute differences of weights, asked and read, 0 to 1; NaN of no pictures."""

    whole: float  # over the 51 weights that a tracker reads
    change: float  # of what changes between the face at rest and this one: what the tracker reads at rest is taken off
    regions: tuple[tuple[str, float], ...]  # of each region


def expression_error(asked: Array, read: Array, read_at_rest: Array) -> ExpressionError:
    """Of weights [n,52] asked for, read off these pictures [n,52], and read off the picture at rest [52]."""
    if not len(asked):
        nothing = float("nan")
        return ExpressionError(nothing, nothing, tuple((region, nothing) for region, _ in REGIONS))
    seen = [k for _, columns in REGIONS for k in columns]
    miss = np.abs(read - asked)
    return ExpressionError(
        whole=float(miss[:, seen].mean()),
        change=float(np.abs(read - read_at_rest - asked)[:, seen].mean()),
        regions=tuple((region, float(miss[:, list(columns)].mean())) for region, columns in REGIONS),
    )
