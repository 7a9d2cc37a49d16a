"""Keeps OpenVINO and ONNX Runtime from reporting that they are used: called before they are imported."""

from __future__ import annotations

import os
import sys


def forbid() -> None:
    """From now on `import openvino` sends nothing and writes nothing; RuntimeError where it is too late for that.

    Left alone, `import openvino` imports its model converter, and that posts an event to Google Analytics, with a
    client id that it keeps in the home folder, asking nobody (2026.4, openvino/tools/ovc/__init__.py). It looks for
    the package `openvino_telemetry` and does without where there is none; None in `sys.modules` says so.
    """
    if sys.modules.get("openvino_telemetry") is not None:
        raise RuntimeError(
            "OpenVINO was imported before its usage reports were forbidden: call telemetry.forbid() first"
        )
    # typeshed has no None here, the import system does: "if the value is None, ModuleNotFoundError is raised".
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def forbid_onnxruntime() -> None:
    """From now on `import onnxruntime` makes no device id and no store of events, and sends nothing.

    Left alone, its wheels for Linux and macOS do all that while they are imported (1.32), before they can be told by a
    call. They read this once. On Windows, and before 1.32, `disable_telemetry_events` is all there is.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
