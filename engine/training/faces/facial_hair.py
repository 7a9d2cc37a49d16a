"""Brows, lashes and beards as strands that are bound to skin or lids, so that they follow the expression."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .hair import Skull, kit_strands, to_person
from .haircut import Scalp, roots
from .kit import Kit
from .person import Beard, Person
from .rasterize import BEARD, BROW, LASH, LOWER_LASH, Array, Index

Wide = NDArray[np.float64]

_LASH_PROXY = "eyelashes.eyelashes01"
# Vertices of that proxy on the edges of the subject's left lids, from the nose outwards; the right ones are 125 on.
_UPPER_LID = (21, 24, 20, 19, 18, 1, 0, 2, 3, 4, 5, 6, 7)
_LOWER_LID = (23, 17, 51, 16, 15, 14, 13, 12, 11, 10, 50, 9)
_RIGHT_LID = 125
_ROWS = 4  # rows of vertices from the edge of a lid to the tips


@dataclass(frozen=True)
class Bound:
    """Strands in the frames of the triangles that they grow on; lying strands have a frame for each point."""

    kind: int
    triangle: Index  # [S or S*P,3] vertices
    bary: Array  # [S or S*P,3]
    local: Array  # [S,P,3] dm along tangent, bitangent and normal
    color: Array  # [S,3] linear RGB
    width: Array  # [S] dm

    def posed(self, vertex: Array, normal: Array) -> tuple[Array, Array]:
        """[S,P,3] points and [S,3] normals on a posed head."""
        root, frame = _frames(vertex, normal, self.triangle, self.bary)
        count = len(self.local)
        offset = np.einsum("gqk,gkc->gqc", self.local.reshape(len(root), -1, 3), frame)
        up = frame[:, 2].reshape(count, -1, 3)[:, 0]
        return (root[:, None] + offset).reshape(self.local.shape), up


def _frames(vertex: Array, normal: Array, triangle: Index, bary: Array) -> tuple[Array, Array]:
    """[S,3] points on triangles and [S,3,3] tangent, bitangent and normal there."""
    corner = vertex[triangle]
    root = np.einsum("sk,skc->sc", bary, corner)
    up = np.einsum("sk,skc->sc", bary, normal[triangle])
    up /= np.linalg.norm(up, axis=1, keepdims=True) + 1e-9
    along = corner[:, 1] - corner[:, 0]
    along -= np.einsum("sc,sc->s", along, up)[:, None] * up
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    return root, np.stack([along, np.cross(up, along), up], 1)


def bound(
    kind: int, strand: Wide, skull: Skull, triangle: Index, color: Wide, width: Wide, is_lying: bool = False
) -> Bound:
    """Binds strands [S,P,3] around the resting head to the nearest of triangles [T,3]; lying ones point by point."""
    group = strand.reshape(-1, 1, 3) if is_lying else strand
    root = group[:, 0]
    center = skull.vertex[triangle].mean(1)
    nearest = triangle[cKDTree(center).query(root)[1]]
    bary = _barycentric(root, skull.vertex[nearest].astype(np.float64))
    base, frame = _frames(skull.vertex, skull.normal, nearest, bary)
    local = np.einsum("gqc,gkc->gqk", group - base[:, None], frame).reshape(strand.shape)
    return Bound(
        kind,
        nearest.astype(np.int32),
        bary,
        local.astype(np.float32),
        color.astype(np.float32),
        width.astype(np.float32),
    )


def _barycentric(point: Wide, corner: Wide) -> Array:
    """[n,3] barycentric coordinates of points [n,3] in triangles [n,3,3], clamped near the edges."""
    a, b, p = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0], point - corner[:, 0]
    aa, ab, bb = (a * a).sum(1), (a * b).sum(1), (b * b).sum(1)
    pa, pb = (p * a).sum(1), (p * b).sum(1)
    det = np.maximum(aa * bb - ab * ab, 1e-12)
    v, w = (bb * pa - ab * pb) / det, (aa * pb - ab * pa) / det
    out = np.clip(np.stack([1.0 - v - w, v, w], 1), -0.3, 1.3)
    return np.asarray(out / out.sum(1, keepdims=True), np.float32)


def _varied(color: tuple[float, float, float], count: int, spread: float, rng: np.random.Generator) -> Wide:
    """[n,3] a colour for each strand, a little lighter or darker."""
    return np.array(color) * np.exp(rng.normal(0.0, spread, (count, 1)))


# Brows.


def brows(kit: Kit, skull: Skull, person: Person, front: Index, rng: np.random.Generator) -> Bound:
    """The kit's brows on this head, with this person's density, thickness and height, bound to the skin in front."""
    strand = to_person(kit, kit_strands(str(kit.path), person.eyebrows), skull)
    mark = skull.vertex[kit.landmark[17:27]].astype(np.float64)
    wide = np.ptp(np.abs(mark[:, 0])) / max(float(np.ptp(np.abs(strand[:, 0, 0]))), 0.1)
    away = np.abs(strand[..., 0])
    inner = float(np.abs(mark[:, 0]).min()) - 0.015
    start = float(np.abs(strand[:, 0, 0]).min())
    strand[..., 0] = np.sign(strand[..., 0]) * (inner + (away - start) * wide * 1.02)
    # Follow this person's brow line; keep the height of the strands over their own.
    x = np.abs(strand[..., 0])
    order = np.argsort(np.abs(mark[:, 0]))
    height = _smoothed(mark[order, 1])
    line = 0.7 * np.interp(x, np.abs(mark[order, 0]), height) + 0.3 * height.mean() - person.brow_drop
    own = _own_line(strand)
    strand[..., 1] = line - 0.02 + (strand[..., 1] - np.interp(x, *own)) * person.brow_height
    keep = rng.random(len(strand)) < person.brow_density
    strand = strand[keep]
    strand = strand[:, :1] + (strand - strand[:, :1]) * (
        person.brow_length * rng.uniform(0.75, 1.15, (len(strand), 1, 1))
    )
    _drape(strand, skull, front)
    count = len(strand)
    width = person.brow_width * rng.uniform(0.7, 1.2, count)
    return bound(BROW, strand, skull, front, _varied(person.brow_color, count, 0.25, rng), width, is_lying=True)


def _smoothed(y: Wide) -> Wide:
    """Averages the heights of left and right landmarks, which come in pairs."""
    return np.repeat(y.reshape(-1, 2).mean(1), 2)


def _own_line(strand: Wide) -> tuple[Wide, Wide]:
    """The middle line of brows: distances from the nose, and heights."""
    x, y = np.abs(strand[:, 0, 0]), strand[:, 0, 1]
    at = np.linspace(x.min(), x.max(), 9)
    height = [np.average(y, weights=np.exp(-(((x - one) / 0.05) ** 2))) for one in at]
    return at, np.array(height)


def _drape(strand: Wide, skull: Skull, front: Index) -> None:
    """Lays strands on the skin in front, a hair's breadth above it, rising a little to their tips."""
    vertex = skull.vertex[np.unique(front)].astype(np.float64)
    vertex = vertex[vertex[:, 2] > skull.center[2]]
    points = strand.shape[1]
    far, near = cKDTree(vertex[:, :2]).query(strand[..., :2], k=6)
    depth = vertex[near, 2]
    weight = 1.0 / (far + 0.004) ** 2 * (depth > depth.max(-1, keepdims=True) - 0.07)  # skips the inside of the socket
    weight /= weight.sum(-1, keepdims=True)
    strand[..., 2] = (weight * depth).sum(-1) + 0.008 + 0.014 * np.arange(points) / points


