"""Loads the face kit: one head mesh, its targets, and the eyes, teeth and clothes that fit it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge import arkit

from ...face.head import LidRims

Array = NDArray[np.float32]
Index = NDArray[np.int32]
Texture = NDArray[np.uint8]  # [H,W,4], sRGB + straight alpha


@dataclass(frozen=True)
class Targets:
    """Named sparse vertex offsets: target `k` owns rows `start[k]` to `start[k + 1]`."""

    name: tuple[str, ...]
    start: Index  # [K+1]
    vertex: Index  # [N]
    delta: Array  # [N,3] dm

    @cached_property
    def index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.name)}

    def rows(self, name: str) -> slice:
        k = self.index[name]
        return slice(int(self.start[k]), int(self.start[k + 1]))

    def add(self, position: Array, name: str, weight: float) -> None:
        rows = self.rows(name)
        position[self.vertex[rows]] += np.float32(weight) * self.delta[rows]

    def magnitude(self, name: str, vertices: int) -> Array:
        """[V] how far this target moves each vertex, as a share of the largest move."""
        rows, moved = self.rows(name), np.zeros(vertices, np.float32)
        moved[self.vertex[rows]] = np.linalg.norm(self.delta[rows], axis=1)
        return moved / max(float(moved.max()), 1e-9)


@dataclass(frozen=True)
class Proxy:
    """A mesh on the head: each vertex is a blend of three head vertices plus a scaled offset."""

    anchor: Index  # [n,3] head vertices
    weight: Array  # [n,3], rows sum to 1
    offset: Array  # [n,3] dm at rest scale
    scale_vertex: Index  # [3,2] head vertices whose distance along x, y, z sets the scale
    scale_rest: Array  # [3] dm
    corner_vertex: Index  # [C] which vertex a textured corner belongs to
    uv: Array  # [C,2], v up
    face: Index  # [F,3] corners
    hidden_vertex: Index  # head vertices under it, which are not drawn

    def fit(self, head: Array, scale_from: Array) -> Array:
        """[n,3] its vertices on this head; the scale is measured on `scale_from`, the neutral head."""
        span = scale_from[self.scale_vertex[:, 0]] - scale_from[self.scale_vertex[:, 1]]
        scale = np.abs(np.diagonal(span)) / self.scale_rest
        blended = np.einsum("nk,nkc->nc", self.weight, head[self.anchor])
        return np.asarray(blended + self.offset * scale, np.float32)


@dataclass(frozen=True)
class Kit:
    """Everything that a person is made of, in decimetres; x to the subject's left, y up, z forward."""

    path: Path
    position: Array  # [V,3]
    corner_vertex: Index
    uv: Array
    face: Index
    skin_weight: Array  # [V,2] how much a vertex follows the head and the neck joint
    joint: dict[str, Index]  # vertices whose mean is the joint
    landmark: Index  # [68]
    eyeball: tuple[Index, Index]  # left, right
    arkit: Targets
    macro: Targets
    local: Targets
    identity_vertex: Index
    identity_mode: Array  # [100,n,3] dm for one standard deviation
    proxies: dict[str, Proxy]
    _textures: dict[str, Texture] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def lid_rims(self) -> dict[str, LidRims]:
        """The lid rims by the name of the blink that closes them."""
        found = {}
        for name in ("eyeBlinkLeft", "eyeBlinkRight"):
            moved = np.zeros_like(self.position)
            self.arkit.add(moved, name, 1.0)
            found[name] = LidRims.of(self.position, moved, np.ones(len(moved), np.bool_))
        return found

    def express(self, head: Array, weights: Array) -> None:
        """Adds [52] ARKit weights to a head [V,3]. Blinks come last, because they close the eye as it is then."""
        for k in np.flatnonzero(weights):
            if arkit.NAMES[k] not in self.lid_rims:
                self.arkit.add(head, arkit.NAMES[k], float(weights[k]))
        for name, rims in self.lid_rims.items():
            self.arkit.add(head, name, float(weights[arkit.INDEX[name]]) * rims.opening(head))

    def names(self, category: str) -> list[str]:
        """The names of the proxies of a category, as "clothes" or "eyelashes"."""
        return [name.split(".", 1)[1] for name in self.proxies if name.startswith(category + ".")]

    def texture(self, name: str) -> Texture:
        """The picture `textures/<name>.webp`; decoded once."""
        if name not in self._textures:
            with Image.open(self.path / "textures" / f"{name}.webp") as image:
                self._textures[name] = np.asarray(image.convert("RGBA"))
        return self._textures[name]


