"""How smooth what is drawn is, by the landmarks found in it: frame by frame, as live, and as rendered offline."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from record import ROOT, keep, origin
from smoothing import late_ms

from omote.engine.capture.photo import MediaPipeFinder, face_finder
from omote.engine.capture.source import EndOfSource, Playback
from omote.engine.capture.sources import open_source
from omote.engine.data import Actor, Character, FlameParams, Signal, Stamp
from omote.engine.face.expressions import expression_weights
from omote.engine.face.light import studio_light
from omote.engine.face.performance import Performance
from omote.engine.face.retarget import from_weights, retarget, to_weights
from omote.engine.model.animator import Animator
from omote.engine.model.character_file import load_character
from omote.engine.offline.animation import Animation, single_character_animation, split_chunks
from omote.engine.offline.consistency import consistent
from omote.engine.offline.consistency_heads import head_noise, heads_of, trembling
from omote.engine.offline.render import RenderSettings, draw_chunk
from omote.engine.offline.timeline import transition
from omote.engine.runtime.session import Build

SIZE, FPS, SECONDS = 256, Fraction(30), 4.0
CLIPS = ("d0.mp4", "d18.mp4")
WHO = "hana"
GREY = 128
WAYS = ("frame_by_frame", "live", "offline_faces", "offline")  # the third: faces steadied, each picture by itself
UNMOVED = 8  # levels of 255, by which a pixel that shows the same thing may change, in each of the ways

Points = NDArray[np.float64]  # [T,478,2] pixels
Faces = NDArray[np.float32]  # [T,67]
Pictures = NDArray[np.uint8]  # [T,S,S,3] on grey


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media", help="the clips' folder")
    parser.add_argument(
        "--save", type=Path, help="where to keep the result, benchmarks/results/offline_smoothness.json"
    )
    chosen = parser.parse_args()
    told, measured = origin(), {}
    character = load_character(WHO)
    with face_finder() as finder:
        for name, sequence in sequences(chosen.media):
            measured[name] = row = measure(sequence(), character, finder)
            show(name, row)
    keep({**told, "size": SIZE, "character": WHO, "sequences": measured}, chosen.save)
    return 0


# What is drawn: a performance in three ways, or faces that were asked for.


def sequences(media: Path) -> list[tuple[str, Callable[[], tuple[float, dict[str, Faces]]]]]:
    """Each by its name, and what makes its rate and its faces in each of the ways; clips that are there only."""
    found: list[tuple[str, Callable[[], tuple[float, dict[str, Faces]]]]] = [
        ("neutral to smile and back", lambda: asked("smile", is_there_and_back=True)),
        ("neutral to surprise", lambda: asked("surprise", is_there_and_back=False)),
    ]
    for clip in CLIPS:
        if (media / clip).is_file():
            found.append((clip, lambda path=media / clip: performed_by(path)))  # type: ignore[misc]
        else:
            print(f"left out: there is no {clip} in {media}; these clips are not part of the repository")
    return found


def asked(name: str, *, is_there_and_back: bool) -> tuple[float, dict[str, Faces]]:
    """Two seconds of a transition; live it comes as a tracker's signals would that saw it without noise."""
    made = transition(
        FlameParams.neutral(),
        from_weights(expression_weights(name)),
        1.0 if is_there_and_back else 2.0,
        is_there_and_back=is_there_and_back,
        fps=FPS,
        light=studio_light(),
        character=WHO,
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


def performed_by(clip: Path) -> tuple[float, dict[str, Faces]]:
    """The first seconds of a clip, tracked once."""
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
    offline = consistent(seen, times_s=times_s, confidence=confidence)
    fps = 1.0 / float(np.median(np.diff(times_s)))
    return fps, {"frame_by_frame": seen, "live": as_live(signals), "offline": offline}


def as_live(signals: list[Signal]) -> Faces:
    """Through the usual smoothing."""
    performance = Performance(Actor())
    return np.stack([performance.follow(signal).params.vector() for signal in signals])


# How it is drawn.


def by_animator(faces: Faces, character: Character, *, consistency: bool) -> tuple[Pictures, Faces]:
    """The pictures, and the faces that they show."""
    animator, light = Animator(size=SIZE, runtime="openvino", consistency=consistency), studio_light()
    portraits = [animator.draw(FlameParams.from_vector(face), character, light) for face in faces]
    return np.stack([on_grey(one.rgba) for one in portraits]), np.stack([one.params.vector() for one in portraits])


def by_easel(script: Animation, character: Character, *, consistency: bool) -> Pictures:
    """As `omote render` draws; without `consistency` each picture by itself."""
    easel = RenderSettings((character,), SIZE, 1, Build(), SIZE, consistency=consistency)
    files = [file for chunk in split_chunks(script) for file in draw_chunk(easel, chunk)]
    return np.stack([on_grey(np.asarray(Image.open(io.BytesIO(file)).convert("RGBA"))) for file in files])


def on_grey(rgba: NDArray[np.uint8]) -> Pictures:
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    return np.asarray(np.rint(rgba[..., :3] * alpha + GREY * (1.0 - alpha)), np.uint8)


# What is measured.


def measure(told: tuple[float, dict[str, Faces]], character: Character, finder: MediaPipeFinder) -> dict[str, Any]:
    """Of each way: second difference of landmarks and of faces, flicker where nothing moves, lag, and nearness."""
    fps, faces = told
    pictures: dict[str, Pictures] = {}
    pictures["frame_by_frame"], _ = by_animator(faces["frame_by_frame"], character, consistency=False)
    pictures["live"], faces["live"] = by_animator(faces["live"], character, consistency=True)
    script = single_character_animation(Fraction(fps).limit_denominator(1001), faces["offline"], studio_light(), WHO)
    pictures["offline_faces"] = by_easel(script, character, consistency=False)
    pictures["offline"] = by_easel(script, character, consistency=True)
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
    """Each picture's by itself: a tracker would smooth what is to be measured. ValueError where there is no face."""
    found = []
    for number, picture in enumerate(pictures):
        faces = finder.faces(picture)
        if not faces:
            raise ValueError(f"no face is found in picture {number} of what was drawn")
        found.append(faces[0].points)
    return np.stack(found).astype(np.float64)


def changes(pictures: Pictures) -> NDArray[np.uint8]:
    """[T-1,S,S] levels by which each pixel changes from picture to picture, of the colour that changes most."""
    return np.asarray(np.abs(np.diff(pictures.astype(np.int16), axis=0)).max(-1), np.uint8)


def face_bend(faces: Faces) -> float:
    """The mean second difference of what trembles, in standard deviations of a tracker's noise."""
    return float(np.abs(np.diff(in_noise(faces), 2, axis=0)).mean())


def off_face(seen: Faces, shown: Faces) -> float:
    """How far what is shown is from what was seen, in the same unit."""
    return float(np.sqrt(((in_noise(seen) - in_noise(shown)) ** 2).mean()))


def in_noise(faces: Faces) -> NDArray[np.float64]:
    return np.asarray(heads_of(faces)[:, trembling()] / head_noise()[trembling()])


def flat(points: Points) -> NDArray[np.float64]:
    return points.reshape(len(points), -1)


def show(name: str, row: Mapping[str, Any]) -> None:
    print(f"\n{name}: {row['pictures']} pictures, {row['fps']:g} a second")
    columns = ("bend_px", "bend_px_p95", "face_bend", "flicker", "late_ms", "off_px", "off_face")
    print(f"{'':16}" + "".join(f"{column:>12}" for column in columns))
    for way in WAYS:
        print(f"{way:16}" + "".join(f"{row[way][column]:12.4f}" for column in columns), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
