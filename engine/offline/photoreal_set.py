"""Photoreal characters at full quality: pictures that read each other while the published weights draw them.

The consistent attention of GEN-AFFECT (arXiv 2508.09461), over faces of the whole script and neighbours in both
directions, so that what the photo leaves open comes out the same in all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..data import FLAME_BASIS, Array, FlameParams, PhotorealCharacter
from ..errors import AnimatorError
from ..photoreal.files import published
from ..photoreal.licences import require_commercial
from ..photoreal.opening import EXTRA, open_weights, require_alike
from ..photoreal.sitter import relief_of
from ..photoreal.tint import tinted
from ..photoreal.vector import vector_of
from .animation import REACH, Chunk
from .photoreal_hand import people_at, who
from .pictures import Picture, resize_picture

if TYPE_CHECKING:
    from ..diffusion.arc2face.bank import Bank
    from ..diffusion.arc2face.pipeline import Arc2Face
    from .render import PhotorealSettings, RenderSettings

WINDOW = 4  # pictures that are drawn at once, besides those that are dropped: memory and time grow with its square
_STANDS = np.zeros(3, np.float32)  # where the head stands is the camera's affair, as in pictures of the open kind


@dataclass(eq=False)
class ManySteps:
    """Draws a few pictures of a chunk at once, with their neighbours and the script's anchors, which are dropped."""

    cast: tuple[PhotorealCharacter, ...]
    easel: RenderSettings
    how: PhotorealSettings
    arc: Arc2Face
    banks: dict[int, Bank | None] = field(default_factory=dict)

    @classmethod
    def at(cls, easel: RenderSettings) -> ManySteps:
        """AnimatorError or CharacterError where the published weights cannot be opened here."""
        people, how = people_at(easel)
        for one in people:
            require_commercial(one.parts, how.allow_noncommercial)
        try:
            from ..diffusion.arc2face.pipeline import place_of, use_threads

            device, dtype = place_of(easel.build.precision)
        except (ImportError, ValueError) as error:
            raise AnimatorError(f"more steps than few are drawn by PyTorch ({error}): {EXTRA}") from error
        if easel.build.threads:
            use_threads(easel.build.threads)
        files = published(how.published)
        for one in people:
            require_alike(one, files)
        return cls(
            people, easel, how, open_weights(files, None, people[0].reference_scale, device=str(device), dtype=dtype)
        )

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        faces = np.concatenate([chunk.before.faces, chunk.faces, chunk.after.faces])
        parts = [part for part in (chunk.before.shares, chunk.shares, chunk.after.shares) if len(part)]
        shown = [who(shares) for shares in np.concatenate(parts)]
        lead = len(chunk.before.faces)
        for first in range(0, len(chunk), WINDOW):
            own = range(lead + first, lead + min(first + WINDOW, len(chunk)))
            near = range(max(own.start - REACH, 0), min(own.stop + REACH, len(faces)))
            drawn: dict[int, NDArray[np.uint8]] = {}
            for number in dict.fromkeys(shown[index] for index in own):
                mine = [index for index in own if shown[index] == number]
                beside = [index for index in near if index not in own and shown[index] == number]
                asked = _params(np.concatenate([faces[mine], faces[beside], chunk.anchors]), chunk.basis)
                drawn |= zip(mine, self._drawn(number, asked, len(mine)), strict=True)
            for index in own:
                params = FlameParams.from_vector(faces[index], chunk.basis)
                yield self._finished(drawn[index], self.cast[shown[index]], params, chunk.lights[index - lead])

    def _drawn(self, number: int, asked: Sequence[FlameParams], wanted: int) -> Sequence[NDArray[np.uint8]]:
        """[S,S,3] of the first so many of these faces, all of which read each other; heads that look ahead.

        What is asked for twice is drawn once: beside each other, equal faces differ by what a batch rounds.
        """
        from ..diffusion.arc2face.bank import Share

        person, share = self.cast[number], self.how.share
        tokens = person.tokens[None]
        if number not in self.banks:
            # Not the character's own rows, which the weights of its few steps have made.
            self.banks[number] = self.arc.bank(person.reference, tokens) if person.bank else None
        vectors = [vector_of(self._in_flame(params), person.neutral) for params in asked]
        places: dict[bytes, int] = {}
        shown = [places.setdefault(vector.tobytes(), len(places)) for vector in vectors]
        latents = self.arc.generate(
            tokens,
            np.stack([vectors[shown.index(place)] for place in places.values()]),
            person.noise[None],
            steps=self.easel.steps,
            guidance=self.how.guidance or 1.0,
            bank=self.banks[number],
            share=Share(share.down, share.up, share.mid) if share else None,
        )
        pictures = self.arc.picture(latents[: max(shown[:wanted]) + 1])
        return [pictures[place] for place in shown[:wanted]]

    def _finished(
        self, rgb: NDArray[np.uint8], person: PhotorealCharacter, params: FlameParams, light: Array
    ) -> Picture:
        """What was drawn, turned, tinted and of the size that was asked for."""
        turned = relief_of(person).turned(rgb, params.neck_pose, _STANDS, params.eye_pose, params.eyelids)
        return resize_picture(tinted(turned, light), self.easel.size)

    def _in_flame(self, params: FlameParams) -> FlameParams:
        return params if params.basis == FLAME_BASIS else self.how.to_flame.flame(params)


def _params(faces: Array, basis: str) -> list[FlameParams]:
    return [FlameParams.from_vector(face, basis) for face in faces]
