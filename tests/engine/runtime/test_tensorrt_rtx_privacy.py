"""Compiling for GPUs tells nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILE = """
import tensorrt_rtx
from onnx import TensorProto, helper
from omote.engine.runtime.tensorrt_engine import built

def for_ada(config):
    config.num_compute_capabilities = 1
    config.set_compute_capability(tensorrt_rtx.ComputeCapability.SM89, 0)

ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, [8, 8]) for name in "xy"]
graph = helper.make_graph([helper.make_node("MatMul", ["x", "x"], ["y"])], "product", ends[:1], ends[1:])
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
assert built(tensorrt_rtx, model.SerializeToString(), for_ada, "TensorRT-RTX")
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_tensorrt_rtx_opens_no_internet_socket_when_it_compiles(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is made for x86-64 alone")
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace)]
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([*strace, sys.executable, "-c", COMPILE], check=False, env=environment)
    if done.returncode != 0 and not trace.read_text():
        pytest.skip("strace may not trace here")
    assert done.returncode == 0
    assert "AF_INET" not in trace.read_text()
    assert [path.name for path in tmp_path.iterdir()] == [trace.name]
