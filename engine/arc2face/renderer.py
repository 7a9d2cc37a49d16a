"""The photoreal renderer: draws a PhotorealCharacter with FlameParams as a Portrait, in few diffusion steps."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..data import OPEN_BASIS, AnyCharacter, Array, BankRows, FlameParams, PhotorealCharacter, Portrait, Signal, Stamp
from ..errors import AnimatorError
from ..face.flame_vectors import VECTOR_SIZE
from ..face.light import checked_light
from ..face.stabilizer import FaceStabilizer
from ..model.portrait_renderer import FACE_ALONE, DrawCounts, DrawOptions, PictureCache
from ..runtime.session import Build, Feeds, RuntimeUnavailable
from .networks import BANK, EVERY_PICTURE, ExportedModel, Networks, first_networks
from .sampling import check_steps, noises_between
from .vectors import ToFlame, vector_of
from .warp import Relief, tinted

Picture = NDArray[np.uint8]

MOST_SCALE = 1.5  # of the expression
PAUSE_S = 0.25  # after a longer pause, pictures in progress are dropped
_STILL = np.zeros(3, np.float32)  # translations concern the camera and do not move the head in the picture
_MASKED = np.float32(-1e4)  # a bias that masks a row, within half precision
_serial = itertools.count()
_reliefs: WeakKeyDictionary[PhotorealCharacter, Relief] = WeakKeyDictionary()  # each takes a second to compute


@dataclass(frozen=True)
class Options:
    """How pictures are drawn. A guidance of 1 is none and needs one call of the network a step; others need two."""

    steps: int = 1
    guidance: float = 1.0
    expression_scale: float = 1.0

    def check(self, character: PhotorealCharacter, size: int | None = None) -> None:
        """AnimatorError unless this character can be drawn with these options, at this size."""
        if size not in (None, character.size):
            raise AnimatorError(
                f'character "{character.name}" has {character.size} pixels on a side, and --size is {size}: leave '
                "out --size"
            )
        try:
            check_steps(character.sampler, self.steps)
        except ValueError as error:
            raise AnimatorError(f'--steps {self.steps} for character "{character.name}": {error}') from error
        if not 1.0 <= self.guidance <= 100.0:
            raise AnimatorError(f"--guidance must be from 1 (none) to 100, got {self.guidance:g}")
        if not 0.0 <= self.expression_scale <= MOST_SCALE:
            raise AnimatorError(f"--expression-scale must be from 0 to {MOST_SCALE}, got {self.expression_scale:g}")


@dataclass(frozen=True, eq=False)
class Subject:
    """One character, checked against the networks."""

    character: PhotorealCharacter
    relief: Relief
    standing: Feeds  # inputs that stay the same from picture to picture, so they are sent once
    unguided: Feeds  # the same for the negative half of guidance: the empty prompt, and the bank masked
    number: int = field(default_factory=lambda: next(_serial))  # unique

    @classmethod
    def of(cls, character: AnyCharacter, networks: Networks, expression_scale: float) -> Self:
        """AnimatorError if these networks cannot draw this character."""
        fit = fitting(character, networks)
        shapes = {name: shape for name, shape in networks.shapes.items() if name not in EVERY_PICTURE}
        scale = np.full(1, expression_scale, np.float32)
        inputs = {"tokens": fit.tokens, "scale": scale, **_bank(fit.bank)}
        standing = {name: _as(inputs[name], shape) for name, shape in shapes.items()}
        masked = {name: _as(_MASKED, shape) for name, shape in shapes.items() if name.startswith("bias_")}
        unguided = {**standing, "tokens": _as(fit.empty, shapes["tokens"]), **masked}
        return cls(fit, relief_of(fit), standing, unguided)


def relief_of(character: PhotorealCharacter) -> Relief:
    """The warp for this character, cached with it; AnimatorError if its points show no face."""
    if character not in _reliefs:
        try:
            _reliefs[character] = Relief.of(character.points, character.size)
        except ValueError as error:
            raise AnimatorError(f'character "{character.name}": {error}; make it again') from error
    return _reliefs[character]


def fitting(character: AnyCharacter, networks: Networks) -> PhotorealCharacter:
    """The character; AnimatorError if these networks cannot draw it."""
    name, cure = f'character "{character.name}"', f": start again with --character {character.name}"
    if not isinstance(character, PhotorealCharacter):
        raise AnimatorError(f"{name} is not photoreal, as those drawn now{cure}")
    if character.model != networks.model:
        raise AnimatorError(
            f"{name} was made for the weights {character.model[:12]}, these are {networks.model[:12]}{cure}"
        )
    if character.size != networks.size:
        raise AnimatorError(f"{name} has {character.size} pixels on a side, the networks {networks.size}{cure}")
    expected = {name: shape[1:] for name, shape in networks.shapes.items() if name.startswith(BANK)}
    if {one: rows.shape for one, rows in _bank(character.bank).items()} != expected:
        raise AnimatorError(f"{name} has a bank of another size than the networks{cure}")
    return character


def _bank(rows: BankRows) -> dict[str, NDArray[np.generic]]:
    """The bank by the names of the UNet's inputs. A missing bias is 0."""
    bias = rows.bias or tuple(np.zeros(len(keys), np.float32) for keys in rows.keys)
    parts: dict[str, Sequence[NDArray[np.generic]]] = {"key": rows.keys, "value": rows.values, "bias": bias}
    return {f"{part}_{block:02d}": array for part, arrays in parts.items() for block, array in enumerate(arrays)}


