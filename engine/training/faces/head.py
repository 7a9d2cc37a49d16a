"""Builds the open head from the face kit: `python -m omote.engine.training.faces.head --kit PATH`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...face.head import EYE, FILE, MOUTH, SKIN
from ...face.retarget import DRIVEN, UNITS
from .kit import Kit, Proxy, load
from .person import Person, neutral_head, sample_person

Array = NDArray[np.float32]
Index = NDArray[np.int32]

SHAPE_SIZE = 100
_PEOPLE = 600
_SEED = 4_000_000  # far from the seeds of training sets
_ANCHOR_WEIGHT = 20.0  # a joint weighs as much as this many vertices, so that few components carry it
_UNSEEN_NORMAL_Z = -0.8  # triangles that face away more are never visible
# The atlas of skin, eyes, teeth and tongue, in texels: x, y, width, height. Skin fills the upper square, chest and
# shoulders the strip at the foot.
_HEIGHT, _WIDTH = 256, 128
_SKIN = (0, 0, 128, 128)
_TORSO = (0, 192, 128, 64)
_PATCHES = {"eyes": (64, 128, 40, 40), "teeth": (64, 168, 40, 24), "tongue": (104, 128, 24, 24)}
# The face is a small part of the skin's layout; these knots give it three fifths of each axis.
_U_KNOTS = ((0.0, 0.12, 0.34, 0.68, 0.73, 1.0), (0.0, 0.06, 0.27, 0.84, 0.90, 1.0))
_V_KNOTS = ((0.0, 0.37, 0.63, 1.0), (0.0, 0.20, 0.80, 1.0))
# Chest and shoulders are a small patch of that layout.
_TORSO_U, _TORSO_V = (0.74, 0.98), (0.025, 0.105)
_CELL_DM = {"eyes.high_poly": 0.028, "teeth.teeth_base": 0.05, "tongue.tongue01": 0.06}


@dataclass(frozen=True)
class _Part:
    """A mesh of the head, whose vertices are bound to those of the kit."""

    proxy: Proxy | None  # None for the body's own skin
    row: Index  # [n] corners of the kit (skin) or vertices of the proxy that became vertices here
    triangle: Index  # [t,3]
    uv: Array  # [n,2] in the atlas
    region: int

    def fit(self, kit: Kit, head: Array, neutral: Array) -> Array:
        """[n,3] this part on a head of the kit."""
        if self.proxy is None:
            return np.asarray(head[kit.corner_vertex[self.row]])
        return np.asarray(self.proxy.fit(head, neutral)[self.row])

    def skin_weight(self, kit: Kit) -> Array:
        if self.proxy is None:
            return np.asarray(kit.skin_weight[kit.corner_vertex[self.row]])
        anchored = np.einsum("nk,nkc->nc", self.proxy.weight, kit.skin_weight[self.proxy.anchor])
        return np.asarray(np.clip(anchored[self.row], 0.0, 1.0), np.float32)


def _anchors(kit: Kit, head: Array) -> Array:
    """[6,3] joints and the points that frame a picture, in the order of `engine/face/head.py`."""
    joint = [head[kit.joint[name]].mean(0) for name in ("neck", "head")]
    eyes = [head[ball].mean(0) for ball in kit.eyeball]
    crown = np.array([0.0, head[:, 1].max(), 0.0], np.float32)
    return np.asarray([*joint, *eyes, head[kit.landmark[8]], crown], np.float32)


def _normal_z(vertex: Array, triangle: Index) -> Array:
    a, b, c = (vertex[triangle[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    return np.asarray(normal[:, 2] / (np.linalg.norm(normal, axis=1) + 1e-12))


def _used(vertices: int, triangle: Index) -> tuple[Index, Index]:
    """The rows that triangles use, and the triangles renumbered to them."""
    row = np.unique(triangle)
    number = np.full(vertices, -1, np.int32)
    number[row] = np.arange(len(row))
    return row.astype(np.int32), number[triangle]


def skin_part(kit: Kit) -> _Part:
    """The body's own skin: the first vertices of the open head, in this order."""
    seen = kit.face[_normal_z(kit.position, kit.corner_vertex[kit.face]) > _UNSEEN_NORMAL_Z]
    row, triangle = _used(len(kit.corner_vertex), seen)
    return _Part(None, row, triangle, _skin_uv(kit.uv[row]), SKIN)


