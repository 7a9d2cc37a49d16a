"""Faces are brought to where networks were trained to see them, and become numbers of whatever length."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from omote.engine.arc2face.identity import for_recogniser, moved_points, portrait, portrait_crop, recogniser_crop
from omote.engine.models import ModelError

FIVE = [468, 473, 1, 61, 291]
LIDS = ([33, 160, 158, 133, 153, 144], [362, 385, 387, 263, 373, 380])
TEMPLATE = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]


def face(turn_deg: float = 0.0, scale: float = 1.0, move: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """[478,2] with eyes at (80,100) and (120,100) and mouth corners at (85,140) and (115,140), then moved."""
    points = np.zeros((478, 2), np.float32)
    points[FIVE] = [[80, 100], [120, 100], [100, 120], [85, 140], [115, 140]]
    points[LIDS[0]], points[LIDS[1]] = [80, 100], [120, 100]
    angle = np.radians(turn_deg)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ matrix.T + move).astype(np.float32)


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, -170.0])
def test_the_five_points_come_to_where_arcface_was_trained_to_see_them(turn_deg: float) -> None:
    points = np.zeros((478, 2), np.float32)
    angle = np.radians(turn_deg)
    matrix = 3.0 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[FIVE] = np.array(TEMPLATE) @ matrix.T + (50.0, -20.0)
    at = moved_points(points, recogniser_crop(points))[FIVE]
    np.testing.assert_allclose(at, np.array(TEMPLATE) + 0.5, atol=1e-4)  # half a pixel: ours count from its corner


def test_the_similarity_is_that_of_umeyama() -> None:
    """By the singular values of the covariance (Umeyama 1991), which is another way to the least squares."""
    points = face(12.0, 2.3, (40.0, 9.0)) + np.random.default_rng(0).normal(0, 3, (478, 2)).astype(np.float32)
    a, b = points[FIVE].astype(np.float64), np.array(TEMPLATE) + 0.5
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


def test_a_portrait_is_cut_as_ffhq_cuts_it() -> None:
    """Half a side: the larger of 2 eye distances (80) and 1.8 times eyes to mouth (72); the middle: (100,104)."""
    crop = portrait_crop(face(), 512)
    corners = crop.apply(np.array([[20.0, 24.0], [180.0, 24.0], [180.0, 184.0], [20.0, 184.0]]))
    np.testing.assert_allclose(corners, [[0, 0], [512, 0], [512, 512], [0, 512]], atol=1e-3)


def test_a_tilted_head_stands_upright_in_its_portrait() -> None:
    straight, tilted = portrait_crop(face(), 256), portrait_crop(face(25.0, 1.7, (300.0, 40.0)), 256)
    np.testing.assert_allclose(
        moved_points(face(25.0, 1.7, (300.0, 40.0)), tilted)[FIVE], moved_points(face(), straight)[FIVE], atol=1e-2
    )


def test_beyond_the_photo_lies_its_mirror_image() -> None:
    """The portrait of a photo whose upper left is at (40,60) of another is that one's, mirrored at the cut."""
    rng = np.random.default_rng(0)
    whole = np.repeat(np.repeat(rng.integers(0, 256, (30, 30, 3), np.uint8), 8, 0), 8, 1)
    cut = whole[60:, 40:]
    mirrored = np.pad(cut, ((60, 0), (40, 0), (0, 0)), "symmetric")
    found = portrait(cut, face(move=(-40.0, -60.0)), 160)
    np.testing.assert_array_equal(found, portrait(mirrored, face(), 160))
    assert not (found == 128).all(-1).any()  # no grey


ort = pytest.importorskip("onnxruntime")


