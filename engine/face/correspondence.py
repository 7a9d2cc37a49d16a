"""Where each point of a posed head lies in other pictures of the same head, and how well it is visible there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import FlameParams
from ..rotation import rotation
from .head import (
    CHIN,
    CROWN,
    EYE,
    EYE_LEFT,
    EYE_RIGHT,
    JAW_OPEN_RAD,
    MOUTH,
    SKIN,
    SKULL,
    OpenHead,
    Shaped,
    open_head,
    skull_seat,
)
from .rasterizer import FOV_DEG, Camera, interpolated, rasterize
from .retarget import from_weights
from .shell import Shell, shell_of, skull_middle

Array = NDArray[np.float32]
Index = NDArray[np.int64]

GRID = 128  # cells on a side of every map here
GEOMETRY = 12  # canonical position (3), normal (3), covered, eye, mouth, depth, hair shell, how far it follows the jaw
# Of GEOMETRY.
NORMAL_CHANNELS, COVERED_CHANNEL, EYE_CHANNEL, MOUTH_CHANNEL, HAIR_CHANNEL = slice(3, 6), 6, 7, 8, 10
TRUST = 4  # visible, how squarely compared with the wanted view, log2 of the scale, covered
# Head heights that a point may lie behind what its reference shows there: of skin; and of eyes, teeth and lids, which
# are covered closely.
_DEPTH_SLACK, _INNER_SLACK = 0.03, 0.008
_LID = 0.15  # of the farthest that a blink moves a point: from here on it is a lid's
# A surface that the reference shows at this share of its area in the wanted view, or less, is seen as badly as one from
# the side: copied, its few pixels become streaks, as those of a lid that an open eye squeezes to a line.
_SQUEEZED = 0.15
_WHOLE = 0.5  # from here on it is seen wholly
# Parts of the face that do something of their own, as the beginnings of ARKit's names: each eye, the mouth, the brows.
ZONES = (
    ("eyeBlinkLeft", "eyeSquintLeft", "eyeWideLeft"),
    ("eyeBlinkRight", "eyeSquintRight", "eyeWideRight"),
    ("jaw", "mouth", "cheekPuff", "tongue"),
    ("brow", "eyeWide"),
)
OPENINGS = 3  # of ZONES: those that open and close
MOUTH_ZONE = 2  # of ZONES
_GAZE = 0.5  # how much a weight of an eye's gaze counts beside one of its lids


def _zone_columns() -> list[list[int]]:
    """The ARKit weights of each zone; those of the gaze, which does not open or close an eye, come last."""
    sides = ("Left", "Right", "none", "none")
    looks = [
        [k for k, name in enumerate(arkit.NAMES) if name.startswith("eyeLook") and name.endswith(side)]
        for side in sides
    ]
    own = [[k for k, name in enumerate(arkit.NAMES) if name.startswith(names)] for names in ZONES]
    return [first + second for first, second in zip(own, looks, strict=True)]


ZONE_WEIGHTS = _zone_columns()
_BLINKS, _SMILES, _SQUINTS = (
    [arkit.INDEX[f"{name}{side}"] for side in ("Left", "Right")] for name in ("eyeBlink", "mouthSmile", "cheekSquint")
)
_COUNTS = np.array([_GAZE if name.startswith("eyeLook") else 1.0 for name in arkit.NAMES], np.float32)
_IN_ZONE = 0.25  # of the farthest that the zone's weights move a point
_UNLIKE, LEAST_ALIKE = 0.5, 0.1  # how much farther off, in weights, a reference is that counts least in a zone
_EDGE_ON = 0.1  # cosine to the camera; below it all surfaces are seen equally badly
_UNKNOWN = 0.5  # visible and facing beyond the head, where no surface tells
# What of a head is its face: cosine to straight ahead, and how far it reaches from the eyes to the crown.
_AHEAD, _FOREHEAD = 0.3, 0.55
# Beside the head hair is what is seen, down to the nose, this part of the way from the eyes to the chin; and there it
# ends within so many cells.
_NOSE, _BESIDE = 0.3, 16.0
_HANGS = 0.3  # head heights below the chin at which hair that stands off the head lies on the torso
_NEAR_TORSO = 11  # cells
_FLOOR_WEIGHT = 0.2  # the lowest row belongs to the torso, which stands still


@dataclass(frozen=True)
class View:
    """A posed head as the camera sees it on a grid of G x G cells."""

    screen: Array  # [N,3] column, row and distance in dm of the vertices, in cells
    # [N,2] column and row at which a picture of this view shows the vertices; for hidden hair, the nearest visible one.
    fetch: Array
    facing: Array  # [N] cosine between a vertex's normal and the direction to the camera
    area: Array  # [T] signed area of the triangles in cells
    cell: Index  # [n] flat numbers of the covered cells
    triangle: Index  # [n] which triangle each of them shows
    weight: Array  # [n,3] barycentric
    depth: Array  # [G*G] distance in dm, infinite where nothing is
    geometry: Array  # [12,G,G] see GEOMETRY
    # [2,G,G] cells by which what is not the head's own skin lies elsewhere than in the view that is drawn; None where
    # that is not known
    rigid: Array | None = None

    def to_copy_from(self) -> View:
        """The same of a head that no picture shows: hidden hair lies where it is. What is drawn of it is left out."""
        nothing = np.zeros((0, 3), np.float32)
        return replace(
            self,
            fetch=np.ascontiguousarray(self.screen[:, :2]),
            cell=np.zeros(0, np.int64),
            triangle=np.zeros(0, np.int64),
            weight=nothing,
            geometry=nothing,
        )

    @cached_property
    def at_vertex(self) -> Array:
        """[6,N] screen, facing and fetch."""
        return np.stack([*self.screen.T, self.facing, *self.fetch.T])


@dataclass(frozen=True)
class Correspondence:
    """For each cell of a wanted view, the same surface point in K references."""

    place: Array  # [K,G,G,2] where it lies in the reference: x right, y down, -1 to 1
    # [K,4,G,G] visible 0 or 1, how squarely and unsqueezed it is seen compared with the wanted view (0 to 1), log2 of
    # reference cells a cell, covered 0 or 1
    trust: Array


class FoundPoints(NamedTuple):
    """Points of a wanted view in K references, [K,n] each."""

    column: Array  # cells
    row: Array
    is_visible: NDArray[np.bool_]
    is_known: NDArray[np.bool_]  # visible, or hair, whose shell shows what the reference has there
    square: Array  # how squarely and unsqueezed it is seen compared with the wanted view, 0 to 1
    ratio: Array  # reference cells a cell


class Viewer:
    """Poses and views one character's head; build once, view often."""

    def __init__(
        self, shaped: Shaped, head: OpenHead | None = None, grid: int = GRID, shell: Shell | None = None
    ) -> None:
        """`shell` adds hair around the skull; its vertices come after the head's."""
        self.head, self.shaped, self.grid, self.shell = head or open_head(), shaped, grid, shell
        self.camera = Camera.framing(shaped)
        people = open_head()
        place = getattr(self.head, "canonical", self.head.template)
        region = self.head.region[self.head.triangle[:, 0]]
        flags = [region == EYE, region == MOUTH, np.zeros(len(region), np.bool_)]
        triangle = self.head.triangle.astype(np.int64)
        if shell:
            # In the shell the open head's place is guessed from the distance to the skull's middle.
            rest = people.shaped(np.zeros(people.shape_size, np.float32))
            scale = rest.height / shaped.height
            around = (shell.vertex - skull_middle(self.head, shaped)) * scale + skull_middle(people, rest)
            place = np.concatenate([place, around])
            triangle = np.concatenate([triangle, shell.triangle + len(shaped.vertex)])
            flags = [np.append(flag, np.full(len(shell.triangle), k == 2)) for k, flag in enumerate(flags)]
        self._triangle = np.asfortranarray(triangle)  # columns are what is read
        low, high = people.template.min(0), people.template.max(0)
        self._canonical = np.ascontiguousarray(((place - low) / (high - low) * 2.0 - 1.0).T, np.float32)
        self._flags = np.stack(flags).astype(np.float32)  # [3,T]
        slack = np.full((1, len(place)), _DEPTH_SLACK * shaped.height, np.float32)
        slack[0, : len(shaped.vertex)][_is_inner(self.head)] = _INNER_SLACK * shaped.height
        self._slack = slack  # [1,N] dm
        self.zone_share = np.zeros((len(ZONES), len(place)), np.float32)  # [4,N]
        self.zone_share[:, : len(shaped.vertex)] = _zones(self.head)
        jaw = np.zeros((1, len(place)), np.float32)
        jaw[0, : len(shaped.vertex)] = _follows_jaw(self.head)
        self._jaw = jaw  # [1,N]
        self.middle = skull_middle(self.head, shaped)
        face, firm = np.zeros((2, 1, len(place)), np.float32)
        face[0, : len(shaped.vertex)] = is_face = _is_face(self.head, shaped)
        firm[0, : len(shaped.vertex)] = is_face | (self.head.skin_weight[:, 0] < 0.5)
        eye = shaped.anchor[EYE_LEFT]
        nose = np.array([[0.0, eye[1] + _NOSE * (shaped.anchor[CHIN, 1] - eye[1]), eye[2]]], np.float32)
        self.nose_row = float(self.camera.project(nose, grid)[0, 1])  # of the resting head
        self.face_share, self.firm_share = face, firm  # [1,N] 0 for what hair may stand off from

    def with_hair(self, params: FlameParams, alpha: Array) -> Viewer:
        """The same head in a shell of the hair that this matte [G,G] shows around its pose."""
        covered = np.isfinite(self.view(params).depth).reshape(self.grid, self.grid)
        tangent = self.grid / 2 / np.tan(np.radians(FOV_DEG) / 2)
        shell = shell_of(self.head, self.shaped, params, alpha, covered, (self.camera.eye, float(tangent)))
        return Viewer(self.shaped, self.head, self.grid, shell)

    def view(self, params: FlameParams) -> View:
        """The head with this face; ValueError if `params` use another basis."""
        grid = self.grid
        vertex = self.head.pose(self.shaped, params)
        if self.shell:
            vertex = np.concatenate([vertex, self.shell.pose(self.shaped, params)])
        screen = self.camera.project(vertex, grid)
        cell, triangle, weight = rasterize(screen, self._triangle, grid)
        normal = self._normals(vertex)
        away = self.camera.eye - vertex
        facing = np.einsum("nk,nk->n", normal, away) / np.sqrt(np.einsum("nk,nk->n", away, away))
        corner = self._triangle.T.take(triangle, 1)
        seen = interpolated(np.ascontiguousarray(normal.T), corner, weight.T)
        return self.seen(screen, facing, cell, triangle, weight, seen)

    def seen(self, screen: Array, facing: Array, cell: Index, triangle: Index, weight: Array, normal: Array) -> View:
        """The view with these vertices [N,3] and covered cells [n], whose normals [3,n] are known."""
        grid, height = self.grid, np.float32(self.shaped.height)
        corner, share = self._triangle.T.take(triangle, 1), weight.T  # [3,n]
        (distance,) = interpolated(np.ascontiguousarray(screen[:, 2:].T), corner, share)
        depth = np.full(grid * grid, np.inf, np.float32)
        depth[cell] = distance
        geometry = np.zeros((GEOMETRY, grid * grid), np.float32)
        for channel, values in zip(geometry[:6], (*interpolated(self._canonical, corner, share), *normal), strict=True):
            channel[cell] = values
        geometry[COVERED_CHANNEL, cell] = 1.0
        for channel, flag in zip((EYE_CHANNEL, MOUTH_CHANNEL, HAIR_CHANNEL), self._flags, strict=True):
            geometry[channel, cell] = flag.take(triangle)
        geometry[9, cell] = (self.camera.eye[2] - self.camera.aim[2] - distance) / height
        (geometry[11, cell],) = interpolated(self._jaw, corner, share)
        area, fetch, people = self.areas(screen), screen[:, :2], len(self.shaped.vertex)
        if self.shell:
            fetch = np.concatenate([fetch[:people], self.shell.fetch(screen[people:], facing[people:])])
        return View(screen, fetch, facing, area, cell, triangle, weight, depth, geometry.reshape(GEOMETRY, grid, grid))

    def standing_off(self, head: View, params: FlameParams, wanted: FlameParams) -> View:
        """A head with this face to copy from, that knows by how much its hair lies elsewhere than `wanted` has it.

        Hair is carried by the plane through the skull's middle that faces the camera; it hangs on the torso ever more.
        """
        grid, shaped = self.grid, self.shaped
        turn, other_turn = (rotation(one.neck_pose).astype(np.float32) for one in (wanted, params))
        at, other_at = (skull_seat(shaped, one.neck_pose) for one in (wanted, params))
        middle = turn @ (self.middle - shaped.anchor[SKULL]) + at
        plane = middle + np.float32(shaped.height) * np.array(
            [(-1, 1, 0), (1, 1, 0), (1, -1, 0), (-1, -1, 0)], np.float32
        )
        onto = (plane - at) @ turn @ other_turn.T + other_at
        before, after = (np.ascontiguousarray(self.camera.project(one, grid)[:, :2]) for one in (plane, onto))
        centres = cell_centres(grid)
        there = cv2.perspectiveTransform(centres.reshape(2, -1).T[None], cv2.getPerspectiveTransform(before, after))
        chin = float(shaped.anchor[CHIN, 1])
        ends = np.array([[0.0, y, middle[2]] for y in (chin, chin - _HANGS * shaped.height)], np.float32)
        first, last = self.camera.project(ends, grid)[:, 1]
        follow = np.clip((last - centres[1]) / (last - first), 0.0, 1.0)
        return replace(head, rigid=follow * (there[0].T.reshape(2, grid, grid) - centres))

    def zones(self, view: View) -> Array:
        """[4,G,G] how much the view's cells belong to each of ZONES, soft around them."""
        zone = interpolated(self.zone_share, self._triangle.T.take(view.triangle, 1), view.weight.T)
        cells = np.zeros((len(zone), self.grid * self.grid), np.float32)
        cells[:, view.cell] = zone
        return np.stack([cv2.blur(one, (3, 3)) for one in cells.reshape(-1, self.grid, self.grid)])

    def correspondence(
        self, wanted: View, references: Sequence[View], agreement: Array | None = None
    ) -> Correspondence:
        """Where the wanted view's cells lie in these references; beyond the head displacements go on smoothly.

        `agreement` [K,4] lowers how squarely references show the zones of the face in which their expression differs.
        """
        grid, cell, count = self.grid, wanted.cell, len(references)
        found = self.found(wanted, references, wanted.triangle, wanted.weight)
        squarely = found.square
        if agreement is not None:
            zone = interpolated(self.zone_share, self._triangle.T.take(wanted.triangle, 1), wanted.weight.T)
            squarely = np.asarray(squarely * np.maximum(1.0 - (1.0 - agreement) @ zone, 0.0), np.float32)
        finer = np.clip(0.5 * np.log2(np.maximum(found.ratio, 1e-4)), -2.0, 2.0)

        trust = np.zeros((count, TRUST, grid * grid), np.float32)
        trust[:, :2] = _UNKNOWN
        for one, *values in zip(trust, found.is_visible, squarely, finer, np.ones_like(squarely), strict=True):
            for channel, value in zip(one, values, strict=True):
                channel[cell] = value
        column, row = (cell % grid) + np.float32(0.5), (cell // grid) + np.float32(0.5)
        moved = np.zeros((count, 2, grid * grid), np.float32)
        known = np.zeros((count, grid * grid), np.float32)
        known[:, -grid:] = _FLOOR_WEIGHT
        for k in range(count):
            moved[k, 0][cell] = found.column[k] - column
            moved[k, 1][cell] = found.row[k] - row
            known[k][cell] = found.is_known[k]
        rigid = np.zeros((count, 2, grid, grid), np.float32)
        row_of = np.arange(grid * grid, dtype=np.float32) // grid
        for base, sure, place, reference in zip(rigid, known, moved, references, strict=True):
            if reference.rigid is not None:
                base[:] = reference.rigid * (np.float32(1.0) - self.near_torso(wanted))
                beside = np.isinf(wanted.depth)
                weight = np.clip((self.nose_row - row_of) / _BESIDE, 0.0, 1.0)
                sure[beside], place[:, beside] = weight[beside], base.reshape(2, -1)[:, beside]
        carried = rigid + carried_on(moved.reshape(rigid.shape) - rigid, known.reshape(count, grid, grid))
        carried = (carried + cell_centres(grid)) * np.float32(2.0 / grid) - np.float32(1.0)
        place = np.stack([cv2.merge([*one]) for one in carried])
        return Correspondence(place, trust.reshape(-1, TRUST, grid, grid))

    def near_torso(self, wanted: View) -> Array:
        """[G,G] 1 on neck and torso and beside them, fading to 0."""
        (torso,) = interpolated(
            self.firm_share - self.face_share, self._triangle.T.take(wanted.triangle, 1), wanted.weight.T
        )
        cells = np.zeros(self.grid * self.grid, np.float32)
        cells[wanted.cell] = torso
        near = cv2.dilate(cells.reshape(self.grid, self.grid), np.ones((_NEAR_TORSO, _NEAR_TORSO), np.uint8))
        return np.asarray(cv2.blur(near, (_NEAR_TORSO, _NEAR_TORSO)), np.float32)

    def found(self, wanted: View, references: Sequence[View], triangle: Index, weight: Array) -> FoundPoints:
        """Where these points of the wanted view, in triangles [n] at weights [n,3], lie in K references."""
        grid = self.grid
        corner, share = self._triangle.T.take(triangle, 1), weight.T
        (towards,) = interpolated(np.ascontiguousarray(wanted.facing[None]), corner, share)
        (slack,) = interpolated(self._slack, corner, share)
        # Of each reference what follows is [K,n].
        blended = np.stack([interpolated(one.at_vertex, corner, share) for one in references], 1)
        x, y, distance, facing, column, row = blended
        is_inside = (x >= 0) & (x < grid) & (y >= 0) & (y < grid)
        at = np.clip(y, 0, grid - 1).astype(np.int64) * grid + np.clip(x, 0, grid - 1).astype(np.int64)
        depth = np.stack([one.depth.take(there) for one, there in zip(references, at, strict=True)])
        ratio = np.stack([one.area.take(triangle) for one in references]) / wanted.area.take(triangle)
        unsqueezed = (np.abs(ratio) - np.float32(_SQUEEZED)) / np.float32(_WHOLE - _SQUEEZED)
        is_visible = (distance <= depth + slack) & is_inside & (facing > 0.0)
        square = np.clip(np.minimum(facing / np.maximum(towards, _EDGE_ON), unsqueezed), 0.0, 1.0)
        is_shell = self._flags[2].take(triangle) > 0.5
        (firm,) = interpolated(self.firm_share, corner, share)
        by_skin = np.array([one.rigid is not None for one in references])[:, None]
        is_known = np.where(by_skin, is_visible & (firm > 0.5), is_visible | is_shell)
        return FoundPoints(
            column + square * (x - column), row + square * (y - row), is_visible, is_known, square, ratio
        )

    @property
    def triangle(self) -> Index:
        """[T,3] vertices, those of the hair after the head's."""
        return self._triangle

    def _normals(self, vertex: Array) -> Array:
        """[N,3] unit normals: the sum of those of a vertex's triangles, by area."""
        around = self._triangle.T
        a, b, c = np.ascontiguousarray(vertex.T).take(around, 1).transpose(1, 0, 2)
        u, v = b - a, c - a
        flat, normal = around.ravel(), np.empty((3, len(vertex)), np.float32)
        for k in range(3):
            i, j = (k + 1) % 3, (k + 2) % 3
            face = u[i] * v[j] - u[j] * v[i]
            normal[k] = np.bincount(flat, np.concatenate([face, face, face]), len(vertex))
        normal /= np.sqrt(np.einsum("kn,kn->n", normal, normal)) + 1e-12
        return np.ascontiguousarray(normal.T)

    def areas(self, screen: Array) -> Array:
        """[T] signed area of the triangles on the screen [N,3], never 0."""
        a, b, c = screen[:, :2].take(self._triangle.T, 0)
        area = 0.5 * ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1]))
        return np.asarray(np.where(np.abs(area) < 1e-6, np.float32(-1e-6), area), np.float32)


