"""What is drawn to be judged: expressions, poses and lights that no training ever saw, sweeps, and performances."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.capture.take import Take
from omote.engine.face.gaze import weights_from_gaze
from omote.engine.face.memory import TURN_NOISE_RAD, WEIGHT_NOISE
from omote.engine.face.retarget import from_weights
from omote.engine.nouns import FlameParams

from ..faces.expression import MOODS, sample_expression, sample_head_rotation, sample_single, sample_take, settle
from ..faces.light import Light, sample_light, studio

Array = NDArray[np.float32]

# Training draws with seeds [data set, person, picture]; data sets count from 0 and never get here.
SEED = 0x0E7A_1000
TURN_DEG = (-35, -23, -12, 0, 12, 23, 35)
SHOWN_MOODS = (
    *("smile", "laugh", "surprise", "sad", "angry", "fear"),
    *("doubt", "kiss", "wink", "tease", "sleepy", "effort"),
)

# Swept one after the other, both sides together.
SWEPT: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("jawOpen", ("jawOpen",)),
    ("mouthSmile", ("mouthSmileLeft", "mouthSmileRight")),
    ("eyeBlink", ("eyeBlinkLeft", "eyeBlinkRight")),
    ("browInnerUp", ("browInnerUp",)),
    ("browDown", ("browDownLeft", "browDownRight")),
    ("mouthPucker", ("mouthPucker",)),
    ("mouthFunnel", ("mouthFunnel",)),
    ("eyeLookIn", ("eyeLookInLeft", "eyeLookOutRight")),
    ("eyeLookOut", ("eyeLookOutLeft", "eyeLookInRight")),
    ("mouthUpperUp", ("mouthUpperUpLeft", "mouthUpperUpRight")),
    ("eyeWide", ("eyeWideLeft", "eyeWideRight")),
)
_SWEEP = 12  # pictures of one sweep: up and down again
_LOOKS = np.array([name.startswith("eyeLook") for name in arkit.NAMES])


@dataclass(frozen=True)
class Shot:
    """One picture to be drawn, in words that the renderer and the network both understand."""

    weights: Array  # [52] ARKit order, 0 to 1
    head_rotation: Array  # [3] as in `Signal`
    light: Light

    def params(self) -> FlameParams:
        return from_weights(self.weights, neck_pose=self.head_rotation)


@dataclass(frozen=True)
class Scene:
    """Shots of one purpose."""

    name: str
    shots: tuple[Shot, ...]
    is_sequence: bool = False  # each picture follows the one before; else none knows of another

    def __len__(self) -> int:
        return len(self.shots)

    def weights(self) -> Array:
        """[n,52] what is asked."""
        return np.stack([shot.weights for shot in self.shots])


def rest() -> Scene:
    """At rest, from the front, in portrait light: a character's reference picture."""
    return Scene("rest", (Shot(arkit.weights({}), np.zeros(3, np.float32), studio()),))


def varied(count: int) -> Scene:
    """Faces, head turns and lights as training mixes them, but none that it drew; every fourth face is one shape."""
    return Scene("varied", tuple(_varied(k, np.random.default_rng([SEED, k])) for k in range(count)))


def _varied(k: int, rng: np.random.Generator) -> Shot:
    face = sample_single(rng) if k % 4 == 3 else sample_expression(rng)
    return Shot(face, sample_head_rotation(rng), sample_light(rng))


def expressions() -> Scene:
    """Twelve moods from the front in portrait light."""
    still, light = np.zeros(3, np.float32), studio()
    return Scene("expressions", tuple(Shot(settle(arkit.weights(MOODS[m])), still, light) for m in SHOWN_MOODS))


def posed() -> Scene:
    """The twelve moods, then each swept shape at full, from the front in portrait light: a set of one character."""
    full = tuple(replace(rest().shots[0], weights=arkit.weights(dict.fromkeys(names, 1.0))) for _, names in SWEPT)
    return Scene("posed", (*expressions().shots, *full))


