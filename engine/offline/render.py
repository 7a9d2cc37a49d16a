"""Renders an animation into a folder of pictures: settings, renderers, and the chunks that are still missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..data import OPEN_BASIS, AnyCharacter, Array, Character, FlameParams
from ..errors import AnimatorError
from ..model import autotune
from ..model.networks import Networks
from ..model.renderer import PreparedCharacter, Renderer, crossfaded, motion_of
from ..models import WEIGHTS_FOLDER, WeightsError, shipped_networks
from ..photoreal.flame_map import FlameMap
from ..photoreal.sheet import Strength
from ..runtime.session import Build, RuntimeUnavailable
from ..version import edition
from ..worker_pool import SerialPool, WorkerPool
from .animation import CHUNK, REACH, Animation, Chunk, RenderError, split_chunks
from .output import atomic_output
from .picture_consistency import attended, ways_to
from .pictures import MAX_PICTURES, Picture, PictureFolder, encode_png, is_complete_png, resize_picture

if TYPE_CHECKING:
    pass


def render_animation(
    script: Animation, easel: RenderSettings, crew: WorkerPool, folder: Path, tell: Callable[[int], None]
) -> PictureFolder:
    """Fills `folder`, which is there; `tell` is called with how many pictures are done, after each chunk, or after each
    picture where this process draws alone.

    A chunk of which a picture is missing or damaged is drawn again, whole: what is there afterwards does not depend on
    what was there before.
    """
    pictures = PictureFolder(folder, len(script))
    missing = [
        chunk for chunk in split_chunks(script, sways=easel.sways(script)) if not is_chunk_complete(pictures, chunk)
    ]
    done = len(script) - sum(len(chunk) for chunk in missing)
    tell(done)
    for indices, files in _draw_missing(easel, crew, missing):
        write_pictures(pictures, indices, files)
        done += len(indices)
        tell(done)
    return pictures


def _draw_missing(
    easel: RenderSettings, crew: WorkerPool, missing: Sequence[Chunk]
) -> Iterator[tuple[Sequence[int], Sequence[bytes]]]:
    """PNGs as soon as there are any, with whose they are."""
    if isinstance(crew, SerialPool):
        for chunk in missing:
            for index, picture in zip(chunk.indices, open_renderer(easel).pictures(chunk), strict=True):
                yield (index,), (encode_png(picture),)
    else:
        for chunk, files in crew.done(draw_chunk, easel, missing):
            yield chunk.indices, files


def is_chunk_complete(pictures: PictureFolder, chunk: Chunk) -> bool:
    """Whether all its pictures are there, whole."""
    return all(is_complete_png(pictures.path(index)) for index in chunk.indices)


def write_pictures(pictures: PictureFolder, indices: Sequence[int], files: Sequence[bytes]) -> None:
    """Writes these PNGs, each of them whole or not at all; RenderError where the disk takes no more."""
    for index, file in zip(indices, files, strict=True):
        with atomic_output(pictures.path(index)) as path:
            path.write_bytes(file)


# Whose version is part of what a picture looks like.
_LIBRARIES = {"openvino": "openvino", "onnxruntime": "onnxruntime", "pytorch": "torch", "pytorch-compile": "torch"}
_ROUNDING = 1e-3  # of shares that were added up


@dataclass(frozen=True, eq=False)
class PhotorealSettings:
    """How photoreal characters are drawn, besides what is true of all."""

    to_flame: FlameMap
    published: Path | None  # the folder of the published files; None: where `omote models` says
    allow_noncommercial: bool
    guidance: float | None  # None: in the few steps that the character was made for
    share: Strength  # how readily pictures read each other, where there is guidance
    weights: str  # digest of the published files that draw


@dataclass(frozen=True, eq=False)
class RenderSettings:
    """How pictures are drawn; the same easel gives the same bytes wherever the processor computes alike."""

    cast: tuple[AnyCharacter, ...]
    size: int  # pixels on a side of what is written
    steps: int
    build: Build  # of the network
    drawn_size: int  # pixels on a side of what is drawn, and then reduced or enlarged
    photoreal: PhotorealSettings | None = None  # where the cast is
    # Whether a picture reads those beside it and hair swings after the head; photoreal ones do neither.
    consistency: bool = True

    @property
    def remark(self) -> str:
        """What a person should know of these pictures beforehand; "" where there is nothing."""
        if self.size <= self.drawn_size:
            return ""
        return f"drawn with {self.drawn_size} pixels on a side, the most that there are, and enlarged to {self.size}"

    def facts(self) -> dict[str, str]:
        """Everything that decides a picture's bytes, in words: what differs between two easels can be named."""
        runtime = self.build.runtime
        return {
            "characters": ", ".join(f"{one.name} ({_digest(one)[:16]})" for one in self.cast),
            "network": self._network(),
            "size": str(self.size),
            "drawn size": str(self.drawn_size),
            "steps": str(self.steps),
            "runtime": f"{self.build.name} {_library_version(_LIBRARIES.get(runtime, runtime))}",
            "threads": str(self.build.threads or "as many as there are"),
            "pictures a chunk": str(CHUNK),
            "consistency": (
                f"each reads {REACH} on either side, and hair swings" if self.consistency else "each is drawn by itself"
            ),
            "omote": edition(),
        }

    @cached_property
    def key(self) -> str:
        """The sha256 of all that decides a picture's bytes, in hex; the same wherever the easel was sent."""
        return _digest(tuple(self.facts().items()))

    def check(self, script: Animation) -> None:
        """RenderError where a picture of this script cannot be drawn here, which costs no picture to know."""
        if len(script) > MAX_PICTURES:
            raise RenderError(f"a rendering has {MAX_PICTURES} pictures at most, got {len(script)}: render it in parts")
        if script.shares.shape[1] != len(self.cast):
            raise RenderError(f"a script of {script.shares.shape[1]} characters cannot be drawn of {len(self.cast)}")
        if (script.shares < 0.0).any() or (np.abs(script.shares.sum(1) - 1.0) > _ROUNDING).any():
            raise RenderError("each picture must show shares of characters from 0 on that are 1 together")
        if self.photoreal is None and script.basis != OPEN_BASIS:
            raise RenderError(
                f'characters of the open kind are drawn of faces in the basis "{OPEN_BASIS}", these are in '
                f'"{script.basis}": choose a photoreal character'
            )
        mixed = np.flatnonzero((script.shares > 0.0).sum(1) > 1)
        if self.photoreal and len(mixed):
            names = " and ".join(
                one.name for one, share in zip(self.cast, script.shares[mixed[0]], strict=True) if share
            )
            raise RenderError(
                f"picture {mixed[0]} is to show a mixture of {names}, and between two photos there is "
                "nothing: photoreal characters follow each other by a cut"
            )

    def sways(self, script: Animation) -> Array | None:
        """[n,c,JOINTS,CHAINS,3] how the hair of each of the cast swings in this script; None where none does.

        Springs go from picture to picture, so they are followed here, once, before the pictures are shared out.
        """
        if not self.consistency or self.photoreal is not None:
            return None
        motions = [motion_of(one) for one in self.cast if isinstance(one, Character)]
        times_ns = [round(script.time_s(k) * 1e9) for k in range(len(script))]
        return np.stack(
            [[motion.follow(script.params(k), now_ns) for motion in motions] for k, now_ns in enumerate(times_ns)]
        )

    def _network(self) -> str:
        if how := self.photoreal:
            guided = "" if how.guidance is None else f", guidance {how.guidance:g}, share {how.share}"
            return f"{how.weights[:16]}, map {_digest(how.to_flame)[:16]}{guided}"
        files = shipped_networks()
        return f"{files.model}, {', '.join(file.sha256[:16] for file in files.networks)}"


