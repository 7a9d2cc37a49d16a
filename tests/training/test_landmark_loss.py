"""The landmark network in torch is the network in the file, and its loss pulls a drawn face to the true one."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tflite", reason="the landmark network is read with the package tflite")

import torch

from omote.bridge import arkit
from omote.engine import models
from omote.engine.face.head import open_head
from omote.engine.face.rasterizer import GeometryMapper
from omote.engine.face.retarget import from_weights
from omote.engine.runtime import session
from omote.engine.training import landmark_loss
from omote.engine.training.landmark_loss import SIDE, LandmarkNet, PerceptualLoss, crop_grid, cropped

from .kit import KIT, WHY

SMILE = {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "jawOpen": 0.35, "browInnerUp": 0.6}
BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "mouthPucker": 0.8}
REST_ROW, SMILE_ROW, BLINK_ROW = range(3)


@dataclass(frozen=True)
class Rendered:
    """One person at rest, smiling, and with shut eyes, the head a little turned."""

    picture: torch.Tensor  # [3,4,256,256] straight RGBA -1..1
    geometry: torch.Tensor  # [3,10,128,128]


@pytest.fixture(scope="module")
def task() -> Path:
    """The tracker's model file, fetched as at first use."""
    try:
        return models.fetch(models.FACE_LANDMARKER)
    except models.ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def net(task: Path) -> LandmarkNet:
    return LandmarkNet.load(task)


@pytest.fixture(scope="module")
def loss(net: LandmarkNet) -> PerceptualLoss:
    return PerceptualLoss(net)


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    pytest.importorskip("numba", reason="the reference renderer needs numba")
    if not KIT.is_dir():
        pytest.skip(WHY)
    from omote.engine.training.faces import figure, kit, light, person, render
    from omote.engine.training.faces.head import shape_of

    pack = kit.load(KIT)
    model = person.sample_person(pack, 4)
    drawn, mapper = figure.Figure(pack, model), GeometryMapper(open_head().shaped(shape_of(pack, model)))
    turn = np.array([0.05, 0.2, 0.0], np.float32)
    pictures, maps = [], []
    for weights in (arkit.weights(named) for named in ({}, SMILE, BLINK)):
        rgba = render.render(drawn, weights, turn, light.studio(), 256, supersampling=1).rgba
        pictures.append(torch.from_numpy(rgba).permute(2, 0, 1).float() / 127.5 - 1.0)
        maps.append(torch.from_numpy(mapper.draw(from_weights(weights, None, turn))))
    return Rendered(torch.stack(pictures), torch.stack(maps))


def crops(rendered: Rendered) -> torch.Tensor:
    return cropped(rendered.picture, crop_grid(rendered.geometry))


def test_torch_gives_the_numbers_that_the_file_gives_elsewhere(
    task: Path, net: LandmarkNet, rendered: Rendered, tmp_path: Path
) -> None:
    session.forbid_openvino_telemetry()
    import openvino

    picture = torch.cat([crops(rendered), torch.full((1, 3, SIDE, SIDE), 0.5)])
    with zipfile.ZipFile(task) as archive:
        path = archive.extract("face_landmarks_detector.tflite", tmp_path)
    original = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    wanted = original(picture.permute(0, 2, 3, 1).numpy())
    with torch.no_grad():
        seen = net(picture)
    # Both widen the file's float16 weights to float32 and differ in the order of sums: 0.0001 of 256 pixels is usual.
    np.testing.assert_allclose(seen.landmarks.reshape(4, -1).numpy(), wanted[0].reshape(4, -1), rtol=0.0, atol=0.005)
    np.testing.assert_allclose(seen.presence.numpy(), 1.0 / (1.0 + np.exp(-wanted[1].reshape(4))), atol=1e-4)
    assert [f.shape[1:] for f in seen.features] == [(32, 64, 64), (64, 32, 32), (128, 16, 16), (128, 8, 8)]


