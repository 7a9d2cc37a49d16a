"""Which part of a character's picture is hair, and a drawn picture in which it has swung."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.engine.face.correspondence import GRID, View, Viewer
from omote.engine.face.edges import sampled
from omote.engine.face.hair import CHAINS, JOINTS, REACH, crown
from omote.engine.face.head import CHIN, CROWN, EYE_LEFT, EYE_RIGHT, SKULL, open_head, rotation, skull_seat
from omote.engine.face.maps import FOV_DEG
from omote.engine.nouns import Reference

from .compositing import DrawnLayers

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

_COLOURS = 5  # that hair, skin and clothes are told apart by
_ROUNDS, _ENOUGH = 20, 0.5  # of k-means
_OPAQUE = 127
_CLOTHES = 0.7  # below the chin, how much nearer to the hair's colours than to the clothes' a cell must be
_FIRM, _LOOSE = 0.2, 0.8  # head heights from the crown: up to the first hair stands still, from the second it swings
_BEYOND = 10.0  # cells outside the picture of the hair that move with it, ever less
_TRACE = 0.02  # cells
_LITTLE = 20.0  # cells: a character with less hair that swings has none


@dataclass(frozen=True, eq=False)
class Hair:
    """The hair in a character's first reference, on the grid of the layers."""

    share: Array  # [128,128] how much of its chain's sway a cell takes part in, 0 to 1
    chain: Array  # [128,128] between which of CHAINS it hangs
    place: Array  # [128,128] where along them: 0 at the crown, JOINTS at the tips
    cells: float  # in a dm at the head's distance

    def displacement(self, sway: Array, place: Array) -> Array:
        """[128,128,2] cells to the right and down by which a picture's hair is moved.

        `sway` [JOINTS,CHAINS,3] is `HairMotion`'s, `place` [128,128,2] where the picture shows the first reference.
        """
        along = np.concatenate([np.zeros((1, CHAINS, 2), np.float32), sway[..., :2]])
        along = np.concatenate([along, along[:, :1]], 1) * np.array([self.cells, -self.cells], np.float32)
        moved = cv2.remap(along, self.chain, self.place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved *= self.share[..., None]
        at = (place + np.float32(1.0)) * np.float32(GRID / 2) - np.float32(0.5)
        found = cv2.remap(moved, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(found, np.float32)


def hair_of(reference: Reference, viewer: Viewer, view: View) -> Hair | None:
    """None where too little of it hangs free to swing."""
    is_hair = hair_mask(reference, view)
    head, shaped, params = viewer.head, viewer.shaped, reference.params
    turn = rotation(params.neck_pose).astype(np.float32)
    root = turn @ (crown(head, shaped) - shaped.anchor[SKULL]) + skull_seat(shaped, params.neck_pose)
    ((column, row, distance),) = viewer.camera.project(root[None], GRID)
    cells = float(GRID / 2 / np.tan(np.radians(FOV_DEG) / 2) / distance)
    right, down = _centres() - np.array([column, row], np.float32)[:, None, None]
    # In the head's own frame, whose up leans with it.
    across, up = (turn[0, 0] * right - turn[1, 0] * down) / cells, (turn[0, 1] * right - turn[1, 1] * down) / cells
    away = np.hypot(across, up) / np.float32(shaped.height)
    chain = np.arctan2(across, up) % np.float32(2.0 * np.pi) * np.float32(CHAINS / (2.0 * np.pi))
    free = np.clip((away - _FIRM) / (_LOOSE - _FIRM), 0.0, 1.0).astype(np.float32)
    share = _spread(is_hair, reference) * free
    if float((share * is_hair).sum()) < _LITTLE:
        return None
    place = np.minimum(away * np.float32(JOINTS / REACH), np.float32(JOINTS))
    return Hair(share, chain.astype(np.float32), place.astype(np.float32), cells)


def swung(layers: DrawnLayers, displacement: Array) -> DrawnLayers:
    """The layers of a picture in which every cell has moved by this displacement [128,128,2]."""
    right, down = _centres()
    at = np.stack([right, down], -1) - np.float32(0.5) - displacement
    fine = cv2.resize(at + np.float32(0.5), None, fx=2.0, fy=2.0, interpolation=cv2.INTER_LINEAR)
    fine = fine * np.float32(2.0) - np.float32(0.5)
    moved = (_fetched(one, fine if one.shape[-1] > GRID else at) for one in layers)
    return DrawnLayers(*moved)


def swings(displacement: Array, pixel: NDArray[np.int64], size: int) -> Mask:
    """[n] whether these pixels of a picture move by more than a trace."""
    return np.asarray(np.abs(sampled(displacement, pixel, size)).max(1) > _TRACE)


def _fetched(planes: Array, at: Array) -> Array:
    """[...,n,n] the planes at these places [n,n,2]."""
    each = planes.reshape(-1, *planes.shape[-2:])
    found = [cv2.remap(one, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for one in each]
    return np.stack(found).reshape(planes.shape)


def hair_mask(reference: Reference, view: View) -> Mask:
    """[128,128] where a reference shows hair, by the colours of crown and outline against those of skin and clothes."""
    rgba = cv2.resize(reference.rgba, (GRID, GRID), interpolation=cv2.INTER_AREA)
    is_opaque = rgba[..., 3] > _OPAQUE
    colour = cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2LAB).astype(np.float32)
    eyes, chin, top, apart = _face_marks()
    x, y, is_covered, is_shell = view.geometry[0], view.geometry[1], view.geometry[6] > 0.5, view.geometry[10] > 0.5
    is_head = is_covered & ~is_shell
    row = np.arange(GRID)[:, None] + np.zeros((GRID, GRID), np.int64)
    chin_row = row[is_head & (y > chin)].max(initial=0)
    is_face = is_head & (y < eyes + 0.22 * (top - eyes)) & (np.abs(x) < 2.1 * apart)
    is_skin = is_head & (y > chin + 0.1 * (eyes - chin)) & (y < eyes - 0.25 * (eyes - chin)) & (np.abs(x) < 1.2 * apart)
    at_crown = is_opaque & is_covered & (y > top - 0.25 * (top - eyes))
    is_around = is_opaque & (is_shell | ~is_covered) & (row < chin_row)
    is_torso = is_opaque & (row >= GRID - 6)
    to_hair, to_skin, to_clothes = (
        _distance(colour, np.concatenate([colour[one] for one in of]))
        for of in ((at_crown, is_around), (is_skin,), (is_torso,))
    )
    is_hair = is_opaque & (to_hair <= to_skin) & ~is_face
    is_hair &= (row <= chin_row) | (to_hair < _CLOTHES * to_clothes)
    is_hair = cv2.medianBlur(is_hair.view(np.uint8), 3) > 0
    # A collar of the same colour is no hair: it does not reach up to the crown.
    _, number = cv2.connectedComponents(is_hair.view(np.uint8))
    return np.asarray(is_hair & np.isin(number, np.unique(number[at_crown & is_hair])))


def _distance(colour: Array, samples: Array) -> Array:
    """[128,128] from the nearest of the few colours that stand for these samples [n,3]; infinite for none."""
    if len(samples) <= _COLOURS:
        centres = samples
    else:
        cv2.setRNGSeed(0)
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, _ROUNDS, _ENOUGH)
        _, _, centres = cv2.kmeans(samples, _COLOURS, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    each = [np.linalg.norm(colour - one, axis=-1) for one in centres]
    return np.asarray(np.min(each, 0) if each else np.full(colour.shape[:2], np.inf), np.float32)


def _spread(is_hair: Mask, reference: Reference) -> Array:
    """[128,128] 1 in hair, soft towards the rest of the character; where nothing is, it goes on for a while."""
    alpha = cv2.resize(reference.rgba[..., 3], (GRID, GRID), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(is_hair.astype(np.float32), (0, 0), 1.5)
    away = cv2.distanceTransform((~is_hair).view(np.uint8), cv2.DIST_L2, 5)
    beyond = np.clip(1.0 - away / np.float32(_BEYOND), 0.0, 1.0)
    found = np.where(alpha > _OPAQUE, soft, np.maximum(soft, beyond)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(found, (0, 0), 1.0), np.float32)


@cache
def _face_marks() -> tuple[float, float, float, float]:
    """Eyes, chin and top of the head from below, and an eye from the middle, in canonical places."""
    head = open_head()
    low, high = head.template.min(0), head.template.max(0)
    place = (head.anchor - low) / (high - low) * 2.0 - 1.0
    eyes = place[[EYE_LEFT, EYE_RIGHT]]
    return float(eyes[:, 1].mean()), float(place[CHIN, 1]), float(place[CROWN, 1]), float(np.abs(eyes[:, 0]).mean())


@cache
def _centres() -> Array:
    """[2,128,128] column and row of each cell's middle."""
    centre = np.arange(GRID, dtype=np.float32) + np.float32(0.5)
    return np.stack(np.meshgrid(centre, centre))
