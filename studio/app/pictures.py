"""The user's own pictures for backgrounds and overlays: added, listed, read and removed."""

from __future__ import annotations

import io
import os
import re
import threading
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge.errors import OmoteError
from omote.engine.images import PhotoError, uploaded_drawing
from omote.engine.storage import data_folder, user_path, write_bytes

from .shipped_pictures import SHIPPED_PICTURES, shipped_picture

Rgba = NDArray[np.uint8]  # [H,W,4] straight alpha

FOLDER_VARIABLE = "OMOTE_PICTURES"
MOST_PICTURES = 64
MOST_SIDE_PX = 1600
_SUFFIX = ".png"
_THUMBNAIL_SIDE = 128  # pixels
_NAME = re.compile(r"\w[\w -]{0,39}\Z")
_OTHER = re.compile(r"[^\w-]+")


class PictureError(OmoteError, ValueError):
    """A picture does not exist, or cannot be added; the message says why."""


class PictureLibrary:
    """The pictures in one folder. Methods may be called from any thread but the one that draws."""

    def __init__(self, folder: Path | None = None) -> None:
        """Without a folder: $OMOTE_PICTURES, else the one in the user's data."""
        self._own_folder = folder
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        named = os.environ.get(FOLDER_VARIABLE)
        return self._own_folder or (user_path(named) if named else data_folder() / "pictures")

    def names(self) -> list[str]:
        """The names of all pictures, sorted."""
        return sorted(path.stem for path in self.folder.glob(f"*{_SUFFIX}") if _NAME.match(path.stem))

    def add(self, name: str, data: bytes) -> str:
        """Adds an uploaded PNG, JPEG or WebP and returns the name that it got; PictureError if it cannot be added.

        A name that exists gets a number, so nothing is overwritten.
        """
        try:
            picture = Image.fromarray(uploaded_drawing(data))
        except PhotoError as error:
            raise PictureError(str(error)) from error
        picture.thumbnail((MOST_SIDE_PX, MOST_SIDE_PX), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        picture.save(file, "PNG")
        with self._lock:
            names = self.names()
            if len(names) >= MOST_PICTURES:
                raise PictureError(f"there are {MOST_PICTURES} pictures, which is the most: remove one first")
            taken = [*names, *SHIPPED_PICTURES]
            name = _free_name(_OTHER.sub(" ", name).strip(" -_")[:32] or "picture", taken)
            try:
                write_bytes(self.folder / f"{name}{_SUFFIX}", file.getvalue())
            except OSError as error:
                raise PictureError(f"the picture cannot be kept in {self.folder} ({error.strerror})") from error
        return name

    def remove(self, name: str) -> None:
        """Deletes a picture; PictureError if it does not exist."""
        self._path(name).unlink(missing_ok=True)

    def read(self, name: str) -> Rgba:
        """[H,W,4] read only, also of a shipped picture; PictureError if it does not exist or is damaged."""
        if name in SHIPPED_PICTURES:
            return shipped_picture(name)
        path = self._path(name)
        try:
            return _read(path, path.stat().st_mtime_ns)
        except OSError as error:
            raise PictureError(f'the picture "{name}" cannot be read ({error})') from error

    def thumbnail(self, name: str) -> bytes:
        """A PNG of at most 128x128 pixels; PictureError as in `read`."""
        small = Image.fromarray(self.read(name))
        small.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
        file = io.BytesIO()
        small.save(file, "PNG")
        return file.getvalue()

    def _path(self, name: str) -> Path:
        path = self.folder / f"{name}{_SUFFIX}"
        if not _NAME.match(name) or not path.is_file():
            known = ", ".join(self.names()) or "none"
            raise PictureError(f'there is no picture "{name[:40]}"; there are {known[:200]}')
        return path


@lru_cache(maxsize=8)
def _read(path: Path, changed_ns: int) -> Rgba:
    """`changed_ns` is the time of the file's last change, so that a new file is read again."""
    with Image.open(path, formats=["PNG"]) as file:
        pixels = np.array(file.convert("RGBA"))
    pixels.setflags(write=False)
    return pixels


def _free_name(name: str, taken: list[str]) -> str:
    lower = {one.lower() for one in taken}
    numbers = (f"{name} {number}" for number in range(2, MOST_PICTURES + 3))
    return next(one for one in (name, *numbers) if one.lower() not in lower)