def test_the_points_lie_where_mediapipe_finds_them(task: Path, net: LandmarkNet, rendered: Rendered) -> None:
    grid = crop_grid(rendered.geometry)
    with torch.no_grad():
        points = net(cropped(rendered.picture, grid)).landmarks[..., :2]
    low, high = grid[:, 0, 0], grid[:, -1, -1]
    step = (high - low) / (SIDE - 1)
    ours = ((low[:, None] + (points - 0.5) * step[:, None]) + 1.0) * 128.0  # pixels of the picture
    theirs = np.stack([_mediapipe_points(task, picture) for picture in rendered.picture])
    away = np.linalg.norm(ours.numpy() - theirs, axis=2)
    eyes = np.linalg.norm(theirs[:, 473] - theirs[:, 468], axis=1)[:, None]
    # MediaPipe turns its crop upright and finds its own box: the same network on slightly other pixels.
    assert np.mean(away / eyes) < 0.03
    assert np.percentile(away / eyes, 95) < 0.08


def _mediapipe_points(task: Path, picture: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """[478,2] pixels of the picture, by the original from detection to points."""
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python.core.base_options import BaseOptions
    from mediapipe.tasks.python.vision import FaceLandmarker, FaceLandmarkerOptions

    on_grey = ((picture[:3] * (picture[3:] * 0.5 + 0.5) + 1.0) * 127.5).round().byte().permute(1, 2, 0).numpy()
    options = FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(task)))
    with FaceLandmarker.create_from_options(options) as landmarker:
        (points,) = landmarker.detect(Image(ImageFormat.SRGB, np.ascontiguousarray(on_grey))).face_landmarks
    return np.array([(point.x * 256.0, point.y * 256.0) for point in points], np.float32)


def test_a_face_is_told_from_an_empty_picture(net: LandmarkNet, rendered: Rendered) -> None:
    empty = torch.full((1, 3, SIDE, SIDE), 0.5)
    with torch.no_grad():
        presence = net(torch.cat([crops(rendered), empty])).presence
    assert (presence[:3] > 0.9).all()
    assert presence[3] < 0.1


def test_half_precision_moves_the_points_by_less_than_half_a_pixel(net: LandmarkNet, rendered: Rendered) -> None:
    picture = crops(rendered)
    with torch.no_grad():
        exact = net(picture)
        with torch.autocast("cpu", torch.bfloat16):
            rough = net(picture)
    assert rough.landmarks.dtype == torch.float32
    # bfloat16 has 8 bits: after 100 layers 0.2 of 256 pixels is usual, where heads in bfloat16 alone would round to 1.
    assert (rough.landmarks - exact.landmarks).abs().mean() < 0.5


def test_the_crop_frames_the_points_as_mediapipe_frames_them(net: LandmarkNet, rendered: Rendered) -> None:
    with torch.no_grad():
        points = net(crops(rendered)).landmarks[..., :2]
    low, high = points.amin(1), points.amax(1)
    # MediaPipe's crop is 1.5 times the box of the points; ours comes from the maps.
    torch.testing.assert_close((high - low).amax(1), torch.full((3,), SIDE / 1.5), rtol=0.1, atol=0.0)
    torch.testing.assert_close((low + high) / 2, torch.full((3, 2), SIDE / 2), rtol=0.1, atol=0.0)


def test_maps_without_a_face_leave_the_picture_whole() -> None:
    grid = crop_grid(torch.zeros(1, 10, 128, 128))
    picture = torch.rand(1, 4, SIDE, SIDE) * 2.0 - 1.0
    picture[:, 3] = 1.0
    torch.testing.assert_close(cropped(picture, grid), picture[:, :3] * 0.5 + 0.5, rtol=0.0, atol=1e-4)


def test_what_lies_under_a_clear_pixel_is_not_seen(rendered: Rendered) -> None:
    other = rendered.picture.clone()
    clear = (other[:, 3:] == -1.0).expand(-1, 3, -1, -1)
    assert clear.any()
    other[:, :3][clear] = 0.9
    grid = crop_grid(rendered.geometry)
    assert torch.equal(cropped(other, grid), cropped(rendered.picture, grid))


def test_the_loss_falls_as_a_picture_comes_nearer_to_the_truth(loss: PerceptualLoss, rendered: Rendered) -> None:
    truth, other = rendered.picture[[SMILE_ROW, BLINK_ROW]], rendered.picture[[REST_ROW, REST_ROW]]
    geometry = rendered.geometry[[SMILE_ROW, BLINK_ROW]]
    with torch.no_grad():
        steps = [loss(truth + far * (other - truth), truth, geometry) for far in (1.0, 0.6, 0.3, 0.1, 0.0)]
    for values in zip(*steps, strict=True):
        assert list(values) == sorted(values, reverse=True)
        assert values[0] > 0.02
        assert values[-1] == 0.0


