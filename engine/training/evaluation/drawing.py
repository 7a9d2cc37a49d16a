"""Who draws what is judged: the animator under test, and the renderer that knows the truth."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from omote.engine.face.head import open_head
from omote.engine.face.maps import MapMaker
from omote.engine.nouns import AnyCharacter, Array
from omote.engine.roles import Artist

from .quality import Mask, Rgb, over_grey
from .scenes import Scene

if TYPE_CHECKING:
    from ..faces.figure import Figure
    from ..faces.kit import Kit

Pictures = NDArray[np.uint8]  # [n,S,S,4] straight alpha
Masks = NDArray[np.bool_]  # [n,S,S]

_COVERED = 6  # the maps' channel that says where the open head is
_RENDERER = Path(__file__).parents[1] / "faces"


class Drawer(Protocol):
    """Draws scenes; `Animated` is one, a network that is still in training may be another."""

    name: str
    size: int

    def draw(self, character: AnyCharacter, scene: Scene) -> Pictures:
        """The scene's pictures in order; only in a sequence may one know of the picture before."""
        ...


class Truth(Protocol):
    """Knows how the scenes of one subject really look; `Rendered` is one."""

    def draw(self, scene: Scene) -> Pictures: ...


@dataclass(frozen=True)
class Drawn:
    """A scene of one subject, drawn."""

    scene: Scene
    ours: Pictures
    truth: Pictures | None  # None where nobody knows it
    head: Masks  # where the head is

    def pairs(self) -> Iterator[tuple[Rgb, Rgb | None, Mask]]:
        """Each picture over grey, its truth, and where the head is in it."""
        true = [None] * len(self.ours) if self.truth is None else [over_grey(one) for one in self.truth]
        return zip(map(over_grey, self.ours), true, self.head, strict=True)

    def over_grey(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """[n,S,S,3] our pictures, and the truth's."""
        return over_grey(self.ours), None if self.truth is None else over_grey(self.truth)


class Stage(Artist, Protocol):
    """An artist who can be asked to forget; the animators of both kinds are."""

    def reset(self) -> None:
        """Forgets what was drawn before: the next picture stands alone."""
        ...


class Animated:
    """An animator as a drawer."""

    def __init__(self, name: str, artist: Stage) -> None:
        self.name, self.size, self._artist = name, artist.size, artist

    def draw(self, character: AnyCharacter, scene: Scene) -> Pictures:
        pictures, on_stage = [], replace(character)  # an animator keeps nothing of who has just come on stage
        for shot in scene.shots:
            pictures.append(self._artist.draw(shot.params(), on_stage, shot.light.harmonics()).rgba)
            if not scene.is_sequence:
                self._artist.reset()
        return np.stack(pictures)


class Rendered:
    """The renderer's pictures of the person with this seed; kept in `keep`, where given, for the next evaluation."""

    def __init__(self, kit: Kit, seed: int, size: int, keep: Path | None = None) -> None:
        self._kit, self._seed, self._size, self._keep = kit, seed, size, keep

    def draw(self, scene: Scene) -> Pictures:
        if self._keep is None:
            return self._rendered(scene)
        path = self._keep / f"{self._fingerprint(scene)}.npz"
        if not path.is_file():
            self._keep.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part.npz")
            np.savez_compressed(unfinished, allow_pickle=False, pictures=self._rendered(scene))
            unfinished.replace(path)
        with np.load(path, allow_pickle=False) as kept:
            return np.asarray(kept["pictures"])

    def _rendered(self, scene: Scene) -> Pictures:
        from ..faces.render import render

        shots = ((shot.weights, shot.head_rotation, shot.light) for shot in scene.shots)
        return np.stack([render(self._figure, *shot, self._size).rgba for shot in shots])

    @cached_property
    def _figure(self) -> Figure:
        from ..faces.figure import Figure
        from ..faces.person import sample_person

        return Figure(self._kit, sample_person(self._kit, self._seed))

    def _fingerprint(self, scene: Scene) -> str:
        """What these pictures depend on: person, shots, size, kit and the renderer's own code."""
        told = hashlib.sha256(f"{self._seed} {self._size} {_code()}".encode())
        told.update((self._kit.path / "SHA256SUMS").read_bytes())
        for shot in scene.shots:
            for array in (shot.weights, shot.head_rotation, shot.light.direction, shot.light.color):
                told.update(np.ascontiguousarray(array, np.float32).tobytes())
        return told.hexdigest()[:32]


def _code() -> str:
    files = sorted(_RENDERER.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def head_masks(shape: Array, scene: Scene, size: int) -> Masks:
    """Where the open head of this shape [100] is in each of a scene's pictures."""
    maker = MapMaker(open_head().shaped(shape), grid=size // 2)
    covered = np.stack([maker.draw(shot.params()).geometry[_COVERED] > 0.5 for shot in scene.shots])
    return np.asarray(covered.repeat(2, 1).repeat(2, 2))


def face_mask(points: Array, size: int) -> NDArray[np.bool_]:
    """[S,S] where a face is whose points [478,2] are in the picture: within what surrounds them on 36 sides."""
    angle = np.radians(np.arange(0.0, 360.0, 10.0))
    outward = np.stack([np.cos(angle), np.sin(angle)], 1)
    pixel = np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2), 2)
    return np.asarray((pixel @ outward.T <= (points @ outward.T).max(0)).all(2))
