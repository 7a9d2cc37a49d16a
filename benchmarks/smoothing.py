"""Jitter and delay of the live smoothing, and smoothness of offline renderings.

The first word selects the part: `smoothing` (the default) or `smoothness`.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from record import ROOT, keep, origin, result_parser, run_part

from omote.bridge import arkit
from omote.engine import models
from omote.engine.capture.landmarker import Landmarker
from omote.engine.capture.photo import MediaPipeFinder, face_finder
from omote.engine.capture.source import EndOfSource, Playback
from omote.engine.capture.sources import open_source
from omote.engine.capture.video import open_video
from omote.engine.data import Actor, Character, FlameParams, Signal, Stamp
from omote.engine.face.expressions import expression_weights
from omote.engine.face.light import studio_light
from omote.engine.face.performance import Performance
from omote.engine.face.retarget import from_weights, retarget, to_weights
from omote.engine.face.stabilizer import DRAWN_PARAMS, FaceStabilizer, SignalSmoother, smoothing_delay_ms, tracker_noise
from omote.engine.face.tuning import REGIONS
from omote.engine.model.animator import Animator
from omote.engine.model.character_file import load_character
from omote.engine.offline.animation import Animation, single_character_animation, split_chunks
from omote.engine.offline.consistency import noise_levels, noisy_columns, stabilize
from omote.engine.offline.face_limits import rows_from_faces
from omote.engine.offline.render import RenderSettings, draw_chunk
from omote.engine.offline.timeline import transition
from omote.engine.runtime.session import Build

MEDIA = ROOT.parent / "shared" / "media"
CLIPS = ("d0.mp4", "d12.mp4", "d18.mp4")
SMOOTHNESS_CLIPS = ("d0.mp4", "d18.mp4")
MEASURED_REGIONS = ("brows", "eyes", "gaze", "jaw", "mouth", "head")
HELD = 2  # pictures of each clip that are held still, at one and two thirds of it
HELD_RATE, LEAD_IN, HELD_FOR = 30.0, 45, 60  # pictures a second; until the tracker has settled; measured
CAMERA_NOISE, JPEG = 5.0, 85  # levels of 255, as of a webcam at night; the quality of its JPEG
MEASURABLE = {
    "weights": 1e-3,
    "head": 5e-4,
    "gaze": 1e-3,
}  # a region with less does not jitter; head and gaze in radians

BLINK = 0.5  # weight above which a lid has blinked
FORMAT = 1  # of the cache of tracked clips
SIZE, FPS, SECONDS = 256, Fraction(30), 4.0
CHARACTER = "hana"
GREY = 128
WAYS = (
    "frame_by_frame",
    "live",
    "offline_faces",
    "offline",
)  # the third: only faces are smoothed

UNMOVED = 8  # levels of 255: a pixel that changes less, in all ways, shows the same thing
Rows = NDArray[np.float64]  # [T,N]
Points = NDArray[np.float64]  # [T,478,2] pixels
Faces = NDArray[np.float32]  # [T,67]
Pictures = NDArray[np.uint8]  # [T,S,S,3] on grey


def tracked(clip: Path) -> dict[str, list[Signal]]:
    """The signals of the whole clip under "", and of each picture held still under its number. Cached."""
    model = models.fetch(models.FACE_LANDMARKER)
    digest = hashlib.sha256(clip.read_bytes() + model.read_bytes() + bytes([FORMAT, HELD])).hexdigest()[:16]
    cached = Path(tempfile.gettempdir()) / "omote-smoothing" / f"{clip.stem}-{digest}.npz"
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        takes: dict[str, Any] = {f"take{key}": as_rows(take) for key, take in _track(clip, model)}
        np.savez(cached, **takes)
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
    """The same picture as a camera would repeat it: with new noise each time."""
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


def parts_of(signals: list[Signal]) -> dict[str, Rows]:
    """[T,N] of each region: its weights, the angles of the eyes or the rotation of the head."""
    rows = as_rows(signals)
    of = {
        region: rows[:, [1 + arkit.INDEX[name] for name in names]]
        for region, names in REGIONS.items()
        if region in MEASURED_REGIONS
    }
    return {**of, "gaze": rows[:, 59:63], "head": rows[:, 53:56]}


def smoothed(signals: list[Signal]) -> list[Signal]:
    smoothing = SignalSmoother()
    return [smoothing.smooth(signal) for signal in signals]


def spread(rows: Rows) -> float:
    """The standard deviation over time, averaged over the numbers of a region."""
    return float(np.sqrt(rows.var(axis=0).mean()))


def fast(rows: Rows) -> Rows:
    """The residual of a second after a cubic, its slow movement, is subtracted."""
    time = np.linspace(-1.0, 1.0, len(rows))
    fitted = np.polynomial.polynomial.polyfit(time, rows, 3)
    return np.asarray(rows - np.polynomial.polynomial.polyval(time, fitted).T)


def held_jitter(takes: list[list[Signal]]) -> dict[str, dict[str, float]]:
    """The spread of each region over seconds in which a picture was held still, before and after smoothing."""
    second, found = round(HELD_RATE), {}
    for region in MEASURED_REGIONS:
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
    """The spread of the drawn parameters, in standard deviations of tracker noise: raw, smoothed and stabilized."""
    spreads = []
    for take in takes:
        seen = [retarget(signal, Actor()) for signal in take]
        shown = [retarget(signal, Actor()) for signal in smoothed(take)]
        stabilizer = FaceStabilizer()
        steady = [stabilizer.settled(face) for face in shown]
        spreads.append(
            [
                spread((np.array([f.vector() for f in faces]) / tracker_noise())[15:, DRAWN_PARAMS])
                for faces in (seen, shown, steady)
            ]
        )
    means = [round(float(np.mean(column)), 4) for column in zip(*spreads, strict=True)]
    return dict(zip(("seen", "smoothed", "steadied"), means, strict=True))


def still_seconds(take: list[Signal]) -> dict[str, dict[str, float]]:
    """The second in which each region moved least: its spread, and that of its fast part, before and after."""
    seen, shown, second = parts_of(take), parts_of(smoothed(take)), round(_rate(take))
    found = {}
    for region in MEASURED_REGIONS:
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
    """The delay of each region over the whole clip in milliseconds; lips are jaw and mouth together."""
    seen, shown = parts_of(take), parts_of(smoothed(take))
    for parts in (seen, shown):
        parts["lips"] = np.concatenate([parts["jaw"], parts["mouth"]], axis=1)
    return {
        region: round(late_ms(seen[region], shown[region], _rate(take)), 1) for region in (*MEASURED_REGIONS, "lips")
    }


def late_ms(seen: Rows, shown: Rows, fps: float) -> float:
    """The shift, to a fiftieth of a picture, with the highest correlation."""
    most = 4
    time = np.arange(most, len(seen) - 1, dtype=np.float64)
    after = shown[most : len(seen) - 1]
    after = after - after.mean(axis=0)

    def correlation(shift: float) -> float:
        index = np.floor(time - shift).astype(int)
        share = (time - shift - index)[:, None]
        # A Catmull-Rom spline through four pictures: linear interpolation would itself smooth.
        a, b, c, d = (seen[np.clip(index + k, 0, len(seen) - 1)] for k in (-1, 0, 1, 2))
        between = b + share / 2 * (c - a + share * (2 * a - 5 * b + 4 * c - d + share * (3 * (b - c) + d - a)))
        before = between - between.mean(axis=0)
        return float((before * after).sum() / np.sqrt((before**2).sum() * (after**2).sum() + 1e-18))

    shifts = np.arange(-0.5, most - 1.0, 0.02)
    return float(1000.0 * shifts[int(np.argmax([correlation(float(shift)) for shift in shifts]))] / fps)


def blink_lost(take: list[Signal]) -> float:
    """The largest share of a blink's depth that is lost; 0 without a blink."""
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


