"""Reference pictures drawn by Arc2Face, for an ordinary character that copies them live on a CPU.

The first pictures show the face from the front. Arc2Face draws them from noise, and one head is fitted to them. For
each further view the ordinary renderer draws a draft, and Arc2Face draws over it (SDEdit, arXiv 2108.01073), with its
ControlNet for head pose if that is loaded. So the pose of these pictures is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..capture.photo import MediaPipeFinder, Photo, face_finder, single_face
from ..capture.source import SourceError
from ..data import Array, Character, FlameParams, Reference
from ..face.fitting import FaceLandmarks, Fitter, Similarity, frame_photo
from ..face.light import studio_light
from ..face.retarget import from_weights
from ..images import PhotoError
from ..model.making import made_from_photos
from ..model.networks import Networks
from ..model.renderer import Renderer
from ..models import ModelError
from .identity import portrait_crop
from .pose import PoseMapper
from .sampling import STEPS

if TYPE_CHECKING:
    from .pipeline import Arc2Face
    from .processors import Bank

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Anchor:
    """A face of which a character needs a picture, as ARKit weights and the head's yaw."""

    name: str
    weights: Array  # [52]
    yaw_deg: float = 0.0  # to the person's left

    @property
    def params(self) -> FlameParams:
        """The face in the basis "open"."""
        return from_weights(self.weights, None, np.array([0.0, np.radians(self.yaw_deg), 0.0], np.float32))


def _both_sides(**named: float) -> dict[str, float]:
    return {f"{name}{side}": value for name, value in named.items() for side in ("Left", "Right")}


REST = Anchor("rest", arkit.weights({}))
OPEN_MOUTH = Anchor("open mouth", arkit.weights({"jawOpen": 0.6, **_both_sides(mouthUpperUp=0.35, mouthLowerDown=0.4)}))
CLOSED_EYES = Anchor("closed eyes", arkit.weights(_both_sides(eyeBlink=1.0)))
# Drawn from noise. The first is the face at rest; one head is fitted to four pictures at most.
FRONT = (REST, OPEN_MOUTH, CLOSED_EYES, Anchor("smile", arkit.weights(_both_sides(mouthSmile=0.8, cheekSquint=0.4))))
# Drawn over a draft, the nearest turns first, since each draft copies from the references before it.
_TURNS_DEG = (15.0, -15.0, 30.0, -30.0, 45.0, -45.0)  # to the person's left and right
REDRAWN = (
    Anchor("pucker", arkit.weights({"mouthPucker": 0.8})),
    Anchor("funnel", arkit.weights({"mouthFunnel": 0.7, "jawOpen": 0.2})),
    *(Anchor(f"{abs(turn):.0f} degrees {'left' if turn > 0 else 'right'}", REST.weights, turn) for turn in _TURNS_DEG),
)
# How much of a draft is drawn anew. With the ControlNet the pose survives more noise.
STRENGTH, STRENGTH_WITH_POSE = 0.5, 0.8
_DRAFT_STEPS = 4
_EDGE = 0.06  # of the drawn picture's side: the width over which it fades into the draft


@dataclass(frozen=True, eq=False)
class Drawer:
    """Arc2Face with one identity and one noise."""

    arc: Arc2Face
    tokens: Array  # [1,77,D]
    noise: Array  # [4,h,h]
    bank: Bank | None
    vector: Callable[[Array], Array]  # ARKit weights [52] to the adapter's vector [55]
    scale: float = 1.0  # strength of the expression

    @property
    def size(self) -> int:
        """Pixels on a side."""
        return 8 * int(self.noise.shape[-1])

    def front(self) -> dict[str, Picture]:
        """[S,S,3] the pictures of `FRONT` by name, in 25 guided steps each."""
        return {anchor.name: self._draw(anchor) for anchor in FRONT}

    def redrawn(self, character: Character) -> Iterator[tuple[Anchor, Picture, Reference]]:
        """Each of `REDRAWN` as a picture [S,S,3] in Arc2Face's frame, and as a reference in the character's."""
        renderer = Renderer(Networks())
        fitter = Fitter()
        shaped = fitter.head.shaped(character.shape)
        first = character.references[0]
        side = len(first.rgba)
        for anchor in REDRAWN:
            draft = renderer.draw(renderer.prepare(character), anchor.params, first.light, side, _DRAFT_STEPS)
            points = fitter.landmarks(character.shape, anchor.params, side)
            onto = portrait_crop(points.astype(np.float32), self.size)
            start = frame_photo(_on_grey(draft), onto, self.size).picture
            control = None
            if self.arc.controlnet is not None:
                control = PoseMapper.framed(shaped, onto, side, self.size).picture(anchor.params)
            picture = self._draw(anchor, start=start, control=control)
            rgba = _pasted(draft, picture, onto)
            reference = Reference(rgba, anchor.params, first.light, "painted")
            character = replace(character, references=(*character.references, reference))
            yield anchor, picture, reference

    def _draw(self, anchor: Anchor, start: Picture | None = None, control: Picture | None = None) -> Picture:
        latents = self.arc.generate(
            self.tokens,
            self.vector(anchor.weights)[None],
            self.noise[None],
            steps=STEPS,
            bank=self.bank,
            scale=self.scale,
            start=start,
            control=control,
            strength=STRENGTH if control is None else STRENGTH_WITH_POSE,
        )
        picture: Picture = self.arc.picture(latents)[0]
        return picture


