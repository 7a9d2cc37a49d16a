"""Makes a character from a VRM model: pictures of its head from several sides and in expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ..data import Character, FlameParams, Reference
from ..face.anime_head import AnimeShaped, anime_head
from ..face.drawing_fit import POINTS, DrawnFace, fit_anime_head
from ..face.head import NECK_SHARE
from ..face.light import studio_light
from ..face.rasterizer import Camera, covered, nearest
from ..face.retarget import from_weights
from ..images import Rgba
from ..rotation import rotation
from .drawings import Points, bent, drawing_warnings, find_face
from .photos import MadeCharacter
from .vrm_file import MeshPart, VrmError, VrmModel

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

LICENCE = (
    "The model's own terms. The head that moves it: Seed-san model by VirtualCast, Inc. (credit wherever it is shown)"
)
SIDE = 768  # pixels on a side of a reference
_FINER = 2  # pixels drawn for each of those, each way
_SEARCH_SIDE, _SEARCH_DM, _SEARCH_UP_DM = 768, 5.0, 0.9  # the picture in which the face is searched
_TURN_DEG = 30.0
_LIGHT = np.array([0.25, 0.45, 0.86], np.float32)  # the direction of the light
_SHADE_EDGE = 0.05  # half the width of the step between light and shade
_SOLID, _SEEN = 0.95, 0.02  # alpha
_CLEAR = 1e-3  # share of the camera's distance: thin layers may lie so far inside a surface

# The mouths of the references, in order: names of an expression in VRM, by VRoid and in ARKit, and the ARKit weights
# that make it up. Models with ARKit's 52 shapes show them exactly.
_SMILE, _WIDE = "mouthSmileLeft+mouthSmileRight", "mouthStretchLeft+mouthStretchRight"
_MOUTHS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("jawopen", "aa", "a", "fcl_mth_a"), ("jawOpen",)),
    (("mouthfunnel", "oh", "o", "fcl_mth_o"), ("jawOpen", "mouthFunnel")),
    (("ih", "i", "fcl_mth_i"), ("jawOpen", _WIDE, _SMILE)),
    (("mouthpucker", "ou", "u", "fcl_mth_u"), ("jawOpen", "mouthPucker")),
    (("ee", "e", "fcl_mth_e"), ("jawOpen", _WIDE, _SMILE)),
    (("mouthsmileleft+mouthsmileright",), (_SMILE,)),
)
_BLINKS = ("blink", "fcl_eye_close", "eyeblinkleft+eyeblinkright")
_MOUTH_POINTS = ("mouth_right", "mouth_top", "mouth_left", "mouth_bottom", "chin")
_STEPS = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True)
class _Anchored:
    """A point on the model's surface."""

    part: int
    corner: NDArray[np.int64]  # [3]
    weight: Array  # [3]


def made_from_vrm(name: str, model: VrmModel, consent: str) -> MadeCharacter:
    """The model's head as a character, in about twenty seconds; VrmError if no face is found on it."""
    drawer = _Drawer(model)
    camera = _portrait(model)
    picture = drawer.draw(camera, _SEARCH_SIDE, _Pose())
    found = find_face(picture)
    if found is None:
        raise VrmError(
            "no drawn face was found on the model, seen from the front: make a picture of it and use --picture"
        )
    anchors = drawer.anchored(camera, _SEARCH_SIDE, found.points)
    try:
        face = fit_anime_head(found.points, is_straight=True)
    except ValueError as error:
        raise VrmError(str(error)) from error
    ours = _OurSpace.of(drawer, camera, face, anchors)
    references = [ours.reference(_Pose(), {})]
    if blinks := _expressions(model, _BLINKS):
        references.append(ours.reference(_Pose(blinks), {}, is_blinking=True))
    for way in (1.0, -1.0):
        references.append(ours.reference(_Pose((), way * _TURN_DEG), {}))
    for names, weights in _MOUTHS:
        if shapes := _expressions(model, names):
            references.append(ours.reference(_Pose(shapes), ours.like(shapes, weights)))
    warnings = list(drawing_warnings(face, found.points, found.confidence))
    if not blinks:
        warnings.append("The model has no expression for closed eyes: blinks are painted.")
    licence = LICENCE
    made_from = f"Made from the VRM model {model.terms.line}"
    character = Character(name, "anime", face.shape, tuple(references), licence, made_from, consent)
    return MadeCharacter(character, tuple(warnings))