# Smoothness: transitions and clips are drawn frame by frame, live and offline.


def sequences(media: Path) -> list[tuple[str, Callable[[], tuple[float, dict[str, Faces]]]]]:
    """Names of sequences, with functions for the rate and the faces in each way; missing clips are left out."""
    found: list[tuple[str, Callable[[], tuple[float, dict[str, Faces]]]]] = [
        ("neutral to smile and back", lambda: transition_faces("smile", is_there_and_back=True)),
        ("neutral to surprise", lambda: transition_faces("surprise", is_there_and_back=False)),
    ]
    for clip in SMOOTHNESS_CLIPS:
        if (media / clip).is_file():
            found.append((clip, lambda path=media / clip: clip_faces(path)))  # type: ignore[misc]
        else:
            print(f"left out: there is no {clip} in {media}; these clips are not part of the repository")
    return found


def transition_faces(name: str, *, is_there_and_back: bool) -> tuple[float, dict[str, Faces]]:
    """Two seconds of a transition; the live way gets it as signals of a tracker without noise."""
    made = transition(
        FlameParams.neutral(),
        from_weights(expression_weights(name)),
        1.0 if is_there_and_back else 2.0,
        is_there_and_back=is_there_and_back,
        fps=FPS,
        light=studio_light(),
        character=CHARACTER,
    )
    signals = [
        Signal(
            Stamp(k, round(k * 1e9 / float(FPS)), 0),
            np.clip(to_weights(made.params(k)), 0.0, 1.0),
            made.params(k).neck_pose,
            gaze=made.params(k).eye_pose[:, :2],
        )
        for k in range(len(made))
    ]
    return float(FPS), {"frame_by_frame": made.faces, "live": as_live(signals), "offline": made.faces}


