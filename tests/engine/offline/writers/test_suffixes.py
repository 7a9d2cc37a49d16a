"""The suffix chooses the writer, and every writer is exact about its file, its size and its progress."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from omote.engine.offline.animation import RenderError
from omote.engine.offline.writers.gltf import GltfWriter
from omote.engine.offline.writers.images import ApngWriter, ContactSheetWriter, GifWriter
from omote.engine.offline.writers.suffixes import SUFFIXES, writer_for
from omote.engine.offline.writers.tables import ParamsWriter, TakeWriter
from omote.engine.offline.writers.usd import UsdWriter
from omote.engine.offline.writers.video import VideoWriter

WRITERS: dict[str, type] = {
    "x.apng": ApngWriter,
    "x.PNG": ContactSheetWriter,
    "x.csv": TakeWriter,
    "x.params.csv": ParamsWriter,
    "X.Params.CSV": ParamsWriter,
    "x.gif": GifWriter,
    "x.glb": GltfWriter,
    "x.usda": UsdWriter,
    "x.usdc": UsdWriter,
    "x.mp4": VideoWriter,
    "x.webm": VideoWriter,
    "x.mov": VideoWriter,
}
Made = Callable[..., Any]
needs_usd = pytest.mark.skipif(find_spec("pxr") is None, reason="usd-core is not installed")
# Videos have tests of their own.
each_suffix = pytest.mark.parametrize(
    "suffix",
    [
        *(".apng", ".png", ".csv", ".params.csv", ".gif", ".glb"),
        *(pytest.param(suffix, marks=needs_usd) for suffix in (".usda", ".usdc")),
    ],
)
GENERATED = b"trainedAlgorithmicMedia"


@pytest.mark.parametrize("name", WRITERS)
def test_the_suffix_chooses_the_writer(name: str) -> None:
    writer = writer_for(Path(name))
    assert type(writer) is WRITERS[name]
    assert writer.path == Path(name)


def test_a_gif_has_the_background_at_its_edge() -> None:
    assert writer_for(Path("x.gif"), (1, 2, 3)) == GifWriter(Path("x.gif"), (1, 2, 3))


@pytest.mark.parametrize(
    ("name", "near"), [("x.mp5", ".mp4"), ("x.web", ".webm"), ("x.gltf", ".glb"), ("x.usd", ".usd"), ("x.giff", ".gif")]
)
def test_another_suffix_is_refused_with_the_nearest_and_all(name: str, near: str) -> None:
    with pytest.raises(RenderError) as error:
        writer_for(Path(name))
    assert f'did you mean "{near}' in str(error.value)
    assert all(suffix in str(error.value) for suffix in SUFFIXES)


def test_a_suffix_like_no_other_is_refused_with_all() -> None:
    with pytest.raises(RenderError, match=r'x\.zzz: nothing is written as "\.zzz"; there are \.mp4, .* folder of PNGs'):
        writer_for(Path("x.zzz"))


@each_suffix
def test_the_same_rendering_gives_the_same_bytes_within_the_size_and_reports_progress(
    suffix: str, small_rendering: Made, tmp_path: Path
) -> None:
    made, files = small_rendering(30, size=32), []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        writer, progress = writer_for(tmp_path / name / f"x{suffix}"), list[int]()
        for _ in range(2):  # an earlier file of its own may be replaced
            writer.check(made.animation, 32)
            writer.write(made.animation, made.pictures, progress.append)
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
        assert progress[-1] == 30
        assert progress == sorted(progress[: len(progress) // 2]) * 2
    assert files[0] == files[1]
    assert set(files[0]) == {f"x{suffix}"} | ({"x.json"} if suffix == ".csv" else set())
    assert sum(map(len, files[0].values())) <= writer.max_bytes(made.animation, 32)


@each_suffix
def test_a_missing_folder_is_an_error_with_the_cure(suffix: str, small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    with pytest.raises(RenderError, match=r"cannot write .*: No such file.*make room, or choose a folder"):
        writer_for(tmp_path / "no" / f"x{suffix}").write(made.animation, made.pictures, lambda done: None)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("suffix", [".apng", ".png", ".gif", ".glb", pytest.param(".usda", marks=needs_usd)])
def test_the_file_names_a_model_as_its_source(suffix: str, small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(2)
    writer_for(tmp_path / f"x{suffix}").write(made.animation, made.pictures, lambda done: None)
    assert GENERATED in (tmp_path / f"x{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".csv", ".glb"])
def test_faces_in_another_basis_have_no_arkit_weights(suffix: str, small_rendering: Made) -> None:
    animation = replace(small_rendering(1).animation, basis="flame2020")
    with pytest.raises(RenderError, match=r"flame2020.*write \.params\.csv"):
        writer_for(Path(f"x{suffix}")).check(animation, 24)


def test_without_usd_it_is_named_what_to_install(small_rendering: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(RenderError, match=r"x\.usdc needs usd-core .*pip install 'omote\[scene\]'"):
        UsdWriter(Path("x.usdc")).check(small_rendering(1).animation, 24)