def _expressions(model: VrmModel, names: Sequence[str]) -> tuple[str, ...]:
    """The first of these expressions that the model has, or both sides of it; none if it has none."""
    each = (tuple(name.split("+")) for name in names)
    return next((one for one in each if all(model.expressions.get(name) for name in one)), ())


@dataclass(frozen=True)
class _Pose:
    """Expressions, and how far the head turns to its left."""

    expressions: tuple[str, ...] = ()
    yaw_deg: float = 0.0


def _portrait(model: VrmModel) -> Camera:
    """A camera in front of the head, which fills half of the picture."""
    aim = model.head + np.array([0.0, _SEARCH_UP_DM, 0.0], np.float32)
    distance = _SEARCH_DM / 2.0 / np.tan(np.radians(10.0))
    return Camera((aim + np.array([0.0, 0.0, distance])).astype(np.float32), aim)


class _Drawer:
    """Draws the model, in its own space or in another."""

    def __init__(self, model: VrmModel) -> None:
        self.model = model
        self._scale, self._move = np.float32(1.0), np.zeros(3, np.float32)
        # Meshes that expressions move are the face.
        moving = {mesh for binds in model.expressions.values() for mesh, _, _ in binds}
        self._is_face = [part.mesh in moving or not moving for part in model.parts]

    def placed(self, scale: float, move: Wide) -> _Drawer:
        """The same in another space: positions times `scale` plus `move`."""
        other = _Drawer(self.model)
        other._scale, other._move = np.float32(scale), move.astype(np.float32)
        return other

    def positions(self, part: MeshPart, pose: _Pose) -> Array:
        """[N,3] dm."""
        position = part.position
        for one in pose.expressions:
            position = position + (self.model.moved(part, one) - part.position)
        if pose.yaw_deg:
            turn = rotation(np.array([0.0, np.radians(pose.yaw_deg), 0.0]))
            half = rotation(np.array([0.0, np.radians(pose.yaw_deg) * NECK_SHARE, 0.0]))
            away = position - self.model.head
            head, neck = part.follows[:, :1], part.follows[:, 1:]
            turned = head * (away @ turn.T) + neck * (away @ half.T) + (1.0 - head - neck) * away
            position = np.asarray(turned + self.model.head, np.float32)
        return np.asarray(position * self._scale + self._move, np.float32)

    def draw(self, camera: Camera, side: int, pose: _Pose) -> Rgba:
        """[S,S,4] the model with straight alpha."""
        fine = side * _FINER
        depth = np.full(fine * fine, np.inf, np.float32)
        colour = np.zeros((fine * fine, 4), np.float32)
        thin: list[tuple[NDArray[np.int64], Array, Array]] = []
        for part in self.model.parts:
            screen = camera.project(self.positions(part, pose), fine)
            if screen[:, 2].min() <= 0.1:  # it reaches behind the camera
                continue
            hit = covered(screen, np.asfortranarray(part.triangle), fine, part.material.is_double_sided)
            weights = np.stack(hit.weight, 1)
            if part.material.mode == "OPAQUE":
                solid, faint = np.arange(len(hit.pixel)), np.zeros(0, np.int64)
            else:
                alpha = _painted(part, hit.triangle, weights)[:, 3]
                is_blended = part.material.mode == "BLEND"
                is_solid = alpha >= (_SOLID if is_blended else part.material.cutoff)
                solid, faint = np.flatnonzero(is_solid), np.flatnonzero(is_blended & ~is_solid & (alpha > _SEEN))
            rows = solid[nearest(hit.pixel[solid], hit.distance[solid], fine)]
            rows = rows[hit.distance[rows] <= depth[hit.pixel[rows]]]
            at = hit.pixel[rows]
            depth[at], colour[at, 3] = hit.distance[rows], 1.0
            colour[at, :3] = _painted(part, hit.triangle[rows], weights[rows])[:, :3]
            if len(faint):
                rows = faint[nearest(hit.pixel[faint], hit.distance[faint], fine)]
                shown = _painted(part, hit.triangle[rows], weights[rows])
                thin.append((hit.pixel[rows], hit.distance[rows], shown))
        for pixel, distance, shown in thin:
            seen = distance <= depth[pixel] * (1.0 + _CLEAR)
            at, over, share = pixel[seen], shown[seen, :3], shown[seen, 3:]
            colour[at, :3] = over * share + colour[at, :3] * (1.0 - share)
            colour[at, 3:] = share + colour[at, 3:] * (1.0 - share)
        return _reduced(colour.reshape(fine, fine, 4))

    def anchored(self, camera: Camera, side: int, points: Points) -> dict[str, _Anchored]:
        """The points of the face at these pixels, without those that lie beside it."""
        at = {name: int(y) * side + int(x) for name, (x, y) in points.items() if 0 <= x < side and 0 <= y < side}
        found: dict[str, tuple[float, _Anchored]] = {}
        for k, part in enumerate(self.model.parts):
            if not self._is_face[k]:
                continue
            screen = camera.project(self.positions(part, _Pose()), side)
            if screen[:, 2].min() <= 0.1:
                continue
            hit = covered(screen, np.asfortranarray(part.triangle), side, part.material.is_double_sided)
            weights = np.stack(hit.weight, 1)
            is_seen = _painted(part, hit.triangle, weights)[:, 3] > 0.5
            for name, pixel in at.items():
                rows = np.flatnonzero((hit.pixel == pixel) & is_seen)
                if not len(rows):
                    continue
                row = rows[hit.distance[rows].argmin()]
                if name not in found or hit.distance[row] < found[name][0]:
                    anchor = _Anchored(k, part.triangle[hit.triangle[row]], weights[row].astype(np.float32))
                    found[name] = float(hit.distance[row]), anchor
        return {name: anchor for name, (_, anchor) in found.items()}

    def where(self, anchors: Sequence[_Anchored], pose: _Pose) -> Array:
        """[n,3] dm: the anchors' places."""
        posed = {k: self.positions(self.model.parts[k], pose) for k in {one.part for one in anchors}}
        return np.array([one.weight @ posed[one.part][one.corner] for one in anchors], np.float32).reshape(-1, 3)


