"""What the smoothing takes from a still face's jitter and costs a moving one: on real clips, tracked once."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from record import ROOT, keep, origin

from omote.bridge import arkit
from omote.engine import models
from omote.engine.capture.landmarker import Landmarker
from omote.engine.capture.video import open_video
from omote.engine.data import Actor, Signal, Stamp
from omote.engine.face.retarget import retarget
from omote.engine.face.stabilizer import DRAWN_PARAMS, FaceStabilizer, SignalSmoother, smoothing_delay_ms, tracker_noise
from omote.engine.face.tuning import REGIONS

CLIPS = ("d0.mp4", "d12.mp4", "d18.mp4")
HELD = 2  # pictures of each clip that are held still, at a third and at two thirds of it
HELD_RATE, LEAD_IN, HELD_FOR = 30.0, 45, 60  # pictures a second; until the tracker has settled; measured
CAMERA_NOISE, JPEG = 5.0, 85  # of 255, a webcam's in a room at night; then pressed as a webcam presses
MEASURABLE = {"weights": 1e-3, "head": 5e-4, "gaze": 1e-3}  # below it a region does not jitter; radians of the latter
BLINK = 0.5  # a lid that closes further has blinked
FORMAT = 1  # of what is kept of a tracked clip

Rows = NDArray[np.float64]  # [T,N]


def main() -> int:
    """1 where the clips are not there, or where the smoothing does not hold what it promises."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media", help="the clips' folder")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/smoothing.json")
    chosen = parser.parse_args()
    if missing := [name for name in CLIPS if not (chosen.media / name).is_file()]:
        print(f"there is no {missing[0]} in {chosen.media}: these clips are not part of the repository")
        return 1
    told = origin()
    takes = {name: tracked(chosen.media / name) for name in CLIPS}
    measured = {
        **told,
        "held": {name: held_jitter([take for key, take in parts.items() if key]) for name, parts in takes.items()},
        "still": {name: still_seconds(parts[""]) for name, parts in takes.items()},
        "late_ms": {name: delays(parts[""]) for name, parts in takes.items()},
        "blink_lost": {name: blink_lost(parts[""]) for name, parts in takes.items()},
        "told_ms": {region: round(smoothing_delay_ms(region, 1.0), 3) for region in delays_of()},
        "held_faces": {name: face_jitter([t for key, t in parts.items() if key]) for name, parts in takes.items()},
    }
    keep(measured, chosen.save)
    show(measured)
    return 0


# Tracking, which takes minutes, is done once for a clip and kept.


def tracked(clip: Path) -> dict[str, list[Signal]]:
    """The signals of the whole clip under "", and of each picture that is held still under its number."""
    model = models.fetch(models.FACE_LANDMARKER)
    digest = hashlib.sha256(clip.read_bytes() + model.read_bytes() + bytes([FORMAT, HELD])).hexdigest()[:16]
    cached = Path(tempfile.gettempdir()) / "omote-smoothing" / f"{clip.stem}-{digest}.npz"
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        parts: dict[str, Any] = {f"take{key}": as_rows(take) for key, take in _track(clip, model)}
        np.savez(cached, **parts)
    with np.load(cached) as kept:
        return {name.removeprefix("take"): as_signals(kept[name]) for name in kept.files}


def _track(clip: Path, model: Path) -> Iterator[tuple[str, list[Signal]]]:
    file = open_video(clip)
    fps, pictures = float(file.get(cv2.CAP_PROP_FPS)), []
    while True:
        is_read, picture = file.read()
        if not is_read:
            break
        pictures.append(picture)
    yield "", _signals(pictures, fps, model)
    for part in range(1, HELD + 1):
        at = len(pictures) * part // (HELD + 1)
        yield str(at), _signals(_held(pictures[at]), HELD_RATE, model)[LEAD_IN:]


def _signals(pictures: Any, fps: float, model: Path) -> list[Signal]:
    with Landmarker(model) as landmarker:
        return [landmarker.track(one, Stamp(k, round(k * 1e9 / fps), 0)) for k, one in enumerate(pictures)]


