"""Renders an animation into a folder of pictures: settings, renderers, and the chunks that are still missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..data import OPEN_BASIS, AnyCharacter, Array, Character, FlameParams
from ..errors import AnimatorError
from ..model import autotune
from ..model.networks import Networks
from ..model.renderer import PreparedCharacter, Renderer, crossfaded, motion_of
from ..models import WEIGHTS_FOLDER, WeightsError, shipped_networks
from ..runtime.session import Build, RuntimeUnavailable
from ..version import edition, library_version
from ..worker_pool import SerialPool, WorkerPool
from .animation import CHUNK, REACH, Animation, Chunk, RenderError, split_chunks
from .output import atomic_output
from .picture_consistency import attended, ways_to
from .pictures import MAX_PICTURES, Picture, PictureFolder, encode_png, is_complete_png, resize_picture

# The library whose version is part of what a picture looks like, by runtime.
_LIBRARIES = {"openvino": "openvino", "onnxruntime": "onnxruntime", "pytorch": "torch", "pytorch-compile": "torch"}
_SHARES_TOLERANCE = 1e-3  # rounding error of shares that sum to 1


def render_animation(
    animation: Animation,
    settings: RenderSettings,
    pool: WorkerPool,
    folder: Path,
    on_progress: Callable[[int], None],
) -> PictureFolder:
    """Draws the missing pictures into `folder`, which exists.

    `on_progress` gets the number of pictures that are done, after each chunk, or after each picture if this process
    draws alone. A chunk with a missing or damaged picture is drawn again as a whole, so the result does not depend on
    what was there before.
    """
    pictures = PictureFolder(folder, len(animation))
    missing = [
        chunk
        for chunk in split_chunks(animation, sways=settings.sways(animation))
        if not all(is_complete_png(pictures.path(index)) for index in chunk.indices)
    ]
    done = len(animation) - sum(len(chunk) for chunk in missing)
    on_progress(done)
    for indices, files in _draw(settings, pool, missing):
        for index, file in zip(indices, files, strict=True):
            with atomic_output(pictures.path(index)) as path:
                path.write_bytes(file)
        done += len(indices)
        on_progress(done)
    return pictures


def _draw(
    settings: RenderSettings, pool: WorkerPool, chunks: Sequence[Chunk]
) -> Iterator[tuple[Sequence[int], Sequence[bytes]]]:
    """Indices of pictures and their PNGs, as soon as there are any."""
    if isinstance(pool, SerialPool):
        for chunk in chunks:
            for index, picture in zip(chunk.indices, open_renderer(settings).pictures(chunk), strict=True):
                yield (index,), (encode_png(picture),)
    else:
        for chunk, files in pool.run(draw_chunk, settings, chunks):
            yield chunk.indices, files


def draw_chunk(settings: RenderSettings, chunk: Chunk) -> tuple[bytes, ...]:
    """A PNG of each of its pictures."""
    return tuple(encode_png(picture) for picture in open_renderer(settings).pictures(chunk))


class Drawing(Protocol):
    """How characters of an optional kind are drawn; sent to the workers."""

    def facts(self) -> str:
        """Everything that decides a picture's bytes besides the settings of the rendering, in words."""
        ...

    def open(self, settings: RenderSettings) -> FrameRenderer:
        """The renderer; AnimatorError or CharacterError if it cannot be opened here."""
        ...