def draw_chunk(easel: RenderSettings, chunk: Chunk) -> tuple[bytes, ...]:
    """A PNG of each of its pictures."""
    return tuple(encode_png(picture) for picture in open_renderer(easel).pictures(chunk))


def _digest(value: object) -> str:
    """The sha256 of all that is in it, in hex."""
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


def _library_version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


class FrameRenderer(Protocol):
    """Draws each chunk as if there had been none before."""

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        """[S,S,4] of each of its pictures, in order; RenderError where one cannot be drawn."""
        ...


def open_renderer(easel: RenderSettings) -> FrameRenderer:
    """What draws at this easel, or at one that is the same; AnimatorError where it cannot be opened here.

    One is kept open, the last: an easel that comes from elsewhere is another object each time.
    """
    if not _opened or _opened[0][0] != easel.key:
        _opened[:] = []  # before the next one takes its memory
        _opened.append((easel.key, _new_renderer(easel)))
    return _opened[0][1]


_opened: list[tuple[str, FrameRenderer]] = []


def _new_renderer(easel: RenderSettings) -> FrameRenderer:
    if easel.photoreal is None:
        return ReferenceRenderer.at(easel)
    if easel.photoreal.guidance is None:
        from .photoreal_hand import FewSteps

        return FewSteps.at(easel)
    from .photoreal_set import ManySteps

    return ManySteps.at(easel)


