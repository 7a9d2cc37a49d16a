"""Faces in the frames of ArcFace's and Arc2Face's training, their embeddings, and the student's losses on them."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from omote.engine.arc2face.identity import (
    arcface,
    for_recogniser,
    moved_points,
    normalisation,
    portrait,
    portrait_crop,
    recogniser_crop,
)
from omote.engine.arc2face.losses import Losses, Recogniser, RecogniserError, Terms, Weights
from omote.engine.models import ModelError
from omote.engine.runtime.onnxruntime import session
from omote.engine.runtime.session import Build

Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
FIVE = [468, 473, 1, 61, 291]
LIDS = ([33, 160, 158, 133, 153, 144], [362, 385, 387, 263, 373, 380])
TEMPLATE = 0.5 + np.array(  # half a pixel: ours count from its corner
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def face(turn_deg: float = 0.0, scale: float = 1.0, move: tuple[float, float] = (0.0, 0.0)) -> Array:
    """[478,2] with eyes at (80,100) and (120,100) and mouth corners at (85,140) and (115,140), then moved."""
    points = np.zeros((478, 2), np.float32)
    points[FIVE] = [[80, 100], [120, 100], [100, 120], [85, 140], [115, 140]]
    points[LIDS[0]], points[LIDS[1]] = [80, 100], [120, 100]
    angle = np.radians(turn_deg)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(points @ matrix.T + move, np.float32)


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, -170.0])
def test_the_five_points_come_to_where_arcface_was_trained_to_see_them(turn_deg: float) -> None:
    """And noisy ones by Umeyama's similarity (1991), by way of the singular values of the covariance."""
    points, angle = np.zeros((478, 2), np.float32), np.radians(turn_deg)
    matrix = 3.0 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[FIVE] = TEMPLATE @ matrix.T + (50.0, -20.0)
    np.testing.assert_allclose(moved_points(points, recogniser_crop(points))[FIVE], TEMPLATE, atol=1e-4)
    points += np.random.default_rng(0).normal(0, 3, (478, 2)).astype(np.float32)
    a, b = points[FIVE].astype(np.float64), TEMPLATE
    ca, cb = a - a.mean(0), b - b.mean(0)
    u, values, v = np.linalg.svd(cb.T @ ca / len(a))
    sign = np.diag([1.0, np.sign(np.linalg.det(u @ v))])
    matrix = np.trace(np.diag(values) @ sign) / ca.var(0).sum() * (u @ sign @ v)
    found = recogniser_crop(points)
    turn, move = found.turn, found.move
    np.testing.assert_allclose([[turn.real, -turn.imag], [turn.imag, turn.real]], matrix, atol=1e-9)
    np.testing.assert_allclose([move.real, move.imag], b.mean(0) - matrix @ a.mean(0), atol=1e-9)


def test_the_recognisers_picture_shows_the_face_upright() -> None:
    points = face(0.0, 4.0)
    picture = np.full((800, 800, 3), 90, np.uint8)
    for (x, y), colour in zip(points[FIVE], ((255, 0, 0), (0, 0, 255)), strict=False):
        picture[int(y) - 12 : int(y) + 12, int(x) - 12 : int(x) + 12] = colour
    seen = for_recogniser(picture, points)
    assert seen.shape == (112, 112, 3)
    right, left = moved_points(points, recogniser_crop(points))[FIVE[:2]].astype(int)
    assert seen[right[1], right[0], 0] > 200 > 60 > seen[right[1], right[0], 2]
    assert seen[left[1], left[0], 2] > 200 > 60 > seen[left[1], left[0], 0]


