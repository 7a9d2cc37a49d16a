"""One photo of a person becomes a photoreal character, or the reference pictures of an ordinary one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..capture.photo import Photo, read_photos
from ..data import Array, BankRows, FlameParams, PhotorealCharacter, SourceFile
from ..face.expressions import expression_weights
from ..face.fitting import FaceLandmarks
from ..face.flame_map import the_map
from ..face.flame_vectors import VectorError
from ..face.retarget import from_weights
from ..images import PhotoError
from ..model.kinds import Made, Settings
from ..model.making import LICENCE
from ..models import ModelError
from ..tensor_file import CharacterError
from .copying import Drawer, copied, drawn_live, read_face, reading_of
from .files import CONTROLNET, RECOGNISER, Published, files_for, published, published_file, require_commercial
from .identity import ArcFace, arcface, moved_points, portrait, portrait_crop
from .opening import open_fastest, open_weights
from .options import COPIED, Options, options_of
from .sampling import MAKING_STEPS, FewStep
from .vectors import STAND_IN_NEUTRAL, ToFlame, read_neutral, vector_of

if TYPE_CHECKING:
    from .pipeline import Arc2Face
    from .processors import Bank

TURNED_DEG = 8.0  # a head that is turned farther causes a warning


@dataclass(frozen=True, eq=False)
class Origin:
    """The person, and how to read expressions."""

    photo: Photo
    consent: str  # the declaration in the character's file
    likeness: str  # whose likeness it is, for the licence
    neutral: Array | None = None  # [55] as measured; None: the stand-in
    to_flame: ToFlame | None = None  # for anchors


def make(name: str, photo: Path, consent: str, typed: argparse.Namespace, settings: Settings) -> Iterator[Made]:
    """Runs `omote character new --kind photoreal`; each character comes as soon as it is drawn."""
    options = options_of(name, typed)
    try:
        neutral = None if typed.neutral is None else read_neutral(typed.neutral)
        needs_map = options.anchors or options.live == COPIED
        to_flame = the_map(settings.flame_map).flame if needs_map else None
        (read,) = read_photos((photo,))
    except (PhotoError, VectorError) as error:
        raise CharacterError(str(error)) from error
    origin = Origin(read, consent, LICENCE, neutral, to_flame)
    return made(options, origin, published(settings.files), allow_noncommercial=settings.allow_noncommercial)


def made(options: Options, origin: Origin, files: Published, *, allow_noncommercial: bool) -> Iterator[Made]:
    """One character after another, for each seed.

    CharacterError or ModelError before the first, for missing files and for licences that forbid it.
    """
    names, is_copied = files_for(options.sampler), options.live == COPIED
    require_commercial(map(published_file, names), allow_noncommercial)  # before gigabytes are read
    has_pose = is_copied and files.find(CONTROLNET) is not None
    parts = files.parts((*names, CONTROLNET) if has_pose else names)
    embedder = arcface(files.path(RECOGNISER))
    if is_copied:
        arc = open_fastest(files, None, options.reference_scale, has_pose=has_pose)
    else:
        arc = open_weights(files, options.sampler, options.reference_scale)
    try:
        maker = _Maker(options, origin, arc, embedder, parts, files.model(options.sampler, options.reference_scale))
        one = maker.copied if is_copied else maker.direct
        yield from map(one, options.noise_seeds)
    except ValueError as error:
        raise CharacterError(f"these weights cannot make a character: {error}") from error


class _Maker:
    """The weights, and what all characters of one photo share."""

    def __init__(
        self,
        options: Options,
        origin: Origin,
        arc: Arc2Face,
        embedder: ArcFace,
        parts: Sequence[SourceFile],
        model: str,
    ) -> None:
        self.options, self.origin, self.arc, self.embedder = options, origin, arc, embedder
        self.parts, self.model = parts, model
        photo = origin.photo
        self.identity = embedder.embed(photo.picture, photo.reading.points)
        self.tokens = arc.tokens(self.identity[None]).float().cpu().numpy()  # [1,77,D]
        self.reference = portrait(photo.picture, photo.reading.points, options.size)
        moved = moved_points(photo.reading.points, portrait_crop(photo.reading.points, options.size))
        self.instead = FaceLandmarks(moved, np.zeros(arkit.COUNT, np.float32), photo.reading.rotation)
        self.neutral = np.array(STAND_IN_NEUTRAL if origin.neutral is None else origin.neutral)
        self.bank = arc.bank(self.reference, self.tokens) if options.reference_scale > 0.0 else None

    def noise(self, seed: int) -> Array:
        """[4,h,h] the noise of all pictures of a character."""
        side = self.options.size // 8
        return np.random.default_rng(seed).standard_normal((4, side, side), np.float32)

    def vector(self, weights: Array) -> Array:
        """[55] of ARKit weights [52]."""
        return vector_of(from_weights(weights), self.neutral, self.origin.to_flame)

    def direct(self, seed: int) -> Made:
        """A character that the weights draw live."""
        options, origin, noise = self.options, self.origin, self.noise(seed)
        bank = self._rows(noise)
        latents = self.arc.generate(
            self.tokens,
            self.neutral[None],
            noise[None],
            steps=MAKING_STEPS[options.sampler],
            guidance=1.0,
            sampler=cast("FewStep", options.sampler),
            bank=self._kept(bank),
        )
        reading, missing = reading_of("the drawn face", self.arc.picture(latents, tiny=True)[0], self.instead)
        character = PhotorealCharacter(
            name=options.named(seed),
            tokens=self.tokens[0],
            empty=self.arc.empty()[0].float().cpu().numpy(),
            noise=noise,
            neutral=self.neutral,
            is_neutral_measured=origin.neutral is not None,
            reference=self.reference,
            points=reading.points,
            bank=bank,
            sampler=options.sampler,
            model=self.model,
            parts=tuple(self.parts),
            licence=f"{origin.likeness}. Its weights: {'; '.join(dict.fromkeys(part.licence for part in self.parts))}",
            made_from=f"1 photo of a real person. {origin.consent}. Arc2Face, {', '.join(self._words(seed))}",
            reference_scale=options.reference_scale,
        )
        return Made(character, (*self._turned(), *filter(None, [missing])))

    def copied(self, seed: int) -> Made:
        """An ordinary character with reference pictures drawn by the weights in many guided steps."""
        options, scale = self.options, self.options.expression_scale
        drawer = Drawer(self.arc, self.tokens, self.noise(seed), self.bank, self.vector, scale)
        found = copied(options.named(seed), drawer, self.instead, self.origin.consent)
        drawn_by = f"Reference pictures drawn by Arc2Face from 1 photo of a real person, {', '.join(self._words(seed))}"
        character = replace(found.character, licence=_licence(self.parts), made_from=drawn_by[:1000])
        (live,), took_ms = drawn_live(character, [FlameParams.neutral()], options.size)
        alike = ", ".join(f"{what} {self._cosine(what, one)}" for what, one in {**found.pictures, "live": live}.items())
        measured = f"ArcFace cosine to the photo: {alike} ({took_ms:.0f} ms a picture)"
        return Made(character, (*self._turned(), *found.warnings, measured))

    def _cosine(self, what: str, picture: NDArray[np.uint8]) -> str:
        reading = read_face(what, picture)
        if isinstance(reading, str):
            return "no face found"
        try:
            return f"{float(self.identity @ self.embedder.embed(picture, reading.points)):.2f}"
        except ModelError:
            return "unknown"

    def _rows(self, noise: Array) -> BankRows:
        """The rows of the photo, then those of the anchors."""
        from .processors import joined, rows_of
        from .schedulers import few_step_plan

        if self.bank is None:
            return BankRows()
        bank, options = self.bank, self.options
        if options.anchors:
            vectors = np.stack([self.vector(expression_weights(name)) for name in options.anchors])
            plan = few_step_plan(cast("FewStep", options.sampler), MAKING_STEPS[options.sampler])
            bank = joined([bank, self.arc.anchor_bank(self.tokens, vectors, noise, plan[0].timestep, bank)])
        return rows_of(bank)

    def _kept(self, rows: BankRows) -> Bank | None:
        from .processors import bank_from

        return bank_from(rows, self.arc.device, self.arc.dtype) if rows else None

    def _turned(self) -> Iterator[str]:
        turned_deg = float(np.degrees(np.linalg.norm(self.origin.photo.reading.rotation[:2])))
        if turned_deg > TURNED_DEG:
            yield (
                f"the head in {self.origin.photo.name} is turned by {turned_deg:.0f} degrees: one side of the face and "
                "the shape of the head are guessed; use a photo from the front"
            )

    def _words(self, seed: int) -> Iterator[str]:
        options = self.options
        if options.live == COPIED:
            yield "head turned by ControlNet" if self.arc.controlnet is not None else "head turned without ControlNet"
        else:
            yield f"sampler {options.sampler}"
        yield f"noise seed {seed}"
        yield f"reference scale {options.reference_scale:g}" if options.reference_scale else "no reference"
        if options.anchors:
            yield f"anchors {' '.join(options.anchors)}"
        yield "a stand-in for a measured neutral" if self.origin.neutral is None else "a measured neutral"


def _licence(parts: Sequence[SourceFile]) -> str:
    """The licence of an ordinary character, which has at most 200 characters."""
    is_commercial = all(part.is_commercial for part in parts)
    return LICENCE if is_commercial else f"{LICENCE}; not for commercial use, as the weights that drew it"
