"""Whether all machines of a cluster run the same program, without which they would not draw the same."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping
from importlib import metadata

from omote.engine.version import edition

from .crew import CrewError

_LOG = logging.getLogger(__name__)
_MUST = ("omote", "Python")
_LIBRARIES = ("numpy", "pillow", "openvino", "onnxruntime", "torch")  # whose versions may show in the last bits

Facts = Mapping[str, str]


def facts() -> dict[str, str]:
    """What runs here, by name; "" is what is not installed."""
    return {
        "omote": edition(),
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{name: _installed(name) for name in _LIBRARIES},
    }


def require_agreement(machine: str, found: Facts, wanted: Facts) -> None:
    """CrewError unless that machine runs the same Omote and Python; a warning where a library differs."""
    for name in _MUST:
        if found[name] != wanted[name]:
            raise CrewError(
                f"{machine} runs {name} {found[name]}, wanted {wanted[name]}, which is what runs here: "
                "install the same on every machine of the cluster"
            )
    differing = [f"{name} {found[name] or 'missing'}" for name in _LIBRARIES if found[name] != wanted[name]]
    if differing:
        _LOG.warning(
            "%s has other libraries than this machine: its pictures may differ (%s)", machine, ", ".join(differing)
        )


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