def _as(array: NDArray[np.generic] | np.float32, shape: tuple[int, ...]) -> Array:
    """The array in float32, repeated over the batch if the shape has one."""
    return np.ascontiguousarray(np.broadcast_to(array.astype(np.float32), shape))


@dataclass(eq=False)
class Latent:
    """A picture in progress: one face of one subject, after some of its steps."""

    subject: Subject
    expression: Array  # [n,D] tokens
    x: Array  # [4,h,h]
    step: int = 0  # the next one
    rgb: Picture | None = None  # [S,S,3] after the last step; read-only


class Sampler:
    """Runs the networks. Each call advances several pictures by one step each, up to the UNet's batch size."""

    def __init__(self, networks: Networks, options: Options) -> None:
        """A UNet with a batch holds one picture at each step; AnimatorError if steps and batch do not fit."""
        if options.steps not in networks.plans:
            raise AnimatorError(
                f"these networks support {', '.join(map(str, networks.plans))} steps, not {options.steps}"
            )
        if networks.batch not in (1, options.steps):
            raise AnimatorError(
                f"{options.steps} steps need a UNet for 1 or {options.steps} pictures, got {networks.batch}"
            )
        self.networks, self.plan, self.guidance = networks, networks.plans[options.steps], options.guidance
        shapes = networks.shapes
        self._x, self._expression = (np.zeros(shapes[name], np.float32) for name in ("x", "expression"))
        self._t = np.array([step.timestep for step in self.plan[: networks.batch]], np.float32)
        self._noises = (*noises_between(shapes["x"][1:], len(self.plan)), np.zeros(shapes["x"][1:], np.float32))
        self._nothing = _as(self._tokens(np.zeros(VECTOR_SIZE, np.float32)), shapes["expression"])

    def begin(self, subject: Subject, vector: Array) -> Latent:
        """A new picture of the face with this vector [55]."""
        return Latent(subject, self._tokens(vector), subject.character.noise)

    def _tokens(self, vector: Array) -> Array:
        tokens = self.networks.expression.run({"vectors": vector[None]})["tokens"]
        return np.array(tokens[0], np.float32)

    def finish(self, latent: Latent) -> Picture:
        """[S,S,3] the picture after all of its steps."""
        while latent.rgb is None:
            self.advance([latent])
        return latent.rgb

    def advance(self, latents: Sequence[Latent]) -> None:
        """Advances pictures of one subject by one step in one call. No two may be at the same step."""
        slots = [latent.step % self.networks.batch for latent in latents]
        for slot, latent in zip(slots, latents, strict=True):
            self._x[slot], self._expression[slot] = latent.x, latent.expression
            self._t[slot] = self.plan[latent.step].timestep
        subject = latents[0].subject
        eps = self._eps(self._expression, subject.standing)
        if self.guidance > 1.0:  # classifier-free guidance (arXiv 2207.12598)
            nothing = self._eps(self._nothing, subject.unguided)
            eps = nothing + np.float32(self.guidance) * (eps - nothing)
        for slot, latent in zip(slots, latents, strict=True):
            self._take(latent, eps[slot])

    def _eps(self, expression: Array, standing: Mapping[str, Array]) -> Array:
        feeds = {"x": self._x, "t": self._t, "expression": expression, **standing}
        return np.array(self.networks.unet.run(feeds)["eps"], np.float32)  # a session reuses its output

    def _take(self, latent: Latent, eps: Array) -> None:
        """Applies one step with its predicted noise [4,h,h], and decodes the picture after the last step."""
        latent.x = self.plan[latent.step].after(latent.x, eps, self._noises[latent.step]).astype(np.float32)
        latent.step += 1
        if latent.step == len(self.plan):
            latent.rgb = np.array(self.networks.decoder.run({"latents": latent.x[None]})["pixels"][0], np.uint8)


