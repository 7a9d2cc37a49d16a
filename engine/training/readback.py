"""Read-back: what a tracker reads off our pictures against what was asked, and against the renderer's truth."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.animator import Animator
from omote.engine.capture.landmarker import face_landmarker
from omote.engine.character import load_character
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.nouns import Stamp

from .faces import light
from .faces.figure import Figure
from .faces.kit import Kit, load
from .faces.person import sample_person
from .faces.render import render
from .provenance import provenance

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]

# What is swept, one after the other, both sides together; the first three are the ones that must be met.
SWEPT: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("jawOpen", ("jawOpen",)),
    ("mouthSmile", ("mouthSmileLeft", "mouthSmileRight")),
    ("eyeBlink", ("eyeBlinkLeft", "eyeBlinkRight")),
    ("browInnerUp", ("browInnerUp",)),
    ("browDown", ("browDownLeft", "browDownRight")),
    ("mouthPucker", ("mouthPucker",)),
    ("mouthFunnel", ("mouthFunnel",)),
    ("eyeLookIn", ("eyeLookInLeft", "eyeLookOutRight")),
    ("eyeLookOut", ("eyeLookOutLeft", "eyeLookInRight")),
    ("mouthUpperUp", ("mouthUpperUpLeft", "mouthUpperUpRight")),
    ("eyeWide", ("eyeWideLeft", "eyeWideRight")),
)
_PICTURES = 12  # of one sweep: up and down again
_GREY = 128


@dataclass(frozen=True)
class Reading:
    """How well a tracker reads one shape: correlation of asked and read over all sweeps."""

    shape: str
    ours: float
    truth: float

    @property
    def share(self) -> float:
        """Ours as a part of the truth's; 0 where the tracker reads nothing in the truth either."""
        return self.ours / self.truth if self.truth else 0.0


@dataclass(frozen=True)
class Report:
    """One character's read-back."""

    character: str
    pictures: int
    found_ours: float  # fraction of pictures in which a face was found
    found_truth: float
    psnr_db: float  # ours against the renderer's, on grey
    readings: tuple[Reading, ...]


def sweeps() -> Array:
    """[n,52] each swept shape alone goes from rest to full and back."""
    rise = np.sin(np.linspace(0.0, np.pi, _PICTURES))
    return np.stack([arkit.weights(dict.fromkeys(names, float(w))) for _, names in SWEPT for w in rise])


def over_grey(rgba: Rgba) -> Rgba:
    """[H,W,3] RGB on a mid-grey ground."""
    alpha = rgba[..., 3:] / 255.0
    return np.asarray(rgba[..., :3] * alpha + _GREY * (1.0 - alpha), np.uint8)


def correlation(asked: NDArray[np.floating], read: NDArray[np.floating]) -> float:
    """Pearson's; 0 where either does not move."""
    if asked.std() < 1e-9 or read.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(asked, read)[0, 1])


def read(pictures: Iterator[Rgba]) -> tuple[Array, NDArray[np.bool_]]:
    """[n,52] weights and [n] found, as MediaPipe sees these RGB pictures."""
    weights, found = [], []
    with face_landmarker() as tracker:
        for k, rgb in enumerate(pictures):
            signal = tracker.track(np.ascontiguousarray(rgb[..., ::-1]), Stamp(k, k * 40_000_000, 0))
            weights.append(signal.weights)
            found.append(signal.is_tracked)
    return np.stack(weights), np.array(found)


def measure(name: str, animator: Animator, kit: Kit) -> Report:
    """Draws the sweeps with our network and with the renderer, and has both read."""
    character = load_character(name)
    seed = int(character.made_from.rsplit("seed ", 1)[1])
    figure, asked = Figure(kit, sample_person(kit, seed)), sweeps()
    still = np.zeros(3, np.float32)
    ours = [animator.draw(from_weights(w), character, studio_light()).rgba for w in asked]
    truth = [render(figure, w, still, light.studio(), animator.size).rgba for w in asked]
    error = np.mean(
        [np.square(over_grey(a).astype(float) - over_grey(b)).mean() for a, b in zip(ours, truth, strict=True)]
    )
    read_ours, found_ours = read(over_grey(picture) for picture in ours)
    read_truth, found_truth = read(over_grey(picture) for picture in truth)
    readings = []
    for shape, names in SWEPT:
        rows = [arkit.INDEX[n] for n in names]
        wanted = asked[:, rows].mean(1)
        both = (correlation(wanted, seen[:, rows].mean(1)) for seen in (read_ours, read_truth))
        readings.append(Reading(shape, *both))
    psnr_db = 10.0 * float(np.log10(255.0**2 / error))
    return Report(name, len(asked), float(found_ours.mean()), float(found_truth.mean()), psnr_db, tuple(readings))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    parser.add_argument("--characters", nargs="+", required=True)
    parser.add_argument("--out", type=Path, help="where to keep the figures as JSON")
    args = parser.parse_args()
    animator, kit = Animator(), load(args.kit)
    reports = [measure(name, animator, kit) for name in args.characters]
    for report in reports:
        print(f"{report.character}: found {report.found_ours:.2f}/{report.found_truth:.2f}, {report.psnr_db:.1f} dB")
        for reading in report.readings:
            print(f"  {reading.shape:14}{reading.ours:6.2f} of {reading.truth:5.2f}: {reading.share:5.2f}")
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        record = {
            **provenance(),
            "runtime": animator.runtime,
            "characters": [asdict(report) for report in reports],
        }
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
