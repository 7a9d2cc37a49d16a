"""Runtimes that cannot run, and one that would report that it does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.engine.runtime.build import Build
from omote.engine.runtime.model_cache import model_folder
from omote.engine.runtime.network import RuntimeUnavailable
from omote.engine.runtime.openvino import OpenVinoNetwork
from omote.engine.runtime.parity import stored_reference
from omote.engine.weights import NetworkFile, networks


def _file(path: Path) -> NetworkFile:
    return replace(networks()[-1], file=str(path))


def test_what_openvino_cannot_run_is_told_in_one_line_with_the_other_runtime(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(RuntimeUnavailable, match=r"OpenVINO cannot run broken\.onnx .*--runtime onnxruntime") as caught:
        OpenVinoNetwork(_file(path), Build())
    assert "\n" not in str(caught.value)


def test_onnx_runtime_is_told_to_report_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from omote.engine.runtime.onnxruntime import OnnxRuntimeNetwork

    told: list[str] = []
    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: told.append("no reports"))
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *path, providers: told.append("session"))
    OnnxRuntimeNetwork(_file(tmp_path / "any.onnx"), Build("onnxruntime", "f32"))
    assert told == ["no reports", "session"]


def test_what_openvino_compiled_is_kept_and_of_the_shipped_network_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    file = networks()[-1]
    build = Build("openvino", "f32", file.sizes[0])
    another = model_folder(replace(file, sha256="0" * 64), build) or tmp_path
    (another / "compiled.blob").write_bytes(b"old")
    first, second = OpenVinoNetwork(file, build), OpenVinoNetwork(file, build)
    assert not another.exists()
    assert [path.suffix for path in tmp_path.rglob("*.blob")] == [".blob"]
    inputs = stored_reference().at(build.size, 1)
    assert np.array_equal(first.run(inputs), second.run(inputs))


def test_what_openvino_kept_and_is_damaged_is_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO itself takes other weights than it wrote, and draws what they come to."""
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    file = networks()[-1]
    build, inputs = Build("openvino", "f32", file.sizes[0]), stored_reference().at(file.sizes[0], 1)
    whole = OpenVinoNetwork(file, build).run(inputs).copy()
    (kept,) = tmp_path.rglob("*.blob")
    content = bytearray(kept.read_bytes())
    content[len(content) // 2 :: 1000] = bytes(len(range(len(content) // 2, len(content), 1000)))
    kept.unlink()
    kept.write_bytes(content)
    assert np.array_equal(OpenVinoNetwork(file, build).run(inputs), whole)
    assert kept.read_bytes() != content
