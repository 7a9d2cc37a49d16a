"""Photoreal characters offline: in the few steps of their sampler, or in many guided steps, as the authors draw."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
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
from ..runtime.session import AUTO, Build, RuntimeUnavailable
from .files import ALIKE, CONTROLNET, VAE, model_digest, published, require_commercial
from .networks import Recipe, candidates, first_networks
from .opening import EXTRA, model_of, open_weights, require_alike, the_fastest_place
from .pose import PoseMapper
from .renderer import Options, PhotorealRenderer, open_renderer, relief_of
from .sampling import GUIDANCE, MOST_STEPS, STEPS, check_steps
from .vectors import vector_of
from .warp import tinted

if TYPE_CHECKING:
    from .pipeline import Arc2Face
    from .processors import Bank

log = logging.getLogger(__name__)

SHARE = 0.0  # no gain could be measured without the published weights
CONTROL = "controlnet"
POSES = ("warp", CONTROL)  # what turns the head
_MOST_GUIDED = 999
_STILL = np.zeros(3, np.float32)  # the warp does not move the head in the picture


@dataclass(frozen=True, eq=False)
class Photoreal:
    """How photoreal characters are rendered; sent to the workers."""

    to_flame: FlameMap
    settings: Settings
    is_guided: bool  # many steps by PyTorch; otherwise the few steps of the characters' sampler
    weights: str  # digest of the published files

    def facts(self) -> str:
        """Everything besides the render settings that decides a picture's bytes, as text."""
        guided = f", guidance {GUIDANCE if self.is_guided else self.settings.guidance:g}"
        scale = f", expression {self.settings.expression_scale:g}, pose {self.settings.pose}"
        numbers = self.to_flame.expression.tobytes() + self.to_flame.jaw_rad.tobytes()
        return f"{self.weights[:16]}, map {hashlib.sha256(numbers).hexdigest()[:16]}{guided}{scale}"

    def open(self, settings: RenderSettings) -> CastRenderer:
        """The renderer; AnimatorError or CharacterError if it cannot be opened here."""
        people = tuple(one for one in settings.cast if isinstance(one, PhotorealCharacter))
        if self.is_guided:
            how = Stills(settings.steps, GUIDANCE, SHARE, self.settings.expression_scale)
            painter = Painter.open(people[0], self.settings, how, self.to_flame, _place(settings.build))
            return CastRenderer(people, settings.size, painter)
        model = model_of(people[0], self.settings)
        options = Options(settings.steps, self.settings.guidance, self.settings.expression_scale)
        renderer, _ = open_renderer(model, options, (settings.build,), self.to_flame.flame, steadies=False)
        return CastRenderer(people, settings.size, renderer)


def render_settings(people: Sequence[AnyCharacter], settings: Settings, threads: int | None) -> RenderSettings:
    """The render settings for photoreal characters; an error that a user can mend if these cannot be rendered."""
    photoreal = tuple(one for one in people if isinstance(one, PhotorealCharacter))
    first = photoreal[0]
    for one in people:
        if not isinstance(one, PhotorealCharacter):
            raise RenderError(
                f"{one.name} is not photoreal and {first.name} is: they cannot be mixed, so render one after the other"
            )
        if Recipe.of(one) != Recipe.of(first):
            raise RenderError(f"{one.name} and {first.name} need different weights: render one after the other")
        require_commercial(one.parts, settings.allow_noncommercial)
    to_flame, files = the_map(settings.flame_map), published(settings.files)
    is_guided = settings.steps > MOST_STEPS
    if _is_posed(settings) and not is_guided:
        raise RenderError(f"--pose {CONTROL} draws in more than {MOST_STEPS} steps: add --steps {STEPS}")
    if is_guided:
        if settings.steps > _MOST_GUIDED:
            raise RenderError(f"--steps must be from 1 to {_MOST_GUIDED} for {first.name}, got {settings.steps}")
        runtime = _pytorch(settings.runtime)
        for one in photoreal:
            require_alike(one, files)
        pose = (CONTROLNET,) if _is_posed(settings) else ()
        weights = model_digest(files.parts((*ALIKE, VAE, *pose)))
    else:
        try:
            check_steps(first.sampler, settings.steps)
        except ValueError as error:
            raise RenderError(f"{error}; pictures in more than {MOST_STEPS} steps are guided") from error
        runtime, weights = settings.runtime, first.model
    if settings.files:  # a worker may have another working directory
        settings = replace(settings, files=settings.files.expanduser().absolute())
    build = replace(_build(runtime, first, settings), threads=threads)
    how = Photoreal(to_flame, settings, is_guided, weights)
    size = settings.size or first.size
    return RenderSettings(photoreal, size, settings.steps, build, first.size, how, consistency=False)


def _build(runtime: str, character: PhotorealCharacter, settings: Settings) -> Build:
    """The build of this name; "auto" is the first of OpenVINO's that passes the comparison with PyTorch.

    It is chosen here, once, so that all workers draw alike.
    """
    if runtime != AUTO:
        try:
            return Build.named(runtime)
        except ValueError as error:
            raise AnimatorError(str(error)) from error
    builds, model = candidates(gpus=()), model_of(character, settings)
    try:
        _, refusals = first_networks(model, builds)
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error
    for refusal in refusals:
        log.warning("not drawn by %s", refusal)
    return builds[len(refusals)]