def _painted(part: MeshPart, triangle: NDArray[np.int64], weight: Array) -> Array:
    """[n,4] the colours of points on a part, 0 to 1, sRGB."""
    material = part.material
    corner = part.triangle[triangle]
    colour = np.broadcast_to(material.colour, (len(corner), 4)).astype(np.float32)
    if material.picture is not None:
        u, v = np.einsum("nk,nkc->cn", weight, part.uv[corner])
        colour = colour * _sampled(material.picture, u, v)
    normal = np.einsum("nk,nkc->nc", weight, part.normal[corner])
    lit = np.clip((normal @ _LIGHT + _SHADE_EDGE) / (2.0 * _SHADE_EDGE), 0.0, 1.0)[:, None]
    colour[:, :3] *= material.shade + (1.0 - material.shade) * lit
    return colour


def _sampled(picture: Rgba, u: Array, v: Array) -> Array:
    """[n,4] the picture at these texture coordinates, repeated beyond its edges; 0 to 1."""
    height, width = picture.shape[:2]
    x, y = (u % 1.0) * width - 0.5, (v % 1.0) * height - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = (x - left)[:, None].astype(np.float32), (y - top)[:, None].astype(np.float32)
    rows, columns = (top % height, (top + 1) % height), (left % width, (left + 1) % width)
    upper = picture[rows[0], columns[0]] * (1.0 - fx) + picture[rows[0], columns[1]] * fx
    lower = picture[rows[1], columns[0]] * (1.0 - fx) + picture[rows[1], columns[1]] * fx
    return np.asarray((upper * (1.0 - fy) + lower * fy) / np.float32(255.0), np.float32)