# Lashes.


@dataclass(frozen=True)
class Lashes:
    """Lashes on the edges of the lids, blended from vertices of the lash proxy."""

    vertex: Index  # [S,4] two on the lid's edge, two at the tips
    weight: Array  # [S,2] between the two of each pair
    length: Array  # [S]
    curl: Array  # [S] how far the middle hangs below a straight line, over the length
    color: Array  # [S,3]
    width: Array  # [S]
    kind: NDArray[np.int8]  # [S] LASH or LOWER_LASH
    points: int = 6

    def posed(self, proxy: Array) -> Array:
        """[S,P,3] on the fitted vertices of the proxy."""
        pair = proxy[self.vertex]
        w = self.weight[:, :, None]
        root = pair[:, 0] * (1.0 - w[:, 0]) + pair[:, 1] * w[:, 0]
        tip = pair[:, 2] * (1.0 - w[:, 1]) + pair[:, 3] * w[:, 1]
        reach = (tip - root) * self.length[:, None]
        t = np.linspace(0.0, 1.0, self.points, dtype=np.float32)[None, :, None]
        size = np.linalg.norm(reach, axis=1)[:, None, None]
        sag = self.curl[:, None, None] * size * (t * (1.0 - t)) * 4.0
        down = np.array([0.0, -1.0, 0.25], np.float32)
        return np.asarray(root[:, None] + reach[:, None] * t + sag * down, np.float32)