def _clustered(kit: Kit, name: str) -> tuple[Proxy, Index, Index]:
    """A proxy with far fewer triangles: the vertices of each small cube become the one nearest to their mean."""
    proxy = kit.proxies[name]
    vertex = proxy.fit(kit.position, kit.position)
    cell = np.floor(vertex / _CELL_DM[name]).astype(np.int64)
    cell[:, 0] = np.where(vertex[:, 0] >= 0, cell[:, 0], cell[:, 0] - 10_000)  # left and right never merge
    _, member = np.unique(cell, axis=0, return_inverse=True)
    keeper = np.array([_nearest_to_mean(vertex, np.flatnonzero(member == k)) for k in range(member.max() + 1)])
    triangle = keeper[member][proxy.corner_vertex[proxy.face]]
    whole = (triangle != np.roll(triangle, 1, axis=1)).all(1)
    seen = triangle[whole & (_normal_z(vertex, triangle) > _UNSEEN_NORMAL_Z)]
    row, renumbered = _used(len(vertex), np.unique(seen, axis=0))
    return proxy, row, renumbered


def _nearest_to_mean(vertex: Array, rows: NDArray[np.intp]) -> int:
    away = np.linalg.norm(vertex[rows] - vertex[rows].mean(0), axis=1)
    return int(rows[away.argmin()])


def _proxy_part(kit: Kit, name: str, region: int) -> _Part:
    proxy, row, triangle = _clustered(kit, name)
    where = proxy.fit(kit.position, kit.position)[row]
    if name.startswith("eyes"):  # left eye first, so that each eyeball is a run of rows
        order = np.argsort(where[:, 0] < 0, kind="stable")
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        row, triangle, where = row[order], number[triangle].astype(np.int32), where[order]
    return _Part(proxy, row, triangle, _part_uv(name.split(".", 1)[0], where), region)


def _placed(unit: NDArray[np.floating], place: tuple[int, int, int, int]) -> Array:
    """[n,2] atlas coordinates 0 to 1 of points 0 to 1 in a patch, half a texel inside its border."""
    x, y, width, height = place
    scale = np.array([(width - 1) / _WIDTH, (height - 1) / _HEIGHT], np.float32)
    origin = np.array([(x + 0.5) / _WIDTH, (y + 0.5) / _HEIGHT], np.float32)
    return np.asarray(np.clip(unit, 0.0, 1.0), np.float32) * scale + origin


def _skin_uv(uv: Array) -> Array:
    """[n,2] from MakeHuman's skin layout (v up) to the atlas."""
    u, v = uv[:, 0], 1.0 - uv[:, 1]
    skin = _placed(np.stack([np.interp(u, *_U_KNOTS), np.interp(v, *_V_KNOTS)], 1), _SKIN)
    torso = np.stack([(u - _TORSO_U[0]) / np.ptp(_TORSO_U), (v - _TORSO_V[0]) / np.ptp(_TORSO_V)], 1)
    is_torso = (u > _TORSO_U[0]) & (v < _TORSO_V[1] + 0.01)
    return np.where(is_torso[:, None], _placed(torso, _TORSO), skin)


def _part_uv(part: str, position: Array) -> Array:
    """[n,2] atlas coordinates of eyes, teeth or tongue, projected from the front (the tongue from above), at rest."""
    if part == "eyes":
        return _placed(_eye_uv(position), _PATCHES["eyes"])
    axes = position[:, [0, 2]] if part == "tongue" else position[:, [0, 1]]
    low, high = axes.min(0), axes.max(0)
    return _placed((axes - low) / (high - low), _PATCHES[part])


def _eye_uv(position: Array) -> NDArray[np.float64]:
    """[n,2] the front of each eyeball in one half of the patch; the radius is the angle from the pupil."""
    unit = np.empty((len(position), 2))
    for is_side, x in ((position[:, 0] >= 0, 0.25), (position[:, 0] < 0, 0.75)):
        ball = position[is_side]
        away = ball - (ball.min(0) + ball.max(0)) / 2.0
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        angle = np.arccos(np.clip(away[:, 2], -1.0, 1.0)) / (0.6 * np.pi)
        flat = away[:, :2] / (np.linalg.norm(away[:, :2], axis=1, keepdims=True) + 1e-9)
        unit[is_side] = np.array([x, 0.5]) + flat * angle[:, None] * (0.24, 0.48)
    return unit


