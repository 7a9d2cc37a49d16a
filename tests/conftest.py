"""No test reports that a library is used, whichever imports it first; and none reads or writes what a user keeps."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

# As the command `omote`, since what is drawn here and there is compared; read when NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest
from filelock import FileLock

from omote.engine.runtime import session

# A few examples for each property, for as long as they take; `make fuzz` reads many more files and messages.
hypothesis.settings.register_profile(
    "omote", max_examples=50, deadline=None, database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)  # fmt: skip
hypothesis.settings.load_profile("omote")

BuiltOnce = Callable[[str, Callable[[Path], object]], Path]

session.forbid_openvino_telemetry()
session.forbid_onnxruntime_telemetry()
os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")  # for the libraries that we are compared with

# Settings, calibrations and characters of whoever runs the tests: an empty home instead, which goes with the process.
_HOME = tempfile.TemporaryDirectory(prefix="omote-tests-")
for _name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "WIN_PD_OVERRIDE_APPDATA", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
    os.environ[_name] = _HOME.name


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> BuiltOnce:
    """built_once(name, build): the folder that `build` fills, by the first of the processes that run tests.

    Tests must not change it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def built(name: str, build: Callable[[Path], object]) -> Path:
        folder, mark = shared / name, shared / f"{name}.built"
        with FileLock(f"{folder}.lock"):
            if not mark.exists():
                folder.mkdir(exist_ok=True)
                build(folder)
                mark.touch()
        return folder

    return built
