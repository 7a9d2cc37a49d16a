"""Which writer makes a file: its suffix says so."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from omote.engine.offline.script import RenderError

from .apng import Apng
from .contact_sheet import ContactSheet
from .gif import Gif
from .gltf import Gltf
from .params_table import ParamsTable
from .take_file import TakeFile
from .usd import Usd
from .video import video_writer
from .writer import Writer

VIDEOS = (".mp4", ".webm", ".mov")
_OTHERS: Mapping[str, Callable[[Path], Writer]] = {
    ".png": ContactSheet,
    ".csv": TakeFile,
    ".glb": Gltf,
    ".usda": Usd,
    ".usdc": Usd,
    ".apng": Apng,
}
TABLE_SUFFIX = ".params.csv"
SUFFIXES: tuple[str, ...] = (*VIDEOS, ".gif", *_OTHERS, TABLE_SUFFIX)


def writer_for(path: Path, background: tuple[int, int, int] = (0, 0, 0)) -> Writer:
    """What makes this file; `background` is what formats without alpha show. RenderError for another suffix."""
    suffix = path.suffix.lower()
    if path.name.lower().endswith(TABLE_SUFFIX):
        return ParamsTable(path)
    if suffix in VIDEOS:
        return video_writer(path, background)
    if suffix == ".gif":
        return Gif(path, background)
    if suffix in _OTHERS:
        return _OTHERS[suffix](path)
    near = difflib.get_close_matches(suffix, SUFFIXES, 1, 0.5)
    hint = f' (did you mean "{near[0]}"?)' if near else ""
    raise RenderError(
        f'{path.name}: nothing is written as "{suffix}"{hint}; there are {", ".join(SUFFIXES)}, '
        "or a name without a suffix for a folder of PNGs"
    )