def _is_face(head: OpenHead, shaped: Shaped) -> NDArray[np.bool_]:
    """[N] the front of the head up to the hairline."""
    away = shaped.vertex - skull_middle(head, shaped)
    ahead = away[:, 2] / np.maximum(np.linalg.norm(away, axis=1), 1e-6)
    eyes, crown = float(shaped.anchor[[EYE_LEFT, EYE_RIGHT], 1].mean()), float(shaped.anchor[CROWN, 1])
    is_low = shaped.vertex[:, 1] < eyes + _FOREHEAD * (crown - eyes)
    return np.asarray((ahead > _AHEAD) & is_low & (head.skin_weight.sum(1) > 0.5))


def _is_inner(head: OpenHead) -> NDArray[np.bool_]:
    """[N] eyes and teeth, and the lids, which fold away closely behind what an open eye shows."""
    shaped = head.shaped(np.zeros(head.shape_size, np.float32))
    at_rest = FlameParams.neutral()
    closed = replace(at_rest, eyelids=np.ones(2, np.float32))
    moved = np.linalg.norm(head.pose(shaped, closed) - head.pose(shaped, at_rest), axis=1)
    return np.asarray((head.region != SKIN) | (moved > _LID * moved.max()))


def unsqueezed(place: Array) -> Array:
    """[G,G] 0 where a reference in which cells lie at `place` [G,G,2] shows them at little of their area, else 1."""
    cell = np.float32(2.0 / len(place))
    along = np.gradient(place, axis=1) / cell
    down = np.gradient(place, axis=0) / cell
    ratio = along[..., 0] * down[..., 1] - along[..., 1] * down[..., 0]
    return np.asarray(np.clip((ratio - _SQUEEZED) / (_WHOLE - _SQUEEZED), 0.0, 1.0), np.float32)