def _held(picture: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """The same picture again and again, through a camera: with new noise each time."""
    rng = np.random.default_rng(0)
    for _ in range(LEAD_IN + HELD_FOR):
        noisy = np.clip(picture + rng.normal(0.0, CAMERA_NOISE, picture.shape), 0.0, 255.0).astype(np.uint8)
        yield np.asarray(cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, JPEG])[1], 1), np.uint8)


def as_rows(signals: list[Signal]) -> Rows:
    """[T,64] time in ns, weights, rotation, translation, gaze, confidence."""
    return np.array(
        [
            [s.stamp.captured_ns, *s.weights, *s.head_rotation, *s.head_translation, *s.gaze.ravel(), s.confidence]
            for s in signals
        ],
        np.float64,
    )


def as_signals(rows: Rows) -> list[Signal]:
    single = rows.astype(np.float32)
    return [
        Signal(Stamp(k, int(ns), 0), row[1:53], row[53:56], row[56:59], row[59:63].reshape(2, 2), float(row[63]))
        for k, (ns, row) in enumerate(zip(rows[:, 0], single, strict=True))
    ]


# What is measured.


def parts_of(signals: list[Signal]) -> dict[str, Rows]:
    """[T,N] of each region: its weights, the eyes' angles, the head's turn."""
    rows = as_rows(signals)
    of = {
        region: rows[:, [1 + arkit.INDEX[name] for name in names]]
        for region, names in REGIONS.items()
        if region in ("brows", "eyes", "jaw", "mouth")
    }
    return {**of, "gaze": rows[:, 59:63], "head": rows[:, 53:56]}


def delays_of() -> tuple[str, ...]:
    return ("brows", "eyes", "gaze", "jaw", "mouth", "head")


def smoothed(signals: list[Signal]) -> list[Signal]:
    smoothing = SignalSmoother()
    return [smoothing.smooth(signal) for signal in signals]


def spread(rows: Rows) -> float:
    """The standard deviation over time, over all numbers of a region."""
    return float(np.sqrt(rows.var(axis=0).mean()))


def fast(rows: Rows) -> Rows:
    """What is left of a second when its slow movement, a cubic, is taken away."""
    time = np.linspace(-1.0, 1.0, len(rows))
    fitted = np.polynomial.polynomial.polyfit(time, rows, 3)
    return np.asarray(rows - np.polynomial.polynomial.polyval(time, fitted).T)


def held_jitter(takes: list[list[Signal]]) -> dict[str, dict[str, float]]:
    """The spread of each region over the seconds in which a picture was held still, before and after."""
    second, found = round(HELD_RATE), {}
    for region in delays_of():
        spreads = []
        for take in takes:
            seen, shown = parts_of(take)[region], parts_of(smoothed(take))[region]
            for first in range(0, HELD_FOR, second):
                spreads.append((spread(seen[first : first + second]), spread(shown[first : first + second])))
        before, after = (float(np.sqrt(np.mean(np.square(column)))) for column in zip(*spreads, strict=True))
        ratios = [b / a for a, b in spreads if a > MEASURABLE.get(region, MEASURABLE["weights"])]
        found[region] = {"before": before, "after": after, "worst_ratio": max(ratios, default=0.0)}
    return _rounded(found)


def face_jitter(takes: list[list[Signal]]) -> dict[str, float]:
    """The spread of what is drawn, in standard deviations of a tracker's noise: as seen, smoothed, and steadied too."""
    spreads = []
    for take in takes:
        seen = [retarget(signal, Actor()) for signal in take]
        shown = [retarget(signal, Actor()) for signal in smoothed(take)]
        steadiness = FaceStabilizer()
        steady = [steadiness.settled(face) for face in shown]
        spreads.append(
            [
                spread((np.array([f.vector() for f in faces]) / tracker_noise())[15:, DRAWN_PARAMS])
                for faces in (seen, shown, steady)
            ]
        )
    means = [round(float(np.mean(column)), 4) for column in zip(*spreads, strict=True)]
    return dict(zip(("seen", "smoothed", "steadied"), means, strict=True))


