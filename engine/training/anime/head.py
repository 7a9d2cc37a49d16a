"""Builds the anime head from the anime and the face kit: `python -m omote.engine.training.anime.head --kit PATH`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ...face.anime_head import FILE, anime_head, lattice
from ...face.head import EYE, MOUTH, SKIN, open_head
from ..faces import kit as face_kit
from ..faces.head import skin_part
from .character import Character, sample_character
from .figure import Features, arkit_shapes
from .kit import Kit, load

Array = NDArray[np.float32]
Index = NDArray[np.int32]

_COMPONENTS = 56
_CHARACTERS = 500
_SEED = 5_000_000  # far from the seeds of training sets
_ANCHOR_WEIGHT = 20.0  # a joint weighs as much as this many vertices
_REGIONS = {"skin": SKIN, "ear": SKIN, "eye_white": EYE, "iris": EYE, "mouth": MOUTH, "teeth": MOUTH, "tongue": MOUTH}
_UNSEEN_NORMAL_Z = -0.85  # triangles that face away more are never visible
_FACE_Z = 0.35  # the head is simplified behind it
_CELL_DM, _BODY_CELL_DM = 0.11, 0.11
_JAW_Y, _NECK_Y = 13.40, 12.62  # the mesh stays fine below and above, so that no gap opens under the chin
_BROW_REACH = (0.03, 0.20)  # dm from a brow within which the forehead follows it: fully, not at all


@dataclass(frozen=True)
class _Layout:
    """The corners of the kit that are vertices of the head."""

    corner: Index  # [n] corners of the kit's head
    body: Index  # [m] corners of the kit's neck and shoulders
    triangle: Index  # [T,3] of n + m vertices
    region: NDArray[np.uint8]  # [n+m]
    eye_rows: Index  # [3] borders of the left and the right eye
    brow: NDArray[np.float64]  # [n,B] how much the skin follows each brow corner of the kit
    own: Array  # [n] how much it moves by itself


def _clustered(position: Array, triangle: Index, cell: float, is_kept: NDArray[np.bool_]) -> Index:
    """Triangles with all corners of a cube of `cell` dm merged into the one nearest to their mean."""
    key = np.floor(position / cell).astype(np.int64)
    key[:, 0] = np.where(position[:, 0] >= 0, key[:, 0], key[:, 0] - 10_000)  # left and right never merge
    key[is_kept, 1] += 1_000_000 + np.arange(int(is_kept.sum())) * 10
    _, member = np.unique(key, axis=0, return_inverse=True)
    keeper = np.empty(member.max() + 1, np.int64)
    for k in range(len(keeper)):
        rows = np.flatnonzero(member == k)
        keeper[k] = rows[np.linalg.norm(position[rows] - position[rows].mean(0), axis=1).argmin()]
    moved = keeper[member][triangle]
    return np.asarray(moved[(moved != np.roll(moved, 1, axis=1)).all(1)], np.int32)


def _facing(position: Array, triangle: Index) -> Array:
    a, b, c = (position[triangle[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    return np.asarray(normal[:, 2] / (np.linalg.norm(normal, axis=1) + 1e-12))


@lru_cache(maxsize=1)
def _layout(kit: Kit) -> _Layout:
    head, names = kit.head, {k: name for name, k in kit.region.items()}
    _, first = np.unique(kit.vertex, return_index=True)
    merged = first[kit.vertex]  # seams do not matter here
    parts: dict[int, Index] = {}
    is_face = (
        (head.position[:, 2] > _FACE_Z)
        | (head.position[:, 1] < _JAW_Y)
        | np.isin(np.arange(len(merged)), merged[kit.landmark])
    )
    for region in range(len(kit.region)):
        if names[region] not in _REGIONS:
            continue
        triangle = head.triangle[head.region == region]
        if names[region] not in ("iris", "eye_white", "teeth", "tongue", "mouth"):
            triangle = _clustered(head.position, merged[triangle], _CELL_DM, is_face)
        triangle = triangle[_facing(head.position, triangle) > _UNSEEN_NORMAL_Z]
        parts[region] = triangle
    order = [k for k in parts if _REGIONS[names[k]] == SKIN]
    eyes = [k for k in parts if _REGIONS[names[k]] == EYE]
    skin = np.unique(np.concatenate([parts[k] for k in order]))
    eye = np.unique(np.concatenate([parts[k] for k in eyes]))
    eye = eye[np.argsort(head.position[eye, 0] < 0, kind="stable")]
    mouth = np.unique(np.concatenate([parts[k] for k in parts if _REGIONS[names[k]] == MOUTH]))
    corner = np.concatenate([skin, eye, mouth])
    triangles, start = [], 0
    for rows, group in ((skin, order), (eye, eyes), (mouth, [k for k in parts if k not in order and k not in eyes])):
        number = np.full(len(head.position), -1, np.int64)
        number[rows] = np.arange(len(rows)) + start
        triangles += [number[parts[k]] for k in group]
        start += len(rows)
    wear = kit.wear
    worn = wear.triangle[wear.region == kit.region["neck"]]
    worn = _clustered(wear.position, worn, _BODY_CELL_DM, wear.position[:, 1] > _NECK_Y)
    worn = worn[_facing(wear.position, worn) > _UNSEEN_NORMAL_Z]
    body, worn = np.unique(worn, return_inverse=True)
    triangles.append(worn.reshape(-1, 3) + start)
    left = int((head.position[eye, 0] >= 0).sum())
    brow, own = _brow_follow(kit, corner, np.isin(corner, skin))
    return _Layout(
        corner.astype(np.int32),
        body.astype(np.int32),
        np.concatenate(triangles).astype(np.int32),
        np.repeat(np.array([SKIN, EYE, MOUTH, SKIN], np.uint8), [len(skin), len(eye), len(mouth), len(body)]),
        np.array([len(skin), len(skin) + left, len(skin) + len(eye)], np.int32),
        brow,
        own,
    )


def _brow_follow(kit: Kit, corner: Index, is_skin: NDArray[np.bool_]) -> tuple[NDArray[np.float64], Array]:
    """How much the skin of the forehead follows each corner of the brows, and how much it moves by itself."""
    p, rows = kit.head.position, _brow_corners(kit)
    far = np.linalg.norm(p[corner][:, None] - p[rows][None], axis=2)
    nearest = far.min(1)
    reach = np.clip((_BROW_REACH[1] - nearest) / (_BROW_REACH[1] - _BROW_REACH[0]), 0.0, 1.0)
    lids = np.clip((p[corner, 1] - 14.27) / 0.10, 0.0, 1.0)  # lids do not follow
    share = reach * reach * (3.0 - 2.0 * reach) * lids * is_skin
    near = np.exp(-((far / 0.06) ** 2)) + 1e-12
    follow = near / near.sum(1, keepdims=True) * share[:, None]
    return follow, (1.0 - share).astype(np.float32)


def _brow_corners(kit: Kit) -> Index:
    return np.unique(kit.head.triangle[kit.head.region == kit.region["brow"]]).astype(np.int32)


def _moved(kit: Kit, delta: Array) -> Array:
    """[N,3] the offsets of the head's vertices for offsets [C,3] of the kit's corners."""
    layout = _layout(kit)
    skin = delta[layout.corner] * layout.own[:, None] + layout.brow @ delta[_brow_corners(kit)]
    return np.concatenate([skin, np.zeros((len(layout.body), 3))]).astype(np.float32)


def _resting(kit: Kit, character: Character) -> tuple[Array, Array]:
    """[N,3] the resting head of a character, and [C,3] the warped corners of the kit."""
    layout = _layout(kit)
    drawn = Features(kit, character).rest
    body = character.face.apply_body(kit.wear.position[layout.body])
    unwarped = np.concatenate([kit.head.position[layout.corner], body]) + _moved(kit, drawn - kit.head.position)
    vertex = character.face.apply(unwarped)
    vertex[len(layout.corner) :] = body
    return vertex, character.face.apply(drawn)


def _row(kit: Kit, character: Character) -> Array:
    """One character's resting vertices, weighted anchors and warp as a row."""
    vertex, corner = _resting(kit, character)
    middle = corner[kit.landmark[68:]]
    crown = np.array([0.0, corner[:, 1].max(), 0.0])
    anchor = np.stack([kit.joint["neck"], kit.joint["head"], *middle, corner[kit.landmark[8]], crown])
    points = lattice()
    warp = (character.face.apply(points) - points)[:, :2]
    return np.concatenate([vertex.ravel(), anchor.ravel() * _ANCHOR_WEIGHT, warp.ravel()])


