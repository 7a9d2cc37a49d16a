"""What a guided calibration asks for, pose by pose: which weights it is about and what a person is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pose:
    """One thing to do before the camera. What looks a person makes are no poses: a gain would bend where they look."""

    name: str
    title: str
    say: str  # one sentence: what to do
    more: str  # what is said while it is not enough
    made: tuple[str, ...]  # the weights that show it, whose gains it finds
    usual: float = 1.0  # how far above rest these go on average where most people do it
    drawn: tuple[tuple[str, float], ...] = ()  # the weights of its picture
    is_rare: bool = False  # most trackers do not see it: no effort is asked for where the tracker says nothing at all

    @property
    def picture(self) -> str:
        """Where the page finds what it looks like."""
        return f"/static/poses/{self.name}.webp"


def _both(*names: str) -> tuple[str, ...]:
    return tuple(name + side for name in names for side in ("Left", "Right"))


def _all(weight: float, *names: str) -> tuple[tuple[str, float], ...]:
    return tuple((name, weight) for name in names)


NEUTRAL = Pose(
    "neutral",
    "Relax",
    "Sit as you will on air, look straight ahead at your audience, close your mouth and relax.",
    "Keep still and relax.",
    (),
)
_BROWS_UP = ("browInnerUp", *_both("browOuterUp"))

POSES: tuple[Pose, ...] = (
    NEUTRAL,
    Pose(
        "mouth_open",
        "Mouth open",
        "Open your mouth as wide as it goes.",
        "Open wider.",
        ("jawOpen",),
        0.7,
        _all(0.9, "jawOpen"),
    ),
    Pose(
        "smile",
        "Smile",
        "Give your biggest smile.",
        "Smile more, with both corners.",
        _both("mouthSmile"),
        0.7,
        (*_all(1.0, *_both("mouthSmile")), *_all(0.5, *_both("cheekSquint", "mouthUpperUp"))),
    ),
    Pose(
        "pucker",
        "Lips forward",
        "Push your lips forward as for a kiss.",
        "Push your lips further forward.",
        ("mouthPucker",),
        0.7,
        (("mouthPucker", 1.0), ("mouthFunnel", 0.5)),
    ),
    Pose(
        "brows_up",
        "Brows up",
        "Raise your brows as high as they go.",
        "Raise your brows higher, and keep your head still.",
        _BROWS_UP,
        0.5,
        (*_all(1.0, *_BROWS_UP), *_all(0.5, *_both("eyeWide"))),
    ),
    Pose(
        "brows_down",
        "Brows down",
        "Draw your brows down, as if you were angry.",
        "Draw your brows further down.",
        _both("browDown"),
        0.4,
        _all(1.0, *_both("browDown")),
    ),
    Pose(
        "eyes_shut",
        "Eyes shut",
        "Shut both eyes, count to two, and open them again.",
        "Shut both eyes.",
        _both("eyeBlink"),
        0.7,
        _all(1.0, *_both("eyeBlink")),
    ),
    Pose(
        "puff",
        "Cheeks out",
        "Fill your cheeks with air.",
        "Fill your cheeks more.",
        ("cheekPuff",),
        0.5,
        (("cheekPuff", 1.0), ("mouthPucker", 0.3)),
        is_rare=True,
    ),
)
BY_NAME = {pose.name: pose for pose in POSES}
