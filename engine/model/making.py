"""Makes characters from photos, or by mixing other characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..capture.photo import Photo
from ..data import Character, FlameParams, Reference
from ..face.anime_head import head_of
from ..face.correspondence import COVERED_CHANNEL, EYE_CHANNEL, HAIR_CHANNEL, Viewer
from ..face.refinement import Refiner
from ..face.shell import reseated
from .borrowing import with_borrowed_parts
from .compositing import premultiplied, straight
from .photos import MadeCharacter, references_of
from .renderer import PreparedCharacter, Renderer

Array = NDArray[np.float32]

LICENCE = "Private: the likeness of a real person, who decides what it is used for"

SIDE = 768  # pixels on a side of mixed references
_EDGE = 0.03  # of the picture's side: the soft edge of the mixed face


def made_from_photos(
    name: str,
    photos: Sequence[Photo],
    consent: str,
    renderer: Renderer | None = None,
    refiner: Refiner | None = None,
) -> MadeCharacter:
    """The person in one to four photos as a character; about four seconds a photo on one core.

    `consent` is the maker's declaration. With a `renderer` closed lids, the gaze aside and the inside of the mouth are
    borrowed (`with_borrowed_parts`), which takes about three seconds more. Raises ValueError for
    no photo, or for more than four.
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
        character = with_borrowed_parts(character, renderer)
    return MadeCharacter(character, found.warnings)


def mixed_character(first: Character, second: Character, share: float, renderer: Renderer, name: str) -> Character:
    """A character `share` (0 to 1) of the way from the first to the second; ValueError if only one of them is drawn.

    Hair, clothes and neck are those of the nearer one, in the mixed skin tone; the face is between the two. Takes about
    half a second a reference.
    """
    if first.head != second.head:
        raise ValueError(f"a person and a drawn character cannot be mixed: {first.name}, {second.name}")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share must be 0 to 1, got {share}")
    nearer, other, part = (first, second, share) if share <= 0.5 else (second, first, 1.0 - share)
    shape = ((1.0 - part) * nearer.shape + part * other.shape).astype(np.float32)
    prepared = [renderer.prepare(one) for one in (nearer, other)]
    # Put both faces on one head, with the nearer one's hair.
    head, own = head_of(nearer), prepared[0].viewer
    shaped = head.shaped(shape)
    mixed = Viewer(shaped, head, shell=reseated(own.shell, head, own.shaped, shaped) if own.shell else None)
    on_mixed = [_on_head(one, mixed) for one in prepared]
    references = tuple(_mixed_reference(one, on_mixed, mixed, part, renderer) for one in nearer.references)
    return replace(
        nearer,
        name=name,
        shape=shape,
        references=references,
        made_from=f"{1.0 - part:.0%} {nearer.name}, {part:.0%} {other.name}. {nearer.made_from}",
        consent=" ".join(filter(None, (nearer.consent, other.consent))),
    )


def character_from_seed(seed: int, characters: Sequence[Character], renderer: Renderer, name: str) -> Character:
    """A mixture of three of these characters, another for each seed; they must all be people or all be drawn.

    Raises ValueError for fewer than three.
    """
    if len(characters) < 3:
        raise ValueError(f"three characters are needed to make another from a seed, got {len(characters)}")
    rng = np.random.default_rng(seed)
    first, second, third = (characters[int(k)] for k in rng.choice(len(characters), 3, replace=False))
    half = mixed_character(first, second, float(rng.uniform(0.25, 0.5)), renderer, name)
    made = mixed_character(half, third, float(rng.uniform(0.15, 0.4)), renderer, name)
    return replace(made, made_from=f"Seed {seed}: a mixture of {first.name}, {second.name} and {third.name}.")


def _on_head(prepared: PreparedCharacter, viewer: Viewer) -> PreparedCharacter:
    """The same references on another head."""
    views = [replace(view, area=viewer.areas(view.screen)) for view in prepared.views]
    return replace(prepared, viewer=viewer, views=views)


def _mixed_reference(
    shown: Reference, prepared: list[PreparedCharacter], viewer: Viewer, part: float, renderer: Renderer
) -> Reference:
    """The mixed head with this reference's face and light."""
    size = max(len(shown.rgba), SIDE)
    pictures = [premultiplied(renderer.draw(one, shown.params, shown.light, size), size) for one in prepared]
    near, far = (picture.astype(np.float32) for picture in pictures)
    is_face = face_mask(viewer, shown.params, size)
    blend = near + (part * is_face)[..., None] * (far - near)
    # Give the rest of the skin the tone of the mixed face.
    inside = is_face > 0.5
    tone = (blend[inside, :3].mean(0) + 1.0) / (near[inside, :3].mean(0) + 1.0)
    skin = (_skin_mask(viewer, shown.params, size) * (1.0 - is_face))[..., None]
    blend[..., :3] *= 1.0 + skin * (tone - 1.0)
    blend[..., :3] = np.minimum(blend[..., :3], blend[..., 3:])
    rgba = straight(np.clip(blend + 0.5, 0.0, 255.0).astype(np.uint8))
    return Reference(rgba, shown.params, shown.light, "painted")


def face_mask(viewer: Viewer, params: FlameParams, size: int) -> Array:
    """[S,S] 0 to 1: the face from brows to chin, without the part that hair may cover."""
    geometry = viewer.view(params).geometry
    _, y, z = geometry[:3]
    is_face = (geometry[COVERED_CHANNEL] > 0.5) & (geometry[HAIR_CHANNEL] < 0.5) & (z > 0.45) & (y < 0.66) & (y > 0.08)
    return _grown_mask((is_face | (geometry[EYE_CHANNEL] > 0.5)).astype(np.float32), size)


def _skin_mask(viewer: Viewer, params: FlameParams, size: int) -> Array:
    """[S,S] 0 to 1: the head's own skin."""
    geometry = viewer.view(params).geometry
    return _grown_mask(((geometry[COVERED_CHANNEL] > 0.5) & (geometry[HAIR_CHANNEL] < 0.5)).astype(np.float32), size)


def _grown_mask(mask: Array, size: int) -> Array:
    large = cv2.resize(mask, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), _EDGE * size), np.float32)
