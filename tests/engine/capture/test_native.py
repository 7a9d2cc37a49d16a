"""Missing system libraries are named with their cure; chatter is held back, errors are not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from omote.engine.capture.mediapipe import missing_library, without_chatter


@pytest.mark.parametrize("library", ["libEGL.so.1", "libGLESv2.so.2", "libGL.so.1", "libgthread-2.0.so.0"])
def test_the_missing_library_is_named_with_the_command(library: str) -> None:
    error = missing_library(OSError(f"{library}: cannot open shared object file: No such file or directory"))
    assert library in str(error)
    assert "apt-get install -y --no-install-recommends libegl1 libgles2 libgl1 libglib2.0-0" in str(error)
    assert "--source demo" in str(error)


def test_a_missing_package_is_named() -> None:
    assert "package mediapipe" in str(missing_library(ModuleNotFoundError("no", name="mediapipe")))


def test_anything_else_is_passed_on_in_its_own_words() -> None:
    assert "wrong ELF class" in str(missing_library(OSError("x.so: wrong ELF class: ELFCLASS32")))


def test_notices_are_held_back_and_errors_pass(capfd: pytest.CaptureFixture[str]) -> None:
    with without_chatter():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n")
        os.write(2, b"W0000 00:00:1795257062.586838    4569 face_landmarker_graph.cc:174] notice\n")
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"E0000 00:00:1795257062.586838    4569 graph.cc:1] broken\n")
        os.write(2, b"ours\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "E0000 00:00:1795257062.586838    4569 graph.cc:1] broken\nours\nafter\n"


def test_importing_the_sources_loads_neither_mediapipe_nor_opencv() -> None:
    code = "import sys, omote.engine.capture.sources; sys.exit('mediapipe' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
