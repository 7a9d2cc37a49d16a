"""Drawing pictures tells nobody: what OpenVINO and ONNX Runtime would report stays here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

IMPORT_OPENVINO = """
from omote.engine.runtime import telemetry
telemetry.forbid()
import openvino
openvino.Core()
"""


START_ONNX_RUNTIME = """
from omote.engine.runtime.build import Build
from omote.engine.runtime.onnxruntime import session
from omote.engine.weights import shipped
session(shipped().encoder.path, Build("onnxruntime", "f32"))
"""


def _environment_with_home(home: Path) -> dict[str, str]:
    """This process's environment with another home folder, and without the marks of CI, where they are silent."""
    marks = ("CI", "TF_BUILD", "JENKINS_URL", "GITHUB_ACTIONS", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY")
    kept = {name: value for name, value in os.environ.items() if name not in marks}
    return {**kept, "HOME": str(home), "LOCALAPPDATA": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}


def test_openvino_writes_no_client_id_once_reports_are_forbidden(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", IMPORT_OPENVINO], check=True, env=_environment_with_home(tmp_path))
    assert [path.name for path in tmp_path.rglob("*") if "intel" in str(path).lower()] == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_openvino_opens_no_internet_socket_once_reports_are_forbidden(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace)]
    done = subprocess.run(
        [*strace, sys.executable, "-c", IMPORT_OPENVINO], check=False, env=_environment_with_home(tmp_path)
    )
    if done.returncode != 0 and not trace.read_text():
        pytest.skip("strace may not trace here")
    assert done.returncode == 0
    assert "AF_INET" not in trace.read_text()


def test_onnx_runtime_writes_no_device_id_and_no_store_of_events(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    subprocess.run([sys.executable, "-c", START_ONNX_RUNTIME], check=True, env=_environment_with_home(tmp_path))
    assert list(tmp_path.rglob("*")) == []


def test_forbidding_reports_after_openvino_was_imported_is_an_error() -> None:
    late = "import openvino_telemetry\nfrom omote.engine.runtime import telemetry\ntelemetry.forbid()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", late], check=False, capture_output=True, text=True, env=environment)
    assert "before its usage reports were forbidden" in done.stderr
