"""Compiled networks are kept for the next start, and compiled again if damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine.model.networks import encoder_graph
from omote.engine.models import shipped_networks
from omote.engine.runtime.openvino import OpenVinoSession, compiled_folder
from omote.engine.runtime.session import Array, Build, RuntimeUnavailable

GRAPH = replace(encoder_graph(shipped_networks(), 1), is_cached=True)  # the smaller one, which is compiled sooner
BUILD = Build("openvino", "f32")


def feeds() -> dict[str, Array]:
    rng = np.random.default_rng(0)
    return {name: rng.random(shape).astype(np.float32) for name, shape in GRAPH.shapes.items()}


def drawn() -> list[Array]:
    return [one.copy() for one in OpenVinoSession(GRAPH, BUILD).run(feeds()).values()]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "cache"))


def test_what_openvino_cannot_run_is_refused_in_one_line_with_another_runtime(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(RuntimeUnavailable, match=r"OpenVINO cannot run broken\.onnx .*--runtime onnxruntime") as caught:
        OpenVinoSession(replace(GRAPH, path=path), BUILD)
    assert "\n" not in str(caught.value)


def test_compiled_networks_of_one_version_are_kept(tmp_path: Path) -> None:
    another = compiled_folder(replace(GRAPH, sha256="0" * 64), BUILD) or tmp_path
    (another / "compiled.blob").write_bytes(b"old")
    first, second = drawn(), drawn()
    assert not another.exists()
    assert len(list(tmp_path.rglob("*.blob"))) == 1
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_graph_that_is_not_cached_is_not_kept(tmp_path: Path) -> None:
    OpenVinoSession(replace(GRAPH, is_cached=False), BUILD)
    assert not list(tmp_path.rglob("*.blob"))


def test_a_damaged_compiled_network_is_compiled_again(tmp_path: Path) -> None:
    """OpenVINO itself does not check the weights that it reads."""
    whole = drawn()
    (kept,) = tmp_path.rglob("*.blob")
    content = bytearray(kept.read_bytes())
    content[len(content) // 2 :: 1000] = bytes(len(range(len(content) // 2, len(content), 1000)))
    kept.unlink()
    kept.write_bytes(content)
    for one, other in zip(drawn(), whole, strict=True):
        np.testing.assert_array_equal(one, other)
    assert kept.read_bytes() != content
