"""An easel: all that one worker needs to draw pictures of a script, and nothing of this machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from omote.engine.model.renderer import motion_of
from omote.engine.nouns import OPEN_BASIS, AnyCharacter, Array, Character
from omote.engine.photoreal.flame_map import FlameMap
from omote.engine.photoreal.sheet import Strength
from omote.engine.runtime.build import Build
from omote.engine.version import edition
from omote.engine.weights import shipped

from .chunk import CHUNK, REACH, Chunk, chunks
from .hand import hand_at
from .picture_file import MOST, encoded
from .script import RenderError, Script

__all__ = ["CHUNK", "Chunk", "Easel", "Photoreal", "chunks", "draw"]

# Whose version is part of what a picture looks like.
_LIBRARIES = {"openvino": "openvino", "onnxruntime": "onnxruntime", "pytorch": "torch", "pytorch-compile": "torch"}
_ROUNDING = 1e-3  # of shares that were added up


@dataclass(frozen=True, eq=False)
class Photoreal:
    """How photoreal characters are drawn, besides what is true of all."""

    to_flame: FlameMap
    published: Path | None  # the folder of the published files; None: where `omote models` says
    allow_noncommercial: bool
    guidance: float | None  # None: in the few steps that the character was made for
    share: Strength  # how readily pictures read each other, where there is guidance
    weights: str  # digest of the published files that draw


@dataclass(frozen=True, eq=False)
class Easel:
    """How pictures are drawn; the same easel gives the same bytes wherever the processor computes alike."""

    cast: tuple[AnyCharacter, ...]
    size: int  # pixels on a side of what is written
    steps: int
    build: Build  # of the network
    drawn_size: int  # pixels on a side of what is drawn, and then reduced or enlarged
    photoreal: Photoreal | None = None  # where the cast is
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
            "runtime": f"{self.build.name} {_version(_LIBRARIES.get(runtime, runtime))}",
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

    def check(self, script: Script) -> None:
        """RenderError where a picture of this script cannot be drawn here, which costs no picture to know."""
        if len(script) > MOST:
            raise RenderError(f"a rendering has {MOST} pictures at most, got {len(script)}: render it in parts")
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

    def sways(self, script: Script) -> Array | None:
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
        files = shipped()
        return f"{files.model}, {', '.join(file.sha256[:16] for file in files.networks)}"


def draw(easel: Easel, chunk: Chunk) -> tuple[bytes, ...]:
    """A PNG of each of its pictures."""
    return tuple(encoded(picture) for picture in hand_at(easel).pictures(chunk))


def _digest(value: object) -> str:
    """The sha256 of all that is in it, in hex."""
    found = hashlib.sha256()
    _feed(found, value)
    return found.hexdigest()


def _feed(found: Any, value: object) -> None:
    if isinstance(value, np.ndarray):
        found.update(f"{value.dtype} {value.shape}".encode())
        found.update(np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value):
        for one in fields(value):
            found.update(one.name.encode())
            _feed(found, getattr(value, one.name))
    elif isinstance(value, tuple):
        found.update(f"{len(value)}".encode())
        for part in value:
            _feed(found, part)
    else:
        found.update(repr(value).encode())


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""
