"""A painter: one compiled network that turns faces into pictures, of one size, so many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .diffusion import sampler
from .diffusion.conditioning import face_row
from .face.light import checked_light, whitened
from .look import AnimatorError, Look
from .nouns import OPEN_BASIS, FlameParams
from .packing import Packer
from .runtime.build import Build
from .runtime.network import Inputs, RuntimeUnavailable
from .runtime.opening import open_network
from .weights import NetworkFile, WeightsError, networks

Array = NDArray[np.float32]


def sizes() -> tuple[int, ...]:
    """The picture sizes that a shipped network draws, smallest first."""
    return tuple(sorted({size for network in networks() for size in network.sizes}))


def network_for(size: int | None) -> NetworkFile:
    """A shipped network that draws this size, or the first; AnimatorError says which sizes there are."""
    try:
        shipped = networks()
    except WeightsError as error:
        raise AnimatorError(str(error)) from error
    for file in shipped:
        if size is None or size in file.sizes:
            return file
    raise AnimatorError(f"no network draws {size} pixels: --size takes {', '.join(map(str, sizes()))}")


@dataclass(frozen=True)
class Sitting:
    """One face to be painted; AnimatorError where its basis or its light is not what a network speaks."""

    look: Look
    params: FlameParams
    light: Array  # [27]

    def __post_init__(self) -> None:
        try:
            checked_light(self.light)
        except ValueError as error:
            raise AnimatorError(str(error)) from error
        if (basis := self.params.basis) != OPEN_BASIS:
            raise AnimatorError(f'this network speaks the basis "{OPEN_BASIS}", these parameters "{basis}"')


class Painter:
    """Paints from one thread at a time. The noise is always the same, so a picture is a function of its sitting."""

    def __init__(self, file: NetworkFile, build: Build, steps: int = 1) -> None:
        """Loads and compiles; AnimatorError where that cannot be done here."""
        if build.size not in file.sizes:
            known = ", ".join(map(str, file.sizes))
            raise AnimatorError(f"no network draws {build.size} pixels: --size takes {known}")
        try:
            file.check()
            self._network = open_network(file, build)
        except (RuntimeUnavailable, WeightsError) as error:
            raise AnimatorError(str(error)) from error
        self.file, self.build, self.steps, self.size = file, build, steps, build.size
        self.name = self._network.name
        shapes = file.shapes(build.size, build.batch)
        self._noise = np.repeat(sampler.fixed_noise(build.size), build.batch, 0)
        self._geometry = np.empty(shapes["geometry"], np.float32)
        self._uv = np.empty(shapes["uv"], np.float32)
        self._face = np.empty(shapes["face"], np.float32)
        self._light = np.empty(shapes["light"], np.float32)
        self._packer = Packer(build.size)
        self._looks: tuple[Look, ...] = ()
        self._standing: Inputs | None = None  # for these looks: only the maps and rows above are new in each picture

    def paint(self, sittings: Sequence[Sitting]) -> list[NDArray[np.uint8]]:
        """A picture [S,S,4] of each sitting, of which there must be as many as are painted at once."""
        if len(sittings) != self.build.batch:
            raise ValueError(f"this painter paints {self.build.batch} at once, got {len(sittings)}")
        gains = [self._pose(row, sitting) for row, sitting in enumerate(sittings)]
        inputs = self._inputs(tuple(sitting.look for sitting in sittings))
        drawn = sampler.sample(lambda x, t: self._network.run(inputs.at(x, t)), self._noise, self.steps)
        return [self._packer.pack(picture, gain) for picture, gain in zip(drawn, gains, strict=True)]

    def _pose(self, row: int, sitting: Sitting) -> Array:
        """Writes what this sitting looks like now, and returns how much stronger each colour of its light is."""
        maps = sitting.look.maker(self.size // 2).draw(sitting.params)
        white, gain = whitened(sitting.light)
        self._geometry[row], self._uv[row] = maps.geometry, maps.uv
        self._face[row], self._light[row] = face_row(sitting.params), white
        return gain

    def _inputs(self, looks: tuple[Look, ...]) -> Inputs:
        if self._standing is None or looks != self._looks:
            self._looks = looks
            self._standing = Inputs(
                x=self._noise,
                t=np.ones(len(looks), np.float32),
                geometry=self._geometry,
                uv=self._uv,
                texture=_stacked([look.texture for look in looks]),
                face=self._face,
                light=self._light,
                identity=_stacked([look.identity for look in looks]),
                bank=_stacked([look.bank for look in looks]),
                present=_stacked([look.present for look in looks]),
            )
        return self._standing


def _stacked(rows: list[Array]) -> Array:
    return rows[0] if len(rows) == 1 else np.concatenate(rows)