def likeness(wanted: Array, shown: Array) -> Array:
    """[K,3] 1 for a reference that does the same with an eye or mouth, 0 for another; ARKit weights [52], [K,52]."""
    away = zone_distance(wanted, shown, with_gaze=False)[:, :OPENINGS]
    return np.asarray(np.clip(1.0 - away / _UNLIKE, 0.0, 1.0), np.float32)


def zone_distance(wanted: Array, shown: Array, with_gaze: bool = True) -> Array:
    """[K,4] how far apart faces are in each zone, in ARKit weights; from weights [52], [K,52]."""
    counts = _COUNTS if with_gaze else np.floor(_COUNTS)
    apart = np.square((shown - wanted) * counts)
    found = np.stack([apart[:, part].sum(1) for part in ZONE_WEIGHTS], 1)
    # A smile bends closed lids.
    found[:, : len(_BLINKS)] += np.square(_bend(shown) - _bend(wanted[None]))
    return np.asarray(np.sqrt(found), np.float32)


def _bend(weights: Array) -> Array:
    """[K,2] how far the left and right lids of faces [K,52] are closed and bent by a smile, 0 to 1."""
    return np.asarray(weights[:, _BLINKS] * np.maximum(weights[:, _SMILES], weights[:, _SQUINTS]), np.float32)


