"""Which Omote this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The installed version; "not installed" where it runs from its source folder."""
    try:
        return metadata.version("omote")
    except metadata.PackageNotFoundError:
        return "not installed"
