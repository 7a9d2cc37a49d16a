"""Portrayals as tables: likeness, expression and evenness of a set, and what its pictures look like."""

from __future__ import annotations

from collections.abc import Sequence

from .evaluation import Evaluation
from .portrayal import Portrayal
from .table import Table
from .table import number as _n

Named = Sequence[tuple[str, Portrayal]]  # subjects and groups of them


def portrayal_tables(evaluation: Evaluation) -> tuple[Table, ...]:
    """Of groups, and of their subjects where there are several."""
    everybody = [*((one.group, one.portrayal) for one in evaluation.groups), *_each(evaluation)]
    return _portrayals(everybody), _expressions(everybody), _appearances(everybody), _real(evaluation)


def _each(evaluation: Evaluation) -> list[tuple[str, Portrayal]]:
    """Subjects, where they are not their group."""
    named = [(one.figures.group, one.figures.portrayal) for one in evaluation.subjects]
    return named if len(named) > 1 else []


def _portrayals(everybody: Named) -> Table:
    rows = (
        (
            *(name, str(p.pictures), f"{p.found:.0%}"),
            *(_n(value, 3) for value in (p.similarity, p.least_similarity, p.spread)),
            *(_n(value, 3) for value in (p.expression.whole, p.expression.change)),
            *(_n(value, 2) for value in (p.evenness.colour, p.evenness.ground)),
        )
        for name, p in everybody
    )
    header = (
        *("who", "pictures", "face found", "similarity", "least", "spread", "expression error", "of the change"),
        *("colour", "ground"),
    )
    remark = (
        "One character in a set of expressions, from the front. Similarity: cosine of face embeddings to the photo it "
        "was made of, else to it at rest; spread: one less the cosine of two pictures of the set. dlib's cosines are "
        "all near 1: of four photos 0.96 for one person, 0.82 for two. Expression error: mean absolute difference of "
        "the weights asked for and those that MediaPipe reads, at best MediaPipe's own; of the change: without what it "
        "reads at rest. Colour and ground: how the head's mean colour, and pixels outside of the head, differ within "
        "the set, in levels of 255."
    )
    return Table("Portrayal", remark, header, tuple(rows))


def _expressions(everybody: Named) -> Table:
    rows = ((name, *(_n(value, 3) for _, value in p.expression.regions)) for name, p in everybody)
    header = ("expression error", *(region for region, _ in everybody[0][1].expression.regions))
    return Table("Expression error by region", "Over the set of the table above.", header, tuple(rows))


def _appearances(everybody: Named) -> Table:
    rows = (
        (name, _n(a.sharpness, 2), _n(a.contrast, 1), _n(a.saturation, 3), f"{a.clipped:.2%}")
        for name, a in ((name, p.appearance) for name, p in everybody)
    )
    header = ("pictures", "sharpness", "contrast", "saturation", "clipped")
    remark = "Of the head in that set: levels a pixel, levels, 0 to 1, and pixels with a colour at its end."
    return Table("Picture statistics", remark, header, tuple(rows))


def _real(evaluation: Evaluation) -> Table:
    rows = (
        (
            one.group,
            str(one.drawn),
            str(one.real),
            _n(one.distance, 3) if one.is_enough else f"wants more than {one.size} of each",
        )
        for one in evaluation.to_real
    )
    remark = "Fréchet distance of face embeddings, drawn and real. This is no FID: that is of Inception's features."
    return Table("Distance to real faces", remark, ("who", "drawn", "real", "distance"), tuple(rows))
