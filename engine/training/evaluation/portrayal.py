"""One subject over a set of expressions: what the papers measure, of a character of any kind, without a truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from omote.engine.capture.scores import stretched

from .appearance import Appearance, Evenness, evenness, mean_appearance
from .drawing import Drawn
from .expression import ExpressionError, expression_error
from .identity import Embeddings, cosines, spread
from .looking import Seen


@dataclass(frozen=True)
class Portrayal:
    """Figures of one subject's set, or means over subjects; NaN for what nobody embeds or where no face was found."""

    pictures: int
    found: float  # share of them in which the tracker found a face
    similarity: float  # mean cosine to the reference: the photo, the renderer's truth, or the picture at rest
    least_similarity: float
    spread: float  # one less the mean cosine of two pictures of the set
    expression: ExpressionError
    evenness: Evenness
    appearance: Appearance  # where the head is


def portrayal(drawn: Drawn, seen: Seen, at_rest: Seen, reference: Embeddings) -> Portrayal:
    """Of a scene with its pictures as the instruments see them, the picture at rest, and the reference [k,D]."""
    pictures, _ = drawn.over_grey()
    who = seen.embedded()
    near = cosines(who, reference).mean(1) if len(who) and len(reference) else np.full(1, np.nan)
    asked, read = drawn.scene.weights()[seen.found], stretched(seen.weights[seen.found])
    return Portrayal(
        pictures=len(pictures),
        found=float(seen.found.mean()),
        similarity=float(near.mean()),
        least_similarity=float(near.min()),
        spread=spread(who),
        expression=expression_error(asked, read, stretched(at_rest.weights)[0]),
        evenness=evenness(pictures, drawn.head),
        appearance=mean_appearance(pictures, drawn.head),
    )


def pooled(portrayals: Sequence[Portrayal]) -> Portrayal:
    """Means over subjects, one at least, with the pictures of all and the least similarity of any."""
    regions = [np.array([value for _, value in one.expression.regions]) for one in portrayals]
    names = [name for name, _ in portrayals[0].expression.regions]
    return Portrayal(
        pictures=sum(one.pictures for one in portrayals),
        found=_mean([one.found for one in portrayals]),
        similarity=_mean([one.similarity for one in portrayals]),
        least_similarity=float(np.min([one.least_similarity for one in portrayals])),
        spread=_mean([one.spread for one in portrayals]),
        expression=ExpressionError(
            _mean([one.expression.whole for one in portrayals]),
            _mean([one.expression.change for one in portrayals]),
            tuple(zip(names, np.mean(regions, 0).tolist(), strict=True)),
        ),
        evenness=Evenness(
            _mean([one.evenness.colour for one in portrayals]), _mean([one.evenness.ground for one in portrayals])
        ),
        appearance=Appearance(*np.mean([_row(one.appearance) for one in portrayals], 0).tolist()),
    )


def _row(one: Appearance) -> tuple[float, float, float, float]:
    return one.sharpness, one.contrast, one.saturation, one.clipped


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
