"""No test reports that a library is used, whichever of them imports it first."""

from __future__ import annotations

import os

from omote.engine.runtime import telemetry

telemetry.forbid()
telemetry.forbid_onnxruntime()
os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")  # for the libraries that we are compared with
