"""What is measured of a scene that is drawn: scores of its pictures, motion, trembling, and how a tracker follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import quality, steadiness
from .drawing import Drawn
from .readback import Reading, follow, sweep_readings

Values = NDArray[np.float64]
_NAN = float("nan")


@dataclass(frozen=True)
class Scores:
    """One value for each picture [n] of a scene; NaN for what only the truth can tell, where there is none."""

    scene: str
    psnr_db: Values  # on grey, the whole picture
    head_psnr_db: Values  # where the open head is
    ssim: Values
    alpha_error: Values
    sharpness: Values  # on the head, in levels a pixel
    truth_sharpness: Values

    def rows(self) -> Values:
        """[n,6] all of them, in this order."""
        columns = (self.psnr_db, self.head_psnr_db, self.ssim, self.alpha_error, self.sharpness, self.truth_sharpness)
        return np.stack(columns, 1)


def scores(drawn: Drawn) -> Scores:
    """What each picture of a scene scores against the truth, and how sharp both are."""
    rows = np.full((len(drawn.scene), 6), _NAN)
    for k, (ours, truth, head) in enumerate(drawn.pairs()):
        rows[k, 4] = quality.sharpness(ours, head)
        if truth is not None and drawn.truth is not None:
            rows[k, :3] = (
                quality.psnr_db(ours, truth),
                quality.psnr_db(ours, truth, head),
                quality.ssim(ours, truth),
            )
            rows[k, 3] = quality.alpha_error(drawn.ours[k], drawn.truth[k])
            rows[k, 5] = quality.sharpness(truth, head)
    return Scores(drawn.scene.name, *rows.T)


@dataclass(frozen=True)
class Motion:
    """A sequence, in levels of 255; NaN where there is no truth."""

    scene: str
    motion: float
    truth_motion: float
    flicker: float  # change that the truth does not make


def motion(drawn: Drawn) -> Motion:
    """How much moves from picture to picture, in ours, in the truth, and in ours alone."""
    ours, truth = drawn.over_grey()
    of_truth = (_NAN, _NAN) if truth is None else (steadiness.motion(truth), steadiness.flicker(ours, truth))
    return Motion(drawn.scene.name, steadiness.motion(ours), *of_truth)


@dataclass(frozen=True)
class Tremble:
    """How the picture trembles when the control does, in levels of 255 on the head; NaN where there is no truth."""

    noise: float
    truth_noise: float


def tremble(drawn: Drawn) -> Tremble:
    """The standard deviation over time, where the head is in all pictures."""
    ours, truth = drawn.over_grey()
    head = np.asarray(drawn.head.all(0))
    return Tremble(steadiness.noise(ours, head), _NAN if truth is None else steadiness.noise(truth, head))


@dataclass(frozen=True)
class Sweeps:
    """A tracker follows single shapes from rest to full and back; NaN where there is no truth."""

    found: float  # fraction of pictures in which a face was found
    found_truth: float
    psnr_db: float  # of all pictures as one
    readings: tuple[Reading, ...]


def sweeps(drawn: Drawn) -> Sweeps:
    """What MediaPipe reads off the pictures, one after the other as a camera would bring them."""
    ours, truth = drawn.over_grey()
    asked = drawn.scene.weights()
    read, found = follow(ours)
    if truth is None:
        return Sweeps(float(found.mean()), _NAN, _NAN, sweep_readings(asked, read, None))
    read_truth, found_truth = follow(truth)
    readings = sweep_readings(asked, read, read_truth)
    return Sweeps(float(found.mean()), float(found_truth.mean()), quality.psnr_db(ours, truth), readings)
