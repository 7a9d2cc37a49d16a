"""Mixes characters: a head between two heads, and references in which one face goes over into the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.engine.face.correspondence import View, Viewer
from omote.engine.face.shell import reseated
from omote.engine.nouns import Character, FlameParams, Reference

from .compositing import premultiplied, straight
from .renderer import Look, Renderer

Array = NDArray[np.float32]
Rgba = NDArray[np.uint8]

SIDE = 768  # pixels on a side of mixed references
_EDGE = 0.03  # of the picture's side: how softly the mixed face ends
_COVERED, _EYE, _HAIR = 6, 7, 10  # channels of a view's geometry


def mix(first: Character, second: Character, share: float, renderer: Renderer, name: str) -> Character:
    """A character `share` (0 to 1) of the way from the first to the second; ValueError if only one of them is drawn.

    Hair, clothes and neck are those of the nearer one, in the mixed tone of skin; the face is between the two. About
    half a second a reference.
    """
    if first.head != second.head:
        raise ValueError(f"a person and a drawn character cannot be mixed: {first.name}, {second.name}")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share must be 0 to 1, got {share}")
    nearer, other, part = (first, second, share) if share <= 0.5 else (second, first, 1.0 - share)
    shape = ((1.0 - part) * nearer.shape + part * other.shape).astype(np.float32)
    looks = [renderer.look(one) for one in (nearer, other)]
    # One head, with the nearer one's hair, wears both faces.
    head, own = nearer.posed_by(), looks[0].viewer
    shaped = head.shaped(shape)
    mixed = Viewer(shaped, head, shell=reseated(own.shell, head, own.shaped, shaped) if own.shell else None)
    worn = [_on(look, mixed) for look in looks]
    references = tuple(_reference(one, worn, mixed, part, renderer) for one in nearer.references)
    return replace(
        nearer,
        name=name,
        shape=shape,
        references=references,
        made_from=f"{1.0 - part:.0%} {nearer.name}, {part:.0%} {other.name}. {nearer.made_from}",
        consent=" ".join(filter(None, (nearer.consent, other.consent))),
    )


def from_seed(seed: int, cast: Sequence[Character], renderer: Renderer, name: str) -> Character:
    """Another character for each seed: a mixture of three of this cast, who must all be people or all be drawn.

    ValueError for fewer than three.
    """
    if len(cast) < 3:
        raise ValueError(f"three characters are needed to make another from a seed, got {len(cast)}")
    rng = np.random.default_rng(seed)
    first, second, third = (cast[int(k)] for k in rng.choice(len(cast), 3, replace=False))
    half = mix(first, second, float(rng.uniform(0.25, 0.5)), renderer, name)
    made = mix(half, third, float(rng.uniform(0.15, 0.4)), renderer, name)
    return replace(made, made_from=f"Seed {seed}: a mixture of {first.name}, {second.name} and {third.name}.")


def _on(look: Look, viewer: Viewer) -> Look:
    """The same references, seen on another head."""
    return replace(look, viewer=viewer, views=[_with_areas(view, viewer) for view in look.views])


def _with_areas(view: View, viewer: Viewer) -> View:
    return replace(view, area=viewer.areas(view.screen))


def _reference(shown: Reference, worn: list[Look], viewer: Viewer, part: float, renderer: Renderer) -> Reference:
    """The mixed head with this reference's face and light."""
    size = max(len(shown.rgba), SIDE)
    pictures = [premultiplied(renderer.draw(look, shown.params, shown.light, size), size) for look in worn]
    near, far = (picture.astype(np.float32) for picture in pictures)
    is_face = face_mask(viewer, shown.params, size)
    blend = near + (part * is_face)[..., None] * (far - near)
    # The rest of the skin takes the mixed face's tone.
    inside = is_face > 0.5
    tone = (blend[inside, :3].mean(0) + 1.0) / (near[inside, :3].mean(0) + 1.0)
    skin = (_mask(viewer, shown.params, size) * (1.0 - is_face))[..., None]
    blend[..., :3] *= 1.0 + skin * (tone - 1.0)
    blend[..., :3] = np.minimum(blend[..., :3], blend[..., 3:])
    rgba = straight(np.clip(blend + 0.5, 0.0, 255.0).astype(np.uint8))
    return Reference(rgba, shown.params, shown.light, "painted")


def face_mask(viewer: Viewer, params: FlameParams, size: int) -> Array:
    """[S,S] 0 to 1: the face from brows to chin, without what hair may cover."""
    geometry = viewer.view(params).geometry
    _, y, z = geometry[:3]
    is_face = (geometry[_COVERED] > 0.5) & (geometry[_HAIR] < 0.5) & (z > 0.45) & (y < 0.66) & (y > 0.08)
    return _grown((is_face | (geometry[_EYE] > 0.5)).astype(np.float32), size)


def _mask(viewer: Viewer, params: FlameParams, size: int) -> Array:
    """[S,S] 0 to 1: the head's own skin."""
    geometry = viewer.view(params).geometry
    return _grown(((geometry[_COVERED] > 0.5) & (geometry[_HAIR] < 0.5)).astype(np.float32), size)


def _grown(mask: Array, size: int) -> Array:
    large = cv2.resize(mask, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), _EDGE * size), np.float32)
