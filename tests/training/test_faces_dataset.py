"""Data sets of people: every pool draws the same bytes, and draws them once."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine.ray_pool import pool_for
from omote.engine.worker_pool import SerialPool, WorkerPool
from omote.studio.cli.main import main

pytest.importorskip("numba")

from omote.engine.training.faces import dataset, rasterize

from .kit import KIT, needs_kit

on_ray = pytest.param("local", None, marks=pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"))


def small_spec(out: Path) -> dataset.DatasetSpec:
    return dataset.DatasetSpec(KIT, out, people=2, per_person=2, size=32, supersampling=1, seed=5, has_anchors=False)


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def written(out: Path, pool: WorkerPool) -> int:
    with pool as opened:
        return sum(dataset.write_shards(small_spec(out), opened))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone")
    assert written(out, SerialPool()) == 4
    return out


@pytest.mark.slow
@needs_kit
@pytest.mark.parametrize(("cluster", "workers"), [(None, 2), on_ray])
def test_every_pool_draws_the_same_bytes(alone: Path, tmp_path: Path, cluster: str | None, workers: int | None) -> None:
    assert written(tmp_path, pool_for(cluster, workers, 1)) == 4
    assert files(tmp_path) == files(alone)
    assert sorted(files(tmp_path)) == ["00000.npz", "00000.tar", "plan.json"]


@needs_kit
def test_existing_shards_are_not_drawn_again_and_another_spec_is_refused(alone: Path) -> None:
    assert written(alone, SerialPool()) == 0
    with pytest.raises(ValueError, match="holds shards of another spec"):
        list(dataset.write_shards(replace(small_spec(alone), seed=6), SerialPool()))


@needs_kit
@pytest.mark.parametrize(("people", "each"), [(0, 1), (-1, 1), (1, 0)])
def test_a_spec_without_people_or_pictures_is_refused(tmp_path: Path, people: int, each: int) -> None:
    with pytest.raises(ValueError, match=f"needs at least one person and one picture of each, got {people} and {each}"):
        list(dataset.write_shards(replace(small_spec(tmp_path / "out"), people=people, per_person=each), SerialPool()))
    assert not (tmp_path / "out").exists()


@needs_kit
def test_an_impossible_folder_is_an_error_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    words = ("--people", "1", "--per-person", "1", "--workers", "1", "--out", str(tmp_path / "file" / "out"))
    assert main(["train", "faces", "--kit", str(KIT), *words]) == 2
    assert "omote train: [" in capsys.readouterr().err


@needs_kit
def test_a_missing_kit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no face kit"):
        list(dataset.write_shards(replace(small_spec(tmp_path), kit=tmp_path), SerialPool()))


@needs_kit
def test_anchors_have_the_light_of_the_reference_and_some_pictures_differ_only_in_light(tmp_path: Path) -> None:
    spec = dataset.DatasetSpec(KIT, tmp_path, people=1, per_person=9, size=24, supersampling=1, seed=8)
    assert sum(dataset.write_shards(spec, SerialPool())) == 13
    with np.load(tmp_path / "00000.npz", allow_pickle=False) as labels:
        kind, turn, lit, weights = (labels[name] for name in ("kind", "head_rotation", "light", "weights"))
    assert kind.tolist() == [dataset.REFERENCE] + [dataset.ANCHOR] * 4 + [dataset.VARIED] * 8
    np.testing.assert_array_equal(lit[1:5], np.repeat(lit[:1], 4, 0))
    np.testing.assert_allclose(np.degrees(turn[:5, 1]), [0.0, 0.0, 0.0, -30.0, 30.0], atol=1e-4)
    same_pose = [k for k in range(6, 13) if (weights[k] == weights[k - 1]).all() and (turn[k] == turn[k - 1]).all()]
    assert same_pose and all((lit[k] != lit[k - 1]).any() for k in same_pose)
    with tarfile.open(tmp_path / "00000.tar") as tar:
        names = dataset.picture_names(tar)
        assert len(names) == 13 and all(name.endswith(".webp") for name in names)
        member = tar.extractfile(names[0].replace(".webp", ".material.png"))
        assert member is not None
        with Image.open(io.BytesIO(member.read())) as image:
            assert image.mode == "P" and image.size == (24, 24)
            assert np.asarray(image).max() < len(rasterize.LABELS)


def test_materials_are_read_back_from_their_file() -> None:
    material = np.random.default_rng(0).integers(0, len(rasterize.LABELS), (40, 40)).astype(np.uint8)
    with Image.open(io.BytesIO(dataset.encode_material(material))) as image:
        np.testing.assert_array_equal(np.asarray(image), material)