def recogniser(path: Path, embedding: int, side: int = 112, gain: float = 1.0, *, normalises: bool = False) -> Path:
    """The mean of each channel over the picture, times a matrix; the smallest network of this kind."""
    onnx = pytest.importorskip("onnx")
    float32 = onnx.TensorProto.FLOAT
    matrix = gain * np.random.default_rng(1).standard_normal((3, embedding)).astype(np.float32)
    nodes = [
        onnx.helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0),
        onnx.helper.make_node("MatMul", ["mean", "matrix"], ["y"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "tiny",
        [onnx.helper.make_tensor_value_info("x", float32, ["None", 3, side, side])],
        [onnx.helper.make_tensor_value_info("y", float32, ["None", embedding])],
        [onnx.numpy_helper.from_array(matrix, "matrix")],
    )
    if normalises:  # levels of 255 to -1..1, as networks from MXNet do it themselves
        first = [
            onnx.helper.make_node("Sub", ["x", "middle"], ["centred"], name="_minusscalar0"),
            onnx.helper.make_node("Mul", ["centred", "share"], ["normal"], name="_mulscalar0"),
        ]
        graph.node[0].input[0] = "normal"
        nodes = [*first, *graph.node]
        del graph.node[:]
        graph.node.extend(nodes)
        for name, value in (("middle", 127.5), ("share", 1.0 / 127.5)):
            graph.initializer.append(onnx.numpy_helper.from_array(np.array([value], np.float32), name))
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.mark.parametrize("size", [24, 512])
def test_an_embedding_has_the_files_size_and_length_1(tmp_path: Path, size: int) -> None:
    from omote.engine.arc2face.identity import arcface

    embedder = arcface(recogniser(tmp_path / "tiny.onnx", size))
    found = embedder.embed(np.full((300, 300, 3), (200, 90, 10), np.uint8), face())
    assert embedder.size == size
    assert found.shape == (size,)
    assert found.dtype == np.float32
    matrix = np.random.default_rng(1).standard_normal((3, size)).astype(np.float32)
    wanted = ((np.array([200, 90, 10]) - 127.5) / 127.5) @ matrix  # red first, -1 to 1
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_a_network_that_normalises_itself_gives_the_same_embedding(tmp_path: Path) -> None:
    """InsightFace feeds levels of 255 where Sub and Mul lead the graph, and -1..1 where they do not."""
    from omote.engine.arc2face.identity import arcface, normalisation

    usual, own = recogniser(tmp_path / "a.onnx", 24), recogniser(tmp_path / "b.onnx", 24, normalises=True)
    assert (normalisation(usual), normalisation(own)) == ((127.5, 127.5), (0.0, 1.0))
    picture = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    one, other = (arcface(path).embed(picture, face()) for path in (usual, own))
    assert one @ other > 0.9999


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    from omote.engine.arc2face.identity import arcface

    with pytest.raises(ModelError, match=r"is no face recogniser: it takes .*96"):
        arcface(recogniser(tmp_path / "tiny.onnx", 8, side=96))
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    with pytest.raises(ModelError, match=r"cannot run noise.onnx"):
        arcface(tmp_path / "noise.onnx")


def test_an_embedding_without_a_direction_is_an_error(tmp_path: Path) -> None:
    from omote.engine.arc2face.identity import arcface

    embedder = arcface(recogniser(tmp_path / "tiny.onnx", 8, gain=0.0))
    with pytest.raises(ModelError, match=r"tiny.onnx gives no embedding of this face"):
        embedder.embed(np.zeros((300, 300, 3), np.uint8), face())


@pytest.mark.skipif("OMOTE_RECOGNISER" not in os.environ, reason="no recogniser: OMOTE_RECOGNISER names its file")
def test_a_real_recogniser_knows_a_drawn_person_again() -> None:
    """Needs ArcFace's own network, which may not be shipped: it distinguishes two of our characters."""
    from omote.engine import Animator, FlameParams, load_character, studio_light
    from omote.engine.arc2face.identity import arcface
    from omote.engine.capture.photo import face_finder, single_face

    embedder, animator, found = (
        arcface(Path(os.environ["OMOTE_RECOGNISER"])),
        Animator(size=512, runtime="openvino"),
        [],
    )
    with face_finder() as finder:
        for name, yaw in (("noah", 0.0), ("noah", 0.25), ("freya", 0.0)):
            calm = FlameParams.neutral().vector()
            calm[54] = yaw
            rgba = animator.draw(FlameParams.from_vector(calm), load_character(name), studio_light()).rgba
            picture = np.ascontiguousarray(rgba[..., :3])
            found.append(embedder.embed(picture, single_face(name, picture, finder).points))
    same, other = found[0] @ found[1], found[0] @ found[2]
    assert same > other + 0.2