def expression_similarity(wanted: Array, shown: Array) -> Array:
    """[K,4] 1 for the reference that does most alike in a zone, less for others; from ARKit weights [52], [K,52]."""
    return similarity_of(zone_distance(wanted, shown))


def similarity_of(away: Array) -> Array:
    """[K,...] 1 for the reference that is least far away, less for others; from distances [K,...] in ARKit weights."""
    return np.asarray(np.clip(1.0 - (away - away.min(0)) / _UNLIKE, LEAST_ALIKE, 1.0), np.float32)


def _zones(head: OpenHead) -> Array:
    """[4,N] how much a vertex belongs to each of ZONES."""
    shaped = head.shaped(np.zeros(head.shape_size, np.float32))
    rest = head.pose(shaped, FlameParams.neutral())
    brows = tuple(name for name in arkit.NAMES if name.startswith("brow"))
    mouth = ("mouthFunnel", "mouthUpperUpLeft", "mouthUpperUpRight")

    def moved_by(*names: str) -> NDArray[np.floating]:
        posed = head.pose(shaped, from_weights(arkit.weights(dict.fromkeys(names, 1.0))))
        moved = np.linalg.norm(posed - rest, axis=1)
        return np.asarray(np.minimum(moved / (_IN_ZONE * moved.max()), 1.0))

    is_above = rest[:, 1] > shaped.anchor[[EYE_LEFT, EYE_RIGHT], 1].mean()
    lids = [moved_by("eyeBlinkLeft"), moved_by("eyeBlinkRight")]
    brow = moved_by(*brows) * is_above * (1.0 - np.maximum(*lids))
    wide = [moved_by("eyeWideLeft"), moved_by("eyeWideRight")]
    found = [np.maximum(lid, opened * (1.0 - brow)) for lid, opened in zip(lids, wide, strict=True)]
    for eye, rows in zip(found, head.eye_rows, strict=True):
        eye[rows] = 1.0
    found += [np.where(head.region == MOUTH, 1.0, moved_by(*mouth)), brow]
    return np.stack(found).astype(np.float32)


