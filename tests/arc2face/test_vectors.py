"""The 55 numbers of the adapter: of faces in both bases, of files, of a face at rest, and of photos by SMIRK."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor, nn

from omote.engine.arc2face.smirk import BACKBONE, Smirk, crop, open_smirk, read_vector
from omote.engine.arc2face.vectors import STAND_IN_NEUTRAL, read_neutral, vector_of
from omote.engine.data import FLAME_BASIS, FlameParams
from omote.engine.face.flame_vectors import VECTOR_SIZE, VectorError, params_of, read_vectors
from omote.engine.model.kinds import Settings, kind
from omote.engine.models import ModelError
from omote.engine.tensor_file import CharacterError
from tests.arc2face.flat import to_flame

Wide = NDArray[np.float64]
NEUTRAL = np.linspace(0.01, 0.06, VECTOR_SIZE).astype(np.float32)
N = NEUTRAL[50:]  # two lids, then the jaw
ZEROS = np.zeros(VECTOR_SIZE, np.float32)


def face(jaw: tuple[float, float, float] = (0.0, 0.0, 0.0), lids: tuple[float, float] = (0.0, 0.0)) -> FlameParams:
    still = FlameParams.neutral()
    return replace(still, jaw_pose=np.array(jaw, np.float32), eyelids=np.array(lids, np.float32))


@pytest.mark.parametrize(
    ("params", "ends"),
    [
        (replace(face(), neck_pose=np.full(3, 0.5, np.float32), eye_pose=np.full((2, 3), 0.5, np.float32)), N),
        (face((0.3, 0.05, -0.05), (0.25, 0.5)), N + np.array([0.25, 0.5, 0.3, 0.05, -0.05])),
        (face((-1.0, 0.0, 0.0)), (N[0], N[1], 0.0, N[3], N[4])),
        (face((0.0, 1.0, -1.0)), (N[0], N[1], N[2], 0.2, -0.2)),
        (face(lids=(2.0, -2.0)), (1.0, 0.0, N[2], N[3], N[4])),
    ],
    ids=["at rest, whatever head and eyes do", "lids and jaw", "jaw", "jaw aside", "lids"],
)
def test_a_face_stands_on_the_neutral_within_the_adapters_bounds(params: FlameParams, ends: Any) -> None:
    np.testing.assert_allclose(vector_of(params, NEUTRAL, to_flame)[50:], ends, atol=1e-6)
    raised = replace(params, expression=np.arange(50, dtype=np.float32))
    change = vector_of(raised, NEUTRAL, to_flame)[:50] - NEUTRAL[:50]
    np.testing.assert_allclose(change, np.arange(50), atol=1e-5)  # float32 around 50


def test_coefficients_of_flame_2020_are_taken_as_they_are_and_zeros_never_come_out() -> None:
    vector = np.random.default_rng(0).uniform(0.0, 0.2, VECTOR_SIZE).astype(np.float32)
    np.testing.assert_array_equal(vector_of(params_of(vector), NEUTRAL), vector)
    assert vector_of(params_of(ZEROS), NEUTRAL).any() and vector_of(face(), ZEROS, to_flame).any()
    assert 0.0 < np.abs(STAND_IN_NEUTRAL).max() < 0.051
    for basis in ("open", "mine"):  # without a map
        with pytest.raises(ValueError, match=f'"flame2020" and "open", not "{basis}"'):
            vector_of(replace(face(), basis=basis), NEUTRAL)


def rows(column: int | None = None, value: float = 0.0) -> Wide:
    """[4,55] a face at rest, seen four times; one of its columns may be changed."""
    found = np.random.default_rng(0).normal(0.0, 0.3, (4, 55))
    found[:, 50:52], found[:, 52] = np.abs(found[:, 50:52]), np.abs(found[:, 52]) / 3.0
    found[:, 53:] = np.clip(found[:, 53:], -0.1, 0.1)
    if column is not None:
        found[:, column] = value
    return found


def csv(path: Path, found: Wide) -> None:
    names = ",".join(f"p{column}" for column in range(found.shape[1]))
    path.write_text("\n".join([names, *(",".join(map(repr, row.tolist())) for row in found)]), encoding="utf-8")


WRITERS: dict[str, Callable[[Path, Wide], object]] = {
    ".csv": csv,
    ".npy": lambda path, found: np.save(path, found, allow_pickle=False),
    ".safetensors": lambda path, found: save_file({"neutral": found}, path),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_rows_of_each_kind_of_file_are_read_and_averaged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"neutral{suffix}"
    WRITERS[suffix](path, rows())
    np.testing.assert_allclose(read_vectors(path), rows(), atol=1e-6)  # float32
    np.testing.assert_allclose(read_neutral(path), rows().mean(0), atol=1e-6)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (np.zeros((3, 55)), 'all zeros, which mean "unspecified"'),
        (np.zeros((3, 54)), r"rows of 55 numbers, got \[3, 54\]"),
        (np.zeros((0, 55)), r"rows of 55 numbers, got \[0, 55\]"),
        (rows(7, np.nan), "not finite in row 0"),
        (rows(50, 1.2), "eyelids at rest must be from 0 to 1, got 1.2"),
        (rows(52, 0.8), "the jaw's opening at rest must be from 0 to 0.5, got 0.8"),
        (rows(54, 0.3), "the jaw's sideways turn at rest must be from -0.2 to 0.2, got 0.3"),
        (rows(0, 90.0), "expression at rest must be from -20 to 20, got 90"),
    ],
)
def test_what_is_no_face_at_rest_is_refused(tmp_path: Path, found: Wide, message: str) -> None:
    np.save(tmp_path / "neutral.npy", found)
    with pytest.raises(VectorError, match=message):
        read_neutral(tmp_path / "neutral.npy")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("neutral.txt", b"", "must end in .csv, .npy, .safetensors"),
        ("neutral.csv", b"", "no row of numbers"),
        ("neutral.csv", b"0.1,0.2\n0.3", "cannot be read"),
        ("neutral.csv", b"\xff\xfe", "cannot be read"),
        ("neutral.npy", b"none", "cannot be read"),
        ("neutral.safetensors", b"none", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VectorError, match=message):
        read_vectors(tmp_path / name)


def test_a_csv_without_names_is_read_and_objects_and_claims_beyond_memory_are_not(tmp_path: Path) -> None:
    path = tmp_path / "neutral.CSV"
    path.write_text(",".join(["0.25"] * 52 + ["0.1"] * 3) + "\n\n", encoding="utf-8")
    assert read_neutral(path)[0] == 0.25
    np.save(tmp_path / "objects.npy", np.array([print], object), allow_pickle=True)
    with (tmp_path / "huge.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50, 55)})
    for name in ("objects.npy", "huge.npy"):
        with pytest.raises(VectorError, match="cannot be read"):
            read_vectors(tmp_path / name)


# SMIRK, by a small network in the place of timm's.

PREFIX = "smirk_encoder.expression_encoder."
PICTURE = np.full((300, 400, 3), (200, 90, 20), np.uint8)
POINTS = np.random.default_rng(0).uniform((150, 100), (250, 220), (478, 2)).astype(np.float32)


class Backbone(nn.Module):
    """Gives a list of feature maps, as timm does with `features_only`. Only the last one is used."""

    feature_info = ({"num_chs": 4}, {"num_chs": 8})

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block = nn.Conv2d(3, 4, 8, stride=8), nn.Conv2d(4, 8, 4, stride=4)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        first = torch.relu(self.stem(pictures))
        return [first, self.block(first)]


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As SMIRK saves it: three encoders and a generator in one file."""

    def create_model(name: str, **how: Any) -> nn.Module:
        assert (name, how) == (BACKBONE, {"pretrained": False, "features_only": True})
        return Backbone()

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    torch.manual_seed(0)
    state = {f"{PREFIX}{name}": value for name, value in Smirk().state_dict().items()}
    others = {"smirk_encoder.pose_encoder.x": torch.ones(1), "smirk_generator.y": torch.ones(1)}
    torch.save({**state, **others}, tmp_path / "s.pt")
    return tmp_path / "s.pt"


