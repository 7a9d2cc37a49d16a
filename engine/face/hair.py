"""Hair that follows the head with delay: chains of spring bones around the crown, as VRM defines them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import FlameParams

from .head import CHIN, CROWN, EYE_LEFT, EYE_RIGHT, SKULL, OpenHead, Shaped, rotation, skull_seat
from .shell import HANG, skull_middle

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

CHAINS, JOINTS = 16, 3  # around the crown in the plane of the face, clockwise from straight up; and along each
REACH = 1.0  # head heights from the crown to the last joint
_CROWN = 0.6  # of the way from the eyes to the top of the head
_FRONT = 0.75  # of the way from the middle of the skull to the eyes
STEP_NS = 16_666_667  # VRM's drag counts pictures, and its springs are made for 60 a second
_HEAD_M = 0.23  # the height of a head for the springs; drawn heads come in other units
_PAUSE_NS = 500_000_000  # after which the hair begins at rest again
_GRAIN_DM = 1e-3  # an eighth of a pixel of 512: sways are multiples of it, so hair comes to rest for good
_DOWN = np.array([0.0, -1.0, 0.0])


class Spring(NamedTuple):
    """As in VRMC_springBone 1.0."""

    stiffness: float  # metres a second by which a joint is pulled back to where it rests
    drag: float  # 0 to 1 of a joint's speed that is lost in each step
    gravity: float  # metres a second downward, beyond what the resting hair shows already
    hit_radius: float  # metres by which a joint may come nearer to the crown than at rest


# Locks of a drawing swing. A person's hair is finer, and follows sooner.
SPRINGS = {"anime": Spring(0.5, 0.2, 0.1, 0.02), "open": Spring(0.8, 0.35, 0.06, 0.01)}


def crown(head: OpenHead, shaped: Shaped) -> Array:
    """[3] dm in the head's own frame: where the chains begin, as far in front as the hair that is seen."""
    eyes, top = shaped.anchor[[EYE_LEFT, EYE_RIGHT]].mean(0), shaped.anchor[CROWN, 1]
    back = skull_middle(head, shaped)[2]
    return np.array([0.0, eyes[1] + _CROWN * (top - eyes[1]), back + _FRONT * (eyes[2] - back)], np.float32)


class HairMotion:
    """One head's springs: a function of the faces that it was told and of their times, and of nothing else."""

    def __init__(self, head: OpenHead, shaped: Shaped, spring: Spring) -> None:
        self._shaped, self._spring = shaped, spring
        angle = np.arange(CHAINS) * (2.0 * np.pi / CHAINS)
        outward = np.stack([np.sin(angle), np.cos(angle), np.zeros(CHAINS)], 1)
        along = np.linspace(0.0, REACH * shaped.height, JOINTS + 1)[:, None, None]
        self._joint = crown(head, shaped) + along * outward  # [JOINTS + 1,CHAINS,3] dm
        # What hangs below the chin lies on the torso more and more, which does not turn.
        chin, fall = float(shaped.anchor[CHIN, 1]), HANG * shaped.height
        self._follow = np.clip((self._joint[..., 1:2] - (chin - fall)) / fall, 0.0, 1.0)
        self._seen: tuple[int, Wide, Wide] | None = None  # when, where the joints rest, how the head is turned
        self._clock_ns = 0  # up to when the springs have moved
        self._at = self._before = np.zeros(self._joint.shape)  # m, after the last step and the one before

    def forget(self) -> None:
        """The hair is at rest with the next face."""
        self._seen = None

    def follow(self, params: FlameParams, now_ns: int) -> Array:
        """[JOINTS,CHAINS,3] dm by which the joints are off their places for this face, captured at this time."""
        rest, turn = self._rest(params), rotation(params.neck_pose)
        if self._seen is None or abs(now_ns - self._seen[0]) > _PAUSE_NS:
            self._seen, self._clock_ns = (now_ns, rest, turn), now_ns
            self._at = self._before = rest
            return np.zeros((JOINTS, CHAINS, 3), np.float32)
        then_ns, rest_then, turn_then = self._seen
        now_ns = max(now_ns, then_ns)  # a source's clock and that of the pictures between are not quite the same
        while self._clock_ns + STEP_NS <= now_ns:
            self._clock_ns += STEP_NS
            part = (self._clock_ns - then_ns) / (now_ns - then_ns)
            self._step(rest_then + part * (rest - rest_then), turn_then + part * (turn - turn_then))
        self._seen = now_ns, rest, turn
        since = (now_ns - self._clock_ns) / STEP_NS
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

        What hangs in the reference hangs already, so gravity is how much that differs once the head is tilted.
        """
        spring, seconds = self._spring, STEP_NS / 1e9
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
