"""Hair: its mask in a reference, the spring bones that move it, and the layers of a picture with moved hair."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data import FlameParams, Reference
from ..face.correspondence import COVERED_CHANNEL, GRID, HAIR_CHANNEL, View, Viewer
from ..face.head import CHIN, CROWN, EYE_LEFT, EYE_RIGHT, SKULL, OpenHead, Shaped, open_head, skull_seat
from ..face.rasterizer import FOV_DEG
from ..face.shell import HANG, skull_middle
from ..rotation import rotation
from .compositing import DrawnLayers, sampled_grid

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

_COLOURS = 5  # of each of hair, skin and clothes
_ROUNDS, _ENOUGH = 20, 0.5  # of k-means
_OPAQUE = 127
_CLOTHES = 0.7  # below the chin, hair must be so much nearer to the hair's colours than to the clothes'
_FIRM, _LOOSE = 0.2, 0.8  # head heights from the crown: nearer hair stands still, farther hair swings
_BEYOND = 10.0  # cells around the hair that move with it, ever less
_TRACE = 0.02  # cells
_LITTLE = 20.0  # cells: with less free hair, nothing swings


@dataclass(frozen=True, eq=False)
class Hair:
    """The hair in a character's first reference, on the grid of the layers."""

    share: Array  # [128,128] how much a cell follows the sway of its chain, 0 to 1
    chain: Array  # [128,128] the chains between which it hangs, 0 to CHAINS
    place: Array  # [128,128] along the chains: 0 at the crown, JOINTS at the tips
    cells: float  # in a dm at the head's distance

    def displacement(self, sway: Array, place: Array) -> Array:
        """[128,128,2] the cells to the right and down by which the hair of a picture moves.

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
    """The hair in a reference; None if too little of it hangs free to swing."""
    is_hair = hair_mask(reference, view)
    head, shaped, params = viewer.head, viewer.shaped, reference.params
    turn = rotation(params.neck_pose).astype(np.float32)
    root = turn @ (crown(head, shaped) - shaped.anchor[SKULL]) + skull_seat(shaped, params.neck_pose)
    ((column, row, distance),) = viewer.camera.project(root[None], GRID)
    cells = float(GRID / 2 / np.tan(np.radians(FOV_DEG) / 2) / distance)
    right, down = _cell_centres() - np.array([column, row], np.float32)[:, None, None]
    # In the head's own frame, whose up leans with it.
    across, up = (turn[0, 0] * right - turn[1, 0] * down) / cells, (turn[0, 1] * right - turn[1, 1] * down) / cells
    away = np.hypot(across, up) / np.float32(shaped.height)
    chain = np.arctan2(across, up) % np.float32(2.0 * np.pi) * np.float32(CHAINS / (2.0 * np.pi))
    free = np.clip((away - _FIRM) / (_LOOSE - _FIRM), 0.0, 1.0).astype(np.float32)
    share = _spread_mask(is_hair, reference) * free
    if float((share * is_hair).sum()) < _LITTLE:
        return None
    place = np.minimum(away * np.float32(JOINTS / REACH), np.float32(JOINTS))
    return Hair(share, chain.astype(np.float32), place.astype(np.float32), cells)


def swung(layers: DrawnLayers, displacement: Array) -> DrawnLayers:
    """The layers, each cell moved by this displacement [128,128,2]."""
    right, down = _cell_centres()
    at = np.stack([right, down], -1) - np.float32(0.5) - displacement
    fine = cv2.resize(at + np.float32(0.5), None, fx=2.0, fy=2.0, interpolation=cv2.INTER_LINEAR)
    fine = fine * np.float32(2.0) - np.float32(0.5)
    moved = (_fetched(one, fine if one.shape[-1] > GRID else at) for one in layers)
    return DrawnLayers(*moved)


def swings(displacement: Array, pixel: NDArray[np.int64], size: int) -> Mask:
    """[n] whether these pixels of a picture move."""
    return np.asarray(np.abs(sampled_grid(displacement, pixel, size)).max(1) > _TRACE)


def _fetched(planes: Array, at: Array) -> Array:
    """[...,n,n] the planes at these places [n,n,2]."""
    each = planes.reshape(-1, *planes.shape[-2:])
    found = [cv2.remap(one, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for one in each]
    return np.stack(found).reshape(planes.shape)


def hair_mask(reference: Reference, view: View) -> Mask:
    """[128,128] the hair in a reference, by the colours of crown and outline against those of skin and clothes."""
    rgba = cv2.resize(reference.rgba, (GRID, GRID), interpolation=cv2.INTER_AREA)
    is_opaque = rgba[..., 3] > _OPAQUE
    colour = cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2LAB).astype(np.float32)
    eyes, chin, top, apart = _face_marks()
    x, y = view.geometry[:2]
    is_covered, is_shell = (view.geometry[channel] > 0.5 for channel in (COVERED_CHANNEL, HAIR_CHANNEL))
    is_head = is_covered & ~is_shell
    row = np.arange(GRID)[:, None] + np.zeros((GRID, GRID), np.int64)
    chin_row = row[is_head & (y > chin)].max(initial=0)
    is_face = is_head & (y < eyes + 0.22 * (top - eyes)) & (np.abs(x) < 2.1 * apart)
    is_skin = is_head & (y > chin + 0.1 * (eyes - chin)) & (y < eyes - 0.25 * (eyes - chin)) & (np.abs(x) < 1.2 * apart)
    at_crown = is_opaque & is_covered & (y > top - 0.25 * (top - eyes))
    is_around = is_opaque & (is_shell | ~is_covered) & (row < chin_row)
    is_torso = is_opaque & (row >= GRID - 6)
    to_hair, to_skin, to_clothes = (
        _colour_distance(colour, np.concatenate([colour[one] for one in of]))
        for of in ((at_crown, is_around), (is_skin,), (is_torso,))
    )
    is_hair = is_opaque & (to_hair <= to_skin) & ~is_face
    is_hair &= (row <= chin_row) | (to_hair < _CLOTHES * to_clothes)
    is_hair = cv2.medianBlur(is_hair.view(np.uint8), 3) > 0
    # Drop a collar of the same colour: it is not connected with the crown.
    _, number = cv2.connectedComponents(is_hair.view(np.uint8))
    return np.asarray(is_hair & np.isin(number, np.unique(number[at_crown & is_hair])))


def _colour_distance(colour: Array, samples: Array) -> Array:
    """[128,128] the distance from the nearest main colour of these samples [n,3]; infinite without samples."""
    if len(samples) <= _COLOURS:
        centres = samples
    else:
        cv2.setRNGSeed(0)
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, _ROUNDS, _ENOUGH)
        _, _, centres = cv2.kmeans(samples, _COLOURS, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    each = [np.linalg.norm(colour - one, axis=-1) for one in centres]
    return np.asarray(np.min(each, 0) if each else np.full(colour.shape[:2], np.inf), np.float32)


def _spread_mask(is_hair: Mask, reference: Reference) -> Array:
    """[128,128] 1 in hair, soft towards the rest of the character, and fading out in empty space."""
    alpha = cv2.resize(reference.rgba[..., 3], (GRID, GRID), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(is_hair.astype(np.float32), (0, 0), 1.5)
    away = cv2.distanceTransform((~is_hair).view(np.uint8), cv2.DIST_L2, 5)
    beyond = np.clip(1.0 - away / np.float32(_BEYOND), 0.0, 1.0)
    found = np.where(alpha > _OPAQUE, soft, np.maximum(soft, beyond)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(found, (0, 0), 1.0), np.float32)


@cache
def _face_marks() -> tuple[float, float, float, float]:
    """Heights of eyes, chin and top of the head, and an eye's distance from the middle, in canonical positions."""
    head = open_head()
    low, high = head.template.min(0), head.template.max(0)
    place = (head.anchor - low) / (high - low) * 2.0 - 1.0
    eyes = place[[EYE_LEFT, EYE_RIGHT]]
    return float(eyes[:, 1].mean()), float(place[CHIN, 1]), float(place[CROWN, 1]), float(np.abs(eyes[:, 0]).mean())