def turns() -> Scene:
    """A faint smile, the head turned from far right to far left."""
    face, light = arkit.weights({"mouthSmileLeft": 0.25, "mouthSmileRight": 0.25}), studio()
    angles = np.radians(TURN_DEG)
    return Scene("turns", tuple(Shot(face, np.array([0.0, a, 0.0], np.float32), light) for a in angles))


def lights() -> Scene:
    """At rest in portrait light from the other side, warm from low, cold from above, with a rim, hard, and dim."""
    set_ups = (
        studio(azimuth_rad=-0.7),
        studio(0.3, -0.3, (1.9, 1.35, 0.85), (0.6, 0.52, 0.46)),
        studio(-0.2, 0.9, (0.95, 1.25, 1.6), (0.4, 0.47, 0.56)),
        studio(0.8, 0.3, rim=1.6),
        studio(1.4, 0.2, (2.4, 2.35, 2.3), (0.22, 0.23, 0.26), softness=0.03),
        studio(0.4, 0.4, (0.5, 0.48, 0.46), (0.4, 0.42, 0.46)),
    )
    return Scene("lights", tuple(replace(rest().shots[0], light=light) for light in set_ups))


def sweeps() -> Scene:
    """Each swept shape alone goes from rest to full and back, from the front in portrait light."""
    rise = np.sin(np.linspace(0.0, np.pi, _SWEEP))
    rows = (arkit.weights(dict.fromkeys(names, float(w))) for _, names in SWEPT for w in rise)
    return Scene("sweeps", tuple(Shot(row, np.zeros(3, np.float32), studio()) for row in rows), is_sequence=True)


def performance(frames: int) -> Scene:
    """Somebody who talks, looks around and blinks, thirty pictures a second, in light that stays."""
    rng = np.random.default_rng([SEED + 1])
    weights, head_rotation = sample_take(rng, frames)
    light = sample_light(rng)
    shots = tuple(Shot(w, turn, light) for w, turn in zip(weights, head_rotation, strict=True))
    return Scene("sequence", shots, is_sequence=True)


def of_take(name: str, take: Take, frames: int) -> Scene:
    """The pictures of a recorded performance in which most happens, in portrait light; its gaze turns the eyes."""
    light, rows = studio(), _liveliest(take.weights, frames)
    gaze = np.stack([weights_from_gaze(row) for row in take.gaze[rows]])
    weights = np.where(_LOOKS, gaze, take.weights[rows]).astype(np.float32)
    shots = tuple(Shot(w, turn, light) for w, turn in zip(weights, take.head_rotation[rows], strict=True))
    return Scene(f"take {name}", shots, is_sequence=True)


def trembling(count: int) -> Scene:
    """A half smile, held, as a tracker would report it: each weight and the head's turn with noise of their own."""
    rng, light = np.random.default_rng([SEED + 2]), studio()
    held = arkit.weights({name: 0.5 * weight for name, weight in MOODS["smile"].items()})
    shots = []
    for _ in range(count):
        seen = np.clip(held + rng.normal(0.0, WEIGHT_NOISE, arkit.COUNT), 0.0, 1.0).astype(np.float32)
        shots.append(Shot(seen, rng.normal(0.0, TURN_NOISE_RAD, 3).astype(np.float32), light))
    return Scene("trembling", tuple(shots), is_sequence=True)


def still(count: int) -> Scene:
    """The same face again and again."""
    face = arkit.weights({name: 0.5 * weight for name, weight in MOODS["smile"].items()})
    return Scene("still", (Shot(face, np.zeros(3, np.float32), studio()),) * count, is_sequence=True)


def _liveliest(weights: Array, count: int) -> slice:
    """So many consecutive rows whose weights change most."""
    changed = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(weights, axis=0)).sum(1))])
    first = np.arange(max(len(weights) - count, 0) + 1)
    last = np.minimum(first + count, len(weights)) - 1
    start = int((changed[last] - changed[first]).argmax())
    return slice(start, start + count)