def clip_faces(clip: Path) -> tuple[float, dict[str, Faces]]:
    """The first seconds of a clip, tracked."""
    signals: list[Signal] = []
    with open_source(str(clip), is_offline=True, playback=Playback(end_s=SECONDS)) as source:
        try:
            while True:
                signal = source.read(1.0)
                if signal is not None and signal.is_tracked:
                    signals.append(signal)
        except EndOfSource:
            pass
    seen = np.stack([retarget(signal, Actor()).vector() for signal in signals])
    times_s = np.array([signal.stamp.captured_ns for signal in signals]) / 1e9
    confidence = np.array([signal.confidence for signal in signals], np.float32)
    offline = stabilize(seen, times_s=times_s, confidence=confidence)
    fps = 1.0 / float(np.median(np.diff(times_s)))
    return fps, {"frame_by_frame": seen, "live": as_live(signals), "offline": offline}


def as_live(signals: list[Signal]) -> Faces:
    """The faces that the live loop draws, smoothed and stabilized."""
    performance = Performance(Actor())
    return np.stack([performance.follow(signal).params.vector() for signal in signals])


def draw_live(faces: Faces, character: Character, *, consistency: bool) -> tuple[Pictures, Faces]:
    """The pictures, and the faces in them."""
    animator, light = Animator(size=SIZE, runtime="openvino", consistency=consistency), studio_light()
    portraits = [animator.draw(FlameParams.from_vector(face), character, light) for face in faces]
    return np.stack([on_grey(one.rgba) for one in portraits]), np.stack([one.params.vector() for one in portraits])


def draw_offline(animation: Animation, character: Character, *, consistency: bool) -> Pictures:
    """Draws as `omote render` does; without `consistency` each picture by itself."""
    settings = RenderSettings((character,), SIZE, 1, Build(), SIZE, consistency=consistency)
    files = [file for chunk in split_chunks(animation) for file in draw_chunk(settings, chunk)]
    return np.stack([on_grey(np.asarray(Image.open(io.BytesIO(file)).convert("RGBA"))) for file in files])


def on_grey(rgba: NDArray[np.uint8]) -> Pictures:
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    return np.asarray(np.rint(rgba[..., :3] * alpha + GREY * (1.0 - alpha)), np.uint8)


def measure(fps: float, faces: dict[str, Faces], character: Character, finder: MediaPipeFinder) -> dict[str, Any]:
    """For each way: second difference of landmarks and faces, flicker where nothing moves, delay and distance."""
    pictures: dict[str, Pictures] = {}
    pictures["frame_by_frame"], _ = draw_live(faces["frame_by_frame"], character, consistency=False)
    pictures["live"], faces["live"] = draw_live(faces["live"], character, consistency=True)
    animation = single_character_animation(
        Fraction(fps).limit_denominator(1001), faces["offline"], studio_light(), CHARACTER
    )
    pictures["offline_faces"] = draw_offline(animation, character, consistency=False)
    pictures["offline"] = draw_offline(animation, character, consistency=True)
    faces["offline_faces"] = faces["offline"]
    points = {way: landmarks(rows, finder) for way, rows in pictures.items()}
    is_unmoved = np.logical_and.reduce([changes(rows) <= UNMOVED for rows in pictures.values()])
    seen = points["frame_by_frame"]
    row: dict[str, Any] = {"fps": round(fps, 3), "pictures": len(seen)}
    for way, found in points.items():
        bend = np.linalg.norm(np.diff(found, 2, axis=0), axis=2)  # [T-2,478]
        row[way] = {
            "bend_px": round(float(bend.mean()), 4),
            "bend_px_p95": round(float(np.percentile(bend.mean(1), 95)), 4),
            "face_bend": round(face_bend(faces[way]), 4),
            "flicker": round(float(changes(pictures[way])[is_unmoved].mean()), 4),
            "late_ms": round(late_ms(flat(seen), flat(found), fps), 1) if way != "frame_by_frame" else 0.0,
            "off_px": round(float(np.linalg.norm(found - seen, axis=2).mean()), 4),
            "off_face": round(off_face(faces["frame_by_frame"], faces[way]), 4),
        }
    return row


