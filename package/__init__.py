"""Omote: a real face drives a generated portrait, live.

`omote.engine` draws and tracks, `omote.bridge` sends and receives, `omote.calibration` learns a performer's face, and
`omote.studio` is the command and its page.
"""

from __future__ import annotations

__version__: str


def __getattr__(name: str) -> str:
    """`__version__`, looked up when it is asked for."""
    if name == "__version__":
        from omote.engine.version import version

        return version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
