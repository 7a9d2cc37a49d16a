"""Makes the README's pictures on a chequerboard: a strip of the demo take, what a character can do, all characters."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.engine import capture
from omote.engine.animator import Animator
from omote.engine.capture.take import Take, read_take
from omote.engine.character import character_names, load_character
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.nouns import FlameParams

from .evaluation import scenes
from .evaluation.sheets import chequered
from .faces import light
from .faces.figure import Figure
from .faces.kit import load
from .faces.person import sample_person
from .faces.render import render

Rgba = NDArray[np.uint8]

# Seconds of the demo take: rest, grin, talk turned left, talk turned right, surprise, doubt, kiss, wink, laugh, anger.
MOMENTS_S = (0.4, 3.5, 5.7, 6.75, 9.2, 11.5, 13.2, 14.7, 16.5, 21.5)


def _row(take: Take, at_s: float) -> int:
    return int(np.abs(take.time_s - at_s).argmin())


def drawn(animator: Animator, name: str, take: Take) -> list[Rgba]:
    """The character at each of the moments."""
    character, pictures = load_character(name), []
    for k in (_row(take, s) for s in MOMENTS_S):
        params = from_weights(take.weights[k], take.gaze[k], take.head_rotation[k])
        pictures.append(animator.draw(params, character, studio_light()).rgba)
    return pictures


def ranges(animator: Animator, names: Sequence[str]) -> list[list[Rgba]]:
    """What a character can do: twelve expressions in two rows, turns of the head, lights; each of one of them."""
    shown = []
    for name, scene in zip(names, (scenes.expressions(), scenes.turns(), scenes.lights()), strict=True):
        character = load_character(name)
        pictures = []
        for shot in scene.shots[:12]:
            animator.reset()  # each stands alone
            pictures.append(animator.draw(shot.params(), character, shot.light.harmonics()).rgba)
        shown.append(pictures)
    moods, turns, lights = shown
    return [moods[:6], moods[6:], [*turns[:3], *turns[4:]], lights]


def rendered(kit: Path, name: str, take: Take, size: int) -> list[Rgba]:
    """The same moments as the renderer draws this character's person: what the network learned from."""
    pack = load(kit)
    seed = int(load_character(name).made_from.rsplit("seed ", 1)[1])
    figure = Figure(pack, sample_person(pack, seed))
    rows = [_row(take, s) for s in MOMENTS_S]
    return [render(figure, take.weights[k], take.head_rotation[k], light.studio(), size).rgba for k in rows]


def sheet(rows: Sequence[Sequence[Rgba]], path: Path) -> None:
    """Saves a grid of pictures of one size."""
    grid = np.concatenate([np.concatenate([chequered(picture) for picture in row], 1) for row in rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grid).quantize(256).save(path, optimize=True)  # half the bytes; what is shipped has to travel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kit", type=Path, help="the face kit's folder: adds what the renderer draws, as the first row"
    )
    parser.add_argument("--characters", nargs="+", default=["hana", "noah"])
    parser.add_argument("--out", type=Path, default=Path("docs"))
    args = parser.parse_args()
    animator, take = Animator(), read_take(Path(capture.__file__).with_name("demo.csv"))
    strip = [drawn(animator, name, take) for name in args.characters]
    if args.kit:
        strip.insert(0, rendered(args.kit, args.characters[0], take, animator.size))
    sheet(strip, args.out / "demo_strip.png")
    sheet(ranges(animator, ("hana", "amara", "aoi")), args.out / "range.png")
    calm, names = FlameParams.neutral(), character_names()
    portraits = [animator.draw(calm, load_character(name), studio_light()).rgba for name in names]
    columns = 6
    sheet(
        [portraits[k : k + columns] for k in range(0, len(names) // columns * columns, columns)],
        args.out / "characters.png",
    )


if __name__ == "__main__":
    main()
