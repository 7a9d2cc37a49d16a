"""Drawing and compiling report nothing: what OpenVINO, ONNX Runtime and TensorRT-RTX would send stays here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

IMPORT_OPENVINO = """
from omote.engine.runtime.session import forbid_openvino_telemetry
forbid_openvino_telemetry()
import openvino
openvino.Core()
"""

START_ONNX_RUNTIME = """
from omote.engine.models import shipped_networks
from omote.engine.runtime.onnxruntime import session
from omote.engine.runtime.session import Build
session(shipped_networks().encoder.path, Build("onnxruntime", "f32"))
"""

COMPILE_BY_TENSORRT_RTX = """
import tensorrt_rtx
from onnx import TensorProto, helper
from omote.engine.runtime.tensorrt_engine import built_engine

def configure(config):
    config.num_compute_capabilities = 1
    config.set_compute_capability(tensorrt_rtx.ComputeCapability.SM89, 0)

ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, [8, 8]) for name in "xy"]
graph = helper.make_graph([helper.make_node("MatMul", ["x", "x"], ["y"])], "product", ends[:1], ends[1:])
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
assert built_engine(tensorrt_rtx, model.SerializeToString(), configure, "TensorRT-RTX")
"""


def environment(home: Path) -> dict[str, str]:
    """This process's environment with another home folder, and without the marks of CI, where libraries are silent."""
    marks = ("CI", "TF_BUILD", "JENKINS_URL", "GITHUB_ACTIONS", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY")
    kept = {name: value for name, value in os.environ.items() if name not in marks}
    return {**kept, "HOME": str(home), "LOCALAPPDATA": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        (IMPORT_OPENVINO, ()),
        (START_ONNX_RUNTIME, ("onnxruntime",)),
        (COMPILE_BY_TENSORRT_RTX, ("onnx", "tensorrt_rtx")),
    ],
    ids=["openvino", "onnxruntime", "tensorrt-rtx"],
)
def test_a_runtime_writes_nothing_and_opens_no_internet_socket(
    tmp_path: Path, script: str, modules: tuple[str, ...]
) -> None:
    for module in modules:
        pytest.importorskip(module)
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    strace = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace)] if shutil.which("strace") else []
    done = subprocess.run([*strace, sys.executable, "-c", script], check=False, env=environment(home))
    if strace and done.returncode != 0 and not trace.read_text():  # strace may not trace here
        strace = []
        done = subprocess.run([sys.executable, "-c", script], check=False, env=environment(home))
    assert done.returncode == 0
    assert list(home.rglob("*")) == []
    if strace:
        assert "AF_INET" not in trace.read_text()


def test_onnx_runtime_is_configured_before_its_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from omote.engine.runtime.onnxruntime import session
    from omote.engine.runtime.session import Build

    calls: list[str] = []
    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: calls.append("no reports"))
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *path, providers: calls.append("session"))
    session(tmp_path / "any.onnx", Build("onnxruntime", "f32"))
    assert calls == ["no reports", "session"]


def test_forbidding_reports_after_openvino_was_imported_is_an_error() -> None:
    late = (
        "import openvino_telemetry\n"
        "from omote.engine.runtime.session import forbid_openvino_telemetry\n"
        "forbid_openvino_telemetry()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", late], check=False, capture_output=True, text=True, env=environment)
    assert "before its usage reports were forbidden" in done.stderr