@dataclass(frozen=True, eq=False)
class RenderSettings:
    """How pictures are drawn. Equal settings give equal bytes on processors that compute alike."""

    cast: tuple[AnyCharacter, ...]
    size: int  # pixels on a side of the written pictures
    steps: int
    build: Build  # of the network
    drawn_size: int  # pixels on a side of the drawn pictures, which are then reduced or enlarged
    photoreal: Drawing | None = None  # for photoreal characters
    # Whether pictures are stabilized by their neighbours and hair swings; photoreal characters have neither.
    consistency: bool = True

    @property
    def remark(self) -> str:
        """What the user should know about these pictures; "" if there is nothing."""
        if self.size <= self.drawn_size:
            return ""
        return f"drawn with {self.drawn_size} pixels on a side, the most that there are, and enlarged to {self.size}"

    def facts(self) -> dict[str, str]:
        """Everything that decides the bytes of a picture, by names for messages."""
        runtime = self.build.runtime
        return {
            "characters": ", ".join(f"{one.name} ({_digest(one)[:16]})" for one in self.cast),
            "network": self._network(),
            "size": str(self.size),
            "drawn size": str(self.drawn_size),
            "steps": str(self.steps),
            "runtime": f"{self.build.name} {library_version(_LIBRARIES.get(runtime, runtime))}",
            "threads": str(self.build.threads or "as many as there are"),
            "pictures a chunk": str(CHUNK),
            "consistency": (
                f"each reads {REACH} on either side, and hair swings" if self.consistency else "each is drawn by itself"
            ),
            "omote": edition(),
        }

    @cached_property
    def key(self) -> str:
        """The SHA-256 of all facts in hex; the same in every process."""
        return _digest(tuple(self.facts().items()))

    def check(self, animation: Animation) -> None:
        """RenderError if a picture of this animation cannot be drawn; draws nothing."""
        if len(animation) > MAX_PICTURES:
            raise RenderError(
                f"a rendering has {MAX_PICTURES} pictures at most, got {len(animation)}: render it in parts"
            )
        if animation.shares.shape[1] != len(self.cast):
            raise RenderError(
                f"an animation of {animation.shares.shape[1]} characters cannot be drawn with {len(self.cast)}"
            )
        if (animation.shares < 0.0).any() or (np.abs(animation.shares.sum(1) - 1.0) > _SHARES_TOLERANCE).any():
            raise RenderError("the shares of the characters in each picture must be 0 or more and sum to 1")
        if self.photoreal is None and animation.basis != OPEN_BASIS:
            raise RenderError(
                f'characters of the open kind are drawn of faces in the basis "{OPEN_BASIS}", these are in '
                f'"{animation.basis}": choose a photoreal character'
            )
        mixed = np.flatnonzero((animation.shares > 0.0).sum(1) > 1)
        if self.photoreal and len(mixed):
            names = " and ".join(
                one.name for one, share in zip(self.cast, animation.shares[mixed[0]], strict=True) if share
            )
            raise RenderError(
                f"picture {mixed[0]} is to show a mixture of {names}, and between two photos there is "
                "nothing: photoreal characters follow each other by a cut"
            )

    def sways(self, animation: Animation) -> Array | None:
        """[n,c,JOINTS,CHAINS,3] swing of each character's hair; None if no hair swings.

        A spring depends on all pictures before, so this is computed once, before the chunks are handed out.
        """
        if not self.consistency or self.photoreal is not None:
            return None
        motions = [motion_of(one) for one in self.cast if isinstance(one, Character)]
        times_ns = [round(animation.time_s(index) * 1e9) for index in range(len(animation))]
        return np.stack(
            [
                [motion.follow(animation.params(index), now_ns) for motion in motions]
                for index, now_ns in enumerate(times_ns)
            ]
        )

    def _network(self) -> str:
        if self.photoreal:
            return self.photoreal.facts()
        files = shipped_networks()
        return f"{files.model}, {', '.join(file.sha256[:16] for file in files.networks)}"


def _digest(value: object) -> str:
    """The SHA-256 of a value and everything in it, in hex."""
    found = hashlib.sha256()
    _hash_into(found, value)
    return found.hexdigest()


def _hash_into(found: Any, value: object) -> None:
    if isinstance(value, np.ndarray):
        found.update(f"{value.dtype} {value.shape}".encode())
        found.update(np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value):
        for one in fields(value):
            found.update(one.name.encode())
            _hash_into(found, getattr(value, one.name))
    elif isinstance(value, tuple):
        found.update(f"{len(value)}".encode())
        for part in value:
            _hash_into(found, part)
    else:
        found.update(repr(value).encode())