def _index(array: NDArray[np.generic]) -> Index:
    return array.astype(np.int32)


def _targets(path: Path, muted: Index) -> Targets:
    """Reads sparse targets. The eyeLook shapes do not move `muted` vertices."""
    with np.load(path, allow_pickle=False) as data:
        name = tuple(str(n) for n in data["name"])
        start, vertex = _index(data["start"]), _index(data["vertex"])
        delta = data["delta"].astype(np.float32)
    is_muted = np.isin(vertex, muted)
    for k, label in enumerate(name):
        if label.startswith("eyeLook"):
            rows = slice(start[k], start[k + 1])
            delta[rows][is_muted[rows]] = 0.0
    return Targets(name, start, vertex, delta)


def _proxies(path: Path) -> dict[str, Proxy]:
    proxies = {}
    with np.load(path, allow_pickle=False) as data:
        for name in sorted({key.rsplit(".", 1)[0] for key in data.files}):
            pair = data[f"{name}.weight"].astype(np.float32)
            proxies[name] = Proxy(
                anchor=_index(data[f"{name}.anchor"]),
                weight=np.column_stack([pair, 1.0 - pair.sum(1)]),
                offset=data[f"{name}.offset"].astype(np.float32),
                scale_vertex=_index(data[f"{name}.scale_vertex"]),
                scale_rest=data[f"{name}.scale_rest"],
                corner_vertex=_index(data[f"{name}.corner_vertex"]),
                uv=data[f"{name}.uv"].astype(np.float32),
                face=_index(data[f"{name}.face"]),
                hidden_vertex=_index(data[f"{name}.hidden_vertex"]),
            )
    return proxies


def load(path: Path) -> Kit:
    """Reads the kit. Raises FileNotFoundError if it is missing, ValueError if its shapes are not in ARKit order."""
    with np.load(path / "head.npz", allow_pickle=False) as head:
        eyeball = (_index(head["eyeball_left"]), _index(head["eyeball_right"]))
        joints = zip(head["joint_name"], head["joint_vertex"], strict=True)
        fixed = {
            "position": (head["origin"] + head["position"] * head["step"]).astype(np.float32),
            "uv": (head["uv"] / np.float32(65535)).astype(np.float32),
            "skin_weight": head["skin_weight"].astype(np.float32),
        }
        topology = {key: _index(head[key]) for key in ("corner_vertex", "face")}
        landmark = _index(head["landmark68"])
        joint = {str(name): _index(vertices) for name, vertices in joints}
    # The gaze turns the eyeballs rigidly; the linear targets would shear them.
    shapes = _targets(path / "arkit.npz", np.concatenate(eyeball))
    if shapes.name != arkit.NAMES:
        raise ValueError(f"{path / 'arkit.npz'} is not in ARKit order: first names {shapes.name[:3]}")
    nothing = np.zeros(0, np.int32)
    with np.load(path / "identity.npz", allow_pickle=False) as identity:
        vertex, mode = _index(identity["vertex"]), identity["mode"].astype(np.float32)
    return Kit(
        path=path,
        position=fixed["position"],
        uv=fixed["uv"],
        skin_weight=fixed["skin_weight"],
        corner_vertex=topology["corner_vertex"],
        face=topology["face"],
        joint=joint,
        landmark=landmark,
        eyeball=eyeball,
        arkit=shapes,
        macro=_targets(path / "macro.npz", nothing),
        local=_targets(path / "local.npz", nothing),
        identity_vertex=vertex,
        identity_mode=mode,
        proxies=_proxies(path / "proxies.npz"),
    )
