"""A head in the layout of a FLAME file, made of our own open head so that what is to be found in it is known.

Its mesh is another one (pairs of vertices have become one, in another order), it is sized, turned and bent, and its
expression directions are a mix of what our ARKit shapes do and of other movements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.calibration.geometry import nearest
from omote.calibration.registration import OpenFace, open_face
from omote.engine.face.head import CHIN, EYE_LEFT, EYE_RIGHT, open_head
from omote.engine.face.retarget import UNITS
from omote.engine.rotation import rotation

Wide = NDArray[np.float64]
Index = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]

SCALE = 0.1 * 0.95  # metres to one of our decimetres, of a smaller head
_TURN = rotation(np.array([0.12, -0.05, 0.03]))
_SHIFT = np.array([0.01, -0.7, -0.11])
_WAVE = np.array([[2.1, 1.3, -0.7], [-0.8, 1.9, 1.1], [1.2, -0.6, 2.3]])  # of the bend, in 1 / dm
_WAVE_DM = 0.03  # 3 mm each way


@dataclass(frozen=True)
class FlameLike:
    """The file's arrays and what is true of them."""

    arrays: Arrays
    units: Wide  # [52,V,3] metres, by how much each ARKit shape truly moves the skin
    coefficients: Wide  # [39,50] truth for `UNITS`
    is_skin: NDArray[np.bool_]  # [V]


def flame_like(seed: int = 0, other: float = 0.0) -> FlameLike:
    """The same for the same seed, `other` standard deviations away from the mean person."""
    rng = np.random.default_rng(seed)
    shape = other * rng.standard_normal(open_head().shape_size)
    person = open_head().shaped(shape.astype(np.float32))
    vertex = person.vertex.astype(np.float64)
    skin, triangle, units, weight = _mesh(vertex, rng)
    eyes, eye_triangle, eye_weight = _eyes(vertex)
    point = np.concatenate([skin, *eyes])
    units = np.concatenate([units, np.zeros((len(units), len(point) - len(skin), 3))], 1)
    moved = _moved(point)
    units = np.stack([(_moved(point + 1e-4 * unit) - moved) / 1e-4 for unit in units])
    triangle = np.concatenate([triangle, eye_triangle + len(skin)])
    weight = np.concatenate([weight, eye_weight])
    expression, coefficients = _expressions(rng, moved, units, len(skin))
    arrays: Arrays = {
        "v_template": moved,
        "shapedirs": np.concatenate([np.zeros((len(moved), 3, 300)), expression], 2).astype(np.float32),
        "posedirs": np.zeros((len(moved), 3, 36)),
        "weights": weight,
        "f": triangle.astype(np.uint32),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "J_regressor": _regressor(moved, [len(one) for one in (skin, *eyes)], person.anchor.astype(np.float64)),
    }
    return FlameLike(arrays, units, coefficients, np.arange(len(moved)) < len(skin))


def _mesh(vertex: Wide, rng: np.random.Generator) -> tuple[Wide, Index, Wide, Wide]:
    """Skin [V,3] dm, triangles, ARKit units [52,V,3] and joints' weights [V,5] of a head cut off below the neck."""
    face = open_face()
    head = open_head()
    kept = face.point[:, 1] > head.anchor[CHIN, 1] - 0.5
    for eye in face.eyes:  # FLAME has no skin behind its eyes
        away = face.point - eye
        kept &= (np.linalg.norm(away, axis=1) > 0.17) | (away[:, 2] > 0.0)
    into = _pairs(face, kept, rng)
    order = rng.permutation(int(into.max()) + 1)
    into = np.where(kept, order[into], -1)
    count = np.bincount(into[kept]).astype(np.float64)

    def mean(values: Wide) -> Wide:
        summed = np.zeros((len(count), values.shape[1]))
        np.add.at(summed, into[kept], values[kept])
        return np.asarray(summed / count[:, None])

    triangle = into[face.triangle[kept[face.triangle].all(1)]]
    triangle = triangle[(triangle != np.roll(triangle, 1, axis=1)).all(1)]
    opened = np.linalg.norm(face.units[arkit.INDEX["jawOpen"]], axis=1)
    jaw = np.clip(1.3 * opened / opened.max() - 0.1, 0.0, 1.0)
    root = np.clip((head.anchor[CHIN, 1] - face.point[:, 1]) / 0.5, 0.0, 1.0) * (1.0 - jaw)
    nothing = np.zeros_like(jaw)
    weight = np.stack([root, 1.0 - root - jaw, jaw, nothing, nothing], 1)
    point = vertex[nearest(face.point, head.template.astype(np.float64))[:, 0]]
    return mean(point), triangle, np.stack([mean(unit) for unit in face.units]), mean(weight)


