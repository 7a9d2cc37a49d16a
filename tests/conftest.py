"""No test reports that a library is used, whichever of them imports it first."""

from __future__ import annotations

from omote.engine.runtime import telemetry

telemetry.forbid()
telemetry.forbid_onnxruntime()