def landmarks(pictures: Pictures, finder: MediaPipeFinder) -> Points:
    """Landmarks of each picture by itself, for a tracker would smooth them. Raises ValueError without a face."""
    found = []
    for number, picture in enumerate(pictures):
        faces = finder.faces(picture)
        if not faces:
            raise ValueError(f"no face was found in drawn picture {number}")
        found.append(faces[0].points)
    return np.stack(found).astype(np.float64)


def changes(pictures: Pictures) -> NDArray[np.uint8]:
    """[T-1,S,S] levels by which each pixel changes between pictures, of the channel that changes most."""
    return np.asarray(np.abs(np.diff(pictures.astype(np.int16), axis=0)).max(-1), np.uint8)


def face_bend(faces: Faces) -> float:
    """The mean second difference of the noisy parameters, in standard deviations of tracker noise."""
    return float(np.abs(np.diff(in_noise(faces), 2, axis=0)).mean())


def off_face(seen: Faces, shown: Faces) -> float:
    """The distance between shown and tracked faces, in standard deviations of tracker noise."""
    return float(np.sqrt(((in_noise(seen) - in_noise(shown)) ** 2).mean()))


def in_noise(faces: Faces) -> NDArray[np.float64]:
    return np.asarray(rows_from_faces(faces)[:, noisy_columns()] / noise_levels()[noisy_columns()])


def flat(points: Points) -> NDArray[np.float64]:
    return points.reshape(len(points), -1)


def show_smoothing(measured: Mapping[str, Any]) -> None:
    for name in CLIPS:
        print(f"\n{name:10}{'held still':>12}{'smoothed':>10}{'worst':>8}{'late ms':>9}")
        for region, held in measured["held"][name].items():
            late = measured["late_ms"][name][region]
            worst = held["worst_ratio"]
            print(f"{region:10}{held['before']:12.5f}{held['after']:10.5f}{worst:8.2f}{late:9.1f}")
        print(f"lips {measured['late_ms'][name]['lips']} ms late, a blink loses {measured['blink_lost'][name]:.1%}")
        print(f"jitter of the drawn face {measured['held_faces'][name]}")


def show_smoothness(name: str, row: Mapping[str, Any]) -> None:
    print(f"\n{name}: {row['pictures']} pictures, {row['fps']:g} a second")
    columns = ("bend_px", "bend_px_p95", "face_bend", "flicker", "late_ms", "off_px", "off_face")
    print(f"{'':16}" + "".join(f"{column:>12}" for column in columns))
    for way in WAYS:
        print(f"{way:16}" + "".join(f"{row[way][column]:12.4f}" for column in columns), flush=True)


def main_smoothing(words: Sequence[str]) -> int:
    """Jitter of a still face and delay of a moving one, by region; 1 if the clips are missing."""
    parser = result_parser(main_smoothing.__doc__, "smoothing")
    parser.add_argument("--media", type=Path, default=MEDIA, help="folder of the clips (default: %(default)s)")
    chosen = parser.parse_args(words)
    if missing := [name for name in CLIPS if not (chosen.media / name).is_file()]:
        print(f"there is no {missing[0]} in {chosen.media}: these clips are not part of the repository")
        return 1
    made = origin()
    whole = {name: tracked(chosen.media / name) for name in CLIPS}
    held = {name: [take for key, take in takes.items() if key] for name, takes in whole.items()}
    measured = {
        **made,
        "held": {name: held_jitter(takes) for name, takes in held.items()},
        "still": {name: still_seconds(takes[""]) for name, takes in whole.items()},
        "late_ms": {name: delays(takes[""]) for name, takes in whole.items()},
        "blink_lost": {name: blink_lost(takes[""]) for name, takes in whole.items()},
        "told_ms": {region: round(smoothing_delay_ms(region, 1.0), 3) for region in MEASURED_REGIONS},
        "held_faces": {name: face_jitter(takes) for name, takes in held.items()},
    }
    keep(measured, chosen.save)
    show_smoothing(measured)
    return 0


def main_smoothness(words: Sequence[str]) -> None:
    """Second difference of the landmarks found in drawn pictures: frame by frame, live and offline."""
    parser = result_parser(main_smoothness.__doc__, "offline_smoothness")
    parser.add_argument("--media", type=Path, default=MEDIA, help="folder of the clips (default: %(default)s)")
    chosen = parser.parse_args(words)
    made, measured = origin(), {}
    character = load_character(CHARACTER)
    with face_finder() as finder:
        for name, faces_of in sequences(chosen.media):
            measured[name] = row = measure(*faces_of(), character, finder)
            show_smoothness(name, row)
    keep({**made, "size": SIZE, "character": CHARACTER, "sequences": measured}, chosen.save)


if __name__ == "__main__":
    raise SystemExit(run_part({"smoothing": main_smoothing, "smoothness": main_smoothness}))
