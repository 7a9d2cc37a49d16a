"""The figures of a group of subjects: pooled over their pictures, and comparable with the truth's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .identity import Separation, distances, separation
from .measure import Embeddings, Measured
from .measures import Scores
from .portrayal import Portrayal, pooled
from .readback import Reading, misread, readings

_NAN = float("nan")


@dataclass(frozen=True)
class SceneQuality:
    """Means over the pictures of one scene of all subjects; NaN where there is no truth."""

    scene: str
    pictures: int
    psnr_db: float
    head_psnr_db: float
    ssim: float
    alpha_error: float
    sharpness: float  # on the head, as a part of the truth's; levels a pixel where there is no truth


@dataclass(frozen=True)
class Likeness:
    """A recogniser's distances; NaN where nobody embeds or there is no truth."""

    ours: Separation
    truth: Separation
    to_reference: float  # mean distance of our pictures to the photo, else to the picture at rest
    truth_to_reference: float

    @property
    def auc_share(self) -> float:
        return self.ours.auc / self.truth.auc


@dataclass(frozen=True)
class Steadiness:
    """Means over subjects, in levels of 255; NaN where there is no truth."""

    noise: float  # on the head, under a control that trembles
    truth_noise: float
    motion: float  # of the sequences
    truth_motion: float
    flicker: float  # change in the sequences that the truth does not make
    is_still: float  # fraction of subjects whose picture ends up byte-equal under a control that holds still
    still_from: int  # the latest picture from which on that is so

    @property
    def noise_share(self) -> float:
        """Noise as a part of the truth's."""
        return self.noise / self.truth_noise


@dataclass(frozen=True)
class Summary:
    """One group of subjects."""

    group: str
    subjects: int
    scenes: tuple[SceneQuality, ...]
    found: float  # fraction of the varied pictures in which MediaPipe found a face
    found_truth: float
    read: tuple[Reading, ...]  # the swept shapes, every other weight and the gaze, over the varied pictures
    misread: float  # mean absolute difference of a weight read off ours and off the truth
    swept: tuple[Reading, ...]  # each swept shape, the mean over subjects
    likeness: Likeness
    steadiness: Steadiness
    portrayal: Portrayal

    def scene(self, name: str) -> SceneQuality:
        """One scene's quality; "varied" counts: expressions, poses and lights never trained on."""
        return next(one for one in self.scenes if one.scene == name)

    @property
    def noise_at_equal_sharpness(self) -> float:
        """Picture noise as a part of the truth's, over sharpness as a part of the truth's: a blur is no merit."""
        return self.steadiness.noise_share / self.scene("trembling").sharpness


def summary(group: str, measured: Sequence[Measured], others: Sequence[Measured] = ()) -> Summary:
    """The figures of these subjects; pairs with `others` count as different people."""
    names = [one.scene for one in measured[0].scores]
    seen, seen_truth = [m.seen for m in measured], [m.seen_truth for m in measured]
    asked, ours = (np.concatenate(part) for part in ([m.asked for m in measured], [s.weights for s in seen]))
    truth = None
    if all(part is not None for part in seen_truth):
        truth = np.concatenate([part.weights for part in seen_truth if part is not None])
    found = np.isfinite(ours[:, 0])
    both = found if truth is None else found & np.isfinite(truth[:, 0])
    read_truth = None if truth is None else truth[both]
    return Summary(
        group=group,
        subjects=len(measured),
        scenes=tuple(_quality([m.scores[k] for m in measured]) for k in range(len(names))),
        found=float(found.mean()),
        found_truth=_NAN if truth is None else float(np.isfinite(truth[:, 0]).mean()),
        read=readings(asked[both], ours[both], read_truth),
        misread=_NAN if read_truth is None else misread(ours[both], read_truth),
        swept=_swept(measured),
        likeness=_likeness(measured, others),
        steadiness=_steadiness(measured),
        portrayal=pooled([one.portrayal for one in measured]),
    )


def _quality(scores: Sequence[Scores]) -> SceneQuality:
    rows = np.concatenate([one.rows() for one in scores])
    psnr_db, head_psnr_db, ssim, alpha_error, sharpness, truth_sharpness = (float(mean) for mean in rows.mean(0))
    share = sharpness if np.isnan(truth_sharpness) else sharpness / truth_sharpness
    return SceneQuality(scores[0].scene, len(rows), psnr_db, head_psnr_db, ssim, alpha_error, share)


def _swept(measured: Sequence[Measured]) -> tuple[Reading, ...]:
    columns = zip(*(m.sweeps.readings for m in measured), strict=True)
    return tuple(
        Reading(rows[0].name, float(np.mean([r.ours for r in rows])), float(np.mean([r.truth for r in rows])))
        for rows in columns
    )


def _likeness(measured: Sequence[Measured], others: Sequence[Measured]) -> Likeness:
    ours = separation([m.who for m in measured], [m.who for m in others])
    truth = separation([m.who_truth for m in measured], [m.who_truth for m in others])
    near = _to_reference((m.who, m.reference) for m in measured)
    truth_near = _to_reference((m.who_truth, m.reference) for m in measured)
    return Likeness(ours, truth, near, truth_near)


def _to_reference(pairs: Iterable[tuple[Embeddings, Embeddings]]) -> float:
    far = np.concatenate([distances(who, reference).ravel() for who, reference in pairs])
    return float(far.mean()) if len(far) else _NAN


def _steadiness(measured: Sequence[Measured]) -> Steadiness:
    motions = [motion for m in measured for motion in m.motions]
    return Steadiness(
        noise=float(np.mean([m.tremble.noise for m in measured])),
        truth_noise=float(np.mean([m.tremble.truth_noise for m in measured])),
        motion=float(np.mean([one.motion for one in motions])),
        truth_motion=float(np.mean([one.truth_motion for one in motions])),
        flicker=float(np.mean([one.flicker for one in motions])),
        is_still=float(np.mean([m.still_from is not None for m in measured])),
        still_from=max((m.still_from for m in measured if m.still_from is not None), default=-1),
    )
