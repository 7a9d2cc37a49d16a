"""Pictures that were drawn before, to be shown again where exactly the same is asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
BYTES = 64 << 20  # 256 pictures of 256x256


class PictureCache:
    """Holds pictures up to so many bytes; the one that was not asked for longest goes first."""

    def __init__(self, most_bytes: int = BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, Picture] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Picture | None:
        """The picture under this key."""
        picture = self._kept.get(key)
        if picture is not None:
            self._kept.move_to_end(key)
        return picture

    def put(self, key: Hashable, picture: Picture) -> None:
        """Keeps this picture, which must not be written to; one that is larger than the cache is not kept."""
        if picture.nbytes > self._most_bytes:
            return
        replaced = self._kept.pop(key, None)
        self.bytes += picture.nbytes - (0 if replaced is None else replaced.nbytes)
        self._kept[key] = picture
        while self.bytes > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.bytes -= oldest.nbytes
