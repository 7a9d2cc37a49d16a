"""Makes a character from photos: a reference from each photo, and painted ones of what no photo shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.capture.photo import Photo
from omote.engine.face.refinement import Refiner
from omote.engine.face.retarget import from_weights, to_weights
from omote.engine.nouns import MOST_REFERENCES, Character, FlameParams, Reference

from .photos import references_of
from .renderer import Renderer

Array = NDArray[np.float32]

# Whether characters from photos get painted anchors. They are copied like photos, so they have to look better than what
# the network paints in one step while it performs. With the weights of 2026-11-23 they do not: mouths and lids look the
# same, and further steps leave blotches on the side of a head that no photo shows.
PAINTS_ANCHORS = False
LICENCE = "Private: the likeness of a real person, who decides what it is used for"
ANCHOR_STEPS = 4  # of the denoiser, for each anchor

_TURN_DEG = 30.0
# From when on a reference shows something, in ARKit weights and degrees.
_OPEN, _CLOSED, _TURNED_DEG = 0.35, 0.8, 20.0
_AT_REST = 0.25  # the most that mouth and eyes do in a face at rest


@dataclass(frozen=True)
class Anchor:
    """A face of which a portrait needs a picture, as ARKit weights and the head's turn."""

    name: str
    weights: Array  # [52]
    yaw_deg: float = 0.0  # to the person's left

    @property
    def params(self) -> FlameParams:
        """The face in the basis "open"."""
        return from_weights(self.weights, None, np.array([0.0, np.radians(self.yaw_deg), 0.0], np.float32))


def _both(**named: float) -> dict[str, float]:
    return {f"{name}{side}": value for name, value in named.items() for side in ("Left", "Right")}


REST = Anchor("rest", arkit.weights({}))
OPEN_MOUTH = Anchor("open mouth", arkit.weights({"jawOpen": 0.6, **_both(mouthUpperUp=0.35, mouthLowerDown=0.4)}))
CLOSED_EYES = Anchor("closed eyes", arkit.weights(_both(eyeBlink=1.0)))
LEFT = Anchor("left", arkit.weights({}), _TURN_DEG)
RIGHT = Anchor("right", arkit.weights({}), -_TURN_DEG)


@dataclass(frozen=True)
class FromPhotos:
    """A character from photos, and what could look better."""

    character: Character
    warnings: tuple[str, ...]  # about the photos, each a sentence with its cure


def made_from_photos(
    name: str,
    photos: Sequence[Photo],
    consent: str,
    renderer: Renderer | None = None,
    refiner: Refiner | None = None,
) -> FromPhotos:
    """The person in one to four photos as a character; about four seconds a photo on one core.

    `consent` says what was declared about it. With a `renderer`, the anchors that the photos lack are painted.
    ValueError for no photo, or for more than four.
    """
    found = references_of(photos, refiner)
    count = len(photos)
    character = Character(
        name=name,
        head="open",
        shape=found.shape,
        references=tuple(one.reference() for one in found.references),
        licence=LICENCE,
        made_from=f"Made from {'a photo' if count == 1 else f'{count} photos'} of a real person",
        consent=consent,
    )
    if renderer is not None:
        character = with_anchors(character, renderer)
    return FromPhotos(character, found.warnings)


def with_anchors(character: Character, renderer: Renderer, steps: int = ANCHOR_STEPS) -> Character:
    """The character with a painted reference for each of `missing_anchors`, as far as there is room.

    They are painted one after the other, each with the earlier ones among its references, in the light and at the size
    of the first reference. So the face at rest comes first, and what is turned shows the same hair from both sides.
    """
    first = character.references[0]
    for anchor in missing_anchors(character.references):
        if len(character.references) == MOST_REFERENCES:
            break
        rgba = renderer.draw(renderer.look(character), anchor.params, first.light, len(first.rgba), steps)
        painted = Reference(rgba, anchor.params, first.light, "painted")
        character = replace(character, references=(*character.references, painted))
    return character


def missing_anchors(references: Sequence[Reference]) -> Iterator[Anchor]:
    """The anchors that none of these references shows, in the order in which they are painted."""
    faces = [one.params for one in references]
    weights = np.stack([to_weights(face) for face in faces])
    yaw_deg = np.degrees([face.neck_pose[1] for face in faces])
    at = arkit.INDEX
    mouth = np.abs(weights[:, [at[name] for name in _MOVES_AT_REST]]).max(1)
    if not (mouth < _AT_REST).any():
        yield REST
    if not (weights[:, at["jawOpen"]] > _OPEN).any():
        yield OPEN_MOUTH
    if not (weights[:, [at["eyeBlinkLeft"], at["eyeBlinkRight"]]].min(1) > _CLOSED).any():
        yield CLOSED_EYES
    if not (yaw_deg > _TURNED_DEG).any():
        yield LEFT
    if not (yaw_deg < -_TURNED_DEG).any():
        yield RIGHT


_MOVES_AT_REST = ("jawOpen", *_both(mouthSmile=1.0, eyeBlink=1.0, mouthUpperUp=1.0, mouthLowerDown=1.0))