# Renderers.


class FrameRenderer(Protocol):
    """Draws each chunk as if it were the first."""

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        """[S,S,4] each of its pictures, in order; RenderError if one cannot be drawn."""
        ...


_opened: dict[str, FrameRenderer] = {}  # the last renderer, by the key of its settings


def open_renderer(settings: RenderSettings) -> FrameRenderer:
    """The renderer for these settings; AnimatorError if it cannot be opened here.

    The last renderer stays open for equal settings, which may come from another process as another object.
    """
    if settings.key not in _opened:
        _opened.clear()  # frees its memory before the next one is opened
        _opened[settings.key] = _new_renderer(settings)
    return _opened[settings.key]


def _new_renderer(settings: RenderSettings) -> FrameRenderer:
    return ReferenceRenderer.open(settings) if settings.photoreal is None else settings.photoreal.open(settings)


@dataclass(eq=False)
class ReferenceRenderer:
    """Draws characters of the open kind and cross-fades of them.

    With `consistency` each picture is stabilized by its neighbours. Those beyond the chunk are drawn and dropped.
    """

    characters: tuple[PreparedCharacter, ...]  # of the cast
    size: int  # pixels on a side of the written pictures
    drawn_size: int
    steps: int
    renderer: Renderer
    consistency: bool

    @classmethod
    def open(cls, settings: RenderSettings) -> ReferenceRenderer:
        """AnimatorError if the networks cannot be opened here."""
        cast = tuple(one for one in settings.cast if isinstance(one, Character))
        try:
            renderer = Renderer(Networks(WEIGHTS_FOLDER, settings.build))
            characters = tuple(renderer.prepare(one) for one in cast)
            autotune.require_parity(renderer.networks)
        except (RuntimeUnavailable, WeightsError, ValueError) as error:
            raise AnimatorError(str(error)) from error
        return cls(characters, settings.size, settings.drawn_size, settings.steps, renderer, settings.consistency)

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        frames, lead = _frames(chunk)
        drawn: dict[int, Picture] = {}
        reach = REACH if self.consistency else 0
        for index in range(lead, lead + len(chunk)):
            window = range(max(index - reach, 0), min(index + reach + 1, len(frames)))
            drawn = {at: drawn[at] if at in drawn else self._draw(frames[at]) for at in window}
            frame, others = frames[index], [at for at in window if at != index]
            viewer = self.characters[int(np.argmax(frame.shares))].viewer
            ways = ways_to(viewer, frame.params, [frames[at].params for at in others])
            yield resize_picture(attended(drawn[index], [drawn[at] for at in others], ways), self.size)

    def _draw(self, frame: _Frame) -> Picture:
        present = np.flatnonzero(frame.shares > 0.0)
        if not len(present):
            raise RenderError("a picture shows no character: all shares are 0")
        pictures = [
            self.renderer.draw(
                self.characters[k],
                frame.params,
                frame.light,
                self.drawn_size,
                self.steps,
                None if frame.sways is None else frame.sways[k],
            )
            for k in present
        ]
        return crossfaded(pictures, [float(share) for share in frame.shares[present]])


@dataclass(frozen=True, eq=False)
class _Frame:
    """What one picture shows."""

    params: FlameParams
    light: Array
    shares: Array
    sways: Array | None  # [c,JOINTS,CHAINS,3]


def _frames(chunk: Chunk) -> tuple[list[_Frame], int]:
    """The frames before, in and after a chunk, and the number of those before it."""
    parts = [part for part in (chunk.before, chunk, chunk.after) if len(part.faces)]
    frames = [
        _Frame(FlameParams.from_vector(face, chunk.basis), light, shares, sways)
        for part in parts
        for face, light, shares, sways in zip(
            part.faces,
            part.lights,
            part.shares,
            [None] * len(part.faces) if part.sways is None else part.sways,
            strict=True,
        )
    ]
    return frames, len(chunk.before.faces)