def _canonical(kit: Kit, faces: face_kit.Kit) -> Array:
    """[N,3] the places of the vertices on the open head's template, by way of the face kit's head."""
    layout, template = _layout(kit), open_head().template
    skin = skin_part(faces)
    base = faces.position[faces.corner_vertex[skin.row]]
    place = np.concatenate([kit.head.canonical[layout.corner], kit.wear.canonical[layout.body]])
    far, near = cKDTree(base).query(place, k=8)
    weight = 1.0 / (far + 0.02) ** 2
    offset = ((template[: len(base)] - base)[near] * weight[..., None]).sum(1) / weight.sum(1, keepdims=True)
    return np.asarray(place + offset, np.float32)


def _uv(canonical: Array, region: NDArray[np.uint8]) -> Array:
    """[N,2] in the open head's atlas, from the nearest vertex of the same region."""
    head, uv = open_head(), np.zeros((len(canonical), 2), np.float32)
    for part in (SKIN, EYE, MOUTH):
        rows = np.flatnonzero(head.region == part)
        mine = np.flatnonzero(region == part)
        uv[mine] = head.uv[rows[cKDTree(head.template[rows]).query(canonical[mine])[1]]]
    return uv


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _landmarks(kit: Kit, vertex: Array) -> tuple[Index, Array]:
    """[70,3] vertices and weights of landmarks: the corner itself, or the triangle of the skin under a brow."""
    layout = _layout(kit)
    _, first = np.unique(kit.vertex, return_index=True)
    row, weight = np.zeros((70, 3), np.int32), np.zeros((70, 3), np.float32)
    brows = set(_brow_corners(kit).tolist())
    at = {int(c): k for k, c in enumerate(layout.corner)}
    skin = layout.triangle[(layout.region[layout.triangle] == SKIN).all(1)]
    skin = skin[vertex[skin, 2].min(1) > _FACE_Z]
    for k, corner in enumerate(kit.landmark):
        if int(corner) not in brows:
            known = at.get(int(corner), at.get(int(first[kit.vertex[corner]]), -1))
            row[k], weight[k] = known, (1.0, 0.0, 0.0)
            if known < 0:
                raise ValueError(f"landmark {k} is no vertex of the head")
            continue
        p = kit.head.position[corner]
        a, b, c = (vertex[skin[:, j], :2].astype(np.float64) for j in range(3))
        area = _cross(b - a, c - a)
        w1, w2 = _cross(p[:2] - a, c - a) / area, _cross(b - a, p[:2] - a) / area
        inside = np.flatnonzero((w1 >= -1e-6) & (w2 >= -1e-6) & (w1 + w2 <= 1.0 + 1e-6))
        best = inside[vertex[skin[inside], 2].mean(1).argmax()]
        row[k], weight[k] = skin[best], (1.0 - w1[best] - w2[best], w1[best], w2[best])
    return row, weight