def test_smirk_reads_a_vector_within_bounds_from_rgb_or_as_the_demo_feeds_it(checkpoint: Path) -> None:
    smirk: Any = open_smirk(checkpoint)
    found = torch.load(checkpoint, weights_only=True)
    assert torch.equal(smirk.expression_layers[0].weight, found[f"{PREFIX}expression_layers.0.weight"])
    rgb, bgr = (read_vector(smirk, PICTURE, POINTS, is_bgr=is_bgr) for is_bgr in (False, True))
    assert np.abs(rgb - bgr).max() > 1e-3
    swapped = np.ascontiguousarray(PICTURE[..., ::-1])
    np.testing.assert_allclose(bgr, read_vector(smirk, swapped, POINTS), atol=1e-6)
    smirk.expression_layers[0].bias[50:] = torch.tensor([9.0, -9.0, -9.0, 9.0, -9.0])
    vector = read_vector(smirk, PICTURE, POINTS)
    np.testing.assert_allclose(vector[50:], [1.0, 0.0, 0.0, 0.2, -0.2], atol=1e-6)


def test_an_expression_is_read_from_a_photo_if_the_checkpoint_is_there_and_allowed(
    checkpoint: Path, photo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOTE_MODELS", str(photo_home / "models"))
    settings = Settings(tmp_path / "files", allow_noncommercial=True)
    with pytest.raises(ModelError, match=r"smirk/SMIRK_em1\.pt .*georgeretsi/smirk.* is missing"):
        kind().read_expression(photo_home / "noah.png", settings)
    (tmp_path / "files" / "smirk").mkdir(parents=True)
    shutil.copy(checkpoint, tmp_path / "files" / "smirk" / "SMIRK_em1.pt")
    found = kind().read_expression(photo_home / "noah.png", settings)
    assert found.basis == FLAME_BASIS and found.expression.any()
    with pytest.raises(CharacterError, match=r"nowhere\.png"):
        kind().read_expression(tmp_path / "nowhere.png", settings)
    with pytest.raises(ModelError, match="allow_noncommercial = true"):
        kind().read_expression(photo_home / "noah.png", replace(settings, allow_noncommercial=False))


def test_the_crop_is_a_square_of_1_4_faces_from_corner_to_corner() -> None:
    """Its first pixel is the upper left corner of the square and its last the lower right one; black lies beyond."""
    x, y = np.meshgrid(np.arange(400), np.arange(300))
    picture = np.stack([x % 256, y % 256, np.full_like(x, 255)], 2).astype(np.uint8)
    points = np.array([[100, 80], [200, 80], [100, 180], [200, 180]] + [[150, 130]] * 474, np.float32)
    found = crop(picture, points)  # a square of 140 pixels around (150, 130)
    assert found.shape == (224, 224, 3)
    np.testing.assert_allclose([found[0, 0, :2], found[-1, -1, :2]], [[80, 60], [220, 200]], atol=1)
    assert (crop(picture, points - 120.0)[0, 0] == 0).all()


def test_a_file_that_is_no_checkpoint_is_refused(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise, other = checkpoint.with_name("noise.pt"), checkpoint.with_name("other.pt")
    noise.write_bytes(b"noise")
    torch.save({"smirk_generator.y": torch.ones(1)}, other)
    for path in (noise, other):
        with pytest.raises(ModelError, match="is no checkpoint of SMIRK"):
            open_smirk(path)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"SMIRK needs timm .*omote\[photoreal\]"):
        open_smirk(checkpoint)
