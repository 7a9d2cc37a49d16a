"""Photoreal characters in the few steps that they were made for, each picture from its face alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np

from ..data import Array, FlameParams, PhotorealCharacter
from ..diffusion.schedule import FewStep
from ..errors import AnimatorError
from ..photoreal.animator import PhotorealAnimator
from ..photoreal.exported_model import ExportedModel
from ..photoreal.exporting import exported, first_networks
from ..photoreal.files import published
from ..photoreal.opening import weights_of
from ..photoreal.recipe import Recipe
from ..runtime.session import RuntimeUnavailable
from .animation import Chunk, RenderError
from .pictures import Picture, resize_picture

if TYPE_CHECKING:
    from .render import PhotorealSettings, RenderSettings


@dataclass(eq=False)
class FewSteps:
    """Draws as the live path does, but steadies no face and holds none still."""

    cast: tuple[PhotorealCharacter, ...]
    size: int
    animator: PhotorealAnimator

    @classmethod
    def at(cls, easel: RenderSettings) -> FewSteps:
        """AnimatorError where the networks cannot be opened here."""
        people, how = people_at(easel)
        model = model_of(people[0], how)
        try:
            networks, _ = first_networks(model, (easel.build,))
        except RuntimeUnavailable as error:
            raise AnimatorError(str(error)) from error
        sampler = cast("FewStep", people[0].sampler)
        animator = PhotorealAnimator(networks, sampler, easel.steps, how.to_flame.flame, consistency=False)
        return cls(people, easel.size, animator)

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        for face, light, shares in zip(chunk.faces, chunk.lights, chunk.shares, strict=True):
            params, shown = FlameParams.from_vector(face, chunk.basis), self.cast[who(shares)]
            yield resize_picture(self.animator.draw(params, shown, light).rgba, self.size)


def people_at(easel: RenderSettings) -> tuple[tuple[PhotorealCharacter, ...], PhotorealSettings]:
    """Who is drawn at an easel for photoreal characters, and how; ValueError at another."""
    people = tuple(one for one in easel.cast if isinstance(one, PhotorealCharacter))
    if easel.photoreal is None or len(people) != len(easel.cast):
        raise ValueError("an easel for photoreal characters alone was wanted")
    return people, easel.photoreal


def who(shares: Array) -> int:
    """The one of the cast whom these shares [c] show; RenderError where they are a mixture."""
    present = np.flatnonzero(shares > 0.0)
    if len(present) != 1:
        raise RenderError(f"a picture shows one photoreal character and no mixture, got {len(present)}")
    return int(present[0])


def model_of(character: PhotorealCharacter, how: PhotorealSettings) -> ExportedModel:
    """The networks that draw this character, exported at the first asking; AnimatorError where that cannot be done."""
    weights = cache(lambda: weights_of(character, published(how.published), how.allow_noncommercial))
    try:
        return exported(Recipe.of(character), weights)
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error
