"""Chooses the writer of a file by its suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..animation import RenderError, did_you_mean
from ..output import Writer
from .gltf import GltfWriter
from .images import ApngWriter, ContactSheetWriter, GifWriter
from .tables import ParamsWriter, TakeWriter
from .usd import UsdWriter
from .video import video_writer

VIDEOS = (".mp4", ".webm", ".mov")
_OTHERS: Mapping[str, Callable[[Path], Writer]] = {
    ".png": ContactSheetWriter,
    ".csv": TakeWriter,
    ".glb": GltfWriter,
    ".usda": UsdWriter,
    ".usdc": UsdWriter,
    ".apng": ApngWriter,
}
TABLE_SUFFIX = ".params.csv"
SUFFIXES: tuple[str, ...] = (*VIDEOS, ".gif", *_OTHERS, TABLE_SUFFIX)


def writer_for(path: Path, background: tuple[int, int, int] = (0, 0, 0)) -> Writer:
    """The writer of this file; RenderError for another suffix. Formats without alpha show `background` (sRGB)."""
    suffix = path.suffix.lower()
    if path.name.lower().endswith(TABLE_SUFFIX):
        return ParamsWriter(path)
    if suffix in VIDEOS:
        return video_writer(path, background)
    if suffix == ".gif":
        return GifWriter(path, background)
    if suffix in _OTHERS:
        return _OTHERS[suffix](path)
    hint = did_you_mean(suffix, SUFFIXES, 0.5)
    raise RenderError(
        f'{path.name}: nothing is written as "{suffix}"{hint}; there are {", ".join(SUFFIXES)}, '
        "or a name without a suffix for a folder of PNGs"
    )
