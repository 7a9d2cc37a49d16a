"""The training pictures are the same bytes whoever of a crew draws them, and are drawn once."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from omote.engine.worker_pool import SerialPool, WorkerPool, pool_for
from omote.studio.cli.main import main

pytest.importorskip("numba")

from omote.engine.training.faces import dataset

KIT = Path(__file__).resolve().parents[3] / "shared" / "kit"
pytestmark = pytest.mark.skipif(not KIT.is_dir(), reason="needs the face kit in ../shared/kit")
on_ray = pytest.param("local", None, marks=pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"))


def plan(out: Path) -> dataset.DatasetSpec:
    return dataset.DatasetSpec(KIT, out, people=2, per_person=2, size=32, supersampling=1, seed=5, has_anchors=False)


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def written(out: Path, crew: WorkerPool) -> int:
    with crew as opened:
        return sum(dataset.write_shards(plan(out), opened))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone")
    assert written(out, SerialPool()) == 4
    return out


@pytest.mark.parametrize(("cluster", "workers"), [(None, 2), on_ray])
def test_every_crew_draws_the_same_bytes(alone: Path, tmp_path: Path, cluster: str | None, workers: int | None) -> None:
    assert written(tmp_path, pool_for(cluster, workers, 1)) == 4
    assert files(tmp_path) == files(alone)
    assert sorted(files(tmp_path)) == ["00000.npz", "00000.tar", "plan.json"]


def test_what_is_there_is_not_drawn_again_and_another_plan_is_refused(alone: Path) -> None:
    assert written(alone, SerialPool()) == 0
    with pytest.raises(ValueError, match="holds shards of another plan"):
        list(dataset.write_shards(replace(plan(alone), seed=6), SerialPool()))


@pytest.mark.parametrize(("people", "each"), [(0, 1), (-1, 1), (1, 0)])
def test_nobody_and_no_picture_are_refused_and_leave_nothing(tmp_path: Path, people: int, each: int) -> None:
    with pytest.raises(ValueError, match=f"wanted a person and a picture of each at least, got {people} and {each}"):
        list(dataset.write_shards(replace(plan(tmp_path / "out"), people=people, per_person=each), SerialPool()))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    words = ("--people", "1", "--per-person", "1", "--workers", "1", "--out", str(tmp_path / "file" / "out"))
    assert main(["train", "faces", "--kit", str(KIT), *words]) == 2
    assert "omote train: [" in capsys.readouterr().err


def test_a_kit_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no face kit"):
        list(dataset.write_shards(replace(plan(tmp_path), kit=tmp_path), SerialPool()))
