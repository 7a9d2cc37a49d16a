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
from .copying import ANCHORS, character_of, draw_anchors, drawn_live, read_face
from .files import RECOGNISER, Published, files_for, published, published_file, require_commercial
from .identity import ArcFace, arcface, moved_points, portrait, portrait_crop
from .opening import open_weights
from .options import COPIED, Options, options_of
from .sampling import MAKING_STEPS, FewStep
from .vectors import STAND_IN_NEUTRAL, ToFlame, read_neutral, vector_of

if TYPE_CHECKING:
    from .pipeline import Arc2Face
    from .processors import Bank

TURNED_DEG = 8.0  # from which on a photo's head is not from the front


@dataclass(frozen=True, eq=False)
class Origin:
    """Who is drawn, and from what."""

    photo: Photo
    consent: str  # in words
    likeness: str  # whose it is, in words
    neutral: Array | None = None  # [55] as measured; None: the stand-in
    to_flame: ToFlame | None = None  # for anchors


def make(name: str, photo: Path, consent: str, typed: argparse.Namespace, settings: Settings) -> list[Made]:
    """What `omote character new --kind photoreal` asks for; errors that a user can mend are raised."""
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


def made(options: Options, origin: Origin, files: Published, *, allow_noncommercial: bool) -> list[Made]:
    """A character for each seed; CharacterError, or the ModelError of a file that is missing or not allowed."""
    names = files_for(options.sampler)
    require_commercial(map(published_file, names), allow_noncommercial)  # before gigabytes are read
    parts, embedder = files.parts(names), arcface(files.path(RECOGNISER))
    arc = open_weights(files, None if options.live == COPIED else options.sampler, options.reference_scale)
    try:
        maker = _Maker(options, origin, arc, embedder, parts, files.model(options.sampler, options.reference_scale))
        one = maker.copied if options.live == COPIED else maker.direct
        return [one(seed) for seed in options.noise_seeds]
    except ValueError as error:
        raise CharacterError(f"these weights cannot make a character: {error}") from error


class _Maker:
    """The weights and what all characters of one photo share."""

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
        self.neutral = np.array(STAND_IN_NEUTRAL if origin.neutral is None else origin.neutral)
        self.bank = arc.bank(self.reference, self.tokens) if options.reference_scale > 0.0 else None

    def noise(self, seed: int) -> Array:
        """[4,h,h] from which every picture of a character begins."""
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
        reading, missing = self._reading("the drawn face", self.arc.picture(latents, tiny=True)[0])
        character = PhotorealCharacter(
            name=options.named(seed),
            tokens=self.tokens[0],
            empty=self.arc.nobody()[0].float().cpu().numpy(),
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
        """An ordinary character whose references are drawn by the weights in many guided steps."""
        options = self.options
        pictures = draw_anchors(
            self.arc, self.tokens, self.noise(seed), self.bank, self.vector, options.expression_scale
        )
        seen = {what: self._reading(f"the drawn {what}", one, ANCHORS[what]) for what, one in pictures.items()}
        found = character_of(options.named(seed), pictures, [one for one, _ in seen.values()], self.origin.consent)
        drawn_by = f"Reference pictures drawn by Arc2Face from 1 photo of a real person, {', '.join(self._words(seed))}"
        character = replace(found.character, licence=_licence(self.parts), made_from=drawn_by[:1000])
        alike = [f"{what} {self._cosine(pictures[what], one):.2f}" for what, (one, _) in seen.items()]
        (live,), took_ms = drawn_live(character, [FlameParams.neutral()], options.size)
        reading, _ = self._reading("the live picture", live)
        alike.append(f"live {self._cosine(live, reading):.2f} ({took_ms:.0f} ms a picture)")
        missing = [why for _, why in seen.values() if why]
        said = f"ArcFace cosine to the photo: {', '.join(alike)}"
        return Made(character, (*self._turned(), *missing, *found.warnings, said))

    def _cosine(self, picture: NDArray[np.uint8], reading: FaceLandmarks) -> float:
        try:
            return float(self.identity @ self.embedder.embed(picture, reading.points))
        except ModelError:
            return float("nan")

    def _rows(self, noise: Array) -> BankRows:
        """The reference's rows, then those of the anchors."""
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

    def _reading(
        self, what: str, picture: NDArray[np.uint8], weights: Array | None = None
    ) -> tuple[FaceLandmarks, str]:
        """The face in a drawn picture; the photo's points with the wanted weights where the tracker finds none."""
        read = self.origin.photo.reading
        points = moved_points(read.points, portrait_crop(read.points, self.options.size))
        wanted = np.zeros(arkit.COUNT, np.float32) if weights is None else weights
        found, why = read_face(what, picture, FaceLandmarks(points, wanted, read.rotation))
        return (
            found,
            why and f"{why}; the points of {self.origin.photo.name} stand in, by which the head turns less well",
        )

    def _turned(self) -> Iterator[str]:
        turned_deg = float(np.degrees(np.linalg.norm(self.origin.photo.reading.rotation[:2])))
        if turned_deg > TURNED_DEG:
            yield (
                f"the head in {self.origin.photo.name} is turned by {turned_deg:.0f} degrees: one side of the face and "
                "the shape of the head are guessed; use a photo from the front"
            )

    def _words(self, seed: int) -> Iterator[str]:
        options = self.options
        yield from () if options.live == COPIED else (f"sampler {options.sampler}",)
        yield f"noise seed {seed}"
        yield f"reference scale {options.reference_scale:g}" if options.reference_scale else "no reference"
        if options.anchors:
            yield f"anchors {' '.join(options.anchors)}"
        yield "a stand-in for a measured neutral" if self.origin.neutral is None else "a measured neutral"


def _licence(parts: Sequence[SourceFile]) -> str:
    """Of an ordinary character, within its 200 characters."""
    refused = not all(part.is_commercial for part in parts)
    return f"{LICENCE}; not for commercial use, as the weights that drew it" if refused else LICENCE