def test_the_gradient_moves_a_shifted_mouth_back(loss: PerceptualLoss, rendered: Rendered) -> None:
    truth, geometry = rendered.picture[[REST_ROW]], rendered.geometry[[REST_ROW]]
    mouth = torch.tensor(_mouth(loss.net, truth, geometry))
    for shifted in ((4.0, 0.0), (-4.0, 0.0), (0.0, 4.0), (0.0, -4.0)):
        shift = torch.tensor(shifted, requires_grad=True)
        for value in loss(_with_mouth_moved(truth, mouth, shift), truth, geometry):
            (gradient,) = torch.autograd.grad(value, shift, retain_graph=True)
            assert gradient @ shift.detach() > 0.0, f"a mouth moved by {shifted} is pushed farther by {gradient}"


def _mouth(net: LandmarkNet, truth: torch.Tensor, geometry: torch.Tensor) -> list[float]:
    """x and y of the mouth's middle in -1..1 of the picture."""
    grid = crop_grid(geometry)
    with torch.no_grad():
        points = net(cropped(truth, grid)).landmarks[0, list(landmark_loss.LIPS), :2].mean(0)
    column, row = points.round().int().tolist()
    return [float(v) for v in grid[0, row, column]]


def _with_mouth_moved(picture: torch.Tensor, mouth: torch.Tensor, shift_px: torch.Tensor) -> torch.Tensor:
    """The picture with a soft round part of it moved by `shift_px` pixels."""
    step = (torch.arange(256) + 0.5) / 128.0 - 1.0
    place = torch.stack(torch.meshgrid(step, step, indexing="xy"), -1)
    near = torch.exp(-((place - mouth) / 0.2).square().sum(-1, keepdim=True))
    moved = place - near * shift_px / 128.0
    return torch.nn.functional.grid_sample(picture, moved[None], align_corners=False, padding_mode="border")


def test_gradients_reach_the_drawn_picture_and_nothing_else(loss: PerceptualLoss, rendered: Rendered) -> None:
    truth = rendered.picture[:1].clone().requires_grad_()
    drawn = rendered.picture[1:2].clone().requires_grad_()
    sum(loss(drawn, truth, rendered.geometry[:1])).backward()
    assert drawn.grad is not None and drawn.grad.isfinite().all() and drawn.grad.abs().sum() > 0.0
    assert truth.grad is None
    assert all(parameter.grad is None for parameter in loss.parameters())
    assert not any(parameter.requires_grad for parameter in loss.parameters())


def test_the_points_that_weigh_more_are_those_that_mediapipe_calls_lips_lids_brows_and_irises() -> None:
    from mediapipe.tasks.python.vision import FaceLandmarksConnections as Connections

    def members(*names: str) -> set[int]:
        lines = [line for name in names for line in getattr(Connections, f"FACE_LANDMARKS_{name}")]
        return {end for line in lines for end in (line.start, line.end)}

    assert set(landmark_loss.LIPS) == members("LIPS")
    assert set(landmark_loss.LIDS) == members("LEFT_EYE", "RIGHT_EYE")
    assert set(landmark_loss.BROWS) == members("LEFT_EYEBROW", "RIGHT_EYEBROW")
    assert set(landmark_loss.LEFT_IRIS[1:]) == members("LEFT_IRIS")
    # MediaPipe's list closes the right iris over 472, 469 as well.
    assert set(landmark_loss.RIGHT_IRIS[1:]) == members("RIGHT_IRIS")


def test_bytes_that_are_no_graph_are_refused() -> None:
    with pytest.raises(landmark_loss.GraphError, match=r"12 bytes begin b'PK.*no TensorFlow Lite file"):
        landmark_loss.read_graph(b"PK\x03\x04" + bytes(8))


def test_another_network_is_refused_by_its_shapes(task: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(task) as archive, zipfile.ZipFile(tmp_path / "other.task", "w") as other:
        other.writestr("face_landmarks_detector.tflite", archive.read("face_detector.tflite"))
    with pytest.raises(
        landmark_loss.GraphError, match=r"other\.task maps \(1, 128, 128, 3\).*wanted \(1, 256, 256, 3\)"
    ):
        LandmarkNet.load(tmp_path / "other.task")
