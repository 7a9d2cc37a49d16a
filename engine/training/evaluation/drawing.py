"""What draws the pictures that are judged: the shipped renderer, the bare copy of a reference, and the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.face.retarget import from_weights
from omote.engine.model.character import Character, Reference
from omote.engine.model.compositing import straight
from omote.engine.model.renderer import Look, Renderer
from omote.engine.nouns import FlameParams

from .metrics import Rgba

if TYPE_CHECKING:
    from ..anime.figure import Figure as DrawnFigure
    from ..anime.kit import Kit as AnimeKit
    from ..faces.figure import Figure
    from ..faces.kit import Kit
    from ..faces.light import Light

Array = NDArray[np.float32]
LICENCE = "Apache-2.0"


@dataclass(frozen=True, eq=False)
class Pose:
    """What a face does and where the head turns."""

    weights: Array  # [52] ARKit order, 0 to 1
    head_rotation: Array  # [3] radians, as in `Signal`

    @classmethod
    def of(cls, weights: Mapping[str, float], pitch_deg: float = 0.0, yaw_deg: float = 0.0) -> Pose:
        """ARKit weights by name; a name without its side, as "eyeBlink", stands for both sides."""
        row = np.zeros(arkit.COUNT, np.float32)
        for name, weight in weights.items():
            for one in [name] if name in arkit.INDEX else [f"{name}Left", f"{name}Right"]:
                row[arkit.INDEX[one]] = weight
        return cls(row, np.radians([pitch_deg, yaw_deg, 0.0]).astype(np.float32))

    def params(self) -> FlameParams:
        return from_weights(self.weights, None, self.head_rotation)


REST = Pose.of({})
Draw = Callable[[Pose], Rgba]  # in one light, at one size


def drawn_by(renderer: Renderer, character: Character, light: Array, size: int, steps: int = 1) -> Draw:
    """The character as it ships, in this light [27]."""
    look = renderer.look(character)
    return lambda pose: renderer.draw(look, pose.params(), light, size, steps)


def copied_from(renderer: Renderer, character: Character, size: int) -> Draw:
    """The character's first picture moved by the posed head, with no network: the least that the model must beat."""
    look = renderer.look(character)
    return lambda pose: copied(look, pose.params(), size)


def copied(look: Look, params: FlameParams, size: int) -> Rgba:
    """[S,S,4] straight RGBA: the first reference, fetched where the geometry says."""
    found = look.viewer.correspondence(look.viewer.view(params), look.views[:1])
    at = cv2.resize(found.place[0], (size, size), interpolation=cv2.INTER_LINEAR)
    at = np.ascontiguousarray((at + 1.0) * (size / 2) - 0.5, np.float32)
    fetched = cv2.remap(look.pictures(size)[0].rgba, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return straight(np.asarray(fetched, np.uint8))


@dataclass(frozen=True, eq=False)
class RenderedPerson:
    """A person who does not exist: known exactly, never trained on, and made into a character by exact labels."""

    name: str
    figure: Figure
    shape: Array  # [100]
    size: int

    @classmethod
    def of(cls, kit: Kit, seed: int, size: int) -> RenderedPerson:
        """Training counts its seeds from 0 in data sets of 1,000,003; see `UNSEEN_SEED`."""
        from ..faces.figure import Figure
        from ..faces.person import sample_person
        from ..head import shape_of

        person = sample_person(kit, seed)
        return cls(f"person {seed}", Figure(kit, person), shape_of(kit, person), size)

    def truth(self, light: Light) -> Draw:
        from ..faces.render import render

        return lambda pose: render(self.figure, pose.weights, pose.head_rotation, light, self.size).rgba

    def character(self, light: Light) -> Character:
        """Rendered at rest and in the poses of the usual anchors."""
        from ..faces.dataset import ANCHORS

        draw, harmonics = self.truth(light), light.harmonics()
        poses = [REST, *(Pose.of(weights, 0.0, yaw_deg) for weights, yaw_deg in ANCHORS)]
        references = tuple(Reference(draw(pose), pose.params(), harmonics, "rendered") for pose in poses)
        return Character(self.name, "open", self.shape, references, LICENCE, "rendered")


@dataclass(frozen=True, eq=False)
class RenderedDrawing:
    """A drawn character in the styles that training never sees, likewise."""

    name: str
    figure: DrawnFigure
    shape: Array  # [100]
    size: int

    @classmethod
    def of(cls, kit: AnimeKit, seed: int, size: int) -> RenderedDrawing:
        from ..anime.character import sample_character
        from ..anime.figure import Figure
        from ..anime.head import shape_of

        who = sample_character(kit, seed, is_held_out=True)
        return cls(f"drawing {seed}", Figure(kit, who), shape_of(kit, who), size)

    def truth(self, light: Light) -> Draw:
        from ..anime.render import render

        return lambda pose: render(self.figure, pose.weights, pose.head_rotation, light, self.size).rgba

    def character(self, light: Light) -> Character:
        """Rendered at rest and in the poses of the usual anchors."""
        from ..anime.expression import anchors

        draw, harmonics = self.truth(light), light.harmonics()
        poses = [Pose(weights, turn) for weights, turn, _ in anchors()]
        references = tuple(Reference(draw(pose), pose.params(), harmonics, "rendered") for pose in poses)
        return Character(self.name, "anime", self.shape, references, LICENCE, "rendered")


UNSEEN_SEED = 900_000_000  # of the first rendered person; data sets of training have numbers below 100
