"""What attention over the faces just before gains: noise and flicker of shipped characters with and without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from record import keep, origin, result_parser

from omote.engine import Animator, load_character
from omote.engine.model.renderer import DEFAULT_SIZE
from omote.engine.training.anime import kit as anime_kit
from omote.engine.training.anime.designs import DESIGNS
from omote.engine.training.anime.figure import Figure as AnimeFigure
from omote.engine.training.anime.render import render as render_anime
from omote.engine.training.evaluation.perception import Stability, measure_stability
from omote.engine.training.evaluation.truth import Pose
from omote.engine.training.faces.figure import Figure
from omote.engine.training.faces.kit import load
from omote.engine.training.faces.light import Light, studio
from omote.engine.training.faces.render import render
from omote.engine.training.shipped_characters import PEOPLE, portrait_light

CHARACTERS = ("hana", "aoi")  # a person and a drawn character
_SUPERSAMPLING = 2
Draw = Callable[[Pose], NDArray[np.uint8]]


def ground_truth(kit: Path, name: str, size: int) -> tuple[Draw, Light]:
    """The renderer of a shipped character, and its light."""
    if name in DESIGNS:
        drawing, light = AnimeFigure(anime_kit.load(kit / "anime"), DESIGNS[name]), studio()
        return (
            lambda pose: render_anime(drawing, pose.weights, pose.head_rotation, light, size, _SUPERSAMPLING).rgba,
            light,
        )
    people, light = load(kit), portrait_light()
    figure = Figure(people, PEOPLE[name].person(people))
    return lambda pose: render(figure, pose.weights, pose.head_rotation, light, size, _SUPERSAMPLING).rgba, light


def drawn_by(animator: Animator, name: str, light: Light) -> Draw:
    character, harmonics = load_character(name), light.harmonics()
    return lambda pose: animator.draw(pose.params(), character, harmonics).rgba


def row(name: str, attention: bool, found: Stability) -> dict[str, Any]:
    return {
        "character": name,
        "attention": attention,
        "noise": round(found.noise, 3),
        "truth_noise": round(found.expected_noise, 3),
        "sharpness": round(found.sharpness, 3),
        "noise_ratio": round(found.noise_ratio, 3),
        "flicker": round(found.flicker, 3),
        "truth_motion": round(found.truth_motion, 3),
    }


def main() -> None:
    parser = result_parser(__doc__, "attention")
    parser.add_argument("--kit", type=Path, required=True, help="the face kit, which renders the truth")
    chosen = parser.parse_args()
    made, first, rows = origin(), Animator(runtime="openvino"), []
    for name in CHARACTERS:
        truth, light = ground_truth(chosen.kit, name, DEFAULT_SIZE)
        for attention in (False, True):
            animator = Animator(renderer=first.renderer, consistency=attention)
            found = measure_stability(name, drawn_by(animator, name, light), truth, is_truth=True)
            rows.append(row(name, attention, found))
            print(rows[-1], flush=True)
    keep({**made, "size": DEFAULT_SIZE, "runtime": first.runtime, "rows": rows}, chosen.save)


if __name__ == "__main__":
    main()