@cache
def _cell_centres() -> Array:
    """[2,128,128] column and row of each cell's middle."""
    centre = np.arange(GRID, dtype=np.float32) + np.float32(0.5)
    return np.stack(np.meshgrid(centre, centre))


Wide = NDArray[np.float64]

CHAINS, JOINTS = 16, 3  # around the crown in the plane of the face, clockwise from straight up; and along each
REACH = 1.0  # head heights from the crown to the last joint
_CROWN = 0.6  # of the way from the eyes to the top of the head
_FRONT = 0.75  # of the way from the middle of the skull to the eyes
SPRING_STEP_NS = 16_666_667  # VRM's drag counts pictures, and its springs are made for 60 a second
_HEAD_M = 0.23  # the height of a head for the springs; drawn heads come in other units
_PAUSE_NS = 500_000_000  # a longer pause puts the hair at rest
_GRAIN_DM = 1e-3  # an eighth of a pixel of 512: sways are multiples of it, so that hair comes to rest
_DOWN = np.array([0.0, -1.0, 0.0])


class HairSpring(NamedTuple):
    """As in VRMC_springBone 1.0."""

    stiffness: float  # metres a second by which a joint is pulled back to rest
    drag: float  # 0 to 1 of a joint's speed that is lost in each step
    gravity: float  # metres a second downward, beyond what the resting hair shows already
    hit_radius: float  # metres by which a joint may come nearer to the crown than at rest


# The locks of a drawing swing; a person's hair is finer, and follows faster.
HAIR_SPRINGS = {"anime": HairSpring(0.5, 0.2, 0.1, 0.02), "open": HairSpring(0.8, 0.35, 0.06, 0.01)}


