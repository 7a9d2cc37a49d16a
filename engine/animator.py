"""The animator: FlameParams and a Character in, a Portrait out. It owns the noise and the one compiled step."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .diffusion import sampler
from .diffusion.conditioning import face_row
from .face.head import open_head
from .face.light import checked_light, whitened
from .face.maps import MapMaker
from .face.memory import Memory
from .face.tone import relit
from .nouns import OPEN_BASIS, Character, FlameParams, Portrait, Signal, Stamp
from .runtime.network import Inputs, Network, RuntimeUnavailable
from .weights import NetworkFile, WeightsError, networks

Array = NDArray[np.float32]
_MATTE_SLACK = 16.0  # levels of 255
RUNTIMES = ("openvino", "onnxruntime")


class AnimatorError(ValueError):
    """What was asked for cannot be drawn; the message says what there is."""


def sizes() -> tuple[int, ...]:
    """The picture sizes for which a network is shipped."""
    return tuple(sorted({network.size for network in networks()}))


@dataclass(frozen=True)
class _Cast:
    """What is computed once for the character on stage."""

    character: Character
    maker: MapMaker
    texture: Array  # [1,16,256,128]
    identity: Array  # [1,64]
    bank: Array  # [1,R,128]
    has_bank: bool


@dataclass(frozen=True)
class _Before:
    """The picture drawn last, of the character on stage."""

    params: FlameParams  # as told
    steadied: FlameParams  # as drawn
    light: Array
    rgba: NDArray[np.uint8]

    def shows(self, params: FlameParams, light: Array) -> bool:
        """Whether it is the picture of exactly this face in this light."""
        return np.array_equal(self.params.vector(), params.vector()) and np.array_equal(self.light, light)


class Animator:
    """Draws portraits with one network; from one thread at a time.

    The noise is always the same, so the picture is a function of character, face, light and, with `consistency`, of the
    faces drawn just before: what differs from them by no more than a tracker's noise is steadied. What has not changed
    is not drawn again. Without `consistency` each picture stands alone.
    """

    def __init__(
        self,
        size: int | None = None,
        steps: int = 1,
        runtime: str = "openvino",
        network: NetworkFile | None = None,
        consistency: bool = True,
    ) -> None:
        if steps not in sampler.STEPS:
            raise AnimatorError(f"steps must be one of {', '.join(map(str, sampler.STEPS))}, got {steps}")
        self.file = network or _choose(size)
        self.steps, self.size = steps, self.file.size
        self._network = _compile(self.file, runtime)
        self.runtime = self._network.name
        self._noise = sampler.fixed_noise(self.size)
        self._memory = Memory() if consistency else None
        self._cast: _Cast | None = None
        self._before: _Before | None = None

    def reset(self) -> None:
        """Forgets what was drawn before: the next picture stands alone."""
        self._before = None
        if self._memory:
            self._memory.forget()

    def check(self, character: Character) -> None:
        """AnimatorError where this character does not fit the network; from any thread."""
        self._prepare(character)

    def draw(
        self,
        params: FlameParams,
        character: Character,
        light: Array,
        *,
        stamp: Stamp | None = None,
        signal: Signal | None = None,
        presence: float = 1.0,
    ) -> Portrait:
        """The character with this face in this light [27]; AnimatorError where they do not fit the network."""
        try:
            checked_light(light)
        except ValueError as error:
            raise AnimatorError(str(error)) from error
        if params.basis != OPEN_BASIS:
            raise AnimatorError(f'this network speaks the basis "{OPEN_BASIS}", these parameters "{params.basis}"')
        cast = self._on_stage(character)
        before = self._before
        if before is None or not before.shows(params, light):
            steadied = self._memory.steadied(params) if self._memory else params
            before = _Before(params, steadied, light.copy(), self._drawn(steadied, light, cast))
            self._before = before
        moment = stamp or Stamp(0, time.perf_counter_ns(), time.time_ns())
        return Portrait(moment, before.rgba, signal, before.steadied, presence, light)

    def _drawn(self, params: FlameParams, light: Array, cast: _Cast) -> NDArray[np.uint8]:
        maps, (white, gain) = cast.maker.draw(params), whitened(light)
        inputs = Inputs(
            x=self._noise,
            t=np.ones(1, np.float32),
            geometry=maps.geometry[None],
            uv=maps.uv[None],
            texture=cast.texture,
            face=face_row(params)[None],
            light=white[None],
            identity=cast.identity,
            bank=cast.bank,
            present=np.array([[cast.has_bank]], np.float32),
        )
        drawn = sampler.sample(lambda x, t: self._network.run(inputs.at(x, t)), self._noise, self.steps)
        return relit(to_rgba(drawn), gain)

    def _on_stage(self, character: Character) -> _Cast:
        if self._cast is None or self._cast.character is not character:
            self._cast = self._prepare(character)
            self.reset()
        return self._cast

    def _prepare(self, character: Character) -> _Cast:
        file = self.file
        if character.model != file.model:
            raise AnimatorError(
                f'character "{character.name}" was made for model "{character.model}", this network is '
                f'"{file.model}": make the character again, or install the Omote that it was made with'
            )
        found = (character.texture.shape, character.identity.shape)
        wanted = (file.texture, (file.identity,))
        if found != wanted:
            raise AnimatorError(f'character "{character.name}" has texture and tokens of {found}, wanted {wanted}')
        bank, has_bank = character.bank, bool(len(character.bank))
        if not has_bank:
            bank = np.zeros((file.bank_rows, file.bank_width), np.float32)
        if bank.shape != (file.bank_rows, file.bank_width):
            raise AnimatorError(
                f'character "{character.name}" has bank rows of {bank.shape}, wanted none or '
                f"{(file.bank_rows, file.bank_width)}"
            )
        try:
            maker = MapMaker(open_head().shaped(character.shape))
        except ValueError as error:
            raise AnimatorError(f'character "{character.name}": {error}') from error
        return _Cast(character, maker, character.texture[None], character.identity[None], bank[None], has_bank)


def to_rgba(drawn: Array) -> NDArray[np.uint8]:
    """[S,S,4] uint8 of [1,4,S,S] straight RGBA in -1..1.

    Alpha that is nearly nothing becomes nothing, nearly all becomes all: a regressed matte never quite says 0 or 1.
    """
    levels = drawn[0] * 127.5 + 127.5
    levels[3] = (levels[3] - _MATTE_SLACK) * (255.0 / (255.0 - 2.0 * _MATTE_SLACK))
    rounded = np.clip(levels + 0.5, 0.0, 255.0).astype(np.uint8)
    return np.ascontiguousarray(rounded.transpose(1, 2, 0))


def _choose(size: int | None) -> NetworkFile:
    try:
        shipped = networks()
    except WeightsError as error:
        raise AnimatorError(str(error)) from error
    if size is None:
        return shipped[-1]
    for file in shipped:
        if file.size == size:
            return file
    raise AnimatorError(f"no network draws {size} pixels: --size takes {', '.join(map(str, sizes()))}")


def _compile(file: NetworkFile, runtime: str) -> Network:
    try:
        file.check()
        if runtime == "openvino":
            from .runtime.openvino import OpenVinoNetwork

            return OpenVinoNetwork(file.path)
        if runtime == "onnxruntime":
            from .runtime.onnxruntime import OnnxRuntimeNetwork

            return OnnxRuntimeNetwork(file.path)
    except (RuntimeUnavailable, WeightsError) as error:
        raise AnimatorError(str(error)) from error
    raise AnimatorError(f'no runtime "{runtime}": there are {", ".join(RUNTIMES)}')
