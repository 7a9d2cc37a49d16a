"""An evaluation as tables of words and numbers, for the terminal and for the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from .against import Timed
from .evaluation import Evaluation
from .portrayal_tables import portrayal_tables
from .readback import Reading
from .summary import SceneQuality, Summary
from .table import Table
from .table import number as _n


def tables(evaluation: Evaluation) -> tuple[Table, ...]:
    """All of them, in the order in which they are asked about."""
    everything = (
        _targets(evaluation),
        *(_quality(group) for group in evaluation.groups),
        *portrayal_tables(evaluation),
        _likeness(evaluation.groups),
        _steadiness(evaluation.groups),
        _consistency(evaluation),
        _students(evaluation),
        _overview("Subjects", [one.figures for one in evaluation.subjects]),
        _overview("By band", evaluation.bands),
        *(_readings(f"Read-back of swept shapes: {group.group}", group.swept) for group in evaluation.groups),
        *(_readings(f"Read-back of varied pictures: {group.group}", group.read) for group in evaluation.groups),
    )
    return tuple(table for table in everything if table.rows)


def _targets(evaluation: Evaluation) -> Table:
    words = {True: "met", False: "MISSED", None: "not measured"}
    rows = (
        (f"{t.group}: {t.claim}", _n(t.found, 2), f"{'<=' if t.is_at_most else '>='} {t.wanted:g}", words[t.is_met])
        for t in evaluation.targets
    )
    return Table("Targets", "", ("claim", "found", "wanted", ""), tuple(rows))


def _quality(group: Summary) -> Table:
    rows = (
        (
            *(s.scene, str(s.pictures), _n(s.head_psnr_db, 2), _n(s.psnr_db, 2)),
            *(_n(s.ssim, 3), _n(s.alpha_error, 4), _n(s.sharpness, 2)),
        )
        for s in group.scenes
    )
    header = ("scene", "pictures", "head dB", "PSNR dB", "SSIM", "alpha error", "sharpness")
    remark = (
        "Against the renderer, over grey. Sharpness on the head: of the truth's (levels a pixel where there is none)."
    )
    return Table(f"Quality: {group.group}, {group.subjects} subjects", remark, header, tuple(rows))


def _likeness(groups: Sequence[Summary]) -> Table:
    rows = (
        (
            group.group,
            *_cells(group),
            _n(group.likeness.to_reference, 3),
            _n(group.likeness.truth_to_reference, 3),
        )
        for group in groups
        if not math.isnan(group.likeness.ours.same)
    )
    header = ("identity", "same", "truth's", "different", "truth's", "AUC", "truth's", "to reference", "truth's")
    remark = (
        "Distance of face embeddings: two pictures of one person, of two people, and to the photo or picture at rest."
    )
    return Table("Identity", remark, header, tuple(rows))


def _cells(group: Summary) -> tuple[str, ...]:
    ours, truth = group.likeness.ours, group.likeness.truth
    pairs = ((ours.same, truth.same), (ours.different, truth.different), (ours.auc, truth.auc))
    return tuple(_n(value, 3) for pair in pairs for value in pair)


def _steadiness(groups: Sequence[Summary]) -> Table:
    rows = (
        (
            group.group,
            f"{group.steadiness.is_still:.0%}",
            str(group.steadiness.still_from),
            *(_n(value, 3) for value in (group.steadiness.noise, group.steadiness.truth_noise)),
            _n(group.noise_at_equal_sharpness, 2),
            *(_n(v, 3) for v in (group.steadiness.flicker, group.steadiness.motion, group.steadiness.truth_motion)),
            _n(group.scene("sequence").sharpness, 2),
        )
        for group in groups
    )
    header = (
        *("steadiness", "still", "from", "noise", "truth's", "at equal sharpness"),
        *("flicker", "motion", "truth's", "sharpness"),
    )
    remark = (
        "Still control: part that becomes byte-equal, and the picture from which on. In levels of 255: noise under a "
        "trembling control (at equal sharpness: of the truth's, over sharpness of the truth's); change in sequences "
        "that the truth does not make, all change, and sharpness there."
    )
    return Table("Steadiness", remark, header, tuple(rows))


def _consistency(evaluation: Evaluation) -> Table:
    rows = (
        (
            *(one.name, _n(one.noise, 3), _n(one.truth_noise, 3), _n(one.noise_at_equal_sharpness, 2)),
            *(_n(one.flicker, 3), _n(one.truth_motion, 3), _n(one.sharpness / one.truth_sharpness, 2)),
            _n(one.head_psnr_db, 2),
        )
        for one in evaluation.consistency
    )
    header = ("drawer", "noise", "truth's", "at equal sharpness", "flicker", "truth's motion", "sharpness", "head dB")
    remark = "A trembling control, then a sequence; noise at equal sharpness and sharpness are of the truth's."
    return Table("The faces before", remark, header, tuple(rows))


def _students(evaluation: Evaluation) -> Table:
    rows = [
        (*_timed(pair.student), _n(pair.between_db, 2), _n(pair.lost_db, 2), _n(pair.times_as_fast, 1))
        for pair in evaluation.students
    ]
    if evaluation.students:
        rows.append((*_timed(evaluation.students[0].teacher), "", "", ""))
    header = ("drawer", "head dB", "SSIM", "sharpness", "ms", "dB to the last", "dB lost to it", "times as fast")
    return Table("Steps", "Varied pictures; milliseconds of a whole picture, maps included.", header, tuple(rows))


def _timed(did: Timed) -> tuple[str, ...]:
    figures = (_n(did.head_psnr_db, 2), _n(did.ssim, 3), _n(did.sharpness, 2), _n(did.picture_ms, 1))
    return (did.name, *figures)


def _overview(title: str, summaries: Iterable[Summary]) -> Table:
    rows = (
        (
            *(s.group, str(s.subjects), *_varied(s.scene("varied")), _n(_share(s.swept), 2)),
            *(_n(s.likeness.ours.same, 3), _n(s.likeness.to_reference, 3), _n(s.likeness.ours.auc, 3)),
            *(
                _n(s.steadiness.noise_share, 2),
                _n(s.noise_at_equal_sharpness, 2),
                _n(s.steadiness.flicker, 3),
            ),
        )
        for s in summaries
    )
    header = (
        *("who", "subjects", "head dB", "SSIM", "alpha error", "sharpness", "read-back"),
        *("same", "to reference", "AUC", "noise", "at equal sharpness", "flicker"),
    )
    remark = "Varied pictures. Read-back: swept shapes, ours of the truth's. Noise: of the truth's."
    return Table(title, remark, header, tuple(rows))


def _varied(quality: SceneQuality) -> tuple[str, ...]:
    head, similar, matte = _n(quality.head_psnr_db, 2), _n(quality.ssim, 3), _n(quality.alpha_error, 4)
    return (head, similar, matte, _n(quality.sharpness, 2))


def _share(readings: Sequence[Reading]) -> float:
    """What is read of ours as a part of what is read of the truth, over all shapes."""
    truth = float(np.sum([r.truth for r in readings]))
    return float(np.sum([r.ours for r in readings])) / truth if truth else math.nan


def _readings(title: str, readings: Sequence[Reading]) -> Table:
    rows = ((r.name, _n(r.ours, 2), _n(r.truth, 2), _n(r.share, 2)) for r in readings)
    remark = "Correlation of what was asked with what MediaPipe reads; the share is ours of the truth's."
    return Table(title, remark, ("shape", "ours", "truth's", "share"), tuple(rows))
