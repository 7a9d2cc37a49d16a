"""No test reports that a library is used, whichever imports it first; and none reads or writes what a user keeps."""

from __future__ import annotations

import os
import tempfile

# As the command `omote`, since what is drawn here and there is compared; read when NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from omote.engine.runtime import session

session.forbid_openvino_telemetry()
session.forbid_onnxruntime_telemetry()
os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")  # for the libraries that we are compared with

# Settings, calibrations and characters of whoever runs the tests: an empty home instead, which goes with the process.
_HOME = tempfile.TemporaryDirectory(prefix="omote-tests-")
for _name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "WIN_PD_OVERRIDE_APPDATA", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
    os.environ[_name] = _HOME.name