def build_head(kit: Kit, faces: face_kit.Kit, characters: int = _CHARACTERS) -> dict[str, NDArray[np.generic]]:
    """All arrays of `anime_head.npz`; the same kits give the same bytes."""
    layout, shapes = _layout(kit), arkit_shapes(kit)
    everyone = [sample_character(kit, _SEED + k) for k in range(characters)]
    rows = np.stack([_row(kit, character) for character in everyone]).astype(np.float64)
    mean = rows.mean(0)
    _, spread, direction = np.linalg.svd(rows - mean, full_matrices=False)
    shapedirs = direction[:_COMPONENTS] * (spread[:_COMPONENTS, None] / np.sqrt(characters))
    vertices = len(layout.corner) + len(layout.body)
    cut, end = vertices * 3, vertices * 3 + 18
    canonical = _canonical(kit, faces)
    skin_weight = np.concatenate([kit.head.skin_weight[layout.corner], kit.wear.skin_weight[layout.body]])
    rest = np.concatenate([kit.head.position[layout.corner], kit.wear.position[layout.body]])
    row, weight = _landmarks(kit, rest)
    return {
        "template": mean[:cut].reshape(-1, 3).astype(np.float32),
        "anchor": (mean[cut:end] / _ANCHOR_WEIGHT).reshape(-1, 3).astype(np.float32),
        "warp": mean[end:].astype(np.float32),
        "shapedirs": shapedirs[:, :cut].astype(np.float16),
        "anchor_shapedirs": (shapedirs[:, cut:end] / _ANCHOR_WEIGHT).astype(np.float32),
        "warp_shapedirs": shapedirs[:, end:].astype(np.float16),
        "units": np.stack([_moved(kit, move).ravel() for move in shapes.move]).astype(np.float16),
        "lips": _moved(kit, shapes.lips).ravel().astype(np.float16),
        "grin": np.stack([_moved(kit, grin).ravel() for grin in shapes.grin]).astype(np.float16),
        "rest": rest.astype(np.float32),
        "canonical": canonical,
        "skin_weight": skin_weight.astype(np.float16),
        "triangle": layout.triangle.astype(np.uint16),
        "region": layout.region,
        "uv": _uv(canonical, layout.region),
        "eye_rows": layout.eye_rows,
        "landmark_row": row.astype(np.uint16),
        "landmark_weight": weight,
    }


def shape_of(kit: Kit, character: Character) -> Array:
    """[100] this character's shape coefficients in the shipped anime head."""
    head = anime_head()
    used = np.abs(head.shapedirs).max(1) > 0.0
    mean = np.concatenate([head.template.ravel(), head.anchor.ravel() * _ANCHOR_WEIGHT, head.warp])
    basis = np.concatenate([head.shapedirs, head.anchor_shapedirs * _ANCHOR_WEIGHT, head.warp_shapedirs], 1)[used]
    basis = basis.astype(np.float64)
    shape = np.zeros(len(used), np.float32)
    shape[used] = np.linalg.solve(basis @ basis.T, basis @ (_row(kit, character) - mean))
    return shape


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="folder of the anime kit")
    parser.add_argument("--face-kit", type=Path, required=True, help="folder of the face kit")
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    arrays = build_head(load(args.kit), face_kit.load(args.face_kit))
    np.savez_compressed(args.out, allow_pickle=False, **arrays)
    print(f"{args.out}: {len(arrays['template'])} vertices, {len(arrays['triangle'])} triangles")


if __name__ == "__main__":
    main()