def _is_posed(settings: Settings) -> bool:
    """Whether the ControlNet turns the head; RenderError for an unknown value in config.toml."""
    if settings.pose not in POSES:
        raise RenderError(f'pose must be {" or ".join(POSES)}, got "{settings.pose}"')
    return settings.pose == CONTROL


def _pytorch(runtime: str) -> str:
    """The PyTorch runtime for many steps: by default a GPU in half precision, otherwise the CPU in f32."""
    if runtime in ("pytorch-f32", "pytorch-f16"):
        return runtime
    if runtime not in (AUTO, "openvino", "pytorch"):
        raise RenderError(
            f"more than {MOST_STEPS} steps run in PyTorch: use --runtime pytorch-f32, or pytorch-f16 on a GPU"
        )
    return "pytorch-f16" if the_fastest_place()[0].type == "cuda" else "pytorch-f32"


def _place(build: Build) -> tuple[Any, Any]:
    """The device and precision of a build, whose number of threads is set; AnimatorError if PyTorch lacks them."""
    try:
        from .pipeline import place_of, use_threads

        place = place_of(build.precision)
    except (ImportError, ValueError) as error:
        raise AnimatorError(f"more than {MOST_STEPS} steps need PyTorch ({error}): {EXTRA}") from error
    if build.threads:
        use_threads(build.threads)
    return place


def stills(
    character: PhotorealCharacter, faces: Sequence[FlameParams], how: Stills, settings: Settings
) -> Iterator[NDArray[np.uint8]]:
    """[S,S,3] each face at full quality; errors come before the first picture is drawn."""
    require_commercial(character.parts, settings.allow_noncommercial)
    to_flame = the_map(settings.flame_map)
    require_alike(character, published(settings.files))
    painter = Painter.open(character, settings, how, to_flame, the_fastest_place())
    return (painter.paint(character, face) for face in faces)


@dataclass(eq=False)
class CastRenderer:
    """Draws each picture of a chunk independently of the others: as live without steadying, or at full quality."""

    cast: tuple[PhotorealCharacter, ...]
    size: int
    renderer: PhotorealRenderer | Painter

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        for face, light, shares in zip(chunk.faces, chunk.lights, chunk.shares, strict=True):
            params, character = FlameParams.from_vector(face, chunk.basis), self.cast[shown(shares)]
            if isinstance(self.renderer, Painter):
                drawn = tinted(self.renderer.paint(character, params), light)
            else:
                drawn = self.renderer.draw(params, character, light).rgba
            yield resize_picture(drawn, self.size)


@dataclass(eq=False)
class Painter:
    """The published weights without a few-step LoRA, for stills and renderings."""

    arc: Arc2Face
    to_flame: FlameMap
    how: Stills
    banks: dict[str, Bank | None] = field(default_factory=dict)
    poses: dict[str, PoseMapper] = field(default_factory=dict)
    drawn: dict[tuple[str, bytes], NDArray[np.uint8]] = field(default_factory=dict)  # only the last picture

    @classmethod
    def open(
        cls, character: PhotorealCharacter, settings: Settings, how: Stills, to_flame: FlameMap, place: tuple[Any, Any]
    ) -> Painter:
        """At a device and in a precision; CharacterError if PyTorch or the published files are missing."""
        files, (device, dtype), is_posed = published(settings.files), place, _is_posed(settings)
        arc = open_weights(files, None, character.reference_scale, device=device, dtype=dtype, has_pose=is_posed)
        return cls(arc, to_flame, how)

    def paint(self, character: PhotorealCharacter, face: FlameParams) -> NDArray[np.uint8]:
        """[S,S,3] this face with its head pose and gaze.

        Pictures are drawn one at a time, so none depends on another. With a share, the picture also attends to the
        face at rest, which is drawn along with it. The ControlNet turns the head while the picture is drawn, but not
        the eyes; the warp turns both afterwards.
        """
        share = SHARE if self.how.share is None else self.how.share
        vector = vector_of(face, character.neutral, self.to_flame.flame)
        control = None if self.arc.controlnet is None else self._pose(character).picture(face)
        key = (character.name, vector.tobytes() + (b"" if control is None else control.tobytes()))
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
                control=control,
            )
            self.drawn = {key: self.arc.picture(latents[-1:])[0]}
        if control is not None:
            return self.drawn[key]
        return relief_of(character).turned(self.drawn[key], face.neck_pose, _STILL, face.eye_pose, face.eyelids)

    def _pose(self, character: PhotorealCharacter) -> PoseMapper:
        if character.name not in self.poses:
            self.poses[character.name] = PoseMapper.of(character.points, character.size)
        return self.poses[character.name]

    def _bank(self, character: PhotorealCharacter) -> Bank | None:
        """Made anew, since the few-step LoRA is fused into the weights that made the character's own bank."""
        if character.name not in self.banks:
            tokens: Any = character.tokens[None]
            self.banks[character.name] = self.arc.bank(character.reference, tokens) if character.bank else None
        return self.banks[character.name]


def shown(shares: Array) -> int:
    """The index of the one character that these shares [c] show; RenderError for a mixture."""
    present = np.flatnonzero(shares > 0.0)
    if len(present) != 1:
        raise RenderError(f"photoreal characters cannot be mixed in one picture, got {len(present)} of them")
    return int(present[0])
