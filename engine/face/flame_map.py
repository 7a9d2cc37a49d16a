"""The map from the open head's face to FLAME's, which a user makes of the FLAME file that they bring."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omote.bridge import arkit
from omote.bridge.errors import OmoteError

from ..data import EXPRESSION_SIZE, FLAME_BASIS, OPEN_BASIS, Array, FlameParams
from ..rotation import rotation, turn_vector
from ..storage import data_folder, make_folder
from ..tensor_file import CharacterError, TensorFile, read_tensor_file, write_tensor_file
from ..version import version
from .retarget import to_weights

FILE_NAME = "flame_map.safetensors"
CURE = "make one with `omote calibrate flame-map --flame FILE`, where FILE is the generic_model.pkl of FLAME 2020"
_FORMAT = "omote flame map 1"
_LICENCE = "derived from a FLAME file under FLAME's own licence: stays with who brought that file"
_SHAPES = {"expression": (arkit.COUNT, EXPRESSION_SIZE), "jaw_rad": (3,), "explained": (arkit.COUNT,), "apart_mm": (2,)}
_OPEN, _LEFT, _RIGHT = (arkit.INDEX[name] for name in ("jawOpen", "jawLeft", "jawRight"))
_MOST_SD = 1000.0  # of a coefficient at a weight of 1; beyond it the numbers are no map
_MOST_RAD = 1.5


class FlameMapError(OmoteError, ValueError):
    """There is no map, or a file is none; the message says which and how to make one."""


@dataclass(frozen=True, eq=False)
class FlameMap:
    """How FLAME makes each of the 52 ARKit shapes. Eyes, lids, neck and translation mean the same in both."""

    expression: Array  # [52,50] FLAME's coefficients of each weight at 1; zeros where an eye or a lid does it
    jaw_rad: Array  # [3] how far the jaw turns for jawOpen (about x), jawLeft and jawRight (about y) at 1
    explained: Array  # [52] share of a shape's movement that FLAME makes of it; nan where an eye or a lid does it
    apart_mm: Array  # [2] between the registered surfaces: median, and 95 of 100 points are nearer than
    flame_sha256: str  # of the FLAME file
    basis: str = FLAME_BASIS

    def __post_init__(self) -> None:
        for name, shape in _SHAPES.items():
            value = getattr(self, name)
            if value.shape != shape or value.dtype != np.float32:
                found = f"{value.dtype} {list(value.shape)}"
                raise FlameMapError(f'its "{name}" must be float32 {list(shape)}, got {found}')
            if np.isinf(value).any() or (name != "explained" and np.isnan(value).any()):
                raise FlameMapError(f'its "{name}" holds numbers that are not finite')
        if np.abs(self.expression).max() > _MOST_SD or np.abs(self.jaw_rad).max() > _MOST_RAD or self.jaw_rad[0] <= 0.0:
            raise FlameMapError("its numbers are beyond any face's")
        if self.basis != FLAME_BASIS:
            raise FlameMapError(f'it is of the basis "{self.basis}", "{FLAME_BASIS}" was wanted')
        if not re.fullmatch(r"[0-9a-f]{64}", self.flame_sha256):
            raise FlameMapError(f'"{self.flame_sha256:.70}" is no sha256 of a FLAME file')

    def flame(self, params: FlameParams) -> FlameParams:
        """The same face in FLAME's basis; ValueError unless `params` are in the open one.

        Expression and each turn of the jaw are linear in the ARKit weights; the jaw opens first and then goes aside.
        """
        if params.basis != OPEN_BASIS:
            raise ValueError(f'a FLAME map reads the basis "{OPEN_BASIS}", these parameters are in "{params.basis}"')
        weights = to_weights(params)
        return FlameParams(
            expression=weights @ self.expression,
            jaw_pose=self._jaw(weights),
            neck_pose=params.neck_pose,
            eye_pose=params.eye_pose,
            eyelids=params.eyelids,
            translation=params.translation,
            basis=self.basis,
        )

    def _jaw(self, weights: Array) -> Array:
        opened, left, right = weights[[_OPEN, _LEFT, _RIGHT]] * self.jaw_rad
        turn = rotation(np.array([0.0, left + right, 0.0])) @ rotation(np.array([opened, 0.0, 0.0]))
        return turn_vector(turn).astype(np.float32)

    def save(self, path: Path) -> None:
        """Writes the map, all of it or nothing; FlameMapError where the place cannot be written to."""
        words = {"format": _FORMAT, "basis": self.basis, "flame_sha256": self.flame_sha256}
        words |= {"version": version(), "licence": _LICENCE}
        try:
            make_folder(path.parent)
            write_tensor_file(path, TensorFile(words, {name: getattr(self, name) for name in _SHAPES}))
        except (CharacterError, OSError) as error:
            raise FlameMapError(str(error)) from error

    @classmethod
    def of_file(cls, path: Path) -> FlameMap:
        """The map in a file; FlameMapError where it is none, or damaged."""
        try:
            sealed = read_tensor_file(path)
        except CharacterError as error:
            raise FlameMapError(f"{path} is no FLAME map ({error.__cause__ or error}): {CURE}") from error
        if (found := sealed.words.get("format")) != _FORMAT:
            raise FlameMapError(f'{path} is in the format "{found}", this Omote reads "{_FORMAT}": {CURE}')
        if missing := [name for name in _SHAPES if name not in sealed.arrays]:
            raise FlameMapError(f'{path} is damaged: it has no "{missing[0]}"; {CURE}')
        try:
            numbers = {name: sealed.arrays[name] for name in _SHAPES}
            return cls(**numbers, flame_sha256=_word(sealed, "flame_sha256"), basis=_word(sealed, "basis"))
        except FlameMapError as error:
            raise FlameMapError(f"{path} is damaged: {error}; {CURE}") from error


def _word(sealed: TensorFile, name: str) -> str:
    return str(sealed.words.get(name))


def own_map_path() -> Path:
    """Where the user's map is kept, if they made one."""
    return data_folder() / FILE_NAME


def the_map(path: Path | None = None) -> FlameMap:
    """The map in this file, else the user's own; FlameMapError says how to make one."""
    place = path or own_map_path()
    if not place.is_file():
        raise FlameMapError(f"a photoreal face wants a map from ARKit to FLAME, and there is none at {place}: {CURE}")
    return FlameMap.of_file(place)