@lru_cache(maxsize=2)
def _lash_rows(key: str, faces: bytes) -> dict[int, tuple[int, ...]]:
    """For each lid, by its first vertex, the vertices at the tips of its lashes: `_ROWS` edges away."""
    face = np.frombuffer(faces, np.int32).reshape(-1, 3)
    beside: dict[int, set[int]] = {}
    for a, b, c in face.tolist():
        for one, two in ((a, b), (b, c), (c, a)):
            beside.setdefault(one, set()).add(two)
            beside.setdefault(two, set()).add(one)
    tips: dict[int, tuple[int, ...]] = {}
    for lid in (_UPPER_LID, _LOWER_LID):
        for shift in (0, _RIGHT_LID):
            edge = tuple(v + shift for v in lid)
            seen, row = set(edge), set(edge)
            for _ in range(_ROWS):
                row = {other for v in row for other in beside[v]} - seen
                seen |= row
            tips[edge[0]] = tuple(row)
    return tips


def lashes(kit: Kit, person: Person, rng: np.random.Generator) -> Lashes:
    """This person's lashes, on both lids of both eyes."""
    proxy = kit.proxies[_LASH_PROXY]
    rest = proxy.fit(kit.position, kit.position)
    faces = np.ascontiguousarray(proxy.corner_vertex[proxy.face].astype(np.int32))
    tips_of = _lash_rows(str(kit.path), faces.tobytes())
    vertices, weights, lengths, curls, kinds = [], [], [], [], []
    for lid, amount, length, curl in ((_UPPER_LID, 1.0, 0.95, 0.22), (_LOWER_LID, 0.55, 0.62, -0.12)):
        for shift in (0, _RIGHT_LID):
            edge = np.array([v + shift for v in lid])
            tips = np.array(sorted(tips_of[int(edge[0])], key=lambda v: abs(float(rest[v, 0]))))
            count = int(person.lash_count * amount)
            s = (np.arange(count) + rng.uniform(-0.6, 0.6, count) + 0.5) / count
            s = np.clip(s, 0.04, 0.985)
            fan = np.clip(s + rng.normal(0.0, 0.012, count) + 0.02 * (s - 0.5), 0.0, 0.9999)
            along, across = s * (len(edge) - 1), fan * (len(tips) - 1)
            i, j = np.minimum(along.astype(int), len(edge) - 2), np.minimum(across.astype(int), len(tips) - 2)
            vertices.append(np.stack([edge[i], edge[i + 1], tips[j], tips[j + 1]], 1))
            weights.append(np.stack([along - i, across - j], 1))
            swell = 0.55 + 0.45 * np.sin(np.pi * np.clip(s * 0.9 + 0.1, 0, 1)) ** 0.5
            lengths.append(person.lash_length * length * swell * rng.uniform(0.7, 1.15, count))
            kinds.append(np.full(count, LASH if lid is _UPPER_LID else LOWER_LASH))
            curls.append(np.full(count, curl) * rng.uniform(0.6, 1.4, count))
    count = sum(map(len, lengths))
    return Lashes(
        np.concatenate(vertices).astype(np.int32),
        np.concatenate(weights).astype(np.float32),
        np.concatenate(lengths).astype(np.float32),
        np.concatenate(curls).astype(np.float32),
        _varied(person.lash_color, count, 0.2, rng).astype(np.float32),
        np.full(count, person.lash_width, np.float32),
        np.concatenate(kinds).astype(np.int8),
    )