def test_a_portrait_is_cut_as_ffhq_cuts_it_upright_and_mirrored_beyond_the_photo() -> None:
    """Half a side: the larger of 2 eye distances (80) and 1.8 times eyes to mouth (72); the middle: (100,104)."""
    corners = portrait_crop(face(), 512).apply(np.array([[20.0, 24.0], [180.0, 24.0], [180.0, 184.0], [20.0, 184.0]]))
    np.testing.assert_allclose(corners, [[0, 0], [512, 0], [512, 512], [0, 512]], atol=1e-3)
    straight, tilted = face(), face(25.0, 1.7, (300.0, 40.0))
    at = [moved_points(one, portrait_crop(one, 256))[FIVE] for one in (straight, tilted)]
    np.testing.assert_allclose(at[1], at[0], atol=1e-2)
    whole = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    cut = whole[60:, 40:]
    mirrored = np.pad(cut, ((60, 0), (40, 0), (0, 0)), "symmetric")
    found = portrait(cut, face(move=(-40.0, -60.0)), 160)
    np.testing.assert_array_equal(found, portrait(mirrored, face(), 160))
    assert not (found == 128).all(-1).any()  # no grey


def network(path: Path, nodes: list[onnx.NodeProto], constants: dict[str, Array], shape: tuple[int, ...]) -> Path:
    """An ONNX file of these nodes, from pictures "data" [N, *shape] to rows "out"."""
    graph = helper.make_graph(
        nodes,
        "recogniser",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", constants.get("size", np.zeros(12)).size])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def recogniser(path: Path, size: int, side: int = 112, gain: float = 1.0, *, normalises: bool = False) -> Path:
    """The mean of each channel times a matrix, and -1..1 of levels before that, as networks from MXNet do it."""
    nodes = [
        helper.make_node("ReduceMean", ["normal" if normalises else "data"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "matrix"], ["out"]),
    ]
    if normalises:
        sub = helper.make_node("Sub", ["data", "middle"], ["centred"], name="_minusscalar0")
        nodes = [sub, helper.make_node("Mul", ["centred", "share"], ["normal"], name="_mulscalar0"), *nodes]
    constants = {"matrix": gain * _matrix(size), "size": np.zeros(size, np.float32)}
    constants |= {name: np.array([value], np.float32) for name, value in (("middle", 127.5), ("share", 1 / 127.5))}
    return network(path, nodes, constants, (3, side, side))


def _matrix(size: int) -> Array:
    return np.random.default_rng(1).standard_normal((3, size)).astype(np.float32)


@pytest.mark.parametrize("size", [24, 512])
def test_an_embedding_has_the_files_size_and_length_1(tmp_path: Path, size: int) -> None:
    embedder = arcface(recogniser(tmp_path / "tiny.onnx", size))
    found = embedder.embed(np.full((300, 300, 3), (200, 90, 10), np.uint8), face())
    assert embedder.size == size and found.shape == (size,) and found.dtype == np.float32
    wanted = ((np.array([200, 90, 10]) - 127.5) / 127.5) @ _matrix(size)  # red first, -1 to 1
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_a_network_that_normalises_itself_gives_the_same_embedding(tmp_path: Path) -> None:
    """InsightFace feeds levels of 255 where Sub and Mul lead the graph, and -1..1 where they do not."""
    usual, own = recogniser(tmp_path / "a.onnx", 24), recogniser(tmp_path / "b.onnx", 24, normalises=True)
    assert (normalisation(usual), normalisation(own)) == ((127.5, 127.5), (0.0, 1.0))
    picture = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    one, other = (arcface(path).embed(picture, face()) for path in (usual, own))
    assert one @ other > 0.9999


def test_networks_of_another_kind_and_embeddings_without_a_direction_are_refused(tmp_path: Path) -> None:
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    for path, message in (
        (recogniser(tmp_path / "small.onnx", 8, side=96), r"is no face recogniser: it takes .*96"),
        (tmp_path / "noise.onnx", "cannot run noise.onnx"),
    ):
        with pytest.raises(ModelError, match=message):
            arcface(path)
    with pytest.raises(ModelError, match=r"flat\.onnx gives no embedding of this face"):
        arcface(recogniser(tmp_path / "flat.onnx", 8, gain=0.0)).embed(np.zeros((300, 300, 3), np.uint8), face())


@pytest.mark.skipif("OMOTE_RECOGNISER" not in os.environ, reason="no recogniser: OMOTE_RECOGNISER names its file")
def test_a_real_recogniser_knows_a_drawn_person_again() -> None:
    """Needs ArcFace's own network, which may not be shipped: it distinguishes two of our characters."""
    from omote.engine import Animator, FlameParams, load_character, studio_light
    from omote.engine.capture.photo import face_finder, single_face

    embedder, animator = arcface(Path(os.environ["OMOTE_RECOGNISER"])), Animator(size=512, runtime="openvino")
    found = []
    with face_finder() as finder:
        for name, yaw in (("noah", 0.0), ("noah", 0.25), ("freya", 0.0)):
            calm = FlameParams.neutral().vector()
            calm[54] = yaw
            rgba = animator.draw(FlameParams.from_vector(calm), load_character(name), studio_light()).rgba
            picture = np.ascontiguousarray(rgba[..., :3])
            found.append(embedder.embed(picture, single_face(name, picture, finder).points))
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2


# The recogniser in torch, held against ONNX Runtime, which executes the same file.


def like_arcface(path: Path, last: str = "Identity") -> Path:
    """A block of the kind that ArcFace is built of: norm, PReLU, strides, a sum, and a matrix at the end."""
    rng = np.random.default_rng(3)
    shapes = {
        "conv.weight": (4, 3, 3, 3),
        "conv.bias": (4,),
        **{f"norm.{name}": (4,) for name in ("weight", "bias", "mean", "variance")},
        "slope": (4, 1, 1),
        "short.weight": (4, 3, 1, 1),
        "gemm.weight": (16, 4 * 28 * 28),
        "gemm.bias": (16,),
    }
    constants = {name: rng.normal(0.0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    constants["norm.variance"] = np.abs(constants["norm.variance"]) + np.float32(0.5)
    norm = [f"norm.{name}" for name in ("weight", "bias", "mean", "variance")]
    nodes = [
        helper.make_node("Conv", ["data", "conv.weight", "conv.bias"], ["a"], strides=[4, 4], pads=[1, 1, 0, 0]),
        helper.make_node("BatchNormalization", ["a", *norm], ["b"], epsilon=2e-5),
        helper.make_node("PRelu", ["b", "slope"], ["c"]),
        helper.make_node("Conv", ["data", "short.weight"], ["d"], strides=[4, 4]),
        helper.make_node("Add", ["c", "d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "gemm.weight", "gemm.bias"], ["g"], transB=1),
        helper.make_node(last, ["g"], ["out"]),
    ]
    return network(path, nodes, {**constants, "size": np.zeros(16, np.float32)}, (3, 112, 112))


def test_the_recogniser_in_torch_sees_whom_onnx_runtime_sees_and_lets_gradients_pass(tmp_path: Path) -> None:
    path = like_arcface(tmp_path / "arcface.onnx")
    faces = np.random.default_rng(5).uniform(-1.0, 1.0, (2, 3, 112, 112)).astype(np.float32)
    (expected,) = session(path, Build("onnxruntime", "f32")).run(None, {"data": faces})
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    given = torch.from_numpy(faces).requires_grad_(True)
    found = Recogniser.load(path)(given)
    np.testing.assert_allclose(found.detach(), expected, atol=1e-5)  # sums of 3,136 products in single precision
    found[0, 0].backward()
    assert given.grad is not None and float(given.grad.abs().sum()) > 0.0


def test_a_side_of_zero_stays_as_it_is_when_numbers_are_laid_out_anew(tmp_path: Path) -> None:
    shape = {"shape": np.array([0, -1], np.int64)}
    nodes = [helper.make_node("Reshape", ["data", "shape"], ["out"])]
    path = network(tmp_path / "reshaped.onnx", nodes, shape, (3, 2, 2))  # type: ignore[arg-type]
    torch.testing.assert_close(Recogniser.load(path)(torch.ones(2, 3, 2, 2)), torch.full((2, 12), 12**-0.5))


def test_other_operators_and_files_that_are_no_recogniser_are_named(tmp_path: Path) -> None:
    (tmp_path / "not.onnx").write_bytes(b"\xff" * 64)
    for path, message in (
        (like_arcface(tmp_path / "odd.onnx", "Sigmoid"), "operator Sigmoid"),
        (tmp_path / "not.onnx", r"not\.onnx is no ONNX file"),
    ):
        with pytest.raises(RecogniserError, match=message):
            Recogniser.load(path)


# The losses between the pictures of student and teacher.

SIZE = 128


class Rgb(nn.Module):
    """A decoder whose pictures are the first three latents; in half precision like the pipeline's on a GPU."""

    def __init__(self, is_half: bool = False) -> None:
        super().__init__()
        self.mix = nn.Conv2d(4, 3, 1, dtype=torch.bfloat16) if is_half else None

    def decode(self, latents: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=F.interpolate(latents[:, :3] if self.mix is None else self.mix(latents), SIZE))


class MeanColour(nn.Module):
    """A recogniser whose embedding is the mean colour of the face."""

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        return F.normalize(faces.mean((2, 3)), dim=1)


def leaning() -> torch.Tensor:
    """A face that leans a little, somewhere in the picture."""
    points = torch.full((478, 2), 60.0)
    points[FIVE] = torch.from_numpy(TEMPLATE).float()
    return points @ torch.tensor([[0.9, 0.15], [-0.15, 0.9]]) + 12.0


def test_losses_show_both_networks_the_face_as_they_are_used_to_it() -> None:
    points, coarse = leaning(), np.random.default_rng(2).integers(0, 256, (8, 8, 3))
    wide = F.interpolate(torch.from_numpy(coarse).permute(2, 0, 1)[None].float(), SIZE, mode="bicubic")
    picture = wide.clamp(0.0, 255.0)[0].permute(1, 2, 0).numpy().astype(np.uint8)
    losses = Losses(points, SIZE, Rgb(), None, None)
    given = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    ours = F.grid_sample(given, losses.aligned, align_corners=False)[0].permute(1, 2, 0).numpy()
    theirs = for_recogniser(picture, points.numpy()).astype(np.float32)
    # The other is rounded to levels, and filtered where it is made smaller.
    assert float(np.abs(ours - theirs)[8:-8, 8:-8].max()) < 6.0
    middle = (points.amin(0) + points.amax(0)) / 2.0 / SIZE * 2.0 - 1.0
    torch.testing.assert_close(losses.face[0].mean((0, 1)), middle, rtol=0.0, atol=1e-5)
    width = (losses.face[0, 0, -1, 0] - losses.face[0, 0, 0, 0]) / 2.0 * SIZE * 256 / 255
    torch.testing.assert_close(width, 1.5 * (points.amax(0) - points.amin(0)).max(), rtol=1e-4, atol=0.0)


def test_a_loss_without_its_network_is_0_and_others_count() -> None:
    one, nothing = torch.ones(()), torch.zeros(())
    weights = Weights(perceptual=0.5, expression=2.0, identity=3.0)
    assert float(Terms(one, nothing, nothing, nothing).total(weights)) == 1.0
    assert float(Terms(one, one, one, one).total(weights)) == 6.5


@pytest.mark.parametrize("is_half", [False, True])
def test_the_recogniser_notices_another_face_and_gradients_reach_the_drawn_one(is_half: bool) -> None:
    losses = Losses(leaning(), SIZE, Rgb(is_half), None, MeanColour())
    red, green = torch.zeros(1, 4, 16, 16), torch.zeros(1, 4, 16, 16)
    red[:, 0], green[:, 1] = 1.0, 1.0
    red.requires_grad_(True)
    assert abs(float(losses(red, red.detach()).identity.detach())) < 1e-6
    terms = losses(red, green)
    if not is_half:
        torch.testing.assert_close(terms.identity, torch.tensor(1.0), rtol=0.0, atol=1e-5)  # at a right angle
    assert terms.identity.dtype == terms.latent.dtype == torch.float32
    terms.identity.backward()
    assert red.grad is not None and float(red.grad.abs().sum()) > 0.0