def build_head(kit: Kit, people: int = _PEOPLE) -> dict[str, NDArray[np.generic]]:
    """All arrays of `open_head.npz`; the same kit gives the same bytes."""
    parts = [skin_part(kit), _proxy_part(kit, "eyes.high_poly", EYE)]
    parts += [_proxy_part(kit, name, MOUTH) for name in ("teeth.teeth_base", "tongue.tongue01")]
    everyone = [sample_person(kit, _SEED + k) for k in range(people)]
    rows = np.stack([_row(kit, parts, person) for person in everyone]).astype(np.float64)
    mean = rows.mean(0)
    _, spread, direction = np.linalg.svd(rows - mean, full_matrices=False)
    shapedirs = direction[:SHAPE_SIZE] * (spread[:SHAPE_SIZE, None] / np.sqrt(people))
    vertices = sum(len(part.row) for part in parts)
    cut = vertices * 3
    units = np.stack([_unit(kit, parts, name) for name in UNITS]).astype(np.float64)
    exprdirs, to_expression = _principal(units)
    first = np.cumsum([0] + [len(part.row) for part in parts])
    eye_x = parts[1].fit(kit, kit.position, kit.position)[:, 0]
    left = int((eye_x >= 0).sum())
    return {
        "template": mean[:cut].reshape(-1, 3).astype(np.float32),
        "anchor": (mean[cut:] / _ANCHOR_WEIGHT).reshape(-1, 3).astype(np.float32),
        "shapedirs": shapedirs[:, :cut].astype(np.float16),
        "anchor_shapedirs": (shapedirs[:, cut:] / _ANCHOR_WEIGHT).astype(np.float32),
        "exprdirs": exprdirs.astype(np.float16),
        "drivendirs": np.stack([_unit(kit, parts, name) for name in DRIVEN]).astype(np.float16),
        "unit_to_expression": to_expression,
        "skin_weight": np.concatenate([part.skin_weight(kit) for part in parts]).astype(np.float16),
        "triangle": np.concatenate([part.triangle + n for part, n in zip(parts, first, strict=False)]).astype(
            np.uint16
        ),
        "region": np.concatenate([np.full(len(part.row), part.region, np.uint8) for part in parts]),
        "uv": np.concatenate([part.uv for part in parts]).astype(np.float32),
        "eye_rows": np.array([first[1], first[1] + left, first[2]], np.int32),
    }


def _row(kit: Kit, parts: list[_Part], person: Person) -> Array:
    """One person's resting vertices and weighted anchors as a row."""
    head = neutral_head(kit, person)
    face = head.copy()
    kit.express(face, person.resting)
    vertex = np.concatenate([part.fit(kit, face, head) for part in parts])
    return np.concatenate([vertex.ravel(), (_anchors(kit, head) * _ANCHOR_WEIGHT).ravel()])


def _unit(kit: Kit, parts: list[_Part], name: str) -> Array:
    """[N*3] the offset of each vertex of the mean head at weight 1 of an ARKit shape."""
    face = kit.position.copy()
    kit.arkit.add(face, name, 1.0)
    moved = [part.fit(kit, face, kit.position) - part.fit(kit, kit.position, kit.position) for part in parts]
    return np.concatenate(moved).ravel()


def _principal(units: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Principal components [39,N*3] of the units, and the [39,39] matrix from unit weights to their coefficients.

    Signs are fixed so that the largest entry of each component is positive.
    """
    u, s, direction = np.linalg.svd(units, full_matrices=False)
    sign = np.sign(direction[np.arange(len(direction)), np.abs(direction).argmax(1)])
    scale = s / np.sqrt(len(units))
    return direction * (sign * scale)[:, None], u * (s * sign / scale)


def shape_of(kit: Kit, person: Person) -> Array:
    """[100] this person's shape coefficients in the shipped head."""
    from ...face.head import open_head

    head = open_head()
    parts = [skin_part(kit), _proxy_part(kit, "eyes.high_poly", EYE)]
    parts += [_proxy_part(kit, name, MOUTH) for name in ("teeth.teeth_base", "tongue.tongue01")]
    mean = np.concatenate([head.template.ravel(), (head.anchor * _ANCHOR_WEIGHT).ravel()])
    basis = np.concatenate([head.shapedirs, head.anchor_shapedirs * _ANCHOR_WEIGHT], 1).astype(np.float64)
    row = _row(kit, parts, person) - mean
    return np.asarray(np.linalg.solve(basis @ basis.T, basis @ row), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="folder of the face kit")
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    arrays = build_head(load(args.kit))
    np.savez_compressed(args.out, allow_pickle=False, **arrays)
    print(f"{args.out}: {len(arrays['template'])} vertices, {len(arrays['triangle'])} triangles")


if __name__ == "__main__":
    main()
