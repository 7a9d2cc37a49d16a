"""Photoreal characters offline: in the few steps they were made for, or in many, guided, as the authors draw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data import AnyCharacter, Array, FlameParams, PhotorealCharacter
from ..errors import AnimatorError
from ..face.flame_map import FlameMap, the_map
from ..model.kinds import Settings, Stills
from ..offline.animation import Chunk, RenderError
from ..offline.pictures import Picture, resize_picture
from ..offline.render import RenderSettings
from ..runtime.session import AUTO, Build
from .files import ALIKE, VAE, model_digest, published, require_commercial
from .networks import Recipe
from .opening import EXTRA, model_of, open_weights, require_alike
from .renderer import Options, PhotorealRenderer, open_renderer, relief_of
from .sampling import MOST_STEPS, check_steps
from .vectors import vector_of
from .warp import tinted

if TYPE_CHECKING:
    from .pipeline import Arc2Face
    from .processors import Bank

STEPS, GUIDANCE = 25, 3.0
SHARE = 0.0  # no gain was measured: the published weights were not at hand
_MANY = 999
_STANDS = np.zeros(3, np.float32)  # where the head stands is the camera's affair


@dataclass(frozen=True, eq=False)
class Photoreal:
    """How photoreal characters are rendered; sent to the workers."""

    to_flame: FlameMap
    settings: Settings
    is_guided: bool  # in many steps by PyTorch; else in the few that the characters were made for
    weights: str  # digest of the published files that draw

    def facts(self) -> str:
        """Everything that decides a picture's bytes besides the settings of the rendering, in words."""
        guided = f", guidance {GUIDANCE if self.is_guided else self.settings.guidance:g}"
        scale = f", expression {self.settings.expression_scale:g}"
        numbers = self.to_flame.expression.tobytes() + self.to_flame.jaw_rad.tobytes()
        return f"{self.weights[:16]}, map {hashlib.sha256(numbers).hexdigest()[:16]}{guided}{scale}"

    def open(self, settings: RenderSettings) -> FewSteps | ManySteps:
        """The renderer; AnimatorError or CharacterError if it cannot be opened here."""
        people = tuple(one for one in settings.cast if isinstance(one, PhotorealCharacter))
        if self.is_guided:
            return ManySteps(
                people, settings.size, Painter.open(people[0], self.settings, self.to_flame, settings.build)
            )
        model = model_of(people[0], self.settings)
        options = Options(settings.steps, self.settings.guidance, self.settings.expression_scale)
        renderer, _ = open_renderer(model, options, (settings.build,), self.to_flame.flame, steadies=False)
        return FewSteps(people, settings.size, renderer)


def render_settings(people: Sequence[AnyCharacter], settings: Settings, threads: int | None) -> RenderSettings:
    """The settings for photoreal characters alone, of the same weights; ValueErrors that a user can mend."""
    alive = tuple(one for one in people if isinstance(one, PhotorealCharacter))
    first = alive[0]
    for one in people:
        if not isinstance(one, PhotorealCharacter):
            raise RenderError(
                f"{one.name} is of the open kind and {first.name} is photoreal: nothing lies between them, and no "
                "rendering shows both; render one after the other"
            )
        if Recipe.of(one) != Recipe.of(first):
            raise RenderError(f"{one.name} and {first.name} are drawn by different weights: render one after the other")
        require_commercial(one.parts, settings.allow_noncommercial)
    to_flame, files = the_map(settings.flame_map), published(settings.files)
    runtime = "openvino" if settings.runtime == AUTO else settings.runtime
    is_guided = settings.steps > MOST_STEPS
    if is_guided:
        if settings.steps > _MANY:
            raise RenderError(f"--steps must be from 1 to {_MANY} for {first.name}, got {settings.steps}")
        runtime = _pytorch(runtime)
        for one in alive:
            require_alike(one, files)
        weights = model_digest(files.parts((*ALIKE, VAE)))
    else:
        try:
            check_steps(first.sampler, settings.steps)
        except ValueError as error:
            raise RenderError(f"{error}; more than {MOST_STEPS} are guided") from error
        weights = first.model
    if settings.files:  # workers may stand elsewhere
        settings = Settings(**{**vars(settings), "files": settings.files.expanduser().absolute()})
    try:
        build = Build.named(runtime, threads)
    except ValueError as error:
        raise AnimatorError(str(error)) from error
    how = Photoreal(to_flame, settings, is_guided, weights)
    return RenderSettings(alive, settings.size or first.size, settings.steps, build, first.size, how, consistency=False)