@dataclass(frozen=True, eq=False)
class Request:
    """A face to draw, with everything that its portrait will hold."""

    latent: Latent
    params: FlameParams
    light: Array  # [27]
    stamp: Stamp
    signal: Signal | None
    presence: float
    key: Hashable  # equal for faces with the same latent


class Stream:
    """Returns requested faces in order, each `steps` - 1 calls late.

    This is StreamDiffusion's stream batch (arXiv 2312.12491), but each slot has its own expression. A picture keeps its
    own stamp, so its latency is measured correctly.
    """

    def __init__(
        self,
        steps: int,
        advance: Callable[[Sequence[Latent]], None],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._steps, self._advance, self._clock_ns = steps, advance, clock_ns
        self._pending: deque[Request] = deque()
        self._ended_ns = 0  # end of the last call

    def reset(self) -> None:
        """Drops all pending requests."""
        self._pending.clear()

    def same(self, key: Hashable) -> Latent | None:
        """The latent of a pending request with this key."""
        return next((request.latent for request in self._pending if request.key == key), None)

    def put(self, request: Request) -> Request:
        """Adds a request and returns the oldest one, drawn. The first, and one after a pause, is drawn at once."""
        if self._clock_ns() - self._ended_ns > PAUSE_S * 1e9:
            self.reset()
        done = self._next(request) if self._pending else self._filled(request)
        self._ended_ns = self._clock_ns()
        return done

    def _next(self, request: Request) -> Request:
        self._pending.append(request)
        latents = dict.fromkeys(one.latent for one in self._pending if one.latent.rgb is None)
        if latents:
            self._advance(tuple(latents))
        return self._pending.popleft()

    def _filled(self, request: Request) -> Request:
        while request.latent.rgb is None:
            self._advance((request.latent,))
        self._pending.extend([request] * (self._steps - 1))
        return request


class PhotorealRenderer:
    """Draws portraits of photoreal characters, from one thread at a time.

    The noise is fixed, so a picture is a function of character, face and light. The networks draw each expression once,
    with the head looking ahead, and the picture is cached; a warp turns head and eyes, and light tints the result.
    With `streams`, one face is in progress for each step: `draw` returns the face of `steps` - 1 calls ago with its own
    pose and stamp. A face without a stamp bypasses the stream. `steadies` removes a tracker's noise.
    """

    def __init__(
        self,
        networks: Networks,
        options: Options,
        to_flame: ToFlame,
        *,
        streams: bool = False,
        steadies: bool = True,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        """`to_flame` maps the open basis to FLAME 2020's; AnimatorError if networks and options do not fit."""
        self.counts = DrawCounts()
        self.networks, self.options, self._to_flame, self._clock_ns = networks, options, to_flame, clock_ns
        self._sampler, self._cache = Sampler(networks, options), PictureCache()
        if streams and networks.batch != options.steps:
            raise AnimatorError(
                f"a stream of {options.steps} steps needs a UNet for {options.steps} pictures, got {networks.batch}"
            )
        self._stream = Stream(options.steps, self._sampler.advance, clock_ns) if streams and options.steps > 1 else None
        # Face and head are steadied separately, so that a turning head does not redraw a still face.
        self._face, self._head = FaceStabilizer(steadies), FaceStabilizer(steadies)
        self._subject: Subject | None = None
        self._before: tuple[Request, Portrait] | None = None  # the last picture

    @property
    def size(self) -> int:
        """Pixels on a side."""
        return self.networks.size

    @property
    def steps(self) -> int:
        return self.options.steps

    @property
    def runtime(self) -> str:
        """The runtime, device and precision: "openvino cpu bf16"."""
        return self.networks.name

    def reset(self) -> None:
        """Forgets earlier pictures: the next one does not depend on them."""
        self._before = None
        self._face.forget()
        self._head.forget()
        if self._stream:
            self._stream.reset()

    def check(self, character: AnyCharacter) -> None:
        """AnimatorError if this character cannot be drawn. Safe to call from any thread."""
        relief_of(fitting(character, self.networks))  # computed here, it does not delay the first picture

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        options: DrawOptions = FACE_ALONE,
    ) -> Portrait:
        """The character with this face in this light [27]; with a stream, an earlier face.

        The options `fading`, `marks` and `hair` are ignored: photoreal characters have no crossfade and no comic marks,
        and their hair moves with the head. AnimatorError if the networks cannot draw this.
        """
        if self._subject is None or self._subject.character is not character:
            self._subject = Subject.of(character, self.networks, self.options.expression_scale)
            self.reset()
        steady = self._steadied(params, trembles=options.presence == 1.0)
        try:
            vector = vector_of(steady, self._subject.character.neutral, self._to_flame)
            lit = checked_light(light).copy()
        except ValueError as error:
            raise AnimatorError(str(error)) from error
        key = (self._subject.number, vector.tobytes())
        moment = options.stamp or Stamp(0, self._clock_ns(), time.time_ns())
        request = Request(self._latent(key, vector), steady, lit, moment, options.signal, options.presence, key)
        if self._stream is None or options.stamp is None:
            return self._portrait(request)
        return self._portrait(self._stream.put(request))

    def _steadied(self, params: FlameParams, *, trembles: bool) -> FlameParams:
        """The face without a tracker's noise, which is known only in the open basis. Its translation is unchanged."""
        if params.basis != OPEN_BASIS:
            return params
        face = replace(params, neck_pose=_STILL, eye_pose=np.zeros((2, 3), np.float32), translation=_STILL)
        head = replace(FlameParams.neutral(), neck_pose=params.neck_pose, eye_pose=params.eye_pose)
        drawn, held = self._face.settled(face, trembles=trembles), self._head.settled(head, trembles=trembles)
        return replace(drawn, neck_pose=held.neck_pose, eye_pose=held.eye_pose, translation=params.translation)

    def _latent(self, key: Hashable, vector: Array) -> Latent:
        """The latent of this face: cached, pending, or new."""
        assert self._subject is not None
        pending = self._stream.same(key) if self._stream else None
        if pending is not None:
            return pending
        kept = self._cache.get(key)
        if kept is not None:
            return Latent(self._subject, _STILL, _STILL, rgb=kept)
        return self._sampler.begin(self._subject, vector)

    def _portrait(self, request: Request) -> Portrait:
        before, rgba = self._before, None
        if before and before[0] is request:  # the first of a stream, repeated until the next is done
            return before[1]
        if before and _shows(before[0], request):
            rgba = before[1].rgba
            self.counts = replace(self.counts, still=self.counts.still + 1)
        params, light = request.params, request.light
        if rgba is None:
            painted = self._painted(request)
            turned = request.latent.subject.relief.turned(
                painted, params.neck_pose, _STILL, params.eye_pose, params.eyelids
            )
            rgba = tinted(turned, light)
        portrait = Portrait(request.stamp, rgba, request.signal, params, request.presence, light)
        self._before = request, portrait
        return portrait

    def _painted(self, request: Request) -> Picture:
        """[S,S,3] the networks' picture, which is cached."""
        kept = self._cache.get(request.key)
        if kept is not None:
            self.counts = replace(self.counts, cached=self.counts.cached + 1)
            return kept
        painted = self._sampler.finish(request.latent)
        self._cache.put(request.key, painted)
        self.counts = replace(self.counts, drawn=self.counts.drawn + 1)
        return painted


def _shows(before: Request, now: Request) -> bool:
    """Whether both show exactly the same face in the same light."""
    return before.key == now.key and all(
        np.array_equal(one, other)
        for one, other in (
            (before.params.neck_pose, now.params.neck_pose),
            (before.params.eye_pose, now.params.eye_pose),
            (before.params.eyelids, now.params.eyelids),
            (before.light, now.light),
        )
    )


def open_renderer(
    model: ExportedModel,
    options: Options,
    builds: Sequence[Build],
    to_flame: ToFlame,
    *,
    gpu_batch: int = 1,
    steadies: bool = True,
) -> tuple[PhotorealRenderer, tuple[str, ...]]:
    """A renderer with the first build that runs here, and why others were refused; AnimatorError if none runs.

    Only GPUs stream: on a CPU a batch of four takes four times as long as one picture, so a stream only adds delay.
    """
    try:
        networks, refusals = first_networks(model, builds, gpu_batch)
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error
    streams = networks.batch > 1
    return PhotorealRenderer(networks, options, to_flame, streams=streams, steadies=steadies), refusals