def crown(head: OpenHead, shaped: Shaped) -> Array:
    """[3] dm in the head's own frame: the start of the chains, as far in front as the visible hair."""
    eyes, top = shaped.anchor[[EYE_LEFT, EYE_RIGHT]].mean(0), shaped.anchor[CROWN, 1]
    back = skull_middle(head, shaped)[2]
    return np.array([0.0, eyes[1] + _CROWN * (top - eyes[1]), back + _FRONT * (eyes[2] - back)], np.float32)


class HairMotion:
    """The springs of one head's hair: a function of the faces and their times, and of nothing else."""

    def __init__(self, head: OpenHead, shaped: Shaped, spring: HairSpring) -> None:
        self._shaped, self._spring = shaped, spring
        angle = np.arange(CHAINS) * (2.0 * np.pi / CHAINS)
        outward = np.stack([np.sin(angle), np.cos(angle), np.zeros(CHAINS)], 1)
        along = np.linspace(0.0, REACH * shaped.height, JOINTS + 1)[:, None, None]
        self._joint = crown(head, shaped) + along * outward  # [JOINTS + 1,CHAINS,3] dm
        # Below the chin, hair lies more and more on the torso, which does not turn.
        chin, fall = float(shaped.anchor[CHIN, 1]), HANG * shaped.height
        self._follow = np.clip((self._joint[..., 1:2] - (chin - fall)) / fall, 0.0, 1.0)
        self._last: tuple[int, Wide, Wide] | None = None  # of the last face: time, joints at rest, rotation of the head
        self._clock_ns = 0  # the time of the last step
        self._at = self._before = np.zeros(self._joint.shape)  # m, after the last step and the one before

    def forget(self) -> None:
        """Puts the hair at rest with the next face."""
        self._last = None

    def follow(self, params: FlameParams, now_ns: int) -> Array:
        """[JOINTS,CHAINS,3] dm from the joints at rest to where they are, for this face, captured at this time."""
        rest, turn = self._rest(params), rotation(params.neck_pose)
        if self._last is None or abs(now_ns - self._last[0]) > _PAUSE_NS:
            self._last, self._clock_ns = (now_ns, rest, turn), now_ns
            self._at = self._before = rest
            return np.zeros((JOINTS, CHAINS, 3), np.float32)
        then_ns, rest_then, turn_then = self._last
        now_ns = max(now_ns, then_ns)  # the clocks of the source and of idle pictures differ a little
        while self._clock_ns + SPRING_STEP_NS <= now_ns:
            self._clock_ns += SPRING_STEP_NS
            part = (self._clock_ns - then_ns) / (now_ns - then_ns)
            self._step(rest_then + part * (rest - rest_then), turn_then + part * (turn - turn_then))
        self._last = now_ns, rest, turn
        since = (now_ns - self._clock_ns) / SPRING_STEP_NS
        sway = (self._at + since * (self._at - self._before) - rest)[1:] / self._metres
        return np.asarray(np.round(sway / _GRAIN_DM) * _GRAIN_DM, np.float32)

    @property
    def _metres(self) -> float:
        """In a dm of this head."""
        return _HEAD_M / self._shaped.height

    def _rest(self, params: FlameParams) -> Wide:
        """[JOINTS + 1,CHAINS,3] m."""
        turned = (self._joint - self._shaped.anchor[SKULL]) @ rotation(params.neck_pose).T
        turned += skull_seat(self._shaped, params.neck_pose)
        return np.asarray((self._joint + self._follow * (turned - self._joint)) * self._metres, np.float64)

    def _step(self, rest: Wide, turn: Wide) -> None:
        """One step of the springs, after VRMC_springBone 1.0; the collider is the sphere on which a joint rests.

        The hair in the reference hangs already, so only the change of gravity in a tilted head acts.
        """
        spring, seconds = self._spring, SPRING_STEP_NS / 1e9
        pull = seconds * spring.gravity * (_DOWN - turn @ _DOWN)
        at = rest.copy()
        for joint in range(1, JOINTS + 1):
            bone = rest[joint] - rest[joint - 1]
            length = np.linalg.norm(bone, axis=1, keepdims=True)
            inertia = (self._at[joint] - self._before[joint]) * (1.0 - spring.drag)
            away = self._at[joint] + inertia + pull + seconds * spring.stiffness * bone / length - at[joint - 1]
            away *= length / np.linalg.norm(away, axis=1, keepdims=True)
            outward = (rest[joint] - rest[0]) / np.linalg.norm(rest[joint] - rest[0], axis=1, keepdims=True)
            depth = ((at[joint - 1] + away - rest[joint]) * outward).sum(1, keepdims=True)
            at[joint] = at[joint - 1] + away - np.minimum(depth + spring.hit_radius, 0.0) * outward
        self._before, self._at = self._at, at