# Beards.


def beard(kit: Kit, scalp: Scalp, skull: Skull, cut: Beard, person: Person, rng: np.random.Generator) -> Bound:
    """A beard, a moustache or stubble, rooted in the lower face."""
    weight = cut.beard * scalp.beard * _chin_share(kit, cut) + cut.moustache * scalp.moustache
    triangle, bary = roots(skull.vertex, scalp.triangle, weight.astype(np.float32), cut.strands, rng)
    corner = scalp.triangle[triangle]
    root = np.einsum("nk,nkc->nc", bary, skull.vertex[corner].astype(np.float64))
    normal = np.einsum("nk,nkc->nc", bary, skull.normal[corner].astype(np.float64))
    count, points = len(root), cut.points
    lip = np.einsum("nk,nk->n", bary, scalp.moustache[corner].astype(np.float64)) > 0.3
    aside = np.stack([np.sign(root[:, 0]) * 0.5, np.full(count, -0.25), np.zeros(count)], 1)
    down = np.where(lip[:, None], aside, np.array([0.0, -1.0, 0.12]))
    down += rng.normal(0.0, 0.18, (count, 3))
    down -= np.einsum("nc,nc->n", down, normal)[:, None] * normal
    down /= np.linalg.norm(down, axis=1, keepdims=True) + 1e-9
    length = cut.length * rng.uniform(0.5, 1.1, count)
    if cut.length > 0.1:  # cheeks are trimmed shorter than the chin
        length *= np.clip(1.25 - 1.5 * np.maximum(np.abs(root[:, 0]) - 0.2, 0.0), 0.3, 1.0)
    length = np.where(lip, np.minimum(length, 0.085 if cut.beard else 0.12), length)
    t = np.linspace(0.0, 1.0, points)[None, :, None]
    rise = cut.lift * (1.0 + rng.normal(0.0, 0.2, count))[:, None, None]
    path = t * down[:, None] + rise * (t - 0.6 * t * t) * normal[:, None]
    swing = cut.curl * np.sin(9.0 * t + 6.28 * rng.random((count, 1, 1))) * rng.normal(0.0, 1.0, (count, 1, 3)) * t
    strand = root[:, None] + length[:, None, None] * (path + swing)
    strand[:, :, 1] -= 0.35 * (length[:, None] * t[..., 0]) ** 2
    color = _varied(person.beard_color, count, 0.3, rng)
    grey = rng.random(count) < person.grey
    color[grey] = 0.2 * color[grey] + 0.8 * np.array([0.36, 0.35, 0.34])
    return bound(BEARD, strand, skull, scalp.triangle, color, cut.width * rng.uniform(0.7, 1.2, count))


def _chin_share(kit: Kit, cut: Beard) -> Array:
    """[V] 1 where the beard grows: everywhere, or only around chin and mouth."""
    if not cut.is_chin_only:
        return np.ones(len(kit.position), np.float32)
    x, y = np.abs(kit.position[:, 0]), kit.position[:, 1]
    chin = float(kit.position[kit.landmark[8], 1])
    share = np.clip((0.30 - x) / 0.05, 0.0, 1.0) * np.clip((y - chin + 0.08) / 0.06, 0.0, 1.0)
    return np.asarray(share * (kit.position[:, 2] > 1.0), np.float32)