def _reduced(colour: Array) -> Rgba:
    """[S,S,4] bytes of a picture that was drawn finer [FS,FS,4]."""
    side = len(colour) // _FINER
    over = colour.copy()
    over[..., :3] *= over[..., 3:]
    small = over.reshape(side, _FINER, side, _FINER, 4).mean((1, 3))
    small[..., :3] /= np.maximum(small[..., 3:], 1e-4)
    return np.asarray(small.clip(0.0, 1.0) * 255.0 + 0.5, np.uint8)


@dataclass(frozen=True)
class _OurSpace:
    """The model, moved to the fitted head, so that one camera shows both alike."""

    drawer: _Drawer
    camera: Camera
    face: DrawnFace
    shaped: AnimeShaped
    anchors: dict[str, _Anchored]

    @classmethod
    def of(cls, drawer: _Drawer, camera: Camera, face: DrawnFace, anchors: dict[str, _Anchored]) -> _OurSpace:
        """By the points that were found on the model in `camera`'s picture."""
        head = anime_head()
        shaped = head.shaped(face.shape)
        ours = Camera.framing(shaped)
        model = drawer.where(list(anchors.values()), _Pose())
        marks = _points(head.landmarks(head.pose(shaped, face.params)), list(anchors))
        away = float(camera.eye[2] - model[:, 2].mean()), float(ours.eye[2] - marks[:, 2].mean())
        scale = away[1] / away[0] * _SEARCH_SIDE / face.place.scale
        move = marks.mean(0) - scale * model.mean(0)
        return cls(drawer.placed(scale, move), ours, face, shaped, anchors)

    def params(self, weights: dict[str, float], yaw_deg: float, is_blinking: bool = False) -> FlameParams:
        """The fitted face, with more of these ARKit weights."""
        mixed = self.face.weights.copy()
        for name, value in weights.items():
            mixed[arkit.INDEX[name]] = min(max(float(mixed[arkit.INDEX[name]]), value), 1.0)
        turn = np.array([0.0, np.radians(yaw_deg), 0.0], np.float32)
        params = from_weights(mixed, None, turn)
        return replace(params, eyelids=np.ones(2, np.float32)) if is_blinking else params

    def reference(self, pose: _Pose, weights: dict[str, float], is_blinking: bool = False) -> Reference:
        """The model's picture, warped so that its points lie on the head's."""
        params = self.params(weights, pose.yaw_deg, is_blinking)
        rgba = self.drawer.draw(self.camera, SIDE, pose)
        head = anime_head()
        marks = head.landmarks(head.pose(self.shaped, params))
        names = [name for name in self.anchors if not (is_blinking and "iris" in name)]
        there = self.camera.project(_points(marks, names), 1)[:, :2].astype(np.float64)
        seen = self.camera.project(self.drawer.where([self.anchors[name] for name in names], pose), 1)[:, :2]
        return Reference(bent(rgba, there, seen - there), params, studio_light(), "rendered")

    def like(self, expressions: tuple[str, ...], names: tuple[str, ...]) -> dict[str, float]:
        """The weights, each from 0 to 1, with which our head's mouth moves most like the model's."""
        points = [name for name in _MOUTH_POINTS if name in self.anchors]
        chosen = [self.anchors[name] for name in points]
        wanted = self.drawer.where(chosen, _Pose(expressions)) - self.drawer.where(chosen, _Pose())
        groups = [name.split("+") for name in names]
        best: dict[str, float] = {}
        for group in (*groups, *groups):  # one after the other, twice
            errors = []
            for value in _STEPS:
                tried = best | dict.fromkeys(group, float(value))
                moved = _points(self._marks(tried), points) - _points(self._marks({}), points)
                errors.append(float(np.square(moved[:, :2] - wanted[:, :2]).sum()) + 1e-4 * float(value))
            best |= dict.fromkeys(group, float(_STEPS[int(np.argmin(errors))]))
        return best

    def _marks(self, weights: dict[str, float]) -> Array:
        head = anime_head()
        return head.landmarks(head.pose(self.shaped, self.params(weights, 0.0)))


def _points(landmarks: Array, names: Sequence[str]) -> Array:
    """[n,3] the named points, of landmarks [70,3]."""
    return np.array([landmarks[list(POINTS[name])].mean(0) for name in names], np.float32).reshape(-1, 3)
