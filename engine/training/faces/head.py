"""Builds the open head from the face kit: `python -m omote.engine.training.faces.head --kit PATH`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...face.head import EYE, FILE, MOUTH, SKIN
from ...face.retarget import DRIVEN, UNITS
from .. import atlas
from .kit import Kit, Proxy, load
from .person import Person, sample_person

Array = NDArray[np.float32]
Index = NDArray[np.int32]

SHAPE_SIZE = 100
_PEOPLE = 600
_SEED = 4_000_000  # no person of a training set has a seed near this
_ANCHOR_WEIGHT = 20.0  # a joint counts as much as this many vertices, so that few components carry it
_UNSEEN_NORMAL_Z = -0.8  # triangles that face away this much never come to the front
_CELL_DM = {"eyes.high_poly": 0.028, "teeth.teeth_base": 0.05, "tongue.tongue01": 0.06}


@dataclass(frozen=True)
class _Part:
    """A mesh of the head: each of its vertices hangs on the kit's vertices."""

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


def neutral(kit: Kit, person: Person) -> Array:
    """[V,3] a person's head at rest, without the resting expression."""
    position = kit.position.copy()
    position[kit.identity_vertex] += np.tensordot(person.identity, kit.identity_mode, 1)
    for name, weight in person.shape:
        (kit.macro if name in kit.macro.index else kit.local).add(position, name, weight)
    return position


def resting(kit: Kit, person: Person, head: Array) -> Array:
    """[V,3] the same head with the expression that this person wears at rest."""
    face = head.copy()
    kit.express(face, person.resting)
    return face


def anchors(kit: Kit, head: Array) -> Array:
    """[6,3] joints and the points that frame a picture, in the order of `omote.engine.face.head`."""
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
    return _Part(None, row, triangle, atlas.skin_uv(kit.uv[row]), SKIN)


def _clustered(kit: Kit, name: str) -> tuple[Proxy, Index, Index]:
    """A proxy with far fewer triangles: all vertices of one small cube become the one nearest to its mean."""
    proxy = kit.proxies[name]
    vertex = proxy.fit(kit.position, kit.position)
    cell = np.floor(vertex / _CELL_DM[name]).astype(np.int64)
    cell[:, 0] = np.where(vertex[:, 0] >= 0, cell[:, 0], cell[:, 0] - 10_000)  # left and right never meet
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


def _worn(kit: Kit, name: str, region: int) -> _Part:
    proxy, row, triangle = _clustered(kit, name)
    where = proxy.fit(kit.position, kit.position)[row]
    if name.startswith("eyes"):  # left eye first, so that each eyeball is a run of rows
        order = np.argsort(where[:, 0] < 0, kind="stable")
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        row, triangle, where = row[order], number[triangle].astype(np.int32), where[order]
    return _Part(proxy, row, triangle, atlas.worn_uv(name.split(".", 1)[0], where), region)


def build_head(kit: Kit, people: int = _PEOPLE) -> dict[str, NDArray[np.generic]]:
    """All arrays of `open_head.npz`. Same kit, same bytes."""
    parts = [skin_part(kit), _worn(kit, "eyes.high_poly", EYE)]
    parts += [_worn(kit, name, MOUTH) for name in ("teeth.teeth_base", "tongue.tongue01")]
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
    """One person's vertices at rest and (weighted) anchors in a row."""
    head = neutral(kit, person)
    face = resting(kit, person, head)
    vertex = np.concatenate([part.fit(kit, face, head) for part in parts])
    return np.concatenate([vertex.ravel(), (anchors(kit, head) * _ANCHOR_WEIGHT).ravel()])


def _unit(kit: Kit, parts: list[_Part], name: str) -> Array:
    """[N*3] by how much an ARKit unit moves each vertex of the mean head."""
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
    parts = [skin_part(kit), _worn(kit, "eyes.high_poly", EYE)]
    parts += [_worn(kit, name, MOUTH) for name in ("teeth.teeth_base", "tongue.tongue01")]
    mean = np.concatenate([head.template.ravel(), (head.anchor * _ANCHOR_WEIGHT).ravel()])
    basis = np.concatenate([head.shapedirs, head.anchor_shapedirs * _ANCHOR_WEIGHT], 1).astype(np.float64)
    row = _row(kit, parts, person) - mean
    return np.asarray(np.linalg.solve(basis @ basis.T, basis @ row), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    arrays = build_head(load(args.kit))
    np.savez_compressed(args.out, allow_pickle=False, **arrays)
    print(f"{args.out}: {len(arrays['template'])} vertices, {len(arrays['triangle'])} triangles")


if __name__ == "__main__":
    main()