def _follows_jaw(head: OpenHead) -> Array:
    """[N] 0 for what stays when the jaw opens, 1 for what moves farthest; the mouth's mesh spans the rows of teeth."""
    at_rest, opened = FlameParams.neutral(), FlameParams.neutral()
    opened = replace(opened, jaw_pose=np.array([JAW_OPEN_RAD, 0.0, 0.0], np.float32))
    shaped = head.shaped(np.zeros(head.shape_size, np.float32))
    moved = np.linalg.norm(head.pose(shaped, opened) - head.pose(shaped, at_rest), axis=1)
    return np.asarray(moved / moved.max(), np.float32)


@cache
def cell_centres(grid: int) -> Array:
    """[2,G,G] column and row of each cell's middle, in cells."""
    centre = np.arange(grid, dtype=np.float32) + np.float32(0.5)
    return np.stack(np.meshgrid(centre, centre))


def carried_on(value: Array, weight: Array) -> Array:
    """[K,C,G,G] the values where `weight` [K,G,G] is 1, continued smoothly elsewhere (push-pull, Gortler et al. 1996).

    G is a power of two.
    """
    weight = weight[:, None]
    levels = [(value * weight, weight)]
    while levels[-1][1].shape[-1] > 2:
        levels.append((_halved(levels[-1][0]), _halved(levels[-1][1])))
    summed, total = levels.pop()
    found = np.asarray(summed / np.maximum(total, np.float32(1e-6)), np.float32)
    for summed, total in levels[::-1]:
        found = _doubled(found)
        found *= np.float32(1.0) - total
        found += summed
    return found


def _halved(planes: Array) -> Array:
    """[...,H/2,W/2] the mean of each two by two; planes lie one below the other, so one call does for all."""
    *shape, height, width = planes.shape
    rows = np.ascontiguousarray(planes).reshape(-1, width)
    half = cv2.resize(rows, (width // 2, len(rows) // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.float32).reshape(*shape, height // 2, width // 2)


def _doubled(planes: Array) -> Array:
    """[...,2H,2W] straight between the cells."""
    *shape, height, width = planes.shape
    side = (2 * width, 2 * height)
    one_by_one = [cv2.resize(one, side, interpolation=cv2.INTER_LINEAR) for one in planes.reshape(-1, height, width)]
    return np.stack(one_by_one).reshape(*shape, *side)