def _pytorch(runtime: str) -> str:
    """What draws many steps: where nothing else is asked for, a GPU in half precision, else the processor in full."""
    if runtime in ("pytorch-f32", "pytorch-f16"):
        return runtime
    if runtime not in ("openvino", "pytorch"):
        raise RenderError(
            f"more than {MOST_STEPS} steps are drawn by PyTorch: --runtime pytorch-f32, or pytorch-f16 on a GPU"
        )
    try:
        from .pipeline import fastest_place
    except ImportError as error:
        raise RenderError(f"more than {MOST_STEPS} steps need PyTorch ({error}): {EXTRA}") from error
    return "pytorch-f16" if fastest_place()[0].type == "cuda" else "pytorch-f32"


@dataclass(eq=False)
class FewSteps:
    """Draws as the live path does, but steadies no face."""

    cast: tuple[PhotorealCharacter, ...]
    size: int
    renderer: PhotorealRenderer

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        for face, light, shares in zip(chunk.faces, chunk.lights, chunk.shares, strict=True):
            params = FlameParams.from_vector(face, chunk.basis)
            yield resize_picture(self.renderer.draw(params, self.cast[shown(shares)], light).rgba, self.size)


@dataclass(eq=False)
class ManySteps:
    """Draws each picture of a chunk at full quality, from its face alone."""

    cast: tuple[PhotorealCharacter, ...]
    size: int
    painter: Painter

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        for face, light, shares in zip(chunk.faces, chunk.lights, chunk.shares, strict=True):
            drawn = self.painter.paint(self.cast[shown(shares)], FlameParams.from_vector(face, chunk.basis))
            yield resize_picture(tinted(drawn, light), self.size)


@dataclass(eq=False)
class Painter:
    """The published weights without a few-step LoRA, for stills and renderings."""

    arc: Arc2Face
    to_flame: FlameMap
    how: Stills
    banks: dict[str, Bank | None] = field(default_factory=dict)
    drawn: dict[tuple[str, bytes], NDArray[np.uint8]] = field(default_factory=dict)  # the last one

    @classmethod
    def open(cls, character: PhotorealCharacter, settings: Settings, to_flame: FlameMap, build: Build) -> Painter:
        """AnimatorError where PyTorch or a GPU is missing, CharacterError where the published files are."""
        try:
            from .pipeline import place_of, use_threads

            device, dtype = place_of(build.precision)
        except (ImportError, ValueError) as error:
            raise AnimatorError(f"more than {MOST_STEPS} steps are drawn by PyTorch ({error}): {EXTRA}") from error
        if build.threads:
            use_threads(build.threads)
        arc = open_weights(published(settings.files), None, character.reference_scale, device=device, dtype=dtype)
        how = Stills(settings.steps, GUIDANCE, SHARE, settings.expression_scale)
        return cls(arc, to_flame, how)

    def paint(self, character: PhotorealCharacter, face: FlameParams) -> NDArray[np.uint8]:
        """[S,S,3] this face, with head and eyes turned.

        One at a time, so that a picture is the same bytes whatever is drawn beside it. With a share it reads the
        picture of the face at rest, which is drawn along.
        """
        share = SHARE if self.how.share is None else self.how.share
        vector = vector_of(face, character.neutral, self.to_flame.flame)
        key = (character.name, vector.tobytes())
        if key not in self.drawn:
            latents = self.arc.generate(
                character.tokens[None],
                np.stack([character.neutral, vector] if share else [vector]),
                character.noise[None],
                steps=self.how.steps or STEPS,
                guidance=GUIDANCE if self.how.guidance is None else self.how.guidance,
                bank=self._bank(character),
                share=share,
                scale=self.how.expression_scale,
            )
            self.drawn = {key: self.arc.picture(latents[-1:])[0]}
        return relief_of(character).turned(self.drawn[key], face.neck_pose, _STANDS, face.eye_pose, face.eyelids)

    def _bank(self, character: PhotorealCharacter) -> Bank | None:
        """Not the character's own rows, which the weights of its few steps have made."""
        if character.name not in self.banks:
            tokens: Any = character.tokens[None]
            self.banks[character.name] = self.arc.bank(character.reference, tokens) if character.bank else None
        return self.banks[character.name]


def shown(shares: Array) -> int:
    """The one of the cast that these shares [c] show; RenderError where they are a mixture."""
    present = np.flatnonzero(shares > 0.0)
    if len(present) != 1:
        raise RenderError(f"a picture shows one photoreal character and no mixture, got {len(present)}")
    return int(present[0])