def still_seconds(take: list[Signal]) -> dict[str, dict[str, float]]:
    """The second in which each region moved least: its spread before and after, and that of its fast part."""
    seen, shown, second = parts_of(take), parts_of(smoothed(take)), round(_rate(take))
    found = {}
    for region in delays_of():
        firsts = range(5, len(take) - second)
        first = min(firsts, key=lambda at: spread(seen[region][at : at + second]))
        before, after = (of[region][first : first + second] for of in (seen, shown))
        found[region] = {
            "at_s": first / _rate(take),
            "before": spread(before),
            "after": spread(after),
            "fast_before": spread(fast(before)),
            "fast_after": spread(fast(after)),
        }
    return _rounded(found)


def delays(take: list[Signal]) -> dict[str, float]:
    """By how many milliseconds each region comes late over the whole clip; lips are jaw and mouth together."""
    seen, shown = parts_of(take), parts_of(smoothed(take))
    for parts in (seen, shown):
        parts["lips"] = np.concatenate([parts["jaw"], parts["mouth"]], axis=1)
    return {region: round(late_ms(seen[region], shown[region], _rate(take)), 1) for region in (*delays_of(), "lips")}


def late_ms(seen: Rows, shown: Rows, fps: float) -> float:
    """The shift between pictures at which the two are most alike: what was seen is read between its pictures too."""
    most = 4
    time = np.arange(most, len(seen) - 1, dtype=np.float64)
    after = shown[most : len(seen) - 1]
    after = after - after.mean(axis=0)

    def likeness(shift: float) -> float:
        index = np.floor(time - shift).astype(int)
        share = (time - shift - index)[:, None]
        # Catmull and Rom's curve through four pictures: a straight line between two would itself smooth.
        a, b, c, d = (seen[np.clip(index + k, 0, len(seen) - 1)] for k in (-1, 0, 1, 2))
        between = b + share / 2 * (c - a + share * (2 * a - 5 * b + 4 * c - d + share * (3 * (b - c) + d - a)))
        before = between - between.mean(axis=0)
        return float((before * after).sum() / np.sqrt((before**2).sum() * (after**2).sum() + 1e-18))

    shifts = np.arange(-0.5, most - 1.0, 0.02)
    return float(1000.0 * shifts[int(np.argmax([likeness(float(shift)) for shift in shifts]))] / fps)


def blink_lost(take: list[Signal]) -> float:
    """The largest share of a blink's depth that is lost; 0 where nobody blinks."""
    lost = [0.0]
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        seen, shown = (as_rows(of)[:, 1 + arkit.INDEX[name]] for of in (take, smoothed(take)))
        for at in range(2, len(seen) - 3):
            is_peak = seen[at] > BLINK and seen[at] == seen[max(at - 5, 0) : at + 6].max()
            if is_peak:
                lost.append(float(1.0 - shown[at - 1 : at + 3].max() / seen[at]))
    return round(max(lost), 4)


def _rate(take: list[Signal]) -> float:
    return 1e9 / (take[1].stamp.captured_ns - take[0].stamp.captured_ns)


def _rounded(found: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {region: {name: round(value, 5) for name, value in values.items()} for region, values in found.items()}


def show(measured: Mapping[str, Any]) -> None:
    for name in CLIPS:
        print(f"\n{name:10}{'held still':>12}{'smoothed':>10}{'worst':>8}{'late ms':>9}")
        for region, held in measured["held"][name].items():
            late = measured["late_ms"][name][region]
            worst = held["worst_ratio"]
            print(f"{region:10}{held['before']:12.5f}{held['after']:10.5f}{worst:8.2f}{late:9.1f}")
        print(f"lips {measured['late_ms'][name]['lips']} ms late, a blink loses {measured['blink_lost'][name]:.1%}")
        print(f"what is drawn trembles by {measured['held_faces'][name]}")


if __name__ == "__main__":
    raise SystemExit(main())