def _pairs(face: OpenFace, kept: NDArray[np.bool_], rng: np.random.Generator) -> Index:
    """[N] the number of each kept point's pair, along edges that share no point; -1 of one that is not kept."""
    edges = face.triangle[kept[face.triangle].all(1)][:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    into = np.full(len(face.point), -1)
    count = 0
    for one, other in rng.permutation(np.unique(np.sort(edges, axis=1), axis=0)):
        if into[one] < 0 and into[other] < 0:
            into[one] = into[other] = count
            count += 1
    alone = np.flatnonzero(kept & (into < 0))
    into[alone] = count + np.arange(len(alone))
    return into


def _eyes(vertex: Wide) -> tuple[list[Wide], Index, Wide]:
    head = open_head()
    first = head.eye_rows[0].start
    triangle = head.triangle[(head.region[head.triangle] == 1).all(1)].astype(np.int64) - first
    eyes = [vertex[rows] for rows in head.eye_rows]
    weight = np.zeros((sum(map(len, eyes)), 5))
    weight[: len(eyes[0]), 3] = weight[len(eyes[0]) :, 4] = 1.0
    return eyes, triangle, weight


def _moved(point: Wide) -> Wide:
    """[N,3] metres where the file has a point of our head."""
    middle = open_head().anchor[2:4].mean(0)
    bent = point + _WAVE_DM * np.sin((point - middle) @ _WAVE.T)
    return np.asarray(SCALE * bent @ _TURN.T + _SHIFT)


def _expressions(rng: np.random.Generator, point: Wide, units: Wide, skin: int) -> tuple[Wide, Wide]:
    """[V,3,100] directions, the first 50 of which hold our units, and [39,50] how."""
    movements = [units[arkit.INDEX[name]] for name in UNITS]
    for _ in range(61):
        middle, way = point[rng.integers(skin)], rng.normal(0.0, 0.002, 3)
        near = np.exp(-((point - middle) ** 2).sum(1) / (2 * 0.015**2))
        movements.append(near[:, None] * way)
    every = np.stack(movements)
    every[:, skin:] = 0.0
    mix = np.linalg.qr(rng.normal(size=(50, 50)))[0] / 2.0  # at full weight a unit is 2 standard deviations
    directions = np.concatenate([np.tensordot(mix, every[:50], 1), every[50:]])
    return directions.transpose(1, 2, 0), 4.0 * mix.T[: len(UNITS)]


def _regressor(point: Wide, parts: list[int], anchor: Wide) -> Wide:
    """[5,V] whose joints are root and neck below the chin, the jaw before the ears, and the eyes' middles."""
    skin = point[: parts[0]]
    jaw = anchor[[EYE_LEFT, EYE_RIGHT]].mean(0) - (0.0, 0.42, 0.46)
    neck, root = anchor[CHIN] - (0.0, 0.1, 0.9), anchor[CHIN] - (0.0, 0.9, 1.0)
    rows = np.zeros((5, len(point)))
    for joint, place in enumerate((root, neck, jaw)):
        goal = _moved(place[None])[0]
        near = ((skin - goal) ** 2).sum(1).argsort()[:200]
        system = np.concatenate([skin[near].T, np.ones((1, len(near)))])
        rows[joint, near] = np.linalg.lstsq(system, np.append(goal, 1.0), rcond=None)[0]
    for joint, first, count in ((3, parts[0], parts[1]), (4, parts[0] + parts[1], parts[2])):
        rows[joint, first : first + count] = 1.0 / count
    return rows