@dataclass(frozen=True, eq=False)
class _FrameRequest:
    """One picture."""

    params: FlameParams
    light: Array
    shares: Array
    sways: Array | None  # [c,JOINTS,CHAINS,3]


@dataclass(eq=False)
class ReferenceRenderer:
    """Characters of the open kind and cross-fades of them; a face is drawn exactly as it is told.

    With `consistency` each picture reads those beside it, also beyond the chunk, which are drawn for it and dropped.
    """

    looks: tuple[PreparedCharacter, ...]  # of the cast
    size: int  # pixels on a side of what is written
    drawn_size: int
    steps: int
    renderer: Renderer
    consistency: bool

    @classmethod
    def at(cls, easel: RenderSettings) -> ReferenceRenderer:
        """AnimatorError where the networks cannot be opened here."""
        cast = tuple(one for one in easel.cast if isinstance(one, Character))
        try:
            renderer = Renderer(Networks(WEIGHTS_FOLDER, easel.build))
            looks = tuple(renderer.look(one) for one in cast)
            autotune.require_parity(renderer.networks)
        except (RuntimeUnavailable, WeightsError, ValueError) as error:
            raise AnimatorError(str(error)) from error
        return cls(looks, easel.size, easel.drawn_size, easel.steps, renderer, easel.consistency)

    def pictures(self, chunk: Chunk) -> Iterator[Picture]:
        asked, lead = _frame_requests(chunk)
        drawn: dict[int, Picture] = {}
        reach = REACH if self.consistency else 0
        for index in range(lead, lead + len(chunk)):
            near = range(max(index - reach, 0), min(index + reach + 1, len(asked)))
            drawn = {one: drawn[one] if one in drawn else self._drawn(asked[one]) for one in near}
            own, others = asked[index], [one for one in near if one != index]
            look = self.looks[int(np.argmax(own.shares))]
            ways = ways_to(look.viewer, own.params, [asked[one].params for one in others])
            yield resize_picture(attended(drawn[index], [drawn[one] for one in others], ways), self.size)

    def _drawn(self, asked: _FrameRequest) -> Picture:
        present = np.flatnonzero(asked.shares > 0.0)
        if not len(present):
            raise RenderError("a picture shows nobody: the shares of its characters are 0")
        pictures = [
            self.renderer.draw(
                self.looks[k],
                asked.params,
                asked.light,
                self.drawn_size,
                self.steps,
                None if asked.sways is None else asked.sways[k],
            )
            for k in present
        ]
        return crossfaded(pictures, [float(share) for share in asked.shares[present]])


def _frame_requests(chunk: Chunk) -> tuple[list[_FrameRequest], int]:
    """All that is shown before, in and after a chunk, and how many are before it."""
    parts = [part for part in (chunk.before, chunk, chunk.after) if len(part.faces)]
    asked = [
        _FrameRequest(FlameParams.from_vector(face, chunk.basis), light, shares, sways)
        for part in parts
        for face, light, shares, sways in zip(
            part.faces,
            part.lights,
            part.shares,
            [None] * len(part.faces) if part.sways is None else part.sways,
            strict=True,
        )
    ]
    return asked, len(chunk.before.faces)
