"""The photoreal renderer: FlameParams and a PhotorealCharacter in, a Portrait out, in few steps of diffusion."""

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
from .networks import BANK, ExportedModel, Networks, first_networks
from .sampling import check_steps, noises_between
from .vectors import ToFlame, vector_of
from .warp import Relief, tinted

Picture = NDArray[np.uint8]

MOST_SCALE = 1.5  # of the expression
PAUSE_S = 0.25  # without a picture: what is still on its way then is old
_STILL = np.zeros(3, np.float32)  # where the head stands is the camera's affair, as in pictures of ordinary characters
_EVERY_PICTURE = frozenset(("x", "t", "expression"))  # inputs of the UNet that no character decides
_UNREAD = np.float32(-1e4)  # a bias that takes a row out, within half precision
_serial = itertools.count()
_reliefs: WeakKeyDictionary[PhotorealCharacter, Relief] = WeakKeyDictionary()  # each takes a second to find


@dataclass(frozen=True)
class Options:
    """How pictures are drawn. A guidance of 1 is none, and each step then is one call of the network."""

    steps: int = 1
    guidance: float = 1.0
    expression_scale: float = 1.0

    def check(self, character: PhotorealCharacter, size: int | None = None) -> None:
        """AnimatorError unless this character can be drawn so, and is of this size."""
        if size not in (None, character.size):
            raise AnimatorError(
                f'character "{character.name}" is drawn with {character.size} pixels on a side, and --size asks for '
                f"{size}: leave out --size"
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
    """One character, checked against the networks that draw it."""

    character: PhotorealCharacter
    relief: Relief
    standing: Feeds  # of the UNet: the same arrays at every picture, so that they need not be sent again
    unguided: Feeds  # the same for what guidance leads away from: the empty prompt, and no row of the bank
    number: int = field(default_factory=lambda: next(_serial))  # no two subjects have the same

    @classmethod
    def of(cls, character: AnyCharacter, networks: Networks, expression_scale: float) -> Self:
        """AnimatorError where this character cannot be drawn by these networks."""
        fit = fitting(character, networks)
        wanted = {name: shape for name, shape in networks.shapes.items() if name not in _EVERY_PICTURE}
        scale = np.full(1, expression_scale, np.float32)
        said = {"tokens": fit.tokens, "scale": scale, **_bank(fit.bank)}
        standing = {name: _as(said[name], shape) for name, shape in wanted.items()}
        unread = {name: _as(_UNREAD, shape) for name, shape in wanted.items() if name.startswith("bias_")}
        unguided = {**standing, "tokens": _as(fit.empty, wanted["tokens"]), **unread}
        return cls(fit, relief_of(fit), standing, unguided)


def relief_of(character: PhotorealCharacter) -> Relief:
    """How the head of this character turns, kept as long as the character is; AnimatorError where no face is found."""
    if character not in _reliefs:
        try:
            _reliefs[character] = Relief.of(character.points, character.size)
        except ValueError as error:
            raise AnimatorError(f'character "{character.name}": {error}; make it again') from error
    return _reliefs[character]


def fitting(character: AnyCharacter, networks: Networks) -> PhotorealCharacter:
    """The same character; AnimatorError where these networks do not draw it."""
    name, cure = f'character "{character.name}"', f": start again with --character {character.name}"
    if not isinstance(character, PhotorealCharacter):
        raise AnimatorError(f"{name} is of the open kind, and photoreal ones are drawn{cure}")
    if character.model != networks.model:
        raise AnimatorError(
            f"{name} was made for the weights {character.model[:12]}, these are {networks.model[:12]}{cure}"
        )
    if character.size != networks.size:
        raise AnimatorError(f"{name} has {character.size} pixels on a side, and {networks.size} are drawn{cure}")
    wanted = {name: shape[1:] for name, shape in networks.shapes.items() if name.startswith(BANK)}
    if {one: rows.shape for one, rows in _bank(character.bank).items()} != wanted:
        raise AnimatorError(f"{name} has another bank of its reference than is drawn with{cure}")
    return character


def _bank(rows: BankRows) -> dict[str, NDArray[np.generic]]:
    """By the names of the UNet's inputs; rows without a bias have 0."""
    bias = rows.bias or tuple(np.zeros(len(keys), np.float32) for keys in rows.keys)
    parts: dict[str, Sequence[NDArray[np.generic]]] = {"key": rows.keys, "value": rows.values, "bias": bias}
    return {f"{part}_{block:02d}": array for part, arrays in parts.items() for block, array in enumerate(arrays)}


def _as(array: NDArray[np.generic] | np.float32, shape: tuple[int, ...]) -> Array:
    """Float32 in this shape: once for each picture of a batch where it has a batch."""
    return np.ascontiguousarray(np.broadcast_to(array.astype(np.float32), shape))


@dataclass(eq=False)
class Latent:
    """A picture on its way: of one face of one subject, some steps from the noise."""

    subject: Subject
    expression: Array  # [n,D] its own tokens
    x: Array  # [4,h,h]
    step: int = 0  # that comes next
    rgb: Picture | None = None  # [S,S,3] once all steps are done; never written to again


class Sampler:
    """Takes pictures from noise to RGB by the networks, as many in a call as these hold, each a step further."""

    def __init__(self, networks: Networks, options: Options) -> None:
        """A UNet for more than one picture holds one at each step; AnimatorError where it does not."""
        if options.steps not in networks.plans:
            raise AnimatorError(
                f"these networks draw in {', '.join(map(str, networks.plans))} steps, not {options.steps}"
            )
        if networks.batch not in (1, options.steps):
            raise AnimatorError(f"{options.steps} steps need a UNet for 1 or as many pictures, got {networks.batch}")
        self.networks, self.plan, self.guidance = networks, networks.plans[options.steps], options.guidance
        shapes = networks.shapes
        self._x, self._expression = (np.zeros(shapes[name], np.float32) for name in ("x", "expression"))
        self._t = np.array([step.timestep for step in self.plan[: networks.batch]], np.float32)
        self._noises = (*noises_between(shapes["x"][1:], len(self.plan)), np.zeros(shapes["x"][1:], np.float32))
        self._nothing = _as(self._tokens(np.zeros(VECTOR_SIZE, np.float32)), shapes["expression"])

    def begin(self, subject: Subject, vector: Array) -> Latent:
        """A picture of the face of this vector [55]."""
        return Latent(subject, self._tokens(vector), subject.character.noise)

    def _tokens(self, vector: Array) -> Array:
        tokens = self.networks.expression.run({"vectors": vector[None]})["tokens"]
        return np.array(tokens[0], np.float32)

    def finish(self, latent: Latent) -> Picture:
        """[S,S,3] this picture, in a call for each step that is to come, or two where there is guidance."""
        while latent.rgb is None:
            self.advance([latent])
        return latent.rgb

    def advance(self, latents: Sequence[Latent]) -> None:
        """Takes each of these a step further in one call; they are of one subject, and no two at the same step."""
        slots = [latent.step % self.networks.batch for latent in latents]
        for slot, latent in zip(slots, latents, strict=True):
            self._x[slot], self._expression[slot] = latent.x, latent.expression
            self._t[slot] = self.plan[latent.step].timestep
        subject = latents[0].subject
        eps = self._eps(self._expression, subject.standing)
        if self.guidance > 1.0:  # classifier-free (arXiv 2207.12598), away from the unspecified expression of nobody
            nothing = self._eps(self._nothing, subject.unguided)
            eps = nothing + np.float32(self.guidance) * (eps - nothing)
        for slot, latent in zip(slots, latents, strict=True):
            self._take(latent, eps[slot])

    def _eps(self, expression: Array, standing: Mapping[str, Array]) -> Array:
        feeds = {"x": self._x, "t": self._t, "expression": expression, **standing}
        return np.array(self.networks.unet.run(feeds)["eps"], np.float32)  # a session's output is its own

    def _take(self, latent: Latent, eps: Array) -> None:
        """The step that `eps` [4,h,h] was predicted for; after the last one the picture is there."""
        latent.x = self.plan[latent.step].after(latent.x, eps, self._noises[latent.step]).astype(np.float32)
        latent.step += 1
        if latent.step == len(self.plan):
            latent.rgb = np.array(self.networks.decoder.run({"latents": latent.x[None]})["pixels"][0], np.uint8)


@dataclass(frozen=True, eq=False)
class Request:
    """A face that was asked for, with all that its portrait will say."""

    latent: Latent
    params: FlameParams
    light: Array  # [27]
    stamp: Stamp
    signal: Signal | None
    presence: float
    key: Hashable  # the same for faces with the same latent


class Stream:
    """Hands out faces in the order in which they were asked for, each `steps` - 1 calls late.

    The idea is StreamDiffusion's (arXiv 2312.12491); here each slot of the batch holds the expression of its own face,
    and what comes out keeps its own stamp, so the latency that is measured is that of what is seen.
    """

    def __init__(
        self,
        steps: int,
        advance: Callable[[Sequence[Latent]], None],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._steps, self._advance, self._clock_ns = steps, advance, clock_ns
        self._under_way: deque[Request] = deque()
        self._ended_ns = 0  # the call before

    def reset(self) -> None:
        """Drops what was asked for before."""
        self._under_way.clear()

    def same(self, key: Hashable) -> Latent | None:
        """The latent of a face like this that is under way."""
        return next((request.latent for request in self._under_way if request.key == key), None)

    def put(self, request: Request) -> Request:
        """The next face in turn, painted; at first, and after a pause, this one, and the same one held."""
        if self._clock_ns() - self._ended_ns > PAUSE_S * 1e9:
            self.reset()
        done = self._next(request) if self._under_way else self._filled(request)
        self._ended_ns = self._clock_ns()
        return done

    def _next(self, request: Request) -> Request:
        self._under_way.append(request)
        latents = dict.fromkeys(one.latent for one in self._under_way if one.latent.rgb is None)
        if latents:
            self._advance(tuple(latents))
        return self._under_way.popleft()

    def _filled(self, request: Request) -> Request:
        while request.latent.rgb is None:
            self._advance((request.latent,))
        self._under_way.extend([request] * (self._steps - 1))
        return request


class PhotorealRenderer:
    """Draws portraits of photoreal characters; from one thread at a time.

    All noise is given, so a picture is a function of character, face and light. The networks draw each expression once,
    as long as that is kept, of a head that looks ahead; turns of head and eyes bend that picture, and light tints it.
    With `streams` as many faces are under way as there are steps: what is drawn is the face of as many calls ago less
    one, turned as it was turned then and under its own stamp, for one portrait is one moment. A face without a stamp is
    no part of the stream. Without `steadies` each face stands alone.
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
        """`to_flame` maps the open basis to FLAME 2020's; AnimatorError where the networks cannot draw so."""
        self.counts = DrawCounts()
        self.networks, self.options, self._to_flame, self._clock_ns = networks, options, to_flame, clock_ns
        self._sampler, self._cache = Sampler(networks, options), PictureCache()
        if streams and networks.batch != options.steps:
            raise AnimatorError(
                f"a stream of {options.steps} steps needs a UNet for as many pictures, got {networks.batch}"
            )
        self._stream = Stream(options.steps, self._sampler.advance, clock_ns) if streams and options.steps > 1 else None
        # A head that turns redraws no still face, so both are steadied apart.
        self._face, self._head = FaceStabilizer(steadies), FaceStabilizer(steadies)
        self._subject: Subject | None = None
        self._before: tuple[Request, Portrait] | None = None  # the picture shown last

    @property
    def size(self) -> int:
        """Pixels on a side."""
        return self.networks.size

    @property
    def steps(self) -> int:
        return self.options.steps

    @property
    def runtime(self) -> str:
        """What really runs, for people: "openvino cpu bf16"."""
        return self.networks.name

    def reset(self) -> None:
        """Forgets what was drawn before: the next picture stands alone."""
        self._before = None
        self._face.forget()
        self._head.forget()
        if self._stream:
            self._stream.reset()

    def check(self, character: AnyCharacter) -> None:
        """AnimatorError where this character cannot be drawn; from any thread."""
        relief_of(fitting(character, self.networks))  # found here, it keeps no picture waiting

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        options: DrawOptions = FACE_ALONE,
    ) -> Portrait:
        """The character with this face in this light [27], or an earlier one that was under way.

        The options `fading`, `marks` and `hair` are ignored: one photoreal character follows another by a cut, has no
        marks of comics, and its hair moves with the head. AnimatorError where the networks cannot draw this.
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
        """Without a tracker's noise, which is known in the open basis alone; where the head stands stays as it is."""
        if params.basis != OPEN_BASIS:
            return params
        face = replace(params, neck_pose=_STILL, eye_pose=np.zeros((2, 3), np.float32), translation=_STILL)
        head = replace(FlameParams.neutral(), neck_pose=params.neck_pose, eye_pose=params.eye_pose)
        drawn, held = self._face.settled(face, trembles=trembles), self._head.settled(head, trembles=trembles)
        return replace(drawn, neck_pose=held.neck_pose, eye_pose=held.eye_pose, translation=params.translation)

    def _latent(self, key: Hashable, vector: Array) -> Latent:
        """The network's part in this face: one that is kept, or under way, or begun now."""
        assert self._subject is not None
        under_way = self._stream.same(key) if self._stream else None
        if under_way is not None:
            return under_way
        kept = self._cache.get(key)
        if kept is not None:
            return Latent(self._subject, _STILL, _STILL, rgb=kept)
        return self._sampler.begin(self._subject, vector)

    def _portrait(self, request: Request) -> Portrait:
        before, rgba = self._before, None
        if before and before[0] is request:  # the first of a stream, held until the next has come through
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
        """[S,S,3] what the networks painted, kept for the next time that it is asked for."""
        kept = self._cache.get(request.key)
        if kept is not None:
            self.counts = replace(self.counts, cached=self.counts.cached + 1)
            return kept
        painted = self._sampler.finish(request.latent)
        self._cache.put(request.key, painted)
        self.counts = replace(self.counts, drawn=self.counts.drawn + 1)
        return painted


def _shows(before: Request, now: Request) -> bool:
    """Whether both are exactly the same face in the same light."""
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
    """By the first of these that runs here, and why others were not taken; AnimatorError where none does.

    A stream of several faces at once is for GPUs: on a processor a call of four takes four times as long as a call of
    one, and all that a stream would bring is delay.
    """
    try:
        networks, refusals = first_networks(model, builds, gpu_batch)
    except RuntimeUnavailable as error:
        raise AnimatorError(str(error)) from error
    streams = networks.batch > 1
    return PhotorealRenderer(networks, options, to_flame, streams=streams, steadies=steadies), refusals