def _pasted(draft: Picture, picture: Picture, onto: Similarity) -> Picture:
    """[S,S,4] the draft [S,S,4], with the part that `onto` leads to replaced by the drawn picture."""
    side, size = len(draft), len(picture)
    along = np.minimum(np.arange(size), np.arange(size)[::-1]) / (_EDGE * size)
    fade = np.clip(np.minimum(along[:, None], along[None]), 0.0, 1.0)
    mask = np.repeat((fade * 255.0).astype(np.uint8)[..., None], 3, 2)
    back = onto.inverse()
    placed, weight = (frame_photo(one, back, side) for one in (picture, mask))
    share = np.where(weight.is_photo[..., None], weight.picture / 255.0, 0.0)
    rgb = draft[..., :3] + share * (placed.picture.astype(np.float32) - draft[..., :3])
    return np.concatenate([rgb.round().clip(0.0, 255.0).astype(np.uint8), draft[..., 3:]], 2)


def read_face(
    what: str, picture: Picture, open_finder: Callable[[], MediaPipeFinder] = face_finder
) -> FaceLandmarks | str:
    """The face in a drawn picture, or why the tracker finds none."""
    try:
        with open_finder() as finder:
            return single_face(what, np.ascontiguousarray(picture), finder)
    except (PhotoError, SourceError, ModelError) as error:
        return str(error)


def reading_of(what: str, picture: Picture, instead: FaceLandmarks) -> tuple[FaceLandmarks, str]:
    """The face in a drawn picture and ""; if the tracker finds none, `instead`, that of the photo, and a warning."""
    found = read_face(what, picture)
    if not isinstance(found, str):
        return found, ""
    return instead, f"{found}; the points of the photo are used instead, so the head turns less well"


@dataclass(frozen=True, eq=False)
class Copied:
    """An ordinary character with drawn reference pictures."""

    character: Character
    pictures: dict[str, Picture]  # [S,S,3] by their anchors' names, as they were drawn
    warnings: tuple[str, ...]


def copied(name: str, drawer: Drawer, instead: FaceLandmarks, consent: str) -> Copied:
    """The ordinary character whose references are the pictures of `FRONT`, then those of `REDRAWN`.

    `instead` is the face in the photo, in the frame of the drawn pictures.
    """
    pictures, photos, missing = drawer.front(), [], []
    for anchor in FRONT:
        picture = pictures[anchor.name]
        seen, why = reading_of(f"the drawn {anchor.name}", picture, replace(instead, weights=anchor.weights))
        photos.append(Photo(anchor.name, picture, seen))
        missing.append(why)
    found = made_from_photos(name, photos, consent)
    references = found.character.references
    for anchor, picture, reference in drawer.redrawn(found.character):
        pictures[anchor.name] = picture
        references += (reference,)
    warnings = (*filter(None, missing), *found.warnings)
    return Copied(replace(found.character, references=references), pictures, warnings)


def drawn_live(character: Character, faces: Sequence[FlameParams], size: int) -> tuple[list[Picture], float]:
    """[S,S,3] these faces as `omote live` draws them, on grey, and the milliseconds for each."""
    renderer = Renderer(Networks())
    prepared = renderer.prepare(character)
    start = time.perf_counter()
    drawn = [renderer.draw(prepared, face, studio_light(), size, 1) for face in faces]
    took_ms = (time.perf_counter() - start) / len(faces) * 1000.0
    return [_on_grey(rgba) for rgba in drawn], took_ms


def _on_grey(rgba: Picture) -> Picture:
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    return np.asarray(rgba[..., :3] * alpha + 128.0 * (1.0 - alpha), np.uint8)
