"""One photo of a person becomes a photoreal character: everything that its pictures share, computed once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ..capture.photo import Photo, face_finder, single_face
from ..data import Array, BankRows, FlameParams, PhotorealCharacter, SourceFile
from ..diffusion.schedule import FewStep, few_step_plan
from ..face.expressions import NAMED_EXPRESSIONS, expression_weights
from ..face.retarget import from_weights
from ..images import PhotoError
from ..model.character_file import CharacterError
from .alignment import moved_points, portrait, portrait_crop
from .files import Published, published_file
from .identity import IdentityEmbedder, arcface
from .licences import require_commercial
from .opening import open_weights
from .published_file import RECOGNISER, files_for
from .vector import STAND_IN_NEUTRAL, vector_of

if TYPE_CHECKING:
    from ..diffusion.arc2face.pipeline import Arc2Face

log = logging.getLogger(__name__)

ToFlame = Callable[[FlameParams], FlameParams]
STEPS: dict[str, int] = {"lcm": 4, "tcd": 1, "student": 1}  # of the picture in which the face's points are looked for
_UNIT = 64  # pixels: a side must be so many times this, for the UNet halves it three times after the decoder's eight
_MOST = 1024


@dataclass(frozen=True)
class Wish:
    """What a photoreal character is to be."""

    name: str
    sampler: str = "lcm"
    size: int = 512  # pixels on a side
    reference_scale: float = 0.8
    noise_seed: int = 0
    anchors: tuple[str, ...] = ()  # expressions, as `omote.engine.face.expressions` names them

    def check(self) -> None:
        """CharacterError where this cannot be."""
        if self.size % _UNIT or not 2 * _UNIT <= self.size <= _MOST:
            raise CharacterError(f"--size goes from {2 * _UNIT} to {_MOST} in steps of {_UNIT}, got {self.size}")
        if not 0.0 <= self.reference_scale <= 1.0:
            raise CharacterError(f"--reference-scale goes from 0 to 1, got {self.reference_scale}")
        if self.noise_seed < 0:
            raise CharacterError(f"--noise-seed is 0 or more, got {self.noise_seed}")
        for name in self.anchors:
            if name not in NAMED_EXPRESSIONS:
                raise CharacterError(
                    f'no expression is called "{name}": --anchors takes {", ".join(NAMED_EXPRESSIONS)}'
                )


@dataclass(frozen=True, eq=False)
class Origin:
    """Whom a character is made of, and how it is told what they do."""

    photo: Photo
    consent: str  # in words
    likeness: str  # whose it is, in words
    neutral: Array | None = None  # [55] as measured; None: the stand-in
    to_flame: ToFlame | None = None  # wanted for anchors alone


def make(wish: Wish, origin: Origin, files: Published, *, allow_noncommercial: bool) -> PhotorealCharacter:
    """The character; CharacterError, or the ModelError of a file that is missing or not allowed, says the cure."""
    wish.check()
    names = files_for(wish.sampler)
    require_commercial(map(published_file, names), allow_noncommercial)  # before gigabytes are read
    parts = files.parts(names)
    embedder = arcface(files.path(RECOGNISER))
    arc = open_weights(files, wish.sampler, wish.reference_scale)
    try:
        return _made(wish, origin, arc, embedder, files.model(wish.sampler, wish.reference_scale), parts)
    except ValueError as error:
        raise CharacterError(f"these weights cannot make a character: {error}") from error


def _made(
    wish: Wish, origin: Origin, arc: Arc2Face, embedder: IdentityEmbedder, model: str, parts: Sequence[SourceFile]
) -> PhotorealCharacter:
    photo, side = origin.photo, wish.size // 8
    tokens = arc.tokens(embedder.embed(photo.picture, photo.reading.points)[None])
    reference = portrait(photo.picture, photo.reading.points, wish.size)
    noise = np.random.default_rng(wish.noise_seed).standard_normal((4, side, side), np.float32)
    neutral = np.array(STAND_IN_NEUTRAL if origin.neutral is None else origin.neutral)
    mind = _Mind(arc, tokens.float().cpu().numpy(), noise, neutral)
    bank = mind.bank(reference, wish, origin.to_flame)
    at_rest = mind.at_rest(bank, wish.sampler)
    return PhotorealCharacter(
        name=wish.name,
        tokens=mind.tokens[0],
        noise=noise,
        neutral=neutral,
        is_neutral_measured=origin.neutral is not None,
        reference=reference,
        points=_points(at_rest, photo, wish.size),
        bank=bank,
        sampler=wish.sampler,
        model=model,
        parts=tuple(parts),
        licence=_licence(origin.likeness, parts),
        made_from=_made_from(wish, origin),
        reference_scale=wish.reference_scale,
    )


@dataclass(frozen=True, eq=False)
class _Mind:
    """The weights, and what all pictures of one character begin from."""

    arc: Arc2Face
    tokens: Array  # [1,77,D]
    noise: Array  # [4,h,h]
    neutral: Array  # [55]

    def bank(self, reference: NDArray[np.uint8], wish: Wish, to_flame: ToFlame | None) -> BankRows:
        """The reference's rows, then those of the anchors."""
        from ..diffusion.arc2face.anchors import anchor_bank
        from ..diffusion.arc2face.bank import joined, rows_of

        bank = self.arc.bank(reference, self.tokens)
        if wish.anchors:
            vectors = np.stack([self._vector(name, to_flame) for name in wish.anchors])
            first = few_step_plan(cast(FewStep, wish.sampler), STEPS[wish.sampler])[0].timestep
            bank = joined([bank, anchor_bank(self.arc, self.tokens, vectors, self.noise, first, bank)])
        return rows_of(bank)

    def _vector(self, name: str, to_flame: ToFlame | None) -> Array:
        if to_flame is None:
            raise CharacterError(f"the anchor {name} wants a FLAME map, and none was given")
        return vector_of(to_flame(from_weights(expression_weights(name))), self.neutral)

    def at_rest(self, bank: BankRows, sampler: str) -> NDArray[np.uint8]:
        """[S,S,3] the face at rest as it will be drawn live."""
        from ..diffusion.arc2face.bank import bank_from

        latents = self.arc.generate(
            self.tokens,
            self.neutral[None],
            self.noise[None],
            steps=STEPS[sampler],
            guidance=1.0,
            sampler=cast(FewStep, sampler),
            bank=bank_from(bank, self.arc.device, self.arc.dtype),
        )
        drawn: NDArray[np.uint8] = self.arc.picture(latents, tiny=True)[0]
        return drawn


def _points(at_rest: NDArray[np.uint8], photo: Photo, size: int) -> Array:
    """[478,2] MediaPipe's on the drawn face; those of the photo where it finds none there."""
    try:
        with face_finder() as finder:
            return single_face("the drawn face", at_rest, finder).points
    except PhotoError as error:
        log.warning("%s; the points of %s stand in, by which the head will turn less well", error, photo.name)
        points = photo.reading.points
        return moved_points(points, portrait_crop(points, size))


def _licence(likeness: str, parts: Sequence[SourceFile]) -> str:
    return f"{likeness}. Its weights: {'; '.join(dict.fromkeys(part.licence for part in parts))}"


def _made_from(wish: Wish, origin: Origin) -> str:
    words = [f"sampler {wish.sampler}", f"noise seed {wish.noise_seed}", f"reference scale {wish.reference_scale:g}"]
    words += [f"anchors {' '.join(wish.anchors)}"] if wish.anchors else []
    words += ["a stand-in for a measured neutral"] if origin.neutral is None else ["a measured neutral"]
    return f"1 photo of a real person. {origin.consent}. Arc2Face, {', '.join(words)}"
