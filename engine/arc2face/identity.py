"""The identity of a face as ArcFace's embedding, and the crops in which ArcFace and Arc2Face were trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Array
from ..face.fitting import Similarity, frame_photo
from ..models import ModelError
from ..runtime.onnxruntime import session
from ..runtime.session import Build, RuntimeUnavailable

Rgb = NDArray[np.uint8]  # [H,W,3]

# MediaPipe's points. Right and left are the subject's, so the right eye is on the picture's left.
_RIGHT_IRIS, _LEFT_IRIS, _NOSE_TIP, _RIGHT_MOUTH, _LEFT_MOUTH = 468, 473, 1, 61, 291
_FIVE = [_RIGHT_IRIS, _LEFT_IRIS, _NOSE_TIP, _RIGHT_MOUTH, _LEFT_MOUTH]
_RIGHT_LIDS = [33, 160, 158, 133, 153, 144]
_LEFT_LIDS = [362, 385, 387, 263, 373, 380]

RECOGNISER_SIDE = 112
# The five points in ArcFace's training pictures, moved from pixel centres to pixel corners.
_TEMPLATE = 0.5 + np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
# FFHQ's crop (Karras et al., arXiv 1812.04948): a square whose half side is the larger of these.
_EYES_TO_HALF, _MOUTH_TO_HALF, _DOWN = 2.0, 1.8, 0.1
_TAKES = [3, RECOGNISER_SIDE, RECOGNISER_SIDE]


def for_recogniser(picture: Rgb, points: Array) -> Rgb:
    """[112,112,3] the face with these MediaPipe points [478,2] in ArcFace's frame, on grey."""
    return frame_photo(picture, recogniser_crop(points), RECOGNISER_SIDE).picture


def recogniser_crop(points: Array) -> Similarity:
    """The transform into ArcFace's training frame."""
    return Similarity.between(points[_FIVE].astype(np.float64), _TEMPLATE)


def portrait_crop(points: Array, side: int) -> Similarity:
    """The transform into a square of `side` pixels, cropped like FFHQ, on which Arc2Face was trained."""
    wide = points.astype(np.float64)
    right, left = wide[_RIGHT_LIDS].mean(0), wide[_LEFT_LIDS].mean(0)
    eyes, across = (right + left) / 2.0, left - right
    down = (wide[_RIGHT_MOUTH] + wide[_LEFT_MOUTH]) / 2.0 - eyes
    axis = across - np.array([-down[1], down[0]])  # to the picture's right; the mouth contributes to the tilt
    half = max(_EYES_TO_HALF * np.hypot(*across), _MOUTH_TO_HALF * np.hypot(*down))
    x = axis / np.hypot(*axis) * half
    y, middle = np.array([-x[1], x[0]]), eyes + _DOWN * down
    corners = np.stack([middle - x - y, middle + x - y, middle + x + y, middle - x + y])
    return Similarity.between(corners, _corners(side))


def _corners(side: int) -> NDArray[np.float64]:
    return side * np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def portrait(picture: Rgb, points: Array, side: int) -> Rgb:
    """[S,S,3] the face, cropped like FFHQ. Beyond the photo its mirror image continues."""
    onto = portrait_crop(points, side)
    corners = onto.inverse().apply(_corners(side))
    height, width = picture.shape[:2]
    before = np.maximum(np.ceil(1.0 - corners.min(0)), 0.0).astype(int)
    after = np.maximum(np.ceil(corners.max(0) + 1.0 - (width, height)), 0.0).astype(int)
    wider = np.pad(picture, ((before[1], after[1]), (before[0], after[0]), (0, 0)), "symmetric")
    return frame_photo(wider, Similarity(onto.turn, onto.move - onto.turn * complex(*before)), side).picture


def moved_points(points: Array, similarity: Similarity) -> Array:
    """[478,2] the transformed points."""
    return similarity.apply(points.astype(np.float64)).astype(np.float32)


@dataclass(frozen=True)
class ArcFace:
    """A face recogniser for aligned faces of 112x112 pixels."""

    session: Any  # ONNX Runtime's
    name: str  # file name
    size: int  # E, the length of an embedding
    mean: float  # subtracted from levels of 0 to 255
    spread: float  # by which the difference is divided

    def embed(self, rgb: Rgb, points: Array) -> Array:
        """[E] the unit embedding of the face in a picture [H,W,3] with these MediaPipe points [478,2].

        ModelError if the network's output is zero or not finite.
        """
        face = (for_recogniser(rgb, points).astype(np.float32) - self.mean) / self.spread
        batch = {self.session.get_inputs()[0].name: face.transpose(2, 0, 1)[None]}
        found = np.asarray(self.session.run(None, batch)[0], np.float32).reshape(-1)
        length = float(np.linalg.norm(found))
        if found.shape != (self.size,) or not np.isfinite(length) or length == 0.0:
            raise ModelError(f"{self.name} gives no embedding of this face: {found.shape} numbers of length {length:g}")
        return found / length


def arcface(path: Path) -> ArcFace:
    """The recogniser in an ONNX file; ModelError for another network, or if ONNX Runtime is missing."""
    try:
        opened = session(path, Build("onnxruntime", "f32"))
    except RuntimeUnavailable as error:
        raise ModelError(str(error)) from error
    taken = [list(one.shape) for one in opened.get_inputs()]
    if len(taken) != 1 or taken[0][1:] != _TAKES:
        raise ModelError(f"{path} is no face recogniser: it takes {taken}, expected one picture of {_TAKES}")
    given = [list(one.shape) for one in opened.get_outputs()]
    if len(given) != 1 or len(given[0]) != 2 or not isinstance(given[0][1], int):
        raise ModelError(f"{path} is no face recogniser: it gives {given}, expected one row of numbers a picture")
    return ArcFace(opened, path.name, given[0][1], *normalisation(path))


def normalisation(path: Path) -> tuple[float, float]:
    """Mean and spread for the network's input: (127.5, 127.5), or (0, 1) if the network normalises by itself.

    Like InsightFace, this looks for Sub and Mul among the graph's first nodes, here those before the first convolution.
    """
    import onnx

    leading = set()
    for node in onnx.load(str(path), load_external_data=False).graph.node:
        if node.op_type == "Conv":
            break
        leading.add(node.op_type)
    return (0.0, 1.0) if "Sub" in leading and leading & {"Mul", "Div"} else (127.5, 127.5)
